// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel has for an extern.

use crate::kernel::{BtfObj, Kernel};

/// An extern in the kernel.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    pub(super) btf_obj: BtfObj,
    pub(super) btf_id: u32,
    /// Index in `fd_array` of a function's module.
    pub(super) fd_idx: i16,
    /// Without BTF: all that is known is the address.
    pub(super) untyped: bool,
    pub(super) address: u64,
}

/// Where variables lie whose address is not known: in the kernel's half, and not zero.
const MADE_UP_ADDRESS: u64 = 0xffff_ffff_8100_0000;

/// Where a variable without a type lies, if the kernel has it.
pub(super) fn address_of(kernel: &Kernel, name: &str) -> Option<Found> {
    match &kernel.ksyms {
        None => Some(untyped(MADE_UP_ADDRESS)),
        Some(ksyms) => ksyms.get(name).map(|&address| untyped(address)),
    }
}

fn untyped(address: u64) -> Found {
    Found {
        untyped: true,
        address,
        ..Found::default()
    }
}
