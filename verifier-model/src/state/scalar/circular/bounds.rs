// SPDX-License-Identifier: GPL-2.0-only
//! Keeping the bits and the arcs of a register in agreement.
//!
//! The same value is described three times: by its bits ([`Tnum`]), a 64-bit and a 32-bit range
//! ([`crate::domain::cnum`]). After each operation each description is narrowed by the others.
//!
//! Source: `reg_bounds_sync()` and neighbours in `kernel/bpf/verifier.c` since 7.2.

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::domain::ranges::Ranges;
use crate::domain::tnum::Tnum;
use crate::facts::rule::{Profile, Rule};
use crate::state::reg::RegState;

impl RegState {
    /// Its arc.
    pub(super) fn r64(&self) -> Cnum64 {
        self.ranges.arc64()
    }

    /// The arc of its low half.
    pub(super) fn r32(&self) -> Cnum32 {
        self.ranges.arc32()
    }

    /// Takes an arc for its own.
    pub(super) fn set_r64(&mut self, r64: Cnum64) {
        self.ranges = Ranges::Arcs(r64, self.r32());
    }

    /// Takes an arc for that of its low half.
    pub(super) fn set_r32(&mut self, r32: Cnum32) {
        self.ranges = Ranges::Arcs(self.r64(), r32);
    }
}

/// Narrows each description of the value by the others. Nothing is done when a range is empty:
/// the branch is impossible and its caller finds out.
pub(crate) fn bounds_sync(reg: &mut RegState, rules: &Profile) {
    if is_one_value(reg) || reg.is_impossible() {
        return;
    }
    update_bounds(reg, rules);
    let (mut r64, mut r32) = (reg.r64(), reg.r32());
    for _ in 0..2 {
        r32 = r32.intersect(Cnum32::from_cnum64(r64));
        r64 = r64.intersect_subreg(r32);
    }
    reg.ranges = Ranges::Arcs(r64, r32);
    let var64 = reg.var_off.intersect(Tnum::range(reg.umin(), reg.umax()));
    let range32 = Tnum::range(reg.u32_min().into(), reg.u32_max().into());
    let var32 = var64.subreg().intersect(range32);
    reg.var_off = var64.clear_subreg() | var32;
    update_bounds(reg, rules);
}

/// Whether all descriptions are of the same one value.
fn is_one_value(reg: &RegState) -> bool {
    let value = reg.var_off.value;
    reg.var_off.is_const()
        && reg.r64() == Cnum64::from_urange(value, value)
        && reg.r32() == Cnum32::from_urange(value as u32, value as u32)
}

/// Leaves no number but those from `min` to `max`.
pub(crate) fn narrow_signed(reg: &mut RegState, min: i32, max: i32) {
    let r32 = reg.r32().intersect(Cnum32::from_srange(min, max));
    let r64 = reg
        .r64()
        .intersect(Cnum64::from_srange(min.into(), max.into()));
    reg.ranges = Ranges::Arcs(r64, r32);
}

/// Narrows both ranges by the bits.
pub(crate) fn update_bounds(reg: &mut RegState, rules: &Profile) {
    update_bounds32(reg);
    update_bounds64(reg, rules);
}

/// Narrows the 32-bit range by the bits.
pub(crate) fn update_bounds32(reg: &mut RegState) {
    reg.set_r32(reg.r32().intersect(cnum32_from_tnum(reg.var_off)));
}

/// Narrows the 64-bit range by the bits; if they leave one value, takes it.
fn update_bounds64(reg: &mut RegState, rules: &Profile) {
    reg.set_r64(reg.r64().intersect(cnum64_from_tnum(reg.var_off)));
    if !rules.has(Rule::ONE_VALUE_LEFT) {
        return;
    }
    let (umin, umax, t) = (reg.umin(), reg.umax(), reg.var_off);
    let next = t.step(umin);
    let umin_in_tnum = umin & !t.mask == t.value;
    let tmax = t.value | t.mask;
    if umin_in_tnum && next > umax {
        reg.set_value(umin);
    } else if !umin_in_tnum && next == tmax {
        reg.set_value(tmax);
    } else if !umin_in_tnum && next <= umax && t.step(next) > umax {
        reg.set_value(next);
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
