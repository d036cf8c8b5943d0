// SPDX-License-Identifier: GPL-2.0-only
//! The ranges of a number and of its low half, as a release keeps them: arcs since 7.2, bounds before.
//!
//! Most bounds are those of an arc, and then the arc stands for them: so a known number, one of which
//! nothing is known, and one from a table is the same to every release, and two ranges are equal if they
//! look it. Bounds that no arc has, because they cross or are cut twice, are kept once and for all, and a
//! register points to them: they are few, and registers are copied and compared a lot.

use std::cell::RefCell;
use std::collections::HashSet;

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::domain::min_max::{MinMax32, MinMax64};

/// The bounds of a number and of its low half.
type Bounds = (MinMax64, MinMax32);

/// The ranges of a number and of its low half.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ranges {
    /// An arc each.
    Arcs(Cnum64, Cnum32),
    /// Bounds, one of which at least no arc has.
    Bounds(&'static Bounds),
}

/// An end of the range that the pattern takes out as `$r`.
macro_rules! bound {
    ($name:ident, $end:ident, ($($pattern:tt)*) $r:ident, $number:ident, $doc:literal) => {
        #[doc = $doc]
        pub(crate) const fn $name(&self) -> $number {
            match self {
                Self::Arcs($($pattern)*) => $r.$end(),
                Self::Bounds(($($pattern)*)) => $r.$end,
            }
        }
    };
}

impl Ranges {
    /// Any number.
    pub(crate) const UNBOUNDED: Self = Self::Arcs(Cnum64::UNBOUNDED, Cnum32::UNBOUNDED);

    /// One number.
    pub(crate) const fn known(value: u64) -> Self {
        Self::Arcs(
            Cnum64::from_urange(value, value),
            Cnum32::from_urange(value as u32, value as u32),
        )
    }

    /// From `min` to `max` signed, of which the low half is as well.
    pub(crate) const fn signed(min: i64, max: i64) -> Self {
        Self::Arcs(
            Cnum64::from_srange(min, max),
            Cnum32::from_srange(min as i32, max as i32),
        )
    }

    /// From 0 to `max`.
    pub(crate) const fn up_to(max: u32) -> Self {
        Self::Arcs(
            Cnum64::from_urange(0, max as u64),
            Cnum32::from_urange(0, max),
        )
    }

    /// These bounds.
    pub(crate) fn of_bounds(r64: MinMax64, r32: MinMax32) -> Self {
        let (a64, a32) = arcs_of(&(r64, r32));
        let arcs = Self::Arcs(a64, a32);
        match arcs.bounds() == (r64, r32) {
            true => arcs,
            false => Self::Bounds(kept((r64, r32))),
        }
    }

    /// The bounds of the number and of its low half.
    pub(crate) const fn bounds(&self) -> Bounds {
        match *self {
            Self::Arcs(r64, r32) => (
                MinMax64 {
                    umin: r64.umin(),
                    umax: r64.umax(),
                    smin: r64.smin(),
                    smax: r64.smax(),
                },
                MinMax32 {
                    umin: r32.umin(),
                    umax: r32.umax(),
                    smin: r32.smin(),
                    smax: r32.smax(),
                },
            ),
            Self::Bounds(bounds) => *bounds,
        }
    }

    /// The arcs of the number and of its low half; for bounds that none has, those of the bounds without
    /// a sign, or with one.
    #[inline]
    pub(crate) fn arcs(&self) -> (Cnum64, Cnum32) {
        match *self {
            Self::Arcs(r64, r32) => (r64, r32),
            Self::Bounds(bounds) => arcs_of(bounds),
        }
    }

    /// Whether the number is `value` and no other.
    #[inline]
    pub(crate) fn are_of(&self, value: u64) -> bool {
        match self {
            Self::Arcs(r64, _) => *r64 == Cnum64::from_urange(value, value),
            Self::Bounds((r64, _)) => *r64 == MinMax64::known(value),
        }
    }

    /// Whether the low half is `value` and no other.
    #[inline]
    pub(crate) fn are_of_low(&self, value: u32) -> bool {
        match self {
            Self::Arcs(_, r32) => *r32 == Cnum32::from_urange(value, value),
            Self::Bounds((_, r32)) => *r32 == MinMax32::known(value),
        }
    }

    /// The low half is one number; the whole keeps its range.
    pub(crate) fn set_known32(&mut self, value: u32) {
        *self = match *self {
            Self::Arcs(r64, _) => Self::Arcs(r64, Cnum32::from_urange(value, value)),
            Self::Bounds((r64, _)) => Self::of_bounds(*r64, MinMax32::known(value)),
        };
    }

    /// The low half may be any number; the whole keeps its range.
    pub(crate) fn forget32(&mut self) {
        *self = match *self {
            Self::Arcs(r64, _) => Self::Arcs(r64, Cnum32::UNBOUNDED),
            Self::Bounds((r64, _)) => Self::of_bounds(*r64, MinMax32::UNBOUNDED),
        };
    }

