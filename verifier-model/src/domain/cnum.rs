// SPDX-License-Identifier: GPL-2.0-only
//! Circular numbers: one arc stands for a signed and an unsigned range at once.
//!
//! Put all 2^T numbers on a clock face, 0 at the top, growing clockwise. A range is an arc from
//! `base`, `size` steps long, so it holds `size + 1` numbers:
//!
//! ```text
//!             0                 { base: -1, size: 1 }  is [-1, 0] signed
//!        -1 .───. 1             { base: MAX, size: 1 } is [S_MAX, S_MIN], that is
//!          /     \                                     [0x7f.., 0x80..] unsigned
//!    S_MIN \     / S_MAX        An arc over the top has no useful unsigned bounds,
//!           `───´               an arc over the bottom no useful signed ones.
//! ```
//!
//! The empty set is the reserved arc `{ MAX, MAX }`.
//!
//! Source: `include/linux/cnum.h`, `kernel/bpf/cnum_defs.h`, `kernel/bpf/cnum.c` (since 7.2).

macro_rules! cnum {
    ($name:ident, $ut:ident, $st:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) struct $name {
            /// First number of the arc.
            pub base: $ut,
            /// How many numbers follow `base`.
            pub size: $ut,
        }

        impl $name {
            /// Every number.
            pub(crate) const UNBOUNDED: Self = Self {
                base: 0,
                size: $ut::MAX,
            };
            /// No number.
            pub(crate) const EMPTY: Self = Self {
                base: $ut::MAX,
                size: $ut::MAX,
            };

            /// From `min` to `max` unsigned.
            pub(crate) const fn from_urange(min: $ut, max: $ut) -> Self {
                Self {
                    base: min,
                    size: max.wrapping_sub(min),
                }
            }

            /// From `min` to `max` signed.
            pub(crate) const fn from_srange(min: $st, max: $st) -> Self {
                let size = (max as $ut).wrapping_sub(min as $ut);
                Self {
                    base: if size == $ut::MAX { 0 } else { min as $ut },
                    size,
                }
            }

            /// Whether the arc goes over the top, from `MAX` to 0.
            const fn urange_overflow(self) -> bool {
                self.size > $ut::MAX - self.base
            }

            /// Whether the arc goes over the bottom, from `S_MAX` to `S_MIN`.
            const fn srange_overflow(self) -> bool {
                self.contains($st::MAX as $ut) && self.contains($st::MIN as $ut)
            }

            /// Last number of the arc.
            const fn end(self) -> $ut {
                self.base.wrapping_add(self.size)
            }

            /// Unsigned minimum.
            pub(crate) const fn umin(self) -> $ut {
                if self.urange_overflow() { 0 } else { self.base }
            }

            /// Unsigned maximum.
            pub(crate) const fn umax(self) -> $ut {
                if self.urange_overflow() {
                    $ut::MAX
                } else {
                    self.end()
                }
            }

            /// Signed minimum.
            pub(crate) const fn smin(self) -> $st {
                let (a, b) = (self.base as $st, self.end() as $st);
                if self.srange_overflow() {
                    $st::MIN
                } else if a < b {
                    a
                } else {
                    b
                }
            }

            /// Signed maximum.
            pub(crate) const fn smax(self) -> $st {
                let (a, b) = (self.base as $st, self.end() as $st);
                if self.srange_overflow() {
                    $st::MAX
                } else if a > b {
                    a
                } else {
                    b
                }
            }

            /// Numbers in both arcs. When two arcs meet at both ends the answer would be two arcs;
            /// then it is the smaller of the two operands.
            #[must_use]
            pub(crate) fn intersect(self, other: Self) -> Self {
                if self.is_empty() || other.is_empty() {
                    return Self::EMPTY;
                }
                let (a, b) = if self.base > other.base {
                    (other, self)
                } else {
                    (self, other)
                };
                // Turn the circle until a.base is 0; b1 is b there.
                let dbase = b.base - a.base;
                let b1 = Self {
                    base: dbase,
                    size: b.size,
                };
                if b1.urange_overflow() {
                    if b1.base <= a.size {
                        return if a.size <= b.size { a } else { b };
                    }
                    return Self {
                        base: a.base,
                        size: a.size.min(b1.end()),
                    };
                }
                if a.size >= b1.base {
                    return Self {
                        base: b.base,
                        size: (a.size - dbase).min(b.size),
                    };
                }
                Self::EMPTY
            }

            /// Sums, modulo 2^T.
            #[must_use]
            pub(crate) const fn add(self, b: Self) -> Self {
                if self.is_empty() || b.is_empty() {
                    return Self::EMPTY;
                }
                if self.size > $ut::MAX - b.size {
                    return Self::UNBOUNDED;
                }
                Self {
                    base: self.base.wrapping_add(b.base),
                    size: self.size + b.size,
                }
                .normalize()
            }

            /// Negations, modulo 2^T.
            #[must_use]
            pub(crate) const fn negate(self) -> Self {
                if self.is_empty() {
                    return Self::EMPTY;
                }
                Self {
                    base: (0 as $ut).wrapping_sub(self.end()),
                    size: self.size,
                }
                .normalize()
            }

            /// A full circle starts at 0, lest it look like the empty arc.
            const fn normalize(self) -> Self {
                if self.size == $ut::MAX && self.base != 0 && self.base != $st::MAX as $ut {
                    return Self {
                        base: 0,
                        size: self.size,
                    };
                }
                self
            }

            /// Whether this is the empty arc.
            pub(crate) const fn is_empty(self) -> bool {
                self.base == Self::EMPTY.base && self.size == Self::EMPTY.size
            }

            /// Whether `v` is in the arc.
            pub(crate) const fn contains(self, v: $ut) -> bool {
                if self.is_empty() {
                    false
                } else if self.urange_overflow() {
                    v >= self.base || v <= self.end()
                } else {
                    v >= self.base && v <= self.end()
                }
            }

            /// Whether every number of `inner` is in `self`.
            pub(crate) const fn is_superset_of(self, inner: Self) -> bool {
                if inner.is_empty() {
                    return true;
                }
                if self.is_empty() {
                    return false;
                }
                let turned = Self {
                    base: inner.base.wrapping_sub(self.base),
                    size: inner.size,
                };
                if turned.urange_overflow() && self.size < $ut::MAX {
                    return false;
                }
                turned.end() <= self.size
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self { base: 0, size: 0 }
            }
        }
    };
}

