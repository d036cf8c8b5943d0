// SPDX-License-Identifier: GPL-2.0-only
//! The cpumask iterator's core as a host library.
//!
//! Kbuild makes a kernel module of this folder, see `bpf_iter_cpumask_main.rs`. Here is what of it
//! knows nothing of the kernel, for property tests and benchmarks.

pub mod walk;
