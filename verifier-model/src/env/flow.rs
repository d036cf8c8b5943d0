// SPDX-License-Identifier: GPL-2.0-only
//! What follows an instruction.

/// What follows an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    /// The next instruction.
    Next,
    /// [`Path::insn_idx`](crate::env::path::Path::insn_idx) was set.
    IdxUpdated,
    /// The path ends.
    Exit,
}