    /// Whether every number of `inner` is in `self`.
    pub(crate) fn cover(&self, inner: &Self) -> bool {
        if let (Self::Arcs(r64, r32), Self::Arcs(i64, i32)) = (self, inner) {
            return r64.is_superset_of(*i64) && r32.is_superset_of(*i32);
        }
        let ((r64, r32), (i64, i32)) = (self.bounds(), inner.bounds());
        r64.covers(i64) && r32.covers(i32)
    }

    bound!(smin, smin, (r64, _) r64, i64, "Signed minimum.");
    bound!(smax, smax, (r64, _) r64, i64, "Signed maximum.");
    bound!(umin, umin, (r64, _) r64, u64, "Unsigned minimum.");
    bound!(umax, umax, (r64, _) r64, u64, "Unsigned maximum.");
    bound!(s32_min, smin, (_, r32) r32, i32, "Signed minimum of the low half.");
    bound!(s32_max, smax, (_, r32) r32, i32, "Signed maximum of the low half.");
    bound!(u32_min, umin, (_, r32) r32, u32, "Unsigned minimum of the low half.");
    bound!(u32_max, umax, (_, r32) r32, u32, "Unsigned maximum of the low half.");
}

impl PartialEq for Ranges {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Arcs(r64, r32), Self::Arcs(o64, o32)) => r64 == o64 && r32 == o32,
            _ => are_same_bounds(self, other),
        }
    }
}

impl Eq for Ranges {}

impl Default for Ranges {
    fn default() -> Self {
        Self::known(0)
    }
}

/// The rare case of a comparison: what the other has is bounds as well, and the same.
#[cold]
fn are_same_bounds(a: &Ranges, b: &Ranges) -> bool {
    match (a, b) {
        (Ranges::Bounds(a), Ranges::Bounds(b)) => a == b,
        _ => false,
    }
}

/// Bounds that stay where they are.
#[cold]
fn kept(bounds: Bounds) -> &'static Bounds {
    thread_local! {
        static KEPT: RefCell<HashSet<&'static Bounds>> = RefCell::default();
    }
    KEPT.with_borrow_mut(|kept| match kept.get(&bounds) {
        Some(there) => there,
        None => {
            let new: &'static Bounds = Box::leak(Box::new(bounds));
            kept.insert(new);
            new
        }
    })
}

/// Arcs that go over neither end of the unsigned numbers, or over neither of the signed ones.
#[cold]
const fn arcs_of((r64, r32): &Bounds) -> (Cnum64, Cnum32) {
    let arc64 = match (r64.umin, r64.umax) {
        (0, u64::MAX) => Cnum64::from_srange(r64.smin, r64.smax),
        (umin, umax) => Cnum64::from_urange(umin, umax),
    };
    let arc32 = match (r32.umin, r32.umax) {
        (0, u32::MAX) => Cnum32::from_srange(r32.smin, r32.smax),
        (umin, umax) => Cnum32::from_urange(umin, umax),
    };
    (arc64, arc32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn end() -> impl Strategy<Value = u64> {
        prop_oneof![any::<u64>(), any::<i32>().prop_map(|v| v as u64), 0..4u64]
    }

    proptest! {
        #[test]
        fn bounds_come_back_as_they_were(e: [u64; 4], n in end(), full in any::<[bool; 2]>()) {
            let mut r64 = MinMax64 { umin: n, umax: e[0], smin: e[1] as i64, smax: e[2] as i64 };
            if full[0] { (r64.umin, r64.umax) = (0, u64::MAX); }
            if full[1] { (r64.smin, r64.smax) = (i64::MIN, i64::MAX); }
            let half = |v: u64| v as u32;
            let r32 = MinMax32 {
                umin: half(r64.umin), umax: half(r64.umax), smin: r64.smin as i32, smax: e[3] as i32,
            };
            let r = Ranges::of_bounds(r64, r32);
            prop_assert_eq!(r.bounds(), (r64, r32));
            prop_assert_eq!((r.umin(), r.s32_max()), (r64.umin, r32.smax));
        }

        #[test]
        fn what_every_release_has_is_kept_as_arcs(v in end(), w in end()) {
            for same in [Ranges::known(v), Ranges::UNBOUNDED, Ranges::up_to(v as u32)] {
                let (r64, r32) = same.bounds();
                prop_assert_eq!(Ranges::of_bounds(r64, r32), same);
            }
            let (min, max) = (v.min(w), v.max(w));
            let bounds = (MinMax64::in_one_half(min, max), MinMax32::UNBOUNDED);
            let arcs = Ranges::of_bounds(bounds.0, bounds.1);
            prop_assert!(matches!(arcs, Ranges::Arcs(..)), "{:?}", arcs);
        }

        #[test]
        fn arcs_cover_as_their_bounds_do(a: [i32; 2], b: [i32; 2]) {
            let of = |[x, y]: [i32; 2]| Ranges::signed(x.min(y).into(), x.max(y).into());
            let (old, cur) = (of(a), of(b));
            let ((o64, o32), (c64, c32)) = (old.bounds(), cur.bounds());
            prop_assert_eq!(old.cover(&cur), o64.covers(c64) && o32.covers(c32));
        }
    }
}
