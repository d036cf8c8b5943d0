// SPDX-License-Identifier: GPL-2.0-only
//! Tracked (tristate) numbers: what is known about each bit of a value.
//!
//! A [`Tnum`] is a pair of words. A bit set in `mask` is unknown; a bit clear in `mask` is known
//! and its value is the same bit of `value`. So `{ value: 0b100, mask: 0b011 }`, written `1xx`,
//! stands for 4, 5, 6 and 7. The invariant is `value & mask == 0`.
//!
//! Every operation is *sound*: the result stands for at least every value the operation can give.
//! Most are not exact, and the kernel's imprecision is kept as it is, because it shows in verdicts.
//!
//! Source: `include/linux/tnum.h`, `kernel/bpf/tnum.c`.

use core::fmt;

/// Knowledge about the bits of a 64-bit value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tnum {
    /// The known bits; zero wherever `mask` is set.
    pub value: u64,
    /// The unknown bits.
    pub mask: u64,
}

impl Tnum {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self::new(0, u64::MAX);

    /// A tnum from its two words.
    pub const fn new(value: u64, mask: u64) -> Self {
        Self { value, mask }
    }

    /// Exactly `value`.
    pub const fn konst(value: u64) -> Self {
        Self::new(value, 0)
    }

    /// The least tnum that contains every number from `min` to `max`: their common prefix.
    pub const fn range(min: u64, max: u64) -> Self {
        let bits = u64::BITS - (min ^ max).leading_zeros();
        if bits > 63 {
            return Self::UNKNOWN;
        }
        let delta = (1u64 << bits) - 1;
        Self::new(min & !delta, delta)
    }

    /// Whether every bit is known.
    pub const fn is_const(self) -> bool {
        self.mask == 0
    }

    /// Whether this is exactly `b`.
    pub const fn equals_const(self, b: u64) -> bool {
        self.is_const() && self.value == b
    }

    /// Whether no bit is known.
    pub const fn is_unknown(self) -> bool {
        self.mask == u64::MAX
    }

    /// Whether the low 32 bits are all known.
    pub const fn subreg_is_const(self) -> bool {
        self.subreg().is_const()
    }

    /// Shift left by a known count below 64.
    #[must_use]
    pub const fn lshift(self, shift: u32) -> Self {
        Self::new(self.value << (shift & 63), self.mask << (shift & 63))
    }

    /// Logical shift right by a known count below 64.
    #[must_use]
    pub const fn rshift(self, shift: u32) -> Self {
        Self::new(self.value >> (shift & 63), self.mask >> (shift & 63))
    }

    /// Arithmetic shift right of a 32- or 64-bit value; an unknown sign bit stays unknown.
    #[must_use]
    pub const fn arshift(self, shift: u32, insn_bitness: u32) -> Self {
        if insn_bitness == 32 {
            Self::new(
                ((self.value as i32) >> (shift & 31)) as u32 as u64,
                ((self.mask as i32) >> (shift & 31)) as u32 as u64,
            )
        } else {
            Self::new(
                ((self.value as i64) >> (shift & 63)) as u64,
                ((self.mask as i64) >> (shift & 63)) as u64,
            )
        }
    }

    /// Whether some value is in both.
    pub const fn overlap(self, b: Self) -> bool {
        let mu = !self.mask & !b.mask;
        self.value & mu == b.value & mu
    }

    /// What is known when both hold. Where the two disagree the bit comes out a known 1.
    #[must_use]
    pub const fn intersect(self, b: Self) -> Self {
        let mu = self.mask & b.mask;
        Self::new((self.value | b.value) & !mu, mu)
    }

    /// What is known when either holds.
    #[must_use]
    pub const fn union(self, b: Self) -> Self {
        let mu = (self.value ^ b.value) | self.mask | b.mask;
        Self::new((self.value & b.value) & !mu, mu)
    }

    /// The low `size` bytes, zero-extended; `size` is below 8.
    #[must_use]
    pub const fn cast(self, size: u32) -> Self {
        let keep = if size >= 8 {
            u64::MAX
        } else {
            (1u64 << (size * 8)) - 1
        };
        Self::new(self.value & keep, self.mask & keep)
    }

    /// Whether every value is a multiple of the power of two `size`.
    pub const fn is_aligned(self, size: u64) -> bool {
        size == 0 || (self.value | self.mask) & (size - 1) == 0
    }

    /// Whether every value of `b` is a value of `self`.
    pub const fn contains(self, b: Self) -> bool {
        b.mask & !self.mask == 0 && self.value == b.value & !self.mask
    }

    /// The low half, zero-extended.
    #[must_use]
    pub const fn subreg(self) -> Self {
        self.cast(4)
    }

