// SPDX-License-Identifier: GPL-2.0-only
//! Comparisons, and how they are turned round.
//!
//! Source: `flip_opcode()`, `rev_opcode()` in `kernel/bpf/verifier.c`.

use bpf::insn::{X, jmp};

use crate::state::reg::RegState;

/// A comparison: of which kind, and of what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    /// The operator, such as [`jmp::JLT`].
    pub op: u8,
    /// Whether the low halves are compared.
    pub is_jmp32: bool,
    /// Whether both operands are one register.
    pub one_reg: bool,
}

/// The operands as they are on each side of a jump.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Branches {
    /// Where it is taken: destination, source.
    pub taken: (RegState, RegState),
    /// Where it is not.
    pub fallthrough: (RegState, RegState),
}

/// `a <op> b` with the operands exchanged is `b <flip> a`.
pub(crate) const fn flip_opcode(op: u8) -> u8 {
    match op {
        jmp::JGE => jmp::JLE,
        jmp::JGT => jmp::JLT,
        jmp::JLE => jmp::JGE,
        jmp::JLT => jmp::JGT,
        jmp::JSGE => jmp::JSLE,
        jmp::JSGT => jmp::JSLT,
        jmp::JSLE => jmp::JSGE,
        jmp::JSLT => jmp::JSGT,
        other => other,
    }
}

/// What holds where `op` does not. `JSET` has no opposite; it is marked with `X`.
pub(crate) const fn rev_opcode(op: u8) -> u8 {
    match op {
        jmp::JEQ => jmp::JNE,
        jmp::JNE => jmp::JEQ,
        jmp::JGE => jmp::JLT,
        jmp::JGT => jmp::JLE,
        jmp::JLE => jmp::JGT,
        jmp::JLT => jmp::JGE,
        jmp::JSGE => jmp::JSLT,
        jmp::JSGT => jmp::JSLE,
        jmp::JSLE => jmp::JSGT,
        jmp::JSLT => jmp::JSGE,
        jmp::JSET => jmp::JSET | X,
        _ => 0,
    }
}
