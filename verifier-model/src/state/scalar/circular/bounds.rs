// SPDX-License-Identifier: GPL-2.0-only
//! Keeping the bits and the arcs of a number in agreement.
//!
//! The same value is described three times: by its bits ([`Tnum`]), a 64-bit and a 32-bit range
//! ([`crate::domain::cnum`]). After each operation each description is narrowed by the others.
//!
//! Source: `reg_bounds_sync()` and neighbours in `kernel/bpf/verifier.c` since 7.2.

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::domain::tnum::Tnum;
use crate::facts::rule::{Profile, Rule};
use crate::state::scalar::circular::number::Number;

/// Narrows each description of the value by the others. Nothing is done when a range is empty:
/// the branch is impossible and its caller finds out.
pub(crate) fn sync(number: &mut Number, rules: &Profile) {
    if *number == Number::known(number.bits.value) {
        return;
    }
    if number.r32.is_empty() || number.r64.is_empty() {
        return;
    }
    update(number, rules);
    for _ in 0..2 {
        number.r32 = number.r32.intersect(Cnum32::from_cnum64(number.r64));
        number.r64 = number.r64.intersect_subreg(number.r32);
    }
    let (r64, r32) = (number.r64, number.r32);
    let var64 = number.bits.intersect(Tnum::range(r64.umin(), r64.umax()));
    let range32 = Tnum::range(r32.umin().into(), r32.umax().into());
    let var32 = var64.subreg().intersect(range32);
    number.bits = var64.clear_subreg() | var32;
    update(number, rules);
}

/// Leaves no number but those from `min` to `max`.
pub(crate) fn narrow_signed(number: &mut Number, min: i32, max: i32) {
    number.r32 = number.r32.intersect(Cnum32::from_srange(min, max));
    let range = Cnum64::from_srange(min.into(), max.into());
    number.r64 = number.r64.intersect(range);
}

/// Narrows both ranges by the bits.
pub(crate) fn update(number: &mut Number, rules: &Profile) {
    update32(number);
    update64(number, rules);
}

/// Narrows the 32-bit range by the bits.
pub(crate) fn update32(number: &mut Number) {
    number.r32 = number.r32.intersect(cnum32_from_tnum(number.bits));
}

/// Narrows the 64-bit range by the bits; if they leave one value, takes it.
fn update64(number: &mut Number, rules: &Profile) {
    number.r64 = number.r64.intersect(cnum64_from_tnum(number.bits));
    if !rules.has(Rule::ONE_VALUE_LEFT) {
        return;
    }
    let (umin, umax, t) = (number.r64.umin(), number.r64.umax(), number.bits);
    let next = t.step(umin);
    let umin_in_tnum = umin & !t.mask == t.value;
    let tmax = t.value | t.mask;
    if umin_in_tnum && next > umax {
        *number = Number::known(umin);
    } else if !umin_in_tnum && next == tmax {
        *number = Number::known(tmax);
    } else if !umin_in_tnum && next <= umax && t.step(next) > umax {
        *number = Number::known(next);
    }
}

fn cnum32_from_tnum(t: Tnum) -> Cnum32 {
    const SIGN: u32 = 1 << 31;
    let t = t.subreg();
    let (value, mask) = (t.value as u32, t.mask as u32);
    if (mask | value) & SIGN != 0 {
        Cnum32::from_srange((value | mask & SIGN) as i32, (value | mask & !SIGN) as i32)
    } else {
        Cnum32::from_urange(value, value | mask)
    }
}

fn cnum64_from_tnum(t: Tnum) -> Cnum64 {
    const SIGN: u64 = 1 << 63;
    if (t.mask | t.value) & SIGN != 0 {
        Cnum64::from_srange(
            (t.value | t.mask & SIGN) as i64,
            (t.value | t.mask & !SIGN) as i64,
        )
    } else {
        Cnum64::from_urange(t.value, t.value | t.mask)
    }
}
