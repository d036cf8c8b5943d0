// SPDX-License-Identifier: GPL-2.0-only
//! What a domain of numbers does: the interface of [`circular`] and [`min_max`].
//!
//! A number is taken out of a register, changed, and put back; its bits go with it.
//!
//! [`circular`]: crate::state::scalar::circular
//! [`min_max`]: crate::state::scalar::min_max

use bpf::uapi::Insn;

use crate::facts::rule::Profile;
use crate::state::reg::RegState;
use crate::state::scalar::comparison::Comparison;

/// A number of which bits and ranges are known.
pub(crate) trait Domain: Copy {
    /// That of a register.
    fn of(reg: &RegState) -> Self;

    /// A register takes it for its own.
    fn put(self, reg: &mut RegState);

    /// Narrows each description of the value by the others (`reg_bounds_sync`).
    fn sync(&mut self, rules: &Profile);

    /// Narrows the range of the low half by the bits.
    fn update32(&mut self);

    /// Leaves no number but those from `min` to `max`.
    fn narrow_signed(&mut self, min: i32, max: i32);

    /// The low half becomes the whole value.
    fn zext_32_to_64(&mut self);

    /// The low `size` bytes become the whole value, zero-extended.
    fn coerce_to_size(&mut self, size: u32, rules: &Profile);

    /// The low `size` bytes become the whole value, sign-extended to 64 bits.
    fn coerce_to_size_sx(&mut self, size: u32);

    /// The low `size` bytes become the low half, sign-extended to 32 bits.
    fn coerce_subreg_to_size_sx(&mut self, size: u32);

    /// `self <op> by`, all but the end: the width of the operation and what follows from the rest.
    fn compute(&mut self, insn: &Insn, by: &Self, rules: &Profile);

    /// `self + by`, without a look at what else is known.
    fn add(&mut self, by: &Self, rules: &Profile);

    /// The offset of a pointer and `by`.
    fn add_to_pointer(&mut self, by: &Self, rules: &Profile);

    /// The offset of a pointer without `by`.
    fn subtract_from_pointer(&mut self, by: &Self, rules: &Profile);

    /// Narrows both operands by a comparison that holds. For `JNE`, `JSET` and its opposite the second
    /// is known.
    fn refine(&mut self, other: &mut Self, cmp: Comparison);
}
