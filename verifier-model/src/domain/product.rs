// SPDX-License-Identifier: GPL-2.0-only
//! The product of numbers whose bits are known in part, as it was found until 6.16.
//!
//! What is certain and what is not are summed up apart: the product of the known bits, and for each bit
//! of one number that is set, or may be, what the other adds to what is uncertain. Where a bit may be set
//! [`Tnum::mul`] keeps what adding and not adding have in common; here that is lost.
//!
//! Source: `tnum_mul()` in `kernel/bpf/tnum.c`.

use crate::domain::tnum::Tnum;

/// Product of the known bits, and the sum of all that may be added to it.
#[must_use]
pub(crate) fn mul_in_parts(a: Tnum, b: Tnum) -> Tnum {
    let known = Tnum::konst(a.value.wrapping_mul(b.value));
    let (mut a, mut b, mut unknown) = (a, b, Tnum::konst(0));
    while a.value != 0 || a.mask != 0 {
        if a.value & 1 != 0 {
            unknown = unknown + Tnum::new(0, b.mask);
        } else if a.mask & 1 != 0 {
            unknown = unknown + Tnum::new(0, b.value | b.mask);
        }
        a = a.rshift(1);
        b = b.lshift(1);
    }
    known + unknown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_product_has_every_value(x: u64, m: u64, y: u64, n: u64) {
            let product = mul_in_parts(Tnum::new(x & !m, m), Tnum::new(y & !n, n));
            prop_assert!(product.contains(Tnum::konst(x.wrapping_mul(y))), "{product:?}");
        }
    }

    #[test]
    fn less_is_known_of_it_than_of_the_later_one() {
        // 3 times 1 or 3 is 0011 or 1001.
        let (a, three) = (Tnum::new(1, 2), Tnum::konst(3));
        assert_eq!(a.mul(three), Tnum::new(1, 0b1010));
        assert_eq!(mul_in_parts(a, three), Tnum::new(1, 0b1110));
    }
}
