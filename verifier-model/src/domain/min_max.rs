// SPDX-License-Identifier: GPL-2.0-only
//! Least and greatest beside each other: a signed and an unsigned range of the same number.
//!
//! A number is at least `umin` and at most `umax` without a sign, and at least `smin` and at most `smax`
//! with one. The two are narrowed by each other, for they tell of the same bits:
//!
//! ```text
//!   unsigned  0 ───────── S_MAX  S_MIN as unsigned ───── MAX
//!   signed    0 ───────── S_MAX  S_MIN ───────────────── -1      -1 is followed by 0 again
//! ```
//!
//! A range that stays in one half is the same in both; one that leaves it is cut in two by the other.
//!
//! Nothing keeps a minimum below its maximum. Where a path cannot be, they cross, and the releases that
//! walk it compute with what they then have.
//!
//! Source: `struct bpf_reg_state` until 7.1, `scalar*_min_max_*()`, `__reg32_deduce_bounds()` and
//! `__reg64_deduce_bounds()` in `kernel/bpf/verifier.c`.

macro_rules! min_max {
    ($name:ident, $ut:ident, $st:ident, $half:expr, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub(crate) struct $name {
            /// Unsigned minimum.
            pub umin: $ut,
            /// Unsigned maximum.
            pub umax: $ut,
            /// Signed minimum.
            pub smin: $st,
            /// Signed maximum.
            pub smax: $st,
        }

        impl $name {
            /// Any number.
            pub(crate) const UNBOUNDED: Self = Self {
                umin: 0,
                umax: $ut::MAX,
                smin: $st::MIN,
                smax: $st::MAX,
            };

            /// One number.
            pub(crate) const fn known(value: $ut) -> Self {
                Self {
                    umin: value,
                    umax: value,
                    smin: value as $st,
                    smax: value as $st,
                }
            }

            /// From `umin` to `umax`, whatever that is with a sign.
            pub(crate) const fn unsigned(umin: $ut, umax: $ut) -> Self {
                Self {
                    umin,
                    umax,
                    ..Self::UNBOUNDED
                }
            }

            /// From `smin` to `smax`, whatever that is without a sign.
            pub(crate) const fn signed(smin: $st, smax: $st) -> Self {
                Self {
                    smin,
                    smax,
                    ..Self::UNBOUNDED
                }
            }

            /// From `umin` to `umax`, with a sign as well if `same`.
            pub(crate) const fn unsigned_and(umin: $ut, umax: $ut, same: bool) -> Self {
                if same {
                    Self {
                        umin,
                        umax,
                        smin: umin as $st,
                        smax: umax as $st,
                    }
                } else {
                    Self::unsigned(umin, umax)
                }
            }

            /// From `umin` to `umax`, with a sign as well if both ends have the same.
            pub(crate) const fn in_one_half(umin: $ut, umax: $ut) -> Self {
                Self::unsigned_and(umin, umax, umin as $st <= umax as $st)
            }

            /// Whether a minimum is above its maximum.
            pub(crate) const fn is_crossed(self) -> bool {
                self.umin > self.umax || self.smin > self.smax
            }

            /// Whether every number of `inner` is in `self`, bound by bound.
            pub(crate) const fn covers(self, inner: Self) -> bool {
                self.umin <= inner.umin
                    && self.umax >= inner.umax
                    && self.smin <= inner.smin
                    && self.smax >= inner.smax
            }

            /// What is in both, bound by bound.
            #[must_use]
            pub(crate) fn intersect(self, o: Self) -> Self {
                Self {
                    umin: self.umin.max(o.umin),
                    umax: self.umax.min(o.umax),
                    smin: self.smin.max(o.smin),
                    smax: self.smax.min(o.smax),
                }
            }

            /// What known bits leave: those of `value`, but for those of `mask`.
            #[must_use]
            pub(crate) fn with_bits(self, value: $ut, mask: $ut) -> Self {
                self.intersect(Self {
                    umin: value,
                    umax: value | mask,
                    smin: (value | mask & $st::MIN as $ut) as $st,
                    smax: (value | mask & $st::MAX as $ut) as $st,
                })
            }

            /// Narrows signed and unsigned by each other. A signed range over zero that meets one end
            /// of the unsigned one is `split`: the other half falls away.
            #[must_use]
            pub(crate) fn deduce(mut self, split: bool) -> Self {
                if self.umin as $st <= self.umax as $st {
                    self.smin = self.smin.max(self.umin as $st);
                    self.smax = self.smax.min(self.umax as $st);
                }
                let (smin, smax) = (self.smin as $ut, self.smax as $ut);
                if smin <= smax {
                    self.umin = self.umin.max(smin);
                    self.umax = self.umax.min(smax);
                } else if split && self.umax < smin {
                    self.smin = self.umin as $st;
                    self.umax = self.umax.min(smax);
                } else if split && smax < self.umin {
                    self.smax = self.umax as $st;
                    self.umin = self.umin.max(smin);
                }
                self
            }

            /// As [`Self::deduce`], for a range that is wholly of one sign alone.
            #[must_use]
            pub(crate) fn deduce_by_sign(mut self) -> Self {
                let umin = self.umin.max(self.smin as $ut);
                let umax = self.umax.min(self.smax as $ut);
                if self.smin >= 0 || self.smax < 0 {
                    return Self::unsigned_and(umin, umax, true);
                }
                if self.umax as $st >= 0 {
                    self.smin = self.umin as $st;
                    (self.smax, self.umax) = (umax as $st, umax);
                } else if (self.umin as $st) < 0 {
                    (self.smin, self.umin) = (umin as $st, umin);
                    self.smax = self.umax as $st;
                }
                self
            }

            fn signed_of(ends: [Option<$st>; 2]) -> ($st, $st) {
                match ends {
                    [Some(min), Some(max)] => (min, max),
                    _ => ($st::MIN, $st::MAX),
                }
            }

            /// Sums. Where they leave the range of the type nothing is known, unless all leave it and
            /// it `wraps`.
            #[must_use]
            pub(crate) fn add(self, o: Self, wraps: bool) -> Self {
                let (smin, smax) =
                    Self::signed_of([self.smin.checked_add(o.smin), self.smax.checked_add(o.smax)]);
                let (umin, min_over) = self.umin.overflowing_add(o.umin);
                let (umax, max_over) = self.umax.overflowing_add(o.umax);
                Self::with_signed(
                    umin,
                    umax,
                    Self::apart(min_over, max_over, wraps),
                    (smin, smax),
                )
            }

            /// Differences, with the same limits.
            #[must_use]
            pub(crate) fn sub(self, o: Self, wraps: bool) -> Self {
                let (smin, smax) =
                    Self::signed_of([self.smin.checked_sub(o.smax), self.smax.checked_sub(o.smin)]);
                let (umin, min_under) = self.umin.overflowing_sub(o.umax);
                let (umax, max_under) = self.umax.overflowing_sub(o.umin);
                let lost = match wraps {
                    true => min_under && !max_under,
                    false => min_under,
                };
                Self::with_signed(umin, umax, lost, (smin, smax))
            }

            /// Whether sums lie on both sides of the type's end.
            const fn apart(min_over: bool, max_over: bool, wraps: bool) -> bool {
                if wraps {
                    !min_over && max_over
                } else {
                    min_over || max_over
                }
            }

            fn with_signed(umin: $ut, umax: $ut, lost: bool, (smin, smax): ($st, $st)) -> Self {
                let (umin, umax) = if lost { (0, $ut::MAX) } else { (umin, umax) };
                Self {
                    umin,
                    umax,
                    smin,
                    smax,
                }
            }

            /// Products, as far as none of their corners leaves the range of the type.
            #[must_use]
            pub(crate) fn mul(self, o: Self) -> Self {
                let unsigned = self
                    .umin
                    .checked_mul(o.umin)
                    .zip(self.umax.checked_mul(o.umax));
                let (umin, umax) = unsigned.unwrap_or((0, $ut::MAX));
                let corners = [
                    self.smin.checked_mul(o.smin),
                    self.smin.checked_mul(o.smax),
                    self.smax.checked_mul(o.smin),
                    self.smax.checked_mul(o.smax),
                ];
                let end = |first: $st, pick: fn($st, $st) -> $st| {
                    corners
                        .iter()
                        .try_fold(first, |end, p| Some(pick(end, (*p)?)))
                };
                let (smin, smax) =
                    Self::signed_of([end($st::MAX, Ord::min), end($st::MIN, Ord::max)]);
                Self {
                    umin,
                    umax,
                    smin,
                    smax,
                }
            }

            /// Products of two numbers that have no sign and half the bits at most.
            #[must_use]
            pub(crate) const fn mul_small(self, o: Self) -> Self {
                const HALF: $ut = $half;
                if self.smin < 0 || o.smin < 0 || self.umax > HALF || o.umax > HALF {
                    return Self::UNBOUNDED;
                }
                let (umin, umax) = (
                    self.umin.wrapping_mul(o.umin),
                    self.umax.wrapping_mul(o.umax),
                );
                Self::unsigned_and(umin, umax, umax <= $st::MAX as $ut)
            }
        }
    };
}

