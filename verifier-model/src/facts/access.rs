// SPDX-License-Identifier: GPL-2.0-only
//! What an access does to memory, and where what it stores comes from.

/// Direction of an access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// `BPF_READ`
    Read,
    /// `BPF_WRITE`
    Write,
}

/// Who accesses a map's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AccessSrc {
    /// A load or store.
    Direct,
    /// A helper.
    Helper,
}
