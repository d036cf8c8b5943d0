// SPDX-License-Identifier: GPL-2.0-only
//! What multiplication, division and remainder do to the ranges of scalars.
//!
//! A product keeps its range unless one of its corners overflows; a quotient or remainder has one
//! only by a known divisor ([`is_safe_to_compute`]), and in the width of the operation alone: bits
//! and the other width are forgotten.
//!
//! Source: `scalar*_min_max_mul()`, `scalar*_min_max_*div()` and `scalar*_min_max_*mod()` in
//! `kernel/bpf/verifier.c`.
//!
//! [`is_safe_to_compute`]: crate::state::scalar::known::is_safe_to_compute

use bpf::uapi::Insn;

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::state::scalar::circular::number::Number;
use crate::state::scalar::known::is_alu32;

/// `dst = dst * src`
pub(crate) fn mul(dst: &mut Number, src: &Number) {
    dst.bits = dst.bits.mul(src.bits);
    mul32(dst, src);
    mul64(dst, src);
}

/// `dst = dst / src`, where `src` is known; 0 where that is 0.
pub(crate) fn div(insn: &Insn, dst: &mut Number, src: &Number) {
    match (divisor_is_zero(insn, src), is_alu32(insn), is_signed(insn)) {
        (true, ..) => *dst = Number::known(0),
        (_, true, true) => sdiv32(dst, src.r32.smin()),
        (_, true, false) => udiv32(dst, src.r32.umin()),
        (_, false, true) => sdiv64(dst, src.r64.smin()),
        (_, false, false) => udiv64(dst, src.r64.umin()),
    }
}

/// `dst = dst % src`, where `src` is known; `dst` itself where that is 0.
pub(crate) fn modulo(insn: &Insn, dst: &mut Number, src: &Number) {
    match (divisor_is_zero(insn, src), is_alu32(insn), is_signed(insn)) {
        (true, ..) => {}
        (_, true, true) => smod32(dst, src.r32.smin()),
        (_, true, false) => umod32(dst, src.r32.umin()),
        (_, false, true) => smod64(dst, src.r64.smin()),
        (_, false, false) => umod64(dst, src.r64.umin()),
    }
}

fn is_signed(insn: &Insn) -> bool {
    insn.off == 1
}

fn divisor_is_zero(insn: &Insn, src: &Number) -> bool {
    match is_alu32(insn) {
        true => src.r32.umin() == 0,
        false => src.r64.umin() == 0,
    }
}

macro_rules! mul {
    ($name:ident, $c:ident, $field:ident, $ut:ident, $st:ident) => {
        fn $name(dst: &mut Number, src: &Number) {
            let unsigned = match (
                dst.$field.umin().checked_mul(src.$field.umin()),
                dst.$field.umax().checked_mul(src.$field.umax()),
            ) {
                (Some(lo), Some(hi)) => $c::from_urange(lo, hi),
                _ => $c::from_urange(0, $ut::MAX),
            };
            let products = [
                dst.$field.smin().checked_mul(src.$field.smin()),
                dst.$field.smin().checked_mul(src.$field.smax()),
                dst.$field.smax().checked_mul(src.$field.smin()),
                dst.$field.smax().checked_mul(src.$field.smax()),
            ];
            let lo = products
                .iter()
                .copied()
                .try_fold($st::MAX, |m, p| Some(m.min(p?)));
            let hi = products
                .iter()
                .copied()
                .try_fold($st::MIN, |m, p| Some(m.max(p?)));
            let signed = match (lo, hi) {
                (Some(lo), Some(hi)) => $c::from_srange(lo, hi),
                _ => $c::from_srange($st::MIN, $st::MAX),
            };
            dst.$field = unsigned.intersect(signed);
        }
    };
}

mul!(mul32, Cnum32, r32, u32, i32);

mul!(mul64, Cnum64, r64, u64, i64);

macro_rules! div_mod {
    ($udiv:ident, $sdiv:ident, $umod:ident, $smod:ident, $c:ident, $field:ident, $ut:ident, $st:ident,
     $forget:ident) => {
        fn $udiv(dst: &mut Number, by: $ut) {
            dst.$field = $c::from_urange(dst.$field.umin() / by, dst.$field.umax() / by);
            dst.$forget();
        }

        fn $sdiv(dst: &mut Number, by: $st) {
            let (lo, hi) = (dst.$field.smin(), dst.$field.smax());
            dst.$field = match (lo.checked_div(by), hi.checked_div(by)) {
                (Some(a), Some(b)) => $c::from_srange(a.min(b), a.max(b)),
                // MIN / -1 is MIN; with other values the result can be anything.
                _ if hi == $st::MIN => $c::from_srange(lo, hi),
                _ => $c::from_srange($st::MIN, $st::MAX),
            };
            dst.$forget();
        }

        fn $umod(dst: &mut Number, by: $ut) {
            let max = by - 1;
            if dst.$field.umax() <= max {
                return;
            }
            dst.$field = $c::from_urange(0, max);
            dst.$forget();
        }

        fn $smod(dst: &mut Number, by: $st) {
            let max = (by.unsigned_abs() - 1) as $st;
            let (lo, hi) = (dst.$field.smin(), dst.$field.smax());
            if lo >= -max && hi <= max {
                return;
            }
            dst.$field = if lo >= 0 {
                $c::from_srange(0, hi.min(max))
            } else if hi <= 0 {
                $c::from_srange(lo.max(-max), 0)
            } else {
                $c::from_srange(-max, max)
            };
            dst.$forget();
        }
    };
}

div_mod!(
    udiv32,
    sdiv32,
    umod32,
    smod32,
    Cnum32,
    r32,
    u32,
    i32,
    forget_all_but_32
);

div_mod!(
    udiv64,
    sdiv64,
    umod64,
    smod64,
    Cnum64,
    r64,
    u64,
    i64,
    forget_all_but_64
);