min_max!(
    MinMax32,
    u32,
    i32,
    u16::MAX as u32,
    "Ranges of a 32-bit number."
);

min_max!(
    MinMax64,
    u64,
    i64,
    u32::MAX as u64,
    "Ranges of a 64-bit number."
);

#[cfg(test)]
#[expect(dead_code, reason = "the 8-bit type is made by the same macro")]
mod tests {
    // The same definitions at 8 bits, small enough to try everything.
    min_max!(MinMax8, u8, i8, 15, "Ranges of an 8-bit number.");

    fn has(r: MinMax8, v: u8) -> bool {
        r.covers(MinMax8::known(v))
    }

    fn members(r: MinMax8) -> impl Iterator<Item = u8> + Clone {
        (0..=255u8).filter(move |&v| has(r, v))
    }

    /// Ranges whose four ends are among a few numbers, each with a member.
    fn ranges() -> Vec<MinMax8> {
        const ENDS: [u8; 11] = [0, 1, 7, 16, 100, 127, 128, 129, 200, 254, 255];
        let pairs = || ENDS.into_iter().flat_map(|a| ENDS.map(|b| (a, b)));
        let mut all = Vec::new();
        for (umin, umax) in pairs() {
            for (smin, smax) in pairs() {
                all.push(MinMax8 {
                    umin,
                    umax,
                    smin: smin as i8,
                    smax: smax as i8,
                });
            }
        }
        all.retain(|r| members(*r).next().is_some());
        all
    }

