// SPDX-License-Identifier: GPL-2.0-only
//! What reads files and settings before an object is loaded: loaders.
#![no_main]

#[expect(dead_code, reason = "each target runs one of the harnesses")]
#[path = "../../tests/hostile/loading.rs"]
mod loading;

libfuzzer_sys::fuzz_target!(|data: &[u8]| loading::loaders(data));
