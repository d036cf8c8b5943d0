// SPDX-License-Identifier: GPL-2.0-only
//! What arithmetic does to the ranges and bits of scalars.
//!
//! Source: the `scalar*_min_max_*()` functions in `kernel/bpf/verifier.c`.

use bpf::insn::{alu, class};
use bpf::uapi::Insn;

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::domain::tnum::Tnum;
use crate::facts::rule::Profile;
use crate::state::reg::RegState;
use crate::state::scalar::mul_div as scalar_mul_div;

/// Whether the result's range is computed at all: division and shifts need a known operand.
pub(crate) fn is_safe_to_compute(insn: &Insn, src: &RegState) -> bool {
    let wide = insn.class() == class::ALU64;
    let bits = if wide { 64 } else { 32 };
    let known = if wide {
        src.var_off.is_const() && src.smin() == src.smax() && src.umin() == src.umax()
    } else {
        src.var_off.subreg_is_const()
            && src.s32_min() == src.s32_max()
            && src.u32_min() == src.u32_max()
    };
    match insn.op() {
        alu::ADD | alu::SUB | alu::NEG | alu::AND | alu::XOR | alu::OR | alu::MUL | alu::END => {
            true
        }
        alu::DIV | alu::MOD => known,
        alu::LSH | alu::RSH | alu::ARSH => known && src.umax() < bits,
        _ => false,
    }
}

/// `dst = dst <op> src`
pub(crate) fn apply(insn: &Insn, dst: &mut RegState, src: &RegState, rules: &Profile) {
    let alu32 = insn.class() != class::ALU64;
    match insn.op() {
        alu::ADD => {
            dst.r32 = dst.r32.add(src.r32);
            dst.r64 = dst.r64.add(src.r64);
            dst.var_off = dst.var_off + src.var_off;
        }
        alu::SUB => {
            dst.r32 = dst.r32.add(src.r32.negate());
            dst.r64 = dst.r64.add(src.r64.negate());
            dst.var_off = dst.var_off - src.var_off;
        }
        alu::NEG => {
            let old = *dst;
            dst.mark_known(0);
            dst.r32 = dst.r32.add(old.r32.negate());
            dst.r64 = dst.r64.add(old.r64.negate());
            dst.var_off = -old.var_off;
        }
        alu::MUL => scalar_mul_div::mul(dst, src),
        alu::DIV => scalar_mul_div::div(insn, dst, src),
        alu::MOD => scalar_mul_div::modulo(insn, dst, src),
        alu::AND => {
            dst.var_off = dst.var_off & src.var_off;
            bitwise(
                dst,
                src,
                |d32, s| (d32.value as u32, s.dst.u32_max().min(s.src.u32_max())),
                |d, s| (d.value, s.dst.umax().min(s.src.umax())),
                Some(rules),
            );
        }
        alu::OR => {
            dst.var_off = dst.var_off | src.var_off;
            bitwise(
                dst,
                src,
                |t, s| {
                    (
                        s.dst.u32_min().max(s.src.u32_min()),
                        (t.value | t.mask) as u32,
                    )
                },
                |t, s| (s.dst.umin().max(s.src.umin()), t.value | t.mask),
                Some(rules),
            );
        }
        alu::XOR => {
            dst.var_off = dst.var_off ^ src.var_off;
            bitwise(
                dst,
                src,
                |t, _| (t.value as u32, (t.value | t.mask) as u32),
                |t, _| (t.value, t.value | t.mask),
                None,
            );
        }
        alu::LSH => lsh(dst, src, alu32, rules),
        alu::RSH => rsh(dst, src, alu32, rules),
        alu::ARSH => arsh(dst, src, alu32, rules),
        alu::END => byte_swap(insn, dst, rules),
        _ => {}
    }
    if alu32 && insn.op() != alu::END {
        dst.zext_32_to_64();
    }
    dst.bounds_sync(rules);
}

struct Operands {
    dst: RegState,
    src: RegState,
}

