// SPDX-License-Identifier: GPL-2.0-only
//! The object, for aya to load.

/// What `aya::Ebpf::load()` takes.
pub static PROTOCOLS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/protocols"));