    /// The high half; the low half is known zero.
    #[must_use]
    pub const fn clear_subreg(self) -> Self {
        self.rshift(32).lshift(32)
    }

    /// `self` with its low half taken from `subreg`.
    #[must_use]
    pub const fn with_subreg(self, subreg: Self) -> Self {
        let hi = self.clear_subreg();
        let lo = subreg.subreg();
        let value = hi.value | lo.value;
        Self::new(value, (hi.mask | lo.mask) & !value)
    }

    /// `self` with a known low half.
    #[must_use]
    pub const fn const_subreg(self, value: u32) -> Self {
        self.with_subreg(Self::konst(value as u64))
    }

    /// Byte swap of the low 2, 4 or all 8 bytes.
    #[must_use]
    pub const fn bswap(self, bits: u32) -> Self {
        match bits {
            16 => Self::new(
                (self.value as u16).swap_bytes() as u64,
                (self.mask as u16).swap_bytes() as u64,
            ),
            32 => Self::new(
                (self.value as u32).swap_bytes() as u64,
                (self.mask as u32).swap_bytes() as u64,
            ),
            _ => Self::new(self.value.swap_bytes(), self.mask.swap_bytes()),
        }
    }

    /// The least value greater than `z`, if there is one; otherwise the greatest value.
    ///
    /// With `t = x11100x0` and `z = 11110001` the answer is `11110010`. Every value is
    /// `value + s` for a submask `s` of `mask`; the next submask is found by filling the positions
    /// outside the mask with ones, so that adding one ripples over them.
    pub const fn step(self, z: u64) -> u64 {
        let tmax = self.value | self.mask;
        if z >= tmax {
            return tmax;
        }
        if z < self.value {
            return self.value;
        }
        let d = z - self.value;
        let fls = u64::BITS - (d & !self.mask).leading_zeros();
        let carry_mask = if fls > 63 {
            u64::MAX
        } else {
            (1u64 << fls) - 1
        };
        let filled = d | carry_mask | !self.mask;
        self.value | (filled.wrapping_add(1) & self.mask)
    }

    /// Product, bit by bit: an unknown bit of `self` takes the union of adding and not adding.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "beside the other operations")]
    pub fn mul(self, b: Self) -> Self {
        let (mut a, mut b, mut acc) = (self, b, Self::konst(0));
        while a.value != 0 || a.mask != 0 {
            if a.value & 1 != 0 {
                acc = acc + b;
            } else if a.mask & 1 != 0 {
                acc = acc.union(acc + b);
            }
            a = a.rshift(1);
            b = b.lshift(1);
        }
        acc
    }
}

impl core::ops::Add for Tnum {
    type Output = Self;
    fn add(self, b: Self) -> Self {
        let sv = self.value.wrapping_add(b.value);
        let sigma = self.mask.wrapping_add(b.mask).wrapping_add(sv);
        let mu = (sigma ^ sv) | self.mask | b.mask;
        Self::new(sv & !mu, mu)
    }
}

impl core::ops::Sub for Tnum {
    type Output = Self;
    fn sub(self, b: Self) -> Self {
        let dv = self.value.wrapping_sub(b.value);
        let chi = dv.wrapping_add(self.mask) ^ dv.wrapping_sub(b.mask);
        let mu = chi | self.mask | b.mask;
        Self::new(dv & !mu, mu)
    }
}

impl core::ops::Neg for Tnum {
    type Output = Self;
    fn neg(self) -> Self {
        Self::konst(0) - self
    }
}

impl core::ops::BitAnd for Tnum {
    type Output = Self;
    fn bitand(self, b: Self) -> Self {
        let v = self.value & b.value;
        Self::new(v, (self.value | self.mask) & (b.value | b.mask) & !v)
    }
}

impl core::ops::BitOr for Tnum {
    type Output = Self;
    fn bitor(self, b: Self) -> Self {
        let v = self.value | b.value;
        Self::new(v, (self.mask | b.mask) & !v)
    }
}

impl core::ops::BitXor for Tnum {
    type Output = Self;
    fn bitxor(self, b: Self) -> Self {
        let mu = self.mask | b.mask;
        Self::new((self.value ^ b.value) & !mu, mu)
    }
}