cnum!(Cnum32, u32, i32, "A range of 32-bit numbers.");

cnum!(Cnum64, u64, i64, "A range of 64-bit numbers.");

impl Cnum32 {
    /// The low halves of the numbers in `c`.
    pub(crate) const fn from_cnum64(c: Cnum64) -> Self {
        if c.is_empty() {
            Self::EMPTY
        } else if c.size >= u32::MAX as u64 {
            Self::UNBOUNDED
        } else {
            Self {
                base: c.base as u32,
                size: c.size as u32,
            }
        }
    }
}

impl Cnum64 {
    /// An arc with every number of `self` whose low half is in `b`.
    ///
    /// The numbers whose low half is in `b` are one stretch in every 2^32; the arc can be trimmed
    /// to begin with the first of them and, unless it ends inside one, to end with the last:
    ///
    /// ```text
    /// ||--|====|------||--|====|------||--|====|------||   ==== low half in b
    ///   |<---------------- self ------------------>|
    ///     |<------------- result ------------->|
    /// ```
    #[must_use]
    pub(crate) const fn intersect_subreg(self, b: Cnum32) -> Self {
        if self.is_empty() || b.is_empty() {
            return Self::EMPTY;
        }
        // Turn both circles until self starts at a multiple of 2^32.
        let b1 = Cnum32 {
            base: b.base.wrapping_sub(self.base as u32),
            size: b.size,
        };
        let b1_max = b1.end();
        let low_size = self.size as u32;
        let mut t = self;
        if b1.urange_overflow() {
            if low_size > b1_max && low_size < b1.base {
                t.size -= (low_size - b1_max) as u64;
            }
            return t;
        }
        if t.size < b1.base as u64 {
            return Self::EMPTY;
        }
        t.base = t.base.wrapping_add(b1.base as u64);
        t.size -= b1.base as u64;
        let d = if low_size < b1.base {
            low_size as u64 + ((1u64 << 32) - b1_max as u64)
        } else if low_size >= b1_max {
            (low_size - b1_max) as u64
        } else {
            0
        };
        if t.size < d {
            return Self::EMPTY;
        }
        t.size -= d;
        t
    }
}

