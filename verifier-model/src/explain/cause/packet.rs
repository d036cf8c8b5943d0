// SPDX-License-Identifier: GPL-2.0-only
//! Accesses to the packet beyond what was compared with its end.

use crate::explain::cause::bounds::Fit;
use crate::explain::cause::lineage::How;
use crate::explain::cause::reason;
use crate::explain::cause::{Failure, Found};
use crate::explain::origin::Thing;
use crate::facts::types::RegType;

/// The farthest that a comparison can tell of (`MAX_PACKET_OFF`).
const MAX_PACKET_OFF: u64 = 0xffff;

impl Failure<'_, '_> {
    /// Why the pointer's range does not reach as far as the access.
    pub(super) fn out_of_packet(&self) -> Found {
        let reg = self.register()?;
        let walked = self.walked();
        let pointer = walked.value(self.end(), Thing::Reg(reg))?;
        let comparison = self.comparison(pointer.id);
        if pointer.range() > 0 {
            return comparison.map(|step| (step, reason::SHORT));
        }
        for c in walked.lineage(self.end(), reg) {
            let How::Computed(Some(with)) = c.how else {
                continue;
            };
            let dst = self.env.code.insns[self.steps[c.step].insn].dst();
            let is_number = |r: &usize| {
                let value = walked.value(c.step, Thing::Reg(*r));
                value.is_some_and(|r| r.is_scalar() && !r.var_off.is_const())
            };
            let Some(number) = [with, dst].into_iter().find(is_number) else {
                continue;
            };
            if pointer.umax() > MAX_PACKET_OFF {
                let fit = Fit {
                    min: 0,
                    max: Some(MAX_PACKET_OFF),
                };
                let found = self.leaves(c.step, number, fit);
                return found.map(|(step, why)| match why {
                    reason::UNBOUNDED => (step, why),
                    _ => (step, reason::FAR),
                });
            }
            return Some(match comparison {
                Some(step) => (step, reason::WRONG_WAY),
                None => (c.step, reason::OWN_SUM),
            });
        }
        comparison.map(|step| (step, reason::WRONG_WAY))
    }

    /// The last comparison of a packet pointer with the packet's end, of those with this id.
    fn comparison(&self, id: u32) -> Option<usize> {
        let compares = |at: &usize| {
            let insn = &self.env.code.insns[self.steps[*at].insn];
            if !insn.is_cond_jump() || !insn.src_is_reg() {
                return false;
            }
            let values = [insn.dst(), insn.src()];
            let values = values.map(|r| self.walked().value(*at, Thing::Reg(r)));
            let is_end = |t: RegType| t.base() == RegType::PTR_TO_PACKET_END;
            let is_packet = |t: RegType| t.base() == RegType::PTR_TO_PACKET;
            match values {
                [Some(a), Some(b)] if is_end(b.typ) => is_packet(a.typ) && a.id == id,
                [Some(a), Some(b)] if is_end(a.typ) => is_packet(b.typ) && b.id == id,
                _ => false,
            }
        };
        (0..self.end()).rev().find(compares)
    }
}
