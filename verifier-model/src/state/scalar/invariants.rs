// SPDX-License-Identifier: GPL-2.0-only
//! What a register may not say of a number: nothing, or different things.
//!
//! Source: `reg_bounds_sanity_check()` in `kernel/bpf/verifier.c`.

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::domain::min_max::{MinMax32, MinMax64};
use crate::domain::ranges::Ranges;
use crate::state::reg::RegState;

impl RegState {
    /// Whether no value is left.
    pub(crate) fn is_impossible(&self) -> bool {
        match self.ranges {
            Ranges::Arcs(r64, r32) => r64.is_empty() || r32.is_empty(),
            Ranges::Bounds(r64, r32) => r64.is_crossed() || r32.is_crossed(),
        }
    }

    /// What is wrong with the descriptions, if they disagree.
    pub(crate) fn invariant_violation(&self) -> Option<&'static str> {
        if self.is_impossible() {
            return Some("range bounds violation");
        }
        let (value, half) = (self.var_off.value, self.var_off.subreg().value as u32);
        let (known64, known32) = match self.ranges {
            Ranges::Arcs(r64, r32) => (
                r64 == Cnum64::from_urange(value, value),
                r32 == Cnum32::from_urange(half, half),
            ),
            Ranges::Bounds(r64, r32) => {
                (r64 == MinMax64::known(value), r32 == MinMax32::known(half))
            }
        };
        if self.var_off.is_const() && !known64 {
            return Some("const tnum out of sync with range bounds");
        }
        if self.var_off.subreg_is_const() && !known32 {
            return Some("const subreg tnum out of sync with range bounds");
        }
        None
    }
}