/// AND, OR, XOR: `dst.var_off` has the result's bits already; both known give a known result.
fn bitwise(
    dst: &mut RegState,
    src: &RegState,
    range32: impl Fn(Tnum, &Operands) -> (u32, u32),
    range64: impl Fn(Tnum, &Operands) -> (u64, u64),
    update: Option<&Profile>,
) {
    let t32 = dst.var_off.subreg();
    let ops = Operands {
        dst: *dst,
        src: *src,
    };
    if src.var_off.subreg_is_const() && t32.is_const() {
        dst.mark_known32(t32.value as u32);
    } else {
        let (lo, hi) = range32(t32, &ops);
        dst.r32 = Cnum32::from_urange(lo, hi);
    }
    if src.var_off.is_const() && dst.var_off.is_const() {
        dst.mark_known(dst.var_off.value);
        return;
    }
    let (lo, hi) = range64(dst.var_off, &ops);
    dst.r64 = Cnum64::from_urange(lo, hi);
    if let Some(rules) = update {
        dst.update_bounds(rules);
    }
}

fn lsh(dst: &mut RegState, src: &RegState, alu32: bool, rules: &Profile) {
    if alu32 {
        lsh_range32(dst, src.u32_min().into(), src.u32_max().into());
        dst.var_off = dst.var_off.subreg().lshift(src.u32_min()).subreg();
        dst.r64 = Cnum64::UNBOUNDED;
        dst.update_bounds32();
        return;
    }
    lsh_range64(dst, src.umin(), src.umax());
    lsh_range32(dst, src.umin(), src.umax());
    dst.var_off = dst.var_off.lshift(src.umin() as u32);
    dst.update_bounds(rules);
}

fn rsh(dst: &mut RegState, src: &RegState, alu32: bool, rules: &Profile) {
    if alu32 {
        let (lo, hi) = (src.u32_min(), src.u32_max());
        dst.var_off = dst.var_off.subreg().rshift(lo);
        dst.r32 = Cnum32::from_urange(dst.u32_min() >> (hi & 31), dst.u32_max() >> (lo & 31));
        dst.r64 = Cnum64::UNBOUNDED;
        dst.update_bounds32();
        return;
    }
    let (lo, hi) = (src.umin() as u32, src.umax() as u32);
    dst.var_off = dst.var_off.rshift(lo);
    dst.r64 = Cnum64::from_urange(dst.umin() >> (hi & 63), dst.umax() >> (lo & 63));
    dst.r32 = Cnum32::UNBOUNDED;
    dst.update_bounds(rules);
}

fn arsh(dst: &mut RegState, src: &RegState, alu32: bool, rules: &Profile) {
    if alu32 {
        let n = src.u32_min();
        dst.r32 = Cnum32::from_srange(dst.s32_min() >> (n & 31), dst.s32_max() >> (n & 31));
        dst.var_off = dst.var_off.subreg().arshift(n, 32);
        dst.r64 = Cnum64::UNBOUNDED;
        dst.update_bounds32();
        return;
    }
    let n = src.umin() as u32;
    dst.r64 = Cnum64::from_srange(dst.smin() >> (n & 63), dst.smax() >> (n & 63));
    dst.var_off = dst.var_off.arshift(n, 64);
    dst.r32 = Cnum32::UNBOUNDED;
    dst.update_bounds(rules);
}

fn lsh_range32(dst: &mut RegState, lo: u64, hi: u64) {
    dst.r32 = if hi > 31 || u64::from(dst.u32_max()) > 1u64 << (31 - hi) {
        Cnum32::from_urange(0, u32::MAX)
    } else {
        Cnum32::from_urange(dst.u32_min() << lo, dst.u32_max() << hi)
    };
}

fn lsh_range64(dst: &mut RegState, lo: u64, hi: u64) {
    let signed = if lo == 32 && hi == 32 {
        Cnum64::from_srange(
            i64::from(dst.s32_min()) << 32,
            i64::from(dst.s32_max()) << 32,
        )
    } else {
        Cnum64::UNBOUNDED
    };
    let unsigned = if dst.umax() > 1u64 << (63 - hi) {
        Cnum64::UNBOUNDED
    } else {
        Cnum64::from_urange(dst.umin() << lo, dst.umax() << hi)
    };
    dst.r64 = unsigned.intersect(signed);
}

