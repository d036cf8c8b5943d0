// SPDX-License-Identifier: GPL-2.0-only
//! Which operations need a known operand.
//!
//! Source: `is_safe_to_compute_dst_reg_range()`, and the head of `adjust_scalar_min_max_vals()` until 6.7,
//! in `kernel/bpf/verifier.c`.

use bpf::insn::{alu, class};
use bpf::uapi::Insn;

use crate::facts::rule::{Profile, Rule};
use crate::state::reg::RegState;

/// What is known of an operand, in the width of the operation.
struct Operand {
    /// All bits.
    bits: bool,
    /// And so the ranges say.
    value: bool,
    /// A minimum is above its maximum.
    crossed: bool,
    /// It moves no bit out of the number by shifting.
    shifts: bool,
}

impl Operand {
    fn new(insn: &Insn, src: &RegState) -> Self {
        let (smin, smax, umin, umax): (i64, i64, u64, u64);
        let (t, width) = if is_alu32(insn) {
            (smin, smax) = (src.s32_min().into(), src.s32_max().into());
            (umin, umax) = (src.u32_min().into(), src.u32_max().into());
            (src.var_off.subreg(), 32)
        } else {
            (smin, smax) = (src.smin(), src.smax());
            (umin, umax) = (src.umin(), src.umax());
            (src.var_off, 64)
        };
        Self {
            bits: t.is_const(),
            value: t.is_const() && smin == smax && umin == umax,
            crossed: smin > smax || umin > umax,
            shifts: src.umax() < width,
        }
    }
}

/// Whether the result's range is computed at all: division and shifts need a known operand.
pub(crate) fn is_safe_to_compute(insn: &Insn, src: &RegState, rules: &Profile) -> bool {
    let by = Operand::new(insn, src);
    if !rules.has(Rule::UNKNOWN_OPERANDS) {
        let consistent = !by.crossed && by.bits == by.value;
        return consistent
            && match insn.op() {
                alu::ADD | alu::SUB | alu::AND => true,
                alu::OR | alu::XOR | alu::MUL => by.value,
                alu::LSH | alu::RSH | alu::ARSH => by.value && by.shifts,
                _ => false,
            };
    }
    match insn.op() {
        alu::ADD | alu::SUB | alu::NEG | alu::AND | alu::XOR | alu::OR | alu::MUL | alu::END => {
            true
        }
        alu::DIV | alu::MOD => by.value,
        alu::LSH | alu::RSH | alu::ARSH => by.value && by.shifts,
        _ => false,
    }
}

/// Whether of a result that is not computed it is known at least that it has 32 bits.
pub(crate) fn is_cut_to_32(insn: &Insn, src: &RegState, rules: &Profile) -> bool {
    let known = || Operand::new(insn, src).value;
    let may = matches!(
        insn.op(),
        alu::DIV | alu::MOD | alu::LSH | alu::RSH | alu::ARSH
    );
    !rules.has(Rule::UNKNOWN_OPERANDS) && is_alu32(insn) && may && known()
}

/// Whether an operation is on low halves.
pub(crate) fn is_alu32(insn: &Insn) -> bool {
    insn.class() != class::ALU64
}
