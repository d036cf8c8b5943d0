// SPDX-License-Identifier: GPL-2.0-only
//! What is done to the ranges of a register, by the domain that the release has.
//!
//! This is all that the rest of the model asks of a domain; what it says of a register is
//! [`RegState::umin`] and its like.

use bpf::uapi::Insn;

use crate::facts::rule::{Profile, Rule};
use crate::state::reg::RegState;
use crate::state::scalar::comparison::Comparison;
use crate::state::scalar::{circular, min_max};

/// Calls the function of a domain.
macro_rules! by_release {
    ($rules:expr, $file:ident::$function:ident($($arg:expr),*)) => {
        if $rules.has(Rule::CIRCULAR_RANGES) {
            circular::$file::$function($($arg),*)
        } else {
            min_max::$file::$function($($arg),*)
        }
    };
}

impl RegState {
    /// Narrows each description of the value by the others: bits, range, range of the low half.
    pub(crate) fn bounds_sync(&mut self, rules: &Profile) {
        by_release!(rules, bounds::bounds_sync(self, rules));
    }

    /// Narrows the 32-bit range by the bits.
    pub(crate) fn update_bounds32(&mut self, rules: &Profile) {
        by_release!(rules, bounds::update_bounds32(self));
    }

    /// The low half becomes the whole value.
    pub(crate) fn zext_32_to_64(&mut self, rules: &Profile) {
        by_release!(rules, width::zext_32_to_64(self));
    }

    /// The low `size` bytes become the whole value, zero-extended.
    pub(crate) fn coerce_to_size(&mut self, size: u32, rules: &Profile) {
        by_release!(rules, width::coerce_to_size(self, size, rules));
    }

    /// The low `size` bytes become the whole value, sign-extended to 64 bits.
    pub(crate) fn coerce_to_size_sx(&mut self, size: u32, rules: &Profile) {
        by_release!(rules, width::coerce_to_size_sx(self, size));
    }

    /// The low `size` bytes become the low half, sign-extended to 32 bits.
    pub(crate) fn coerce_subreg_to_size_sx(&mut self, size: u32, rules: &Profile) {
        by_release!(rules, width::coerce_subreg_to_size_sx(self, size));
    }

    /// Leaves no number but those from `min` to `max`.
    pub(crate) fn narrow_signed(&mut self, min: i32, max: i32, rules: &Profile) {
        by_release!(rules, bounds::narrow_signed(self, min, max));
        self.bounds_sync(rules);
    }
}

/// `dst = dst <op> src`
pub(crate) fn apply(insn: &Insn, dst: &mut RegState, src: &RegState, rules: &Profile) {
    by_release!(rules, alu::apply(insn, dst, src, rules));
}

/// A number moves by a distance that is known, without a word on what else it may be.
pub(crate) fn add_distance(reg: &mut RegState, by: &RegState, rules: &Profile) {
    by_release!(rules, alu::add(reg, by, rules));
}

/// The offset of a pointer moves up.
pub(crate) fn add_to_pointer(ptr: &mut RegState, off: &RegState, rules: &Profile) {
    by_release!(rules, pointer::add(ptr, off, rules));
}

/// The offset of a pointer moves down.
pub(crate) fn subtract_from_pointer(ptr: &mut RegState, off: &RegState, rules: &Profile) {
    by_release!(rules, pointer::sub(ptr, off, rules));
}

/// Narrows both operands by a comparison that holds.
pub(crate) fn refine(r1: &mut RegState, r2: &mut RegState, cmp: Comparison, rules: &Profile) {
    by_release!(rules, refine::refine(r1, r2, cmp));
}
