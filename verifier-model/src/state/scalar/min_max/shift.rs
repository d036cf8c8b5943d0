// SPDX-License-Identifier: GPL-2.0-only
//! What shifts by a known count do to the bits and bounds of numbers.
//!
//! Source: `scalar*_min_max_lsh()`, `scalar*_min_max_rsh()` and `scalar*_min_max_arsh()` in
//! `kernel/bpf/verifier.c` until 7.1.

use crate::domain::min_max::{MinMax32, MinMax64};
use crate::facts::rule::{Profile, Rule};
use crate::state::scalar::min_max::bounds::{update, update32};
use crate::state::scalar::min_max::number::Number;

/// `(u32)dst << src`
pub(crate) fn left32(dst: &mut Number, src: &Number) {
    let by = src.r32.umin;
    dst.r32 = left(dst.r32, by.into());
    dst.bits = dst.bits.subreg().lshift(by).subreg();
    dst.r64 = MinMax64::UNBOUNDED;
    update32(dst);
}

/// `dst << src`
pub(crate) fn left64(dst: &mut Number, src: &Number, rules: &Profile) {
    let by = src.r64.umin;
    // Shifting by 32 and back is how a sign is extended.
    let any_sign = rules.has(Rule::LOW_HALVES_SIGNED);
    let up = |end: i32| (by == 32 && (any_sign || end >= 0)).then_some(i64::from(end) << 32);
    let mut r64 = MinMax64::UNBOUNDED;
    r64.smin = up(dst.r32.smin).unwrap_or(i64::MIN);
    r64.smax = up(dst.r32.smax).unwrap_or(i64::MAX);
    if dst.r64.umax <= 1u64 << (63 - by) {
        (r64.umin, r64.umax) = (dst.r64.umin << by, dst.r64.umax << by);
    }
    dst.r64 = r64;
    dst.r32 = left(dst.r32, by);
    dst.bits = dst.bits.lshift(by as u32);
    update(dst, rules);
}

/// Bounds of a low half, unless the topmost bit may be shifted out.
const fn left(r32: MinMax32, by: u64) -> MinMax32 {
    if by > 31 || r32.umax as u64 > 1u64 << (31 - by) {
        return MinMax32::UNBOUNDED;
    }
    MinMax32::unsigned(r32.umin << by, r32.umax << by)
}

/// `(u32)dst >> src`
pub(crate) fn right32(dst: &mut Number, src: &Number) {
    let by = src.r32.umin;
    dst.bits = dst.bits.subreg().rshift(by);
    dst.r32 = MinMax32::unsigned(dst.r32.umin >> (by & 31), dst.r32.umax >> (by & 31));
    dst.r64 = MinMax64::UNBOUNDED;
    update32(dst);
}

/// `dst >> src`
pub(crate) fn right64(dst: &mut Number, src: &Number, rules: &Profile) {
    let by = src.r64.umin;
    dst.bits = dst.bits.rshift(by as u32);
    dst.r64 = MinMax64::unsigned(dst.r64.umin >> (by & 63), dst.r64.umax >> (by & 63));
    dst.r32 = MinMax32::UNBOUNDED;
    update(dst, rules);
}

/// `(s32)dst >> src`
pub(crate) fn arithmetic_right32(dst: &mut Number, src: &Number) {
    let by = src.r32.umin;
    dst.r32 = MinMax32::signed(dst.r32.smin >> (by & 31), dst.r32.smax >> (by & 31));
    dst.bits = dst.bits.subreg().arshift(by, 32);
    dst.r64 = MinMax64::UNBOUNDED;
    update32(dst);
}

/// `(s64)dst >> src`
pub(crate) fn arithmetic_right64(dst: &mut Number, src: &Number, rules: &Profile) {
    let by = src.r64.umin;
    dst.r64 = MinMax64::signed(dst.r64.smin >> (by & 63), dst.r64.smax >> (by & 63));
    dst.bits = dst.bits.arshift(by as u32, 64);
    dst.r32 = MinMax32::UNBOUNDED;
    update(dst, rules);
}
