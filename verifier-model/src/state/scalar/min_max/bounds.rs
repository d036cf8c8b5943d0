// SPDX-License-Identifier: GPL-2.0-only
//! Keeping the bits and the bounds of a number in agreement.
//!
//! Each release narrows the bounds by each other in its own order and as often as it thinks fit, and what
//! comes of it differs where the halves of a number disagree:
//!
//! ```text
//!   6.1   once     each width by its own sign
//!   6.8   3 times  low half by the whole and by its sign, whole by its sign, whole by the low half
//!   7.1   twice    whole by its sign, low half by the whole, by its sign, whole by the low half
//! ```
//!
//! Source: `__update_reg_bounds()`, `__reg_deduce_bounds()`, `__reg_deduce_mixed_bounds()` and
//! `__reg_bound_offset()` in `kernel/bpf/verifier.c` until 7.1.

use crate::domain::min_max::{MinMax32, MinMax64};
use crate::domain::tnum::Tnum;
use crate::facts::rule::{Profile, Rule};
use crate::state::scalar::min_max::number::Number;

/// The low half of a 64-bit number.
const LOW: u64 = u32::MAX as u64;

/// Narrows each description of the value by the others.
pub(crate) fn sync(number: &mut Number, rules: &Profile) {
    if *number != Number::known(number.bits.value) {
        number.narrow(rules);
    }
}

/// Narrows the bounds of both widths by the bits.
pub(crate) fn update(number: &mut Number, rules: &Profile) {
    update32(number);
    number.update64(rules);
}

/// Narrows the bounds of the low half by the bits.
pub(crate) fn update32(number: &mut Number) {
    let t = number.bits.subreg();
    number.r32 = number.r32.with_bits(t.value as u32, t.mask as u32);
}

/// Leaves no number but those from `min` to `max`.
pub(crate) fn narrow_signed(number: &mut Number, min: i32, max: i32) {
    number.r32 = number.r32.intersect(MinMax32::signed(min, max));
    let range = MinMax64::signed(min.into(), max.into());
    number.r64 = number.r64.intersect(range);
}

impl Number {
    fn narrow(&mut self, rules: &Profile) {
        let tried = rules.has(Rule::BRANCHES_TRIED);
        if tried && (self.r64.is_crossed() || self.r32.is_crossed()) {
            return;
        }
        update(self, rules);
        if !rules.has(Rule::UNKNOWN_OPERANDS) {
            self.r32 = self.r32.deduce_by_sign();
            self.r64 = self.r64.deduce_by_sign();
        } else if tried {
            for _ in 0..2 {
                self.r64 = self.r64.deduce(true);
                self.deduce_32(rules);
                self.deduce_64_from_32(rules);
            }
        } else {
            for _ in 0..3 {
                self.deduce_32(rules);
                self.r64 = self.r64.deduce(true);
                self.deduce_64_from_32(rules);
            }
        }
        self.bound_offset();
        update(self, rules);
    }

    fn update64(&mut self, rules: &Profile) {
        let t = self.bits;
        self.r64 = self.r64.with_bits(t.value, t.mask);
        if rules.has(Rule::ONE_VALUE_LEFT)
            && let Some(value) = self.one_value_left()
        {
            *self = Self::known(value);
        }
    }

    /// The number that bits and bounds have in common, if it is one.
    fn one_value_left(&self) -> Option<u64> {
        let (MinMax64 { umin, umax, .. }, t) = (self.r64, self.bits);
        let next = t.step(umin);
        let umin_in_tnum = umin & !t.mask == t.value;
        let tmax = t.value | t.mask;
        if umin_in_tnum {
            return (next > umax).then_some(umin);
        }
        if next == tmax {
            return Some(tmax);
        }
        (next <= umax && t.step(next) > umax).then_some(next)
    }

    /// Narrows the low half by the whole and by its own sign.
    fn deduce_32(&mut self, rules: &Profile) {
        self.deduce_32_from_64();
        self.r32 = self.r32.deduce(rules.has(Rule::LOW_HALVES_SIGNED));
    }

    /// The low halves of numbers whose high halves are the same are a range of their own, and so are those
    /// that go over zero from one high half to the next.
    fn deduce_32_from_64(&mut self) {
        let MinMax64 {
            umin,
            umax,
            smin,
            smax,
        } = self.r64;
        let (smin, smax) = (smin as u64, smax as u64);
        if umin >> 32 == umax >> 32 {
            self.low_between(umin, umax);
            self.low_signed_between(umin, umax);
        }
        if smin >> 32 == smax >> 32 {
            if smin as u32 <= smax as u32 {
                self.low_between(smin, smax);
            }
            self.low_signed_between(smin, smax);
        }
        for (min, max) in [(umin, umax), (smin, smax)] {
            let next = ((min >> 32) as u32).wrapping_add(1) == (max >> 32) as u32;
            if next && (min as i32) < 0 && max as i32 >= 0 {
                self.low_signed_between(min, max);
            }
        }
    }

    fn low_between(&mut self, min: u64, max: u64) {
        let low = MinMax32::unsigned(min as u32, max as u32);
        self.r32 = self.r32.intersect(low);
    }

    fn low_signed_between(&mut self, min: u64, max: u64) {
        if min as i32 <= max as i32 {
            let low = MinMax32::signed(min as i32, max as i32);
            self.r32 = self.r32.intersect(low);
        }
    }

    /// Each end of the whole has a low half that the low half's bounds allow.
    fn deduce_64_from_32(&mut self, rules: &Profile) {
        self.ends_with(self.r32.umin, self.r32.umax);
        let (smin, smax) = (self.r32.smin, self.r32.smax);
        if !rules.has(Rule::WRAPPED_SUMS) && smin as u32 <= smax as u32 {
            self.ends_with(smin as u32, smax as u32);
        }
        // A load that extended a sign which is not there: the upper half is zero.
        let extended = self.r64.smin >= i32::MIN.into() && self.r64.smax <= i32::MAX.into();
        if smin >= 0 && extended {
            self.r64 = MinMax64::unsigned_and(smin as u64, smax as u64, true);
            let range = Tnum::range(self.r64.umin, self.r64.umax);
            self.bits = self.bits.intersect(range);
        }
    }

    /// The low halves of the ends are between `min` and `max`.
    fn ends_with(&mut self, min: u32, max: u32) {
        let with = |end: u64, low: u32| end & !LOW | u64::from(low);
        self.r64 = self.r64.intersect(MinMax64 {
            umin: with(self.r64.umin, min),
            umax: with(self.r64.umax, max),
            smin: with(self.r64.smin as u64, min) as i64,
            smax: with(self.r64.smax as u64, max) as i64,
        });
    }

    /// The bits that all numbers within the bounds have in common are known.
    fn bound_offset(&mut self) {
        let range64 = Tnum::range(self.r64.umin, self.r64.umax);
        let var64 = self.bits.intersect(range64);
        let range32 = Tnum::range(self.r32.umin.into(), self.r32.umax.into());
        let var32 = var64.subreg().intersect(range32);
        self.bits = var64.clear_subreg() | var32;
    }
}