#[cfg(test)]
#[expect(dead_code, reason = "the 8-bit type is made by the same macro")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // The same definitions at 8 bits, small enough to try everything.
    cnum!(Cnum8, u8, i8, "A range of 8-bit numbers.");

    fn members(c: Cnum8) -> impl Iterator<Item = u8> {
        (0..=255u8).filter(move |&v| c.contains(v))
    }

    fn arcs(step: usize) -> impl Iterator<Item = Cnum8> {
        (0..=255u8).step_by(step).flat_map(move |base| {
            (0..=255u8)
                .step_by(step)
                .map(move |size| Cnum8 { base, size })
        })
    }

    #[test]
    fn bounds_contain_all_members() {
        for c in arcs(3).filter(|c| !c.is_empty()) {
            assert!(members(c).all(|v| c.umin() <= v && v <= c.umax()), "{c:?}");
            assert!(
                members(c).all(|v| c.smin() <= v as i8 && v as i8 <= c.smax()),
                "{c:?}"
            );
            assert_eq!(members(c).count(), c.size as usize + 1);
        }
    }

    #[test]
    fn intersection_contains_the_common_members() {
        for a in arcs(15) {
            for b in arcs(17) {
                let i = a.intersect(b);
                assert!(
                    members(a).filter(|&v| b.contains(v)).all(|v| i.contains(v)),
                    "{a:?} {b:?}"
                );
                assert!(members(i).all(|v| a.contains(v) || b.contains(v)));
            }
        }
    }

    #[test]
    fn sum_and_negation_are_sound() {
        for a in arcs(31).filter(|c| !c.is_empty()) {
            let n = a.negate();
            assert!(members(a).all(|v| n.contains(v.wrapping_neg())), "{a:?}");
            for b in arcs(37).filter(|c| !c.is_empty()) {
                let s = a.add(b);
                let mut sums = members(a).flat_map(|x| members(b).map(move |y| x.wrapping_add(y)));
                assert!(sums.all(|v| s.contains(v)), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn superset_agrees_with_sets() {
        for a in arcs(15) {
            for b in arcs(17) {
                let want = members(b).all(|v| a.contains(v));
                assert_eq!(a.is_superset_of(b), want, "{a:?} {b:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn subreg_projection_is_sound(base: u64, size: u64, d: u64) {
            let c = Cnum64 { base, size };
            prop_assume!(!c.is_empty());
            let v = base.wrapping_add(if size == u64::MAX { d } else { d % (size + 1) });
            prop_assert!(Cnum32::from_cnum64(c).contains(v as u32));
        }

        #[test]
        fn subreg_refinement_is_sound(
            base: u64, size in prop_oneof![any::<u64>(), 0u64..1 << 35], d: u64, b32: u32, s32: u32,
        ) {
            let (c, b) = (Cnum64 { base, size }, Cnum32 { base: b32, size: s32 });
            prop_assume!(!c.is_empty() && !b.is_empty());
            let v = base.wrapping_add(if size == u64::MAX { d } else { d % (size + 1) });
            let t = c.intersect_subreg(b);
            if b.contains(v as u32) {
                prop_assert!(t.contains(v), "{c:?} {b:?} {v:#x} {t:?}");
            }
        }
    }
}
