// SPDX-License-Identifier: GPL-2.0-only
//! A number as releases since 7.2 know it.

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::domain::tnum::Tnum;

/// Bits, an arc, and an arc of the low half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Number {
    /// Its bits.
    pub bits: Tnum,
    /// Its arc.
    pub r64: Cnum64,
    /// That of its low half.
    pub r32: Cnum32,
}

impl Number {
    /// Any number.
    pub(crate) const UNKNOWN: Self = Self {
        bits: Tnum::UNKNOWN,
        r64: Cnum64::UNBOUNDED,
        r32: Cnum32::UNBOUNDED,
    };

    /// One number.
    pub(crate) const fn known(value: u64) -> Self {
        Self {
            bits: Tnum::konst(value),
            r64: Cnum64::from_urange(value, value),
            r32: Cnum32::from_urange(value as u32, value as u32),
        }
    }

    /// Nothing is known but what the low half is.
    pub(crate) const fn forget_all_but_32(&mut self) {
        self.bits = Tnum::UNKNOWN;
        self.r64 = Cnum64::UNBOUNDED;
    }

    /// Nothing is known but what its arc is.
    pub(crate) const fn forget_all_but_64(&mut self) {
        self.bits = Tnum::UNKNOWN;
        self.r32 = Cnum32::UNBOUNDED;
    }
}
