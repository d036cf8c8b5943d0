// SPDX-License-Identifier: GPL-2.0-only
//! What division by a known number does to the bounds of numbers: they are known in the width of the
//! operation and of its sign alone.
//!
//! Source: `scalar*_min_max_*div()` and `scalar*_min_max_*mod()` in `kernel/bpf/verifier.c` of 7.1.

use bpf::uapi::Insn;

use crate::domain::min_max::{MinMax32, MinMax64};
use crate::state::scalar::known::is_alu32;
use crate::state::scalar::min_max::number::Number;

/// `dst = dst / src`; 0 where that is 0.
pub(crate) fn div(insn: &Insn, dst: &mut Number, src: &Number) {
    match (divisor_is_zero(insn, src), is_alu32(insn), is_signed(insn)) {
        (true, ..) => *dst = Number::known(0),
        (_, true, true) => sdiv32(dst, src.r32.smin),
        (_, true, false) => udiv32(dst, src.r32.umin),
        (_, false, true) => sdiv64(dst, src.r64.smin),
        (_, false, false) => udiv64(dst, src.r64.umin),
    }
}

/// `dst = dst % src`; `dst` itself where that is 0.
pub(crate) fn modulo(insn: &Insn, dst: &mut Number, src: &Number) {
    match (divisor_is_zero(insn, src), is_alu32(insn), is_signed(insn)) {
        (true, ..) => {}
        (_, true, true) => smod32(dst, src.r32.smin),
        (_, true, false) => umod32(dst, src.r32.umin),
        (_, false, true) => smod64(dst, src.r64.smin),
        (_, false, false) => umod64(dst, src.r64.umin),
    }
}

fn is_signed(insn: &Insn) -> bool {
    insn.off == 1
}

fn divisor_is_zero(insn: &Insn, src: &Number) -> bool {
    match is_alu32(insn) {
        true => src.r32.umin == 0,
        false => src.r64.umin == 0,
    }
}

macro_rules! div_mod {
    ($udiv:ident, $sdiv:ident, $umod:ident, $smod:ident, $range:ident, $field:ident, $ut:ident,
     $st:ident, $forget:ident) => {
        fn $udiv(dst: &mut Number, by: $ut) {
            dst.$field = $range::unsigned(dst.$field.umin / by, dst.$field.umax / by);
            dst.$forget();
        }

        fn $sdiv(dst: &mut Number, by: $st) {
            let (lo, hi) = (dst.$field.smin, dst.$field.smax);
            dst.$field = match (lo.checked_div(by), hi.checked_div(by)) {
                (Some(a), Some(b)) => $range::signed(a.min(b), a.max(b)),
                // MIN / -1 is MIN; with other values the result can be anything.
                _ if hi == $st::MIN => $range::signed(lo, hi),
                _ => $range::UNBOUNDED,
            };
            dst.$forget();
        }

        fn $umod(dst: &mut Number, by: $ut) {
            let max = by - 1;
            if dst.$field.umax <= max {
                return;
            }
            dst.$field = $range::unsigned(0, max);
            dst.$forget();
        }

        fn $smod(dst: &mut Number, by: $st) {
            let max = (by.unsigned_abs() - 1) as $st;
            let (lo, hi) = (dst.$field.smin, dst.$field.smax);
            if lo >= -max && hi <= max {
                return;
            }
            dst.$field = if lo >= 0 {
                $range::signed(0, hi.min(max))
            } else if hi <= 0 {
                $range::signed(lo.max(-max), 0)
            } else {
                $range::signed(-max, max)
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
    MinMax32,
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
    MinMax64,
    r64,
    u64,
    i64,
    forget_all_but_64
);
