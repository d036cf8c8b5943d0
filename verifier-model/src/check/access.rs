// SPDX-License-Identifier: GPL-2.0-only
//! One access to memory and one argument of a call, as the checks hand them on.

use crate::facts::access::Access;
use crate::state::reg::RegState;

/// A load or store to be checked.
#[derive(Clone, Debug)]
pub(crate) struct MemAccess<'a> {
    /// The instruction that accesses.
    pub insn_idx: usize,
    /// The pointer that is followed.
    pub reg: RegState,
    /// How messages name the pointer.
    pub argname: &'a str,
    /// Offset from the pointer.
    pub off: i32,
    /// Size field of the opcode.
    pub size_field: u8,
    pub access: Access,
    /// Register loaded or stored.
    pub value: Option<usize>,
    /// Misaligned is an error.
    pub strict: bool,
    /// Sign-extending load.
    pub is_ldsx: bool,
}

/// An argument of a call, in a register or on the stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallArg<'a> {
    /// What is passed.
    pub reg: &'a RegState,
    /// How messages name it.
    pub name: &'a str,
    /// Its number, from one: that of its register, unless it is on the stack.
    pub regno: usize,
}