/// Little-endian machine: `le` only cuts, `be` and `bswap` swap as well.
fn byte_swap(insn: &Insn, dst: &mut RegState, rules: &Profile) {
    let swaps = insn.class() == class::ALU64 || insn.src_is_reg();
    let cuts = insn.imm == 16 || insn.imm == 32;
    if swaps || cuts {
        dst.clear_scalar_id();
    }
    if swaps {
        dst.var_off = dst.var_off.bswap(insn.imm as u32);
        dst.mark_unbounded();
    }
    if cuts {
        dst.coerce_to_size(insn.imm as u32 / 8, rules);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::scalar::bounds::tests::{holds, reg_with_member};
    use proptest::prelude::*;

    fn concrete(insn: &Insn, a: u64, b: u64) -> u64 {
        let (wide, sx) = (insn.class() == class::ALU64, insn.off != 0);
        let (a32, b32) = (a as u32, b as u32);
        match (insn.op(), wide) {
            (alu::ADD, true) => a.wrapping_add(b),
            (alu::ADD, false) => a32.wrapping_add(b32).into(),
            (alu::SUB, true) => a.wrapping_sub(b),
            (alu::SUB, false) => a32.wrapping_sub(b32).into(),
            (alu::MUL, true) => a.wrapping_mul(b),
            (alu::MUL, false) => a32.wrapping_mul(b32).into(),
            (alu::AND, true) => a & b,
            (alu::AND, false) => (a32 & b32).into(),
            (alu::OR, true) => a | b,
            (alu::OR, false) => (a32 | b32).into(),
            (alu::XOR, true) => a ^ b,
            (alu::XOR, false) => (a32 ^ b32).into(),
            (alu::NEG, true) => a.wrapping_neg(),
            (alu::NEG, false) => a32.wrapping_neg().into(),
            (alu::DIV, true) if sx => {
                if b == 0 {
                    0
                } else {
                    (a as i64).wrapping_div(b as i64) as u64
                }
            }
            (alu::DIV, true) => a.checked_div(b).unwrap_or(0),
            (alu::DIV, false) if sx => if b32 == 0 {
                0
            } else {
                (a32 as i32).wrapping_div(b32 as i32) as u32
            }
            .into(),
            (alu::DIV, false) => a32.checked_div(b32).unwrap_or(0).into(),
            (alu::MOD, true) if sx => {
                if b == 0 {
                    a
                } else {
                    (a as i64).wrapping_rem(b as i64) as u64
                }
            }
            (alu::MOD, true) => a.checked_rem(b).unwrap_or(a),
            (alu::MOD, false) if sx => if b32 == 0 {
                a32
            } else {
                (a32 as i32).wrapping_rem(b32 as i32) as u32
            }
            .into(),
            (alu::MOD, false) => a32.checked_rem(b32).unwrap_or(a32).into(),
            (alu::LSH, true) => a << (b & 63),
            (alu::LSH, false) => (a32 << (b & 31)).into(),
            (alu::RSH, true) => a >> (b & 63),
            (alu::RSH, false) => (a32 >> (b & 31)).into(),
            (alu::ARSH, true) => ((a as i64) >> (b & 63)) as u64,
            (_, _) => (((a32 as i32) >> (b & 31)) as u32).into(),
        }
    }

    const OPS: [u8; 12] = [
        alu::ADD,
        alu::SUB,
        alu::MUL,
        alu::AND,
        alu::OR,
        alu::XOR,
        alu::NEG,
        alu::DIV,
        alu::MOD,
        alu::LSH,
        alu::RSH,
        alu::ARSH,
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn every_operation_is_sound(
            op in prop::sample::select(OPS.to_vec()),
            (wide, sx, known) in any::<(bool, bool, bool)>(),
            (mut a, x) in reg_with_member(), (mut b, y) in reg_with_member(),
        ) {
            let mut y = y;
            a.bounds_sync(&Profile::V7_3);
            let shift = matches!(op, alu::LSH | alu::RSH | alu::ARSH);
            if shift { y &= if wide { 63 } else { 31 }; }
            if known || shift { b = RegState::konst(y); } else { b.bounds_sync(&Profile::V7_3); }
            let sx = sx && matches!(op, alu::DIV | alu::MOD);
            let class = if wide { class::ALU64 } else { class::ALU };
            let insn = Insn { code: class | op | bpf::insn::X, off: sx.into(), ..Insn::default() };
            if !is_safe_to_compute(&insn, &b) { return Ok(()); }
            let mut r = a;
            apply(&insn, &mut r, &b, &Profile::V7_3);
            let v = concrete(&insn, x, y);
            prop_assert!(holds(&r, v), "{op:#x} wide {wide} sx {sx}: {a:?} {x:#x} op {b:?} {y:#x} = {v:#x} not in {r:?}");
        }
    }
}
