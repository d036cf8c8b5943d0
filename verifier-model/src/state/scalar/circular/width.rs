// SPDX-License-Identifier: GPL-2.0-only
//! Numbers whose ranges are arcs, made of some of their bytes.
//!
//! Source: `coerce_reg_to_size()`, `coerce_reg_to_size_sx()`, `coerce_subreg_to_size_sx()` and
//! `zext_32_to_64()` in `kernel/bpf/verifier.c` since 7.2.

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::domain::tnum::Tnum;
use crate::facts::rule::Profile;
use crate::state::scalar::circular::bounds::sync;
use crate::state::scalar::circular::number::Number;
use crate::state::scalar::sign;

/// The low half becomes the whole value.
pub(crate) fn zext_32_to_64(number: &mut Number) {
    number.bits = number.bits.subreg();
    number.r64 = Cnum64::from_urange(number.r32.umin().into(), number.r32.umax().into());
}

/// The low `size` bytes become the whole value, zero-extended.
pub(crate) fn coerce_to_size(number: &mut Number, size: u32, rules: &Profile) {
    number.bits = number.bits.cast(size);
    let mask = if size >= 8 {
        u64::MAX
    } else {
        (1u64 << (size * 8)) - 1
    };
    let (umin, umax) = (number.r64.umin(), number.r64.umax());
    number.r64 = if umin & !mask == umax & !mask {
        Cnum64::from_urange(umin & mask, umax & mask)
    } else {
        Cnum64::from_urange(0, mask)
    };
    if size < 4 {
        number.r32 = Cnum32::UNBOUNDED;
    }
    sync(number, rules);
}

/// The low `size` bytes become the whole value, sign-extended to 64 bits.
pub(crate) fn coerce_to_size_sx(number: &mut Number, size: u32) {
    let sext = |v: i64| sign::extend(v, size);
    if number.bits.is_const() {
        *number = Number::known(sext(number.bits.value as i64) as u64);
        return;
    }
    let (smin, smax) = (number.r64.smin(), number.r64.smax());
    let top = |v: i64| (v as u64) >> (size * 8);
    if top(smax) == top(smin) {
        let (a, b) = (sext(smin), sext(smax));
        let (lo, hi) = (a.min(b), a.max(b));
        if (hi >= 0) == (lo >= 0) {
            number.r64 = Cnum64::from_srange(lo, hi);
            number.r32 = Cnum32::from_srange(lo as i32, hi as i32);
            number.bits = Tnum::range(lo as u64, hi as u64);
            return;
        }
    }
    let (lo, hi) = sign::bounds(size);
    number.r64 = Cnum64::from_srange(lo.into(), hi.into());
    number.r32 = Cnum32::from_srange(lo, hi);
    number.bits = Tnum::UNKNOWN;
}

/// The low `size` bytes become the low half, sign-extended to 32 bits.
pub(crate) fn coerce_subreg_to_size_sx(number: &mut Number, size: u32) {
    let sext = |v: i32| sign::extend(v.into(), size) as i32;
    if number.bits.is_const() {
        let v = sext(number.bits.value as i32);
        // A negative constant goes into the bits sign-extended, as the kernel leaves it; the
        // caller zero-extends.
        number.bits = Tnum::konst(i64::from(v) as u64);
        number.r32 = Cnum32::from_srange(v, v);
        return;
    }
    let (smin, smax) = (number.r32.smin(), number.r32.smax());
    let top = |v: i32| (v as u32) >> (size * 8);
    if top(smax) == top(smin) {
        let (a, b) = (sext(smin), sext(smax));
        let (lo, hi) = (a.min(b), a.max(b));
        if (hi >= 0) == (lo >= 0) {
            number.r32 = Cnum32::from_srange(lo, hi);
            number.bits = Tnum::range(i64::from(lo) as u64, i64::from(hi) as u64).subreg();
            return;
        }
    }
    let (lo, hi) = sign::bounds(size);
    number.r32 = Cnum32::from_srange(lo, hi);
    number.bits = Tnum::UNKNOWN.subreg();
}
