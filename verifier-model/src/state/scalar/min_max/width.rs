// SPDX-License-Identifier: GPL-2.0-only
//! Numbers with bounds, made of some of their bytes.
//!
//! Source: `__reg_assign_32_into_64()`, `set_sext64_default_val()`, `set_sext32_default_val()`, and of 6.1
//! `__reg_combine_32_into_64()` and `__reg_combine_64_into_32()`, and their callers in
//! `kernel/bpf/verifier.c` until 7.1.

use crate::domain::min_max::{MinMax32, MinMax64};
use crate::domain::tnum::Tnum;
use crate::facts::rule::{Profile, Rule};
use crate::state::scalar::min_max::bounds::sync;
use crate::state::scalar::min_max::number::Number;
use crate::state::scalar::sign;

/// The low half becomes the whole value.
pub(crate) const fn zext_32_to_64(number: &mut Number) {
    number.bits = number.bits.subreg();
    number.assign_32_into_64();
}

/// The low `size` bytes become the whole value, zero-extended.
pub(crate) fn coerce_to_size(number: &mut Number, size: u32, rules: &Profile) {
    number.bits = number.bits.cast(size);
    let mask = if size >= 8 {
        u64::MAX
    } else {
        (1u64 << (size * 8)) - 1
    };
    let (umin, umax) = (number.r64.umin, number.r64.umax);
    let (umin, umax) = if umin & !mask == umax & !mask {
        (umin & mask, umax & mask)
    } else {
        (0, mask)
    };
    number.r64 = MinMax64::unsigned_and(umin, umax, true);
    if rules.has(Rule::UNKNOWN_OPERANDS) {
        if size < 4 {
            number.r32 = MinMax32::UNBOUNDED;
        }
        sync(number, rules);
    } else if size < 4 {
        number.combine_64_into_32(rules);
    }
}

/// The low `size` bytes become the whole value, sign-extended to 64 bits.
pub(crate) fn coerce_to_size_sx(number: &mut Number, size: u32) {
    let sext = |v: i64| sign::extend(v, size);
    if number.bits.is_const() {
        *number = Number::known(sext(number.bits.value as i64) as u64);
        return;
    }
    let (smin, smax) = (number.r64.smin, number.r64.smax);
    let top = |v: i64| (v as u64) >> (size * 8);
    let (a, b) = (sext(smin), sext(smax));
    let (lo, hi) = (a.min(b), a.max(b));
    if top(smax) == top(smin) && (hi >= 0) == (lo >= 0) {
        *number = Number {
            bits: Tnum::range(lo as u64, hi as u64),
            r64: MinMax64::unsigned_and(lo as u64, hi as u64, true),
            r32: MinMax32::unsigned_and(lo as u32, hi as u32, true),
        };
        return;
    }
    let (lo, hi) = sign::bounds(size);
    *number = Number {
        bits: Tnum::UNKNOWN,
        r64: MinMax64::signed(lo.into(), hi.into()),
        r32: MinMax32::signed(lo, hi),
    };
}

/// The low `size` bytes become the low half, sign-extended to 32 bits.
pub(crate) fn coerce_subreg_to_size_sx(number: &mut Number, size: u32) {
    let sext = |v: i32| sign::extend(v.into(), size) as i32;
    if number.bits.is_const() {
        let v = sext(number.bits.value as i32);
        // The bits of a negative constant go on above the low half; the caller zero-extends.
        number.bits = Tnum::konst(i64::from(v) as u64);
        number.r32 = MinMax32::known(v as u32);
        return;
    }
    let (smin, smax) = (number.r32.smin, number.r32.smax);
    let top = |v: i32| (v as u32) >> (size * 8);
    let (a, b) = (sext(smin), sext(smax));
    let (lo, hi) = (a.min(b), a.max(b));
    if top(smax) == top(smin) && (hi >= 0) == (lo >= 0) {
        number.r32 = MinMax32::unsigned_and(lo as u32, hi as u32, true);
        number.bits = Tnum::range(i64::from(lo) as u64, i64::from(hi) as u64).subreg();
    } else {
        let (lo, hi) = sign::bounds(size);
        number.r32 = MinMax32::signed(lo, hi);
        number.bits = Tnum::UNKNOWN.subreg();
    }
}

impl Number {
    /// Takes the bounds of the low half, above which there is nothing.
    const fn assign_32_into_64(&mut self) {
        let low = self.r32;
        let (smin, smax) = if low.smin >= 0 && low.smax >= 0 {
            (low.smin as i64, low.smax as i64)
        } else {
            (0, u32::MAX as i64)
        };
        self.r64 = MinMax64 {
            umin: low.umin as u64,
            umax: low.umax as u64,
            smin,
            smax,
        };
    }

    /// What a comparison of low halves said is carried over (6.1).
    pub(crate) fn combine_32_into_64(&mut self, rules: &Profile) {
        if self.bits.clear_subreg().equals_const(0) {
            self.assign_32_into_64();
        } else {
            self.r64 = MinMax64::UNBOUNDED;
        }
        sync(self, rules);
    }

    /// The low half takes the bounds of the whole where they are its own (6.1).
    pub(crate) fn combine_64_into_32(&mut self, rules: &Profile) {
        self.r32 = MinMax32::UNBOUNDED;
        let whole = self.r64;
        if let (Ok(min), Ok(max)) = (i32::try_from(whole.smin), i32::try_from(whole.smax)) {
            (self.r32.smin, self.r32.smax) = (min, max);
        }
        if let (Ok(min), Ok(max)) = (u32::try_from(whole.umin), u32::try_from(whole.umax)) {
            (self.r32.umin, self.r32.umax) = (min, max);
        }
        sync(self, rules);
    }
}
