// SPDX-License-Identifier: GPL-2.0-only
//! A number as releases until 7.1 know it.

use crate::domain::min_max::{MinMax32, MinMax64};
use crate::domain::tnum::Tnum;

/// Bits, bounds, and bounds of the low half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Number {
    /// Its bits.
    pub bits: Tnum,
    /// Its bounds.
    pub r64: MinMax64,
    /// Those of its low half.
    pub r32: MinMax32,
}

impl Number {
    /// Any number.
    pub(crate) const UNKNOWN: Self = Self {
        bits: Tnum::UNKNOWN,
        r64: MinMax64::UNBOUNDED,
        r32: MinMax32::UNBOUNDED,
    };

    /// One number.
    pub(crate) const fn known(value: u64) -> Self {
        Self {
            bits: Tnum::konst(value),
            r64: MinMax64::known(value),
            r32: MinMax32::known(value as u32),
        }
    }

    /// The low half becomes one number.
    pub(crate) const fn set_known32(&mut self, value: u32) {
        self.bits = self.bits.const_subreg(value);
        self.r32 = MinMax32::known(value);
    }

    /// Nothing is known but what the low half is.
    pub(crate) const fn forget_all_but_32(&mut self) {
        self.bits = Tnum::UNKNOWN;
        self.r64 = MinMax64::UNBOUNDED;
    }

    /// Nothing is known but what its bounds are.
    pub(crate) const fn forget_all_but_64(&mut self) {
        self.bits = Tnum::UNKNOWN;
        self.r32 = MinMax32::UNBOUNDED;
    }
}