impl fmt::Display for Tnum {
    /// As the kernel's `tnum_strn`: a constant, or `(0xvalue; 0xmask)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_const() {
            return write!(
                f,
                "({}; {})",
                crate::domain::number::Hex(self.value),
                crate::domain::number::Hex(self.mask)
            );
        }
        if self.value <= u16::MAX.into() {
            write!(f, "{}", self.value)
        } else {
            write!(f, "{}", crate::domain::number::Snum(self.value as i64))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every tnum over the low `w` bits.
    fn all(w: u32) -> impl Iterator<Item = Tnum> {
        let n = 1u64 << w;
        (0..n).flat_map(move |m| {
            (0..n)
                .filter(move |v| v & m == 0)
                .map(move |v| Tnum::new(v, m))
        })
    }

    /// Every number a tnum stands for.
    fn members(t: Tnum) -> impl Iterator<Item = u64> {
        let mut s = Some(0u64);
        core::iter::from_fn(move || {
            let cur = s?;
            s = if cur == t.mask {
                None
            } else {
                Some((cur | !t.mask).wrapping_add(1) & t.mask)
            };
            Some(t.value | cur)
        })
    }

    fn sound2(w: u32, f: impl Fn(Tnum, Tnum) -> Tnum, g: impl Fn(u64, u64) -> u64) {
        for a in all(w) {
            for b in all(w) {
                let r = f(a, b);
                assert_eq!(r.value & r.mask, 0, "{a:?} {b:?}");
                for x in members(a) {
                    for y in members(b) {
                        assert!(r.contains(Tnum::konst(g(x, y))), "{a:?} {b:?}: {x} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn binary_operations_are_sound() {
        sound2(4, |a, b| a + b, u64::wrapping_add);
        sound2(4, |a, b| a - b, u64::wrapping_sub);
        sound2(4, |a, b| a & b, |x, y| x & y);
        sound2(4, |a, b| a | b, |x, y| x | y);
        sound2(4, |a, b| a ^ b, |x, y| x ^ y);
        sound2(3, Tnum::mul, u64::wrapping_mul);
    }

    #[test]
    fn lattice_operations_agree_with_sets() {
        for a in all(4) {
            for b in all(4) {
                let common = members(a).any(|x| members(b).any(|y| x == y));
                assert_eq!(a.overlap(b), common);
                let subset = members(b).all(|y| members(a).any(|x| x == y));
                assert_eq!(a.contains(b), subset);
                let u = a.union(b);
                assert!(u.contains(a) && u.contains(b));
                if common {
                    let i = a.intersect(b);
                    assert!(members(i).eq(members(a).filter(|&x| b.contains(Tnum::konst(x)))));
                }
            }
        }
    }

    #[test]
    fn step_is_the_next_member() {
        for t in all(5) {
            for z in 0..40 {
                let want = members(t)
                    .filter(|&m| m > z)
                    .min()
                    .unwrap_or(t.value | t.mask);
                assert_eq!(t.step(z), want, "{t:?} {z}");
            }
        }
    }

    #[test]
    fn range_is_the_least_cover() {
        for min in 0u64..40 {
            for max in min..40 {
                let t = Tnum::range(min, max);
                assert!((min..=max).all(|x| t.contains(Tnum::konst(x))));
                let cover = all(6).filter(|c| (min..=max).all(|x| c.contains(Tnum::konst(x))));
                assert!(cover.into_iter().all(|c| c.contains(t)));
            }
        }
    }

    fn any_tnum_with_member() -> impl Strategy<Value = (Tnum, u64)> {
        (any::<u64>(), any::<u64>()).prop_map(|(x, m)| (Tnum::new(x & !m, m), x))
    }

    proptest! {
        #[test]
        fn shifts_and_casts_are_sound((t, x) in any_tnum_with_member(), s in 0u32..64) {
            let has = |t: Tnum, v: u64| t.contains(Tnum::konst(v));
            prop_assert!(has(t.lshift(s), x << s));
            prop_assert!(has(t.rshift(s), x >> s));
            prop_assert!(has(t.arshift(s, 64), ((x as i64) >> s) as u64));
            let s32 = s & 31;
            let v32 = ((x as i32) >> s32) as u32;
            prop_assert!(has(t.subreg().arshift(s32, 32), v32.into()));
            prop_assert!(has(t.cast(1), x & 0xff));
            prop_assert!(has(t.bswap(16), (x as u16).swap_bytes().into()));
            prop_assert!(has(t.bswap(32), (x as u32).swap_bytes().into()));
            prop_assert!(has(t.bswap(64), x.swap_bytes()));
        }

        #[test]
        fn wide_arithmetic_is_sound((a, x) in any_tnum_with_member(), (b, y) in any_tnum_with_member()) {
            let has = |t: Tnum, v: u64| t.contains(Tnum::konst(v));
            prop_assert!(has(a + b, x.wrapping_add(y)));
            prop_assert!(has(a - b, x.wrapping_sub(y)));
            prop_assert!(has(-a, x.wrapping_neg()));
            prop_assert!(has(a.mul(b), x.wrapping_mul(y)));
            prop_assert!(has(a.with_subreg(b), (x & !0xffff_ffff) | (y & 0xffff_ffff)));
        }
    }
}
