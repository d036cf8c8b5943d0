// SPDX-License-Identifier: GPL-2.0-only
//! One access to memory, as the checks hand it on.

use crate::facts::access::Access;
use crate::state::reg::RegState;

/// A load or store to be checked.
#[derive(Clone, Debug)]
pub(crate) struct MemAccess<'a> {
    /// Instruction.
    pub insn_idx: usize,
    /// The pointer.
    pub reg: RegState,
    /// How messages name the pointer.
    pub argname: &'a str,
    /// Offset from the pointer.
    pub off: i32,
    /// Size field of the opcode.
    pub size_field: u8,
    /// Direction.
    pub access: Access,
    /// Register loaded or stored.
    pub value: Option<usize>,
    /// Misaligned is an error.
    pub strict: bool,
    /// Sign-extending load.
    pub is_ldsx: bool,
}
