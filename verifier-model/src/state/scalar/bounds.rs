// SPDX-License-Identifier: GPL-2.0-only
//! Keeping the bits and the ranges of a register in agreement, and changing its width.
//!
//! The same value is described three times: by its bits ([`Tnum`]), a 64-bit and a 32-bit range
//! ([`crate::domain::cnum`]). After each operation each description is narrowed by the others.
//!
//! Source: `reg_bounds_sync()`, `coerce_reg_to_size()` and neighbours in `kernel/bpf/verifier.c`.

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::domain::tnum::Tnum;
use crate::facts::rule::{Profile, Rule};
use crate::state::reg::RegState;

impl RegState {
    /// Narrows each description of the value by the others. Nothing is done when a range is empty:
    /// the branch is impossible and its caller finds out.
    pub(crate) fn bounds_sync(&mut self, rules: &Profile) {
        if self.is_one_value() || self.range_bounds_violation() {
            return;
        }
        self.update_bounds(rules);
        for _ in 0..2 {
            self.r32 = self.r32.intersect(Cnum32::from_cnum64(self.r64));
            self.r64 = self.r64.intersect_subreg(self.r32);
        }
        let var64 = self
            .var_off
            .intersect(Tnum::range(self.umin(), self.umax()));
        let range32 = Tnum::range(self.u32_min().into(), self.u32_max().into());
        let var32 = var64.subreg().intersect(range32);
        self.var_off = var64.clear_subreg() | var32;
        self.update_bounds(rules);
    }

    /// Whether all descriptions are of the same one value.
    fn is_one_value(&self) -> bool {
        let value = self.var_off.value;
        self.var_off.is_const()
            && self.r64 == Cnum64::from_urange(value, value)
            && self.r32 == Cnum32::from_urange(value as u32, value as u32)
    }

    /// Narrows both ranges by the bits.
    pub(crate) fn update_bounds(&mut self, rules: &Profile) {
        self.update_bounds32();
        self.update_bounds64(rules);
    }

    /// Narrows the 32-bit range by the bits.
    pub(crate) fn update_bounds32(&mut self) {
        self.r32 = self.r32.intersect(cnum32_from_tnum(self.var_off));
    }

    /// Narrows the 64-bit range by the bits; if they leave one value, takes it.
    fn update_bounds64(&mut self, rules: &Profile) {
        self.r64 = self.r64.intersect(cnum64_from_tnum(self.var_off));
        if !rules.has(Rule::ONE_VALUE_LEFT) {
            return;
        }
        let (umin, umax, t) = (self.umin(), self.umax(), self.var_off);
        let next = t.step(umin);
        let umin_in_tnum = umin & !t.mask == t.value;
        let tmax = t.value | t.mask;
        if umin_in_tnum && next > umax {
            self.set_value(umin);
        } else if !umin_in_tnum && next == tmax {
            self.set_value(tmax);
        } else if !umin_in_tnum && next <= umax && t.step(next) > umax {
            self.set_value(next);
        }
    }

    /// Whether no value is left.
    pub(crate) const fn range_bounds_violation(&self) -> bool {
        self.r32.is_empty() || self.r64.is_empty()
    }

