// SPDX-License-Identifier: GPL-2.0-only
//! What arithmetic does to the bits and arcs of numbers.
//!
//! Source: the `scalar*_min_max_*()` functions in `kernel/bpf/verifier.c` since 7.2.

use bpf::insn::{alu, class};
use bpf::uapi::Insn;

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::facts::rule::Profile;
use crate::state::scalar::circular::bounds::{update, update32};
use crate::state::scalar::circular::mul_div;
use crate::state::scalar::circular::number::Number;
use crate::state::scalar::circular::width::coerce_to_size;

/// `dst <op> src`
pub(crate) fn compute(insn: &Insn, dst: &mut Number, src: &Number, rules: &Profile) {
    let alu32 = insn.class() != class::ALU64;
    match insn.op() {
        alu::ADD => add(dst, src, rules),
        alu::SUB => sub(dst, src),
        alu::NEG => {
            let old = *dst;
            *dst = Number::known(0);
            sub(dst, &old);
            dst.bits = -old.bits;
        }
        alu::MUL => mul_div::mul(dst, src),
        alu::DIV => mul_div::div(insn, dst, src),
        alu::MOD => mul_div::modulo(insn, dst, src),
        op @ (alu::AND | alu::OR | alu::XOR) => bitwise(op, dst, src, rules),
        alu::LSH => lsh(dst, src, alu32, rules),
        alu::RSH => rsh(dst, src, alu32, rules),
        alu::ARSH => arsh(dst, src, alu32, rules),
        alu::END => byte_swap(insn, dst, rules),
        _ => {}
    }
}

/// `dst + src`, without a look at what else is known.
pub(crate) fn add(dst: &mut Number, src: &Number, _: &Profile) {
    dst.r32 = dst.r32.add(src.r32);
    dst.r64 = dst.r64.add(src.r64);
    dst.bits = dst.bits + src.bits;
}

fn sub(dst: &mut Number, src: &Number) {
    dst.r32 = dst.r32.add(src.r32.negate());
    dst.r64 = dst.r64.add(src.r64.negate());
    dst.bits = dst.bits - src.bits;
}

/// AND, OR, XOR: the bits are the result's, and the ranges follow from them and from the operands'; both
/// known give a known result.
fn bitwise(op: u8, dst: &mut Number, src: &Number, rules: &Profile) {
    dst.bits = match op {
        alu::AND => dst.bits & src.bits,
        alu::OR => dst.bits | src.bits,
        _ => dst.bits ^ src.bits,
    };
    if src.bits.is_const() && dst.bits.is_const() {
        *dst = Number::known(dst.bits.value);
        return;
    }
    let (least, most) = (dst.bits.value, dst.bits.value | dst.bits.mask);
    let (a32, b32) = (dst.r32, src.r32);
    let (umin, umax) = match op {
        alu::AND => (least as u32, a32.umax().min(b32.umax())),
        alu::OR => (a32.umin().max(b32.umin()), most as u32),
        _ => (least as u32, most as u32),
    };
    dst.r32 = match src.bits.subreg_is_const() && dst.bits.subreg_is_const() {
        true => Cnum32::from_urange(least as u32, least as u32),
        false => Cnum32::from_urange(umin, umax),
    };
    let (a64, b64) = (dst.r64, src.r64);
    let (umin, umax) = match op {
        alu::AND => (least, a64.umax().min(b64.umax())),
        alu::OR => (a64.umin().max(b64.umin()), most),
        _ => (least, most),
    };
    dst.r64 = Cnum64::from_urange(umin, umax);
    if op != alu::XOR {
        update(dst, rules);
    }
}

fn lsh(dst: &mut Number, src: &Number, alu32: bool, rules: &Profile) {
    if alu32 {
        lsh_range32(dst, src.r32.umin().into(), src.r32.umax().into());
        dst.bits = dst.bits.subreg().lshift(src.r32.umin()).subreg();
        dst.r64 = Cnum64::UNBOUNDED;
        update32(dst);
        return;
    }
    lsh_range64(dst, src.r64.umin(), src.r64.umax());
    lsh_range32(dst, src.r64.umin(), src.r64.umax());
    dst.bits = dst.bits.lshift(src.r64.umin() as u32);
    update(dst, rules);
}

fn rsh(dst: &mut Number, src: &Number, alu32: bool, rules: &Profile) {
    if alu32 {
        let (lo, hi) = (src.r32.umin(), src.r32.umax());
        dst.bits = dst.bits.subreg().rshift(lo);
        dst.r32 = Cnum32::from_urange(dst.r32.umin() >> (hi & 31), dst.r32.umax() >> (lo & 31));
        dst.r64 = Cnum64::UNBOUNDED;
        update32(dst);
        return;
    }
    let (lo, hi) = (src.r64.umin() as u32, src.r64.umax() as u32);
    dst.bits = dst.bits.rshift(lo);
    dst.r64 = Cnum64::from_urange(dst.r64.umin() >> (hi & 63), dst.r64.umax() >> (lo & 63));
    dst.r32 = Cnum32::UNBOUNDED;
    update(dst, rules);
}

fn arsh(dst: &mut Number, src: &Number, alu32: bool, rules: &Profile) {
    if alu32 {
        let n = src.r32.umin();
        dst.r32 = Cnum32::from_srange(dst.r32.smin() >> (n & 31), dst.r32.smax() >> (n & 31));
        dst.bits = dst.bits.subreg().arshift(n, 32);
        dst.r64 = Cnum64::UNBOUNDED;
        update32(dst);
        return;
    }
    let n = src.r64.umin() as u32;
    dst.r64 = Cnum64::from_srange(dst.r64.smin() >> (n & 63), dst.r64.smax() >> (n & 63));
    dst.bits = dst.bits.arshift(n, 64);
    dst.r32 = Cnum32::UNBOUNDED;
    update(dst, rules);
}

fn lsh_range32(dst: &mut Number, lo: u64, hi: u64) {
    dst.r32 = if hi > 31 || u64::from(dst.r32.umax()) > 1u64 << (31 - hi) {
        Cnum32::from_urange(0, u32::MAX)
    } else {
        Cnum32::from_urange(dst.r32.umin() << lo, dst.r32.umax() << hi)
    };
}

fn lsh_range64(dst: &mut Number, lo: u64, hi: u64) {
    let signed = if lo == 32 && hi == 32 {
        Cnum64::from_srange(
            i64::from(dst.r32.smin()) << 32,
            i64::from(dst.r32.smax()) << 32,
        )
    } else {
        Cnum64::UNBOUNDED
    };
    let unsigned = if dst.r64.umax() > 1u64 << (63 - hi) {
        Cnum64::UNBOUNDED
    } else {
        Cnum64::from_urange(dst.r64.umin() << lo, dst.r64.umax() << hi)
    };
    dst.r64 = unsigned.intersect(signed);
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
