// SPDX-License-Identifier: GPL-2.0-only
//! What arithmetic does to the bits and bounds of numbers.
//!
//! Source: `adjust_scalar_min_max_vals()` and the `scalar*_min_max_*()` functions in
//! `kernel/bpf/verifier.c` until 7.1.

use bpf::insn::{alu, class};
use bpf::uapi::Insn;

use crate::domain::min_max::{MinMax32, MinMax64};
use crate::domain::product::mul_in_parts;
use crate::facts::rule::{Profile, Rule};
use crate::state::reg::RegState;
use crate::state::scalar::min_max::div::{div, modulo};
use crate::state::scalar::min_max::number::Number;
use crate::state::scalar::min_max::shift;
use crate::state::scalar::min_max::width::coerce_to_size;

/// `dst = dst <op> src`
pub(crate) fn apply(insn: &Insn, dst: &mut RegState, src: &RegState, rules: &Profile) {
    if insn.op() == alu::END {
        return byte_swap(insn, dst, rules);
    }
    let alu32 = insn.class() != class::ALU64;
    let (mut number, by) = (Number::of(dst), Number::of(src));
    match insn.op() {
        alu::ADD => number.add(&by, rules),
        alu::SUB => number.sub(&by, rules),
        alu::NEG => {
            let old = number;
            dst.mark_known(0);
            number = Number::known(0);
            number.sub(&old, rules);
            number.bits = -old.bits;
        }
        alu::MUL => number.mul(&by, rules),
        alu::DIV => div(insn, &mut number, &by),
        alu::MOD => modulo(insn, &mut number, &by),
        alu::AND | alu::OR | alu::XOR => {
            number.bitwise(insn.op(), &by, rules);
            if by.bits.is_const() && number.bits.is_const() {
                dst.mark_known(number.bits.value);
            }
        }
        alu::LSH if alu32 => shift::left32(&mut number, &by),
        alu::LSH => shift::left64(&mut number, &by, rules),
        alu::RSH if alu32 => shift::right32(&mut number, &by),
        alu::RSH => shift::right64(&mut number, &by, rules),
        alu::ARSH if alu32 => shift::arithmetic_right32(&mut number, &by),
        alu::ARSH => shift::arithmetic_right64(&mut number, &by, rules),
        _ => {}
    }
    if alu32 {
        number.zext_32_to_64();
    }
    number.sync(rules);
    number.put(dst);
}

/// `dst = dst + src`, without a look at what else is known.
pub(crate) fn add(dst: &mut RegState, src: &RegState, rules: &Profile) {
    let mut number = Number::of(dst);
    number.add(&Number::of(src), rules);
    number.put(dst);
}

impl Number {
    fn add(&mut self, by: &Self, rules: &Profile) {
        let wraps = rules.has(Rule::WRAPPED_SUMS);
        self.r32 = self.r32.add(by.r32, wraps);
        self.r64 = self.r64.add(by.r64, wraps);
        self.bits = self.bits + by.bits;
    }

    fn sub(&mut self, by: &Self, rules: &Profile) {
        let wraps = rules.has(Rule::WRAPPED_SUMS);
        self.r32 = self.r32.sub(by.r32, wraps);
        self.r64 = self.r64.sub(by.r64, wraps);
        self.bits = self.bits - by.bits;
    }

    fn mul(&mut self, by: &Self, rules: &Profile) {
        if rules.has(Rule::WRAPPED_SUMS) {
            self.bits = self.bits.mul(by.bits);
            self.r32 = self.r32.mul(by.r32);
            self.r64 = self.r64.mul(by.r64);
        } else {
            self.bits = mul_in_parts(self.bits, by.bits);
            self.r32 = self.r32.mul_small(by.r32);
            self.r64 = self.r64.mul_small(by.r64);
        }
    }

    /// AND, OR, XOR: the bits are the result's, and the bounds follow from them and from the operands'.
    /// With a sign they are the same where they stay in one half; until 6.7 where no operand has one.
    fn bitwise(&mut self, op: u8, by: &Self, rules: &Profile) {
        self.bits = match op {
            alu::AND => self.bits & by.bits,
            alu::OR => self.bits | by.bits,
            _ => self.bits ^ by.bits,
        };
        let by_result = rules.has(Rule::UNKNOWN_OPERANDS);
        let (least, most) = (self.bits.value, self.bits.value | self.bits.mask);
        let (a32, b32) = (self.r32, by.r32);
        let (umin, umax) = match op {
            alu::AND => (least as u32, a32.umax.min(b32.umax)),
            alu::OR => (a32.umin.max(b32.umin), most as u32),
            _ => (least as u32, most as u32),
        };
        let both = a32.smin >= 0 && b32.smin >= 0;
        let (known32, known64) = (
            by.bits.subreg_is_const() && self.bits.subreg_is_const(),
            by.bits.is_const() && self.bits.is_const(),
        );
        self.r32 = match by_result {
            _ if known32 => MinMax32::known(least as u32),
            true => MinMax32::in_one_half(umin, umax),
            false => MinMax32::unsigned_and(umin, umax, both),
        };
        if known64 {
            *self = Self::known(least);
            return;
        }
        let (a64, b64) = (self.r64, by.r64);
        let (umin, umax) = match op {
            alu::AND => (least, a64.umax.min(b64.umax)),
            alu::OR => (a64.umin.max(b64.umin), most),
            _ => (least, most),
        };
        let both = a64.smin >= 0 && b64.smin >= 0;
        self.r64 = match by_result {
            true => MinMax64::in_one_half(umin, umax),
            false => MinMax64::unsigned_and(umin, umax, both),
        };
        self.update(rules);
    }
}

/// Little-endian machine: `le` only cuts, `be` and `bswap` swap as well.
fn byte_swap(insn: &Insn, dst: &mut RegState, rules: &Profile) {
    let swaps = insn.class() == class::ALU64 || insn.src_is_reg();
    let cuts = insn.imm == 16 || insn.imm == 32;
    if swaps || cuts {
        dst.clear_scalar_id();
    }
    let mut number = Number::of(dst);
    if swaps {
        number = Number {
            bits: number.bits.bswap(insn.imm as u32),
            ..Number::UNKNOWN
        };
        number.put(dst);
    }
    if cuts {
        coerce_to_size(dst, insn.imm as u32 / 8, rules);
        number = Number::of(dst);
    }
    number.sync(rules);
    number.put(dst);
}
