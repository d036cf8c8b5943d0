// SPDX-License-Identifier: GPL-2.0-only
//! BTF, raw or in an ELF file.
#![no_main]

#[expect(dead_code, reason = "each target runs one of the harnesses")]
#[path = "../../tests/hostile/harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::btf(data));
