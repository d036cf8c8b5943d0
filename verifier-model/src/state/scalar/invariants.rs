// SPDX-License-Identifier: GPL-2.0-only
//! What a register may not say of a number: nothing, or different things.

use crate::domain::ranges::Ranges;
use crate::state::reg::RegState;

impl RegState {
    /// Whether no value is left.
    #[inline]
    pub(crate) fn is_impossible(&self) -> bool {
        match self.ranges {
            Ranges::Arcs(r64, r32) => r64.is_empty() || r32.is_empty(),
            Ranges::Bounds((r64, r32)) => r64.is_crossed() || r32.is_crossed(),
        }
    }

    /// What is wrong with the descriptions, if they disagree.
    #[inline]
    pub(crate) fn invariant_violation(&self) -> Option<&'static str> {
        if self.is_impossible() {
            return Some("range bounds violation");
        }
        let (t, low) = (self.var_off, self.var_off.subreg());
        if t.is_const() && !self.ranges.are_of(t.value) {
            return Some("const tnum out of sync with range bounds");
        }
        if low.is_const() && !self.ranges.are_of_low(low.value as u32) {
            return Some("const subreg tnum out of sync with range bounds");
        }
        None
    }
}
