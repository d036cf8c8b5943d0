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
//! [`is_safe_to_compute`]: crate::state::scalar::alu::is_safe_to_compute

use bpf::insn::class;
use bpf::uapi::Insn;

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::domain::tnum::Tnum;
use crate::state::reg::RegState;

/// `dst = dst * src`
pub(crate) fn mul(dst: &mut RegState, src: &RegState) {
    dst.var_off = dst.var_off.mul(src.var_off);
    mul32(dst, src);
    mul64(dst, src);
}

/// `dst = dst / src`, where `src` is known; 0 where that is 0.
pub(crate) fn div(insn: &Insn, dst: &mut RegState, src: &RegState) {
    match (divisor_is_zero(insn, src), is_alu32(insn), is_signed(insn)) {
        (true, ..) => dst.set_value(0),
        (_, true, true) => sdiv32(dst, src.s32_min()),
        (_, true, false) => udiv32(dst, src.u32_min()),
        (_, false, true) => sdiv64(dst, src.smin()),
        (_, false, false) => udiv64(dst, src.umin()),
    }
}

/// `dst = dst % src`, where `src` is known; `dst` itself where that is 0.
pub(crate) fn modulo(insn: &Insn, dst: &mut RegState, src: &RegState) {
    match (divisor_is_zero(insn, src), is_alu32(insn), is_signed(insn)) {
        (true, ..) => {}
        (_, true, true) => smod32(dst, src.s32_min()),
        (_, true, false) => umod32(dst, src.u32_min()),
        (_, false, true) => smod64(dst, src.smin()),
        (_, false, false) => umod64(dst, src.umin()),
    }
}

fn is_alu32(insn: &Insn) -> bool {
    insn.class() != class::ALU64
}

fn is_signed(insn: &Insn) -> bool {
    insn.off == 1
}

fn divisor_is_zero(insn: &Insn, src: &RegState) -> bool {
    match is_alu32(insn) {
        true => src.u32_min() == 0,
        false => src.umin() == 0,
    }
}

macro_rules! mul {
    ($name:ident, $c:ident, $set:ident, $ut:ident, $st:ident, $umin:ident, $umax:ident, $smin:ident, $smax:ident) => {
        fn $name(dst: &mut RegState, src: &RegState) {
            let unsigned = match (
                dst.$umin().checked_mul(src.$umin()),
                dst.$umax().checked_mul(src.$umax()),
            ) {
                (Some(lo), Some(hi)) => $c::from_urange(lo, hi),
                _ => $c::from_urange(0, $ut::MAX),
            };
            let products = [
                dst.$smin().checked_mul(src.$smin()),
                dst.$smin().checked_mul(src.$smax()),
                dst.$smax().checked_mul(src.$smin()),
                dst.$smax().checked_mul(src.$smax()),
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
            dst.$set(unsigned.intersect(signed));
        }
    };
}

mul!(
    mul32, Cnum32, set_r32, u32, i32, u32_min, u32_max, s32_min, s32_max
);

mul!(mul64, Cnum64, set_r64, u64, i64, umin, umax, smin, smax);

fn forget_all_but_32(dst: &mut RegState) {
    dst.set_r64(Cnum64::UNBOUNDED);
    dst.var_off = Tnum::UNKNOWN;
}

fn forget_all_but_64(dst: &mut RegState) {
    dst.set_r32(Cnum32::UNBOUNDED);
    dst.var_off = Tnum::UNKNOWN;
}

macro_rules! div_mod {
    ($udiv:ident, $sdiv:ident, $umod:ident, $smod:ident, $c:ident, $set:ident, $ut:ident, $st:ident,
     $umin:ident, $umax:ident, $smin:ident, $smax:ident, $forget:ident) => {
        fn $udiv(dst: &mut RegState, by: $ut) {
            dst.$set($c::from_urange(dst.$umin() / by, dst.$umax() / by));
            $forget(dst);
        }

        fn $sdiv(dst: &mut RegState, by: $st) {
            let (lo, hi) = (dst.$smin(), dst.$smax());
            dst.$set(match (lo.checked_div(by), hi.checked_div(by)) {
                (Some(a), Some(b)) => $c::from_srange(a.min(b), a.max(b)),
                // MIN / -1 is MIN; with other values the result can be anything.
                _ if hi == $st::MIN => $c::from_srange(lo, hi),
                _ => $c::from_srange($st::MIN, $st::MAX),
            });
            $forget(dst);
        }

        fn $umod(dst: &mut RegState, by: $ut) {
            let max = by - 1;
            if dst.$umax() <= max {
                return;
            }
            dst.$set($c::from_urange(0, max));
            $forget(dst);
        }

        fn $smod(dst: &mut RegState, by: $st) {
            let max = (by.unsigned_abs() - 1) as $st;
            let (lo, hi) = (dst.$smin(), dst.$smax());
            if lo >= -max && hi <= max {
                return;
            }
            dst.$set(if lo >= 0 {
                $c::from_srange(0, hi.min(max))
            } else if hi <= 0 {
                $c::from_srange(lo.max(-max), 0)
            } else {
                $c::from_srange(-max, max)
            });
            $forget(dst);
        }
    };
}

div_mod!(
    udiv32,
    sdiv32,
    umod32,
    smod32,
    Cnum32,
    set_r32,
    u32,
    i32,
    u32_min,
    u32_max,
    s32_min,
    s32_max,
    forget_all_but_32
);

div_mod!(
    udiv64,
    sdiv64,
    umod64,
    smod64,
    Cnum64,
    set_r64,
    u64,
    i64,
    umin,
    umax,
    smin,
    smax,
    forget_all_but_64
);
