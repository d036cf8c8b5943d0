// SPDX-License-Identifier: GPL-2.0-only
//! Registers of every release together with a number that they stand for, to try the laws of numbers on.

use proptest::prelude::*;

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::domain::min_max::{MinMax32, MinMax64};
use crate::domain::ranges::Ranges;
use crate::domain::tnum::Tnum;
use crate::facts::rule::{Profile, Rule};
use crate::state::reg::RegState;

/// The rules of a release, with and without what was backported of ranges.
pub(crate) fn release() -> impl Strategy<Value = Profile> {
    let signed = Rule::LOW_HALVES_SIGNED;
    prop::sample::select(vec![
        Profile::of("6.1"),
        Profile::of("6.1").with(signed),
        Profile::of("6.12"),
        Profile::of("6.12").with(signed),
        Profile::of("6.18"),
        Profile::of("7.1"),
        Profile::of("7.1").without(signed),
        Profile::V7_3,
    ])
}

/// What a register is made of, and what it stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    value: u64,
    mask: u64,
    slack: [u64; 4],
    slack32: [u32; 4],
}

impl Member {
    /// Any.
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        let value = prop_oneof![any::<u64>(), any::<i32>().prop_map(|v| v as u64), 0..256u64];
        let mask = prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), 0..1024u64];
        let slack = prop_oneof![any::<u64>(), 0..300u64, Just(0), Just(u64::MAX)];
        let slack32 = prop_oneof![any::<u32>(), 0..300u32, Just(0), Just(u32::MAX)];
        (
            value,
            mask,
            prop::array::uniform4(slack),
            prop::array::uniform4(slack32),
        )
            .prop_map(|(value, mask, slack, slack32)| Self {
                value,
                mask,
                slack,
                slack32,
            })
    }

    /// The register as a release has it, and the number.
    pub(crate) fn of(self, rules: &Profile) -> (RegState, u64) {
        let mut reg = RegState::unknown_imprecise();
        reg.var_off = Tnum::new(self.value & !self.mask, self.mask);
        reg.ranges = match rules.has(Rule::CIRCULAR_RANGES) {
            true => self.arcs(),
            false => self.bounds(),
        };
        reg.bounds_sync(rules);
        (reg, self.value)
    }

    fn arcs(self) -> Ranges {
        let (x, low) = (self.value, self.value as u32);
        let [before, after, ..] = self.slack;
        let r64 = before.checked_add(after).map(|size| Cnum64 {
            base: x.wrapping_sub(before),
            size,
        });
        let [before, after, ..] = self.slack32;
        let r32 = before.checked_add(after).map(|size| Cnum32 {
            base: low.wrapping_sub(before),
            size,
        });
        let (r64, r32) = (
            r64.filter(|r| !r.is_empty()).unwrap_or(Cnum64::UNBOUNDED),
            r32.filter(|r| !r.is_empty()).unwrap_or(Cnum32::UNBOUNDED),
        );
        Ranges::Arcs(r64, r32)
    }

    fn bounds(self) -> Ranges {
        let (x, low) = (self.value, self.value as u32);
        let [a, b, c, d] = self.slack;
        let r64 = MinMax64 {
            umin: x.saturating_sub(a),
            umax: x.saturating_add(b),
            smin: (x as i64).saturating_sub_unsigned(c),
            smax: (x as i64).saturating_add_unsigned(d),
        };
        let [a, b, c, d] = self.slack32;
        let r32 = MinMax32 {
            umin: low.saturating_sub(a),
            umax: low.saturating_add(b),
            smin: (low as i32).saturating_sub_unsigned(c),
            smax: (low as i32).saturating_add_unsigned(d),
        };
        Ranges::of_bounds(r64, r32)
    }
}

/// Whether a register may hold `v`.
pub(crate) fn holds(r: &RegState, v: u64) -> bool {
    r.var_off.contains(Tnum::konst(v))
        && match r.ranges {
            Ranges::Arcs(r64, r32) => r64.contains(v) && r32.contains(v as u32),
            Ranges::Bounds((r64, r32)) => {
                r64.covers(MinMax64::known(v)) && r32.covers(MinMax32::known(v as u32))
            }
        }
}
