// SPDX-License-Identifier: GPL-2.0-only
//! What is built for a kernel: modules, BPF programs, the guest's program, and the initramfs with all
//! of them.

pub(crate) mod bpf;
mod foreign;
mod guard;
pub(crate) mod guest_program;
pub(crate) mod initramfs;
pub(crate) mod module;
