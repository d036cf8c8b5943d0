// SPDX-License-Identifier: GPL-2.0-only
//! A pure-Rust model of the Linux BPF verifier.
//!
//! Nothing stands here yet; see the crate's README for what will.

pub mod btf;
pub mod disasm;
pub mod kfuncs;
pub mod load;
pub mod prog_load;
pub mod uapi;