    /// What is wrong with the descriptions, if they disagree.
    pub(crate) fn invariant_violation(&self) -> Option<&'static str> {
        if self.range_bounds_violation() {
            return Some("range bounds violation");
        }
        let t = self.var_off;
        if t.is_const() && (!self.r64.is_const() || self.r64.base != t.value) {
            return Some("const tnum out of sync with range bounds");
        }
        let t = t.subreg();
        if t.is_const() && (!self.r32.is_const() || u64::from(self.r32.base) != t.value) {
            return Some("const subreg tnum out of sync with range bounds");
        }
        None
    }

    /// The low half becomes the whole value.
    pub(crate) fn zext_32_to_64(&mut self) {
        self.var_off = self.var_off.subreg();
        self.r64 = Cnum64::from_urange(self.u32_min().into(), self.u32_max().into());
    }

    /// The low `size` bytes become the whole value, zero-extended.
    pub(crate) fn coerce_to_size(&mut self, size: u32, rules: &Profile) {
        self.var_off = self.var_off.cast(size);
        let mask = if size >= 8 {
            u64::MAX
        } else {
            (1u64 << (size * 8)) - 1
        };
        let (umin, umax) = (self.umin(), self.umax());
        self.r64 = if umin & !mask == umax & !mask {
            Cnum64::from_urange(umin & mask, umax & mask)
        } else {
            Cnum64::from_urange(0, mask)
        };
        if size < 4 {
            self.r32 = Cnum32::UNBOUNDED;
        }
        self.bounds_sync(rules);
    }

    /// The low `size` bytes become the whole value, sign-extended to 64 bits.
    pub(crate) fn coerce_to_size_sx(&mut self, size: u32) {
        let sext = |v: i64| match size {
            1 => i64::from(v as i8),
            2 => i64::from(v as i16),
            _ => i64::from(v as i32),
        };
        if self.var_off.is_const() {
            self.set_value(sext(self.var_off.value as i64) as u64);
            return;
        }
        let (smin, smax) = (self.smin(), self.smax());
        let top = |v: i64| (v as u64) >> (size * 8);
        if top(smax) == top(smin) {
            let (a, b) = (sext(smin), sext(smax));
            let (lo, hi) = (a.min(b), a.max(b));
            if (hi >= 0) == (lo >= 0) {
                self.r64 = Cnum64::from_srange(lo, hi);
                self.r32 = Cnum32::from_srange(lo as i32, hi as i32);
                self.var_off = Tnum::range(lo as u64, hi as u64);
                return;
            }
        }
        let (lo, hi) = match size {
            1 => (i32::from(i8::MIN), i32::from(i8::MAX)),
            2 => (i32::from(i16::MIN), i32::from(i16::MAX)),
            _ => (i32::MIN, i32::MAX),
        };
        self.r64 = Cnum64::from_srange(lo.into(), hi.into());
        self.r32 = Cnum32::from_srange(lo, hi);
        self.var_off = Tnum::UNKNOWN;
    }

    /// The low `size` bytes become the low half, sign-extended to 32 bits.
    pub(crate) fn coerce_subreg_to_size_sx(&mut self, size: u32) {
        let sext = |v: i32| {
            if size == 1 {
                i32::from(v as i8)
            } else {
                i32::from(v as i16)
            }
        };
        if self.var_off.is_const() {
            let v = sext(self.var_off.value as i32);
            // A negative constant goes into the bits sign-extended, as the kernel leaves it; the
            // caller zero-extends.
            self.var_off = Tnum::konst(i64::from(v) as u64);
            self.r32 = Cnum32::from_srange(v, v);
            return;
        }
        let (smin, smax) = (self.s32_min(), self.s32_max());
        let top = |v: i32| (v as u32) >> (size * 8);
        if top(smax) == top(smin) {
            let (a, b) = (sext(smin), sext(smax));
            let (lo, hi) = (a.min(b), a.max(b));
            if (hi >= 0) == (lo >= 0) {
                self.r32 = Cnum32::from_srange(lo, hi);
                self.var_off = Tnum::range(i64::from(lo) as u64, i64::from(hi) as u64).subreg();
                return;
            }
        }
        let (lo, hi) = if size == 1 {
            (i32::from(i8::MIN), i32::from(i8::MAX))
        } else {
            (i32::from(i16::MIN), i32::from(i16::MAX))
        };
        self.r32 = Cnum32::from_srange(lo, hi);
        self.var_off = Tnum::UNKNOWN.subreg();
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A register together with a value that it stands for.
    pub(crate) fn reg_with_member() -> impl Strategy<Value = (RegState, u64)> {
        let value = prop_oneof![any::<u64>(), any::<i32>().prop_map(|v| v as u64), 0..256u64];
        let mask = prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), 0..1024u64];
        let slack = prop_oneof![any::<u64>(), 0..300u64, Just(0)];
        (
            value,
            mask,
            slack.clone(),
            slack,
            any::<u32>(),
            any::<u32>(),
        )
            .prop_map(|(x, m, before, after, b32, a32)| {
                let mut r = RegState::unknown_imprecise();
                r.var_off = Tnum::new(x & !m, m);
                if let Some(size) = before.checked_add(after) {
                    r.r64 = Cnum64 {
                        base: x.wrapping_sub(before),
                        size,
                    };
                }
                if let Some(size) = b32.checked_add(a32) {
                    r.r32 = Cnum32 {
                        base: (x as u32).wrapping_sub(b32),
                        size,
                    };
                }
                if r.range_bounds_violation() {
                    r.mark_unbounded();
                }
                (r, x)
            })
    }

    pub(crate) fn holds(r: &RegState, v: u64) -> bool {
        r.var_off.contains(Tnum::konst(v)) && r.r64.contains(v) && r.r32.contains(v as u32)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn sync_keeps_every_value((mut r, x) in reg_with_member()) {
            r.bounds_sync(&Profile::V7_3);
            prop_assert!(holds(&r, x), "{r:?} {x:#x}");
        }

        #[test]
        fn width_changes_keep_every_value((r, x) in reg_with_member()) {
            let run = |f: &dyn Fn(&mut RegState)| { let mut r = r; r.bounds_sync(&Profile::V7_3); f(&mut r); r };
            for size in [1, 2, 4] {
                let keep = (1u64 << (size * 8)) - 1;
                prop_assert!(holds(&run(&|r| r.coerce_to_size(size, &Profile::V7_3)), x & keep));
                let sx = match size { 1 => x as i8 as i64, 2 => x as i16 as i64, _ => x as i32 as i64 };
                let got = run(&|r| r.coerce_to_size_sx(size));
                prop_assert!(holds(&got, sx as u64), "{got:?} {sx:#x}");
            }
            let zext = run(&|r| { r.zext_32_to_64(); r.bounds_sync(&Profile::V7_3) });
            prop_assert!(holds(&zext, x & 0xffff_ffff));
            for size in [1, 2] {
                let sx = if size == 1 { x as i8 as i32 } else { x as i16 as i32 };
                let got = run(&|r| { r.coerce_subreg_to_size_sx(size); r.zext_32_to_64(); r.bounds_sync(&Profile::V7_3) });
                prop_assert!(holds(&got, u64::from(sx as u32)), "{got:?} {sx:#x}");
            }
        }
    }
}
