// SPDX-License-Identifier: GPL-2.0-only
//! The stack of two states, compared slot by slot, as until 7.0: a spilled scalar stands for eight
//! bytes of data or for none of them, and where states are compared exactly all bytes count, the dead
//! ones as well.
//!
//! Source: `scalar_reg_for_stack()` in `kernel/bpf/verifier.c` of 6.12 and 6.18, and what calls it there.

use crate::env::Env;
use crate::facts::limits::BPF_REG_SIZE;
use crate::facts::rule::Rule;
use crate::state::FuncState;
use crate::state::ids::IdMap;
use crate::state::read_marks::Place;
use crate::state::reg::RegState;
use crate::state::slot::{Slot, StackSlot};
use crate::walk::equal::{ExactLevel, regsafe, slot_safe};

impl Env<'_> {
    /// Whether the stack is as safe as that of a kept state.
    pub(crate) fn stacksafe_whole(
        &self,
        old: &FuncState,
        cur: &FuncState,
        ids: &mut IdMap,
        level: ExactLevel,
    ) -> bool {
        old.stack.iter().enumerate().all(|(spi, o)| {
            let counts = level != ExactLevel::NotExact || self.counts(old, Place::Slot(spi));
            !counts || self.whole_slot_safe(o, cur.stack.get(spi), ids, level)
        })
    }

    fn whole_slot_safe(
        &self,
        o: &StackSlot,
        c: Option<&StackSlot>,
        ids: &mut IdMap,
        level: ExactLevel,
    ) -> bool {
        let exact = level != ExactLevel::NotExact;
        for at in 0..BPF_REG_SIZE {
            let byte = o.typ[at];
            if exact && c.is_none_or(|c| c.typ[at] != byte) {
                return false;
            }
            if byte == Slot::Invalid || byte == Slot::Misc && self.input.allow_uninit_stack {
                continue;
            }
            let Some(c) = c else { return false };
            // A load from plain data gives an unknown scalar; compare it as one.
            if let (Some(ro), Some(rc)) = (self.whole_scalar(o), self.whole_scalar(c)) {
                return regsafe(&ro, &rc, ids, level);
            }
            if byte == Slot::Misc && c.typ[at] == Slot::Zero {
                continue;
            }
            if byte != c.typ[at] {
                return false;
            }
            if at == BPF_REG_SIZE - 1 {
                return match byte {
                    Slot::Dynptr => self.dynptr_safe(&o.reg, &c.reg, ids),
                    _ => slot_safe(o, c, ids, level),
                };
            }
        }
        true
    }

    fn whole_scalar(&self, s: &StackSlot) -> Option<RegState> {
        if !self.input.profile.has(Rule::STACK_SCALARS) {
            return None;
        }
        if s.typ[0] == Slot::Spill && s.reg.is_scalar() {
            return Some(s.reg);
        }
        let plain = s.typ.iter().all(|t| match t {
            Slot::Misc => true,
            Slot::Invalid => self.input.allow_uninit_stack,
            _ => false,
        });
        plain.then(RegState::unknown_imprecise)
    }
}