    #[test]
    fn deducing_keeps_every_member_and_adds_none() {
        for r in ranges() {
            for narrow in [r.deduce(true), r.deduce(false), r.deduce_by_sign()] {
                assert!(members(r).eq(members(narrow)), "{r:?} {narrow:?}");
            }
        }
    }

    #[test]
    fn a_half_of_a_signed_range_falls_away_where_it_is_split() {
        let r = MinMax8::signed(-8, 8).intersect(MinMax8::unsigned(100, 255));
        assert_eq!(r.deduce(true), MinMax8::in_one_half(248, 255));
        assert_eq!(r.deduce(false), r);
    }

    #[test]
    fn arithmetic_is_sound() {
        let all = ranges();
        for a in all.iter().step_by(7) {
            for b in all.iter().step_by(11) {
                let pairs = members(*a).flat_map(|x| members(*b).map(move |y| (x, y)));
                let keeps = |r: MinMax8, op: fn(u8, u8) -> u8| {
                    pairs.clone().step_by(5).all(|(x, y)| has(r, op(x, y)))
                };
                for wraps in [false, true] {
                    assert!(keeps(a.add(*b, wraps), u8::wrapping_add), "{a:?} + {b:?}");
                    assert!(keeps(a.sub(*b, wraps), u8::wrapping_sub), "{a:?} - {b:?}");
                }
                assert!(keeps(a.mul(*b), u8::wrapping_mul), "{a:?} * {b:?}");
                assert!(keeps(a.mul_small(*b), u8::wrapping_mul), "{a:?} * {b:?}");
            }
        }
    }

    #[test]
    fn bits_narrow_to_what_has_them() {
        for (value, mask) in [(0u8, 0xffu8), (0x80, 0x0f), (3, 0x90), (0, 0x7f), (0xf0, 0)] {
            let r = MinMax8::UNBOUNDED.with_bits(value, mask);
            let with = |v: &u8| v & !mask == value;
            assert!((0..=255).filter(with).all(|v| has(r, v)), "{r:?}");
        }
    }
}
