// SPDX-License-Identifier: GPL-2.0-only
//! What arithmetic does to the bits and bounds of numbers.
//!
//! Source: the `scalar*_min_max_*()` functions in `kernel/bpf/verifier.c` until 7.1.

use bpf::insn::{alu, class};
use bpf::uapi::Insn;

use crate::domain::min_max::{MinMax32, MinMax64};
use crate::domain::product::mul_in_parts;
use crate::facts::rule::{Profile, Rule};
use crate::state::scalar::min_max::bounds::update;
use crate::state::scalar::min_max::div::{div, modulo};
use crate::state::scalar::min_max::number::Number;
use crate::state::scalar::min_max::shift;
use crate::state::scalar::min_max::width::coerce_to_size;

/// `dst <op> src`
pub(crate) fn compute(insn: &Insn, dst: &mut Number, src: &Number, rules: &Profile) {
    let alu32 = insn.class() != class::ALU64;
    match insn.op() {
        alu::ADD => add(dst, src, rules),
        alu::SUB => sub(dst, src, rules),
        alu::NEG => {
            let old = *dst;
            *dst = Number::known(0);
            sub(dst, &old, rules);
            dst.bits = -old.bits;
        }
        alu::MUL => mul(dst, src, rules),
        alu::DIV => div(insn, dst, src),
        alu::MOD => modulo(insn, dst, src),
        op @ (alu::AND | alu::OR | alu::XOR) => bitwise(op, dst, src, rules),
        alu::LSH if alu32 => shift::left32(dst, src),
        alu::LSH => shift::left64(dst, src, rules),
        alu::RSH if alu32 => shift::right32(dst, src),
        alu::RSH => shift::right64(dst, src, rules),
        alu::ARSH if alu32 => shift::arithmetic_right32(dst, src),
        alu::ARSH => shift::arithmetic_right64(dst, src, rules),
        alu::END => byte_swap(insn, dst, rules),
        _ => {}
    }
}

/// `dst + src`, without a look at what else is known.
pub(crate) fn add(dst: &mut Number, src: &Number, rules: &Profile) {
    let wraps = rules.has(Rule::WRAPPED_SUMS);
    dst.r32 = dst.r32.add(src.r32, wraps);
    dst.r64 = dst.r64.add(src.r64, wraps);
    dst.bits = dst.bits + src.bits;
}

fn sub(dst: &mut Number, src: &Number, rules: &Profile) {
    let wraps = rules.has(Rule::WRAPPED_SUMS);
    dst.r32 = dst.r32.sub(src.r32, wraps);
    dst.r64 = dst.r64.sub(src.r64, wraps);
    dst.bits = dst.bits - src.bits;
}

fn mul(dst: &mut Number, src: &Number, rules: &Profile) {
    if rules.has(Rule::WRAPPED_SUMS) {
        dst.bits = dst.bits.mul(src.bits);
        dst.r32 = dst.r32.mul(src.r32);
        dst.r64 = dst.r64.mul(src.r64);
    } else {
        dst.bits = mul_in_parts(dst.bits, src.bits);
        dst.r32 = dst.r32.mul_small(src.r32);
        dst.r64 = dst.r64.mul_small(src.r64);
    }
}

/// AND, OR, XOR: the bits are the result's, and the bounds follow from them and from the operands'.
/// With a sign they are the same where they stay in one half; until 6.7 where no operand has one.
fn bitwise(op: u8, dst: &mut Number, src: &Number, rules: &Profile) {
    dst.bits = match op {
        alu::AND => dst.bits & src.bits,
        alu::OR => dst.bits | src.bits,
        _ => dst.bits ^ src.bits,
    };
    let by_result = rules.has(Rule::UNKNOWN_OPERANDS);
    let (least, most) = (dst.bits.value, dst.bits.value | dst.bits.mask);
    let (a32, b32) = (dst.r32, src.r32);
    let (umin, umax) = match op {
        alu::AND => (least as u32, a32.umax.min(b32.umax)),
        alu::OR => (a32.umin.max(b32.umin), most as u32),
        _ => (least as u32, most as u32),
    };
    let both = a32.smin >= 0 && b32.smin >= 0;
    let (known32, known64) = (
        src.bits.subreg_is_const() && dst.bits.subreg_is_const(),
        src.bits.is_const() && dst.bits.is_const(),
    );
    dst.r32 = match by_result {
        _ if known32 => MinMax32::known(least as u32),
        true => MinMax32::in_one_half(umin, umax),
        false => MinMax32::unsigned_and(umin, umax, both),
    };
    if known64 {
        *dst = Number::known(least);
        return;
    }
    let (a64, b64) = (dst.r64, src.r64);
    let (umin, umax) = match op {
        alu::AND => (least, a64.umax.min(b64.umax)),
        alu::OR => (a64.umin.max(b64.umin), most),
        _ => (least, most),
    };
    let both = a64.smin >= 0 && b64.smin >= 0;
    dst.r64 = match by_result {
        true => MinMax64::in_one_half(umin, umax),
        false => MinMax64::unsigned_and(umin, umax, both),
    };
    update(dst, rules);
}

/// Little-endian machine: `le` only cuts, `be` and `bswap` swap as well.
fn byte_swap(insn: &Insn, dst: &mut Number, rules: &Profile) {
    if insn.class() == class::ALU64 || insn.src_is_reg() {
        *dst = Number {
            bits: dst.bits.bswap(insn.imm as u32),
            ..Number::UNKNOWN
        };
    }
    if insn.imm != 64 {
        coerce_to_size(dst, insn.imm as u32 / 8, rules);
    }
}
