// SPDX-License-Identifier: GPL-2.0-only
//! Forgetting what a loop changes and nothing has needed, so that its states converge.
//!
//! Source: `widen_imprecise_scalars()` in `kernel/bpf/verifier.c`.

use bpf::insn::MAX_BPF_REG;

use crate::env::Env;
use crate::facts::rule::Rule;
use crate::state::reg::RegState;
use crate::state::slot::StackSlot;
use crate::state::{StateId, VerifierState};

impl Env<'_> {
    /// Forgets what differs between an earlier iteration and the path remembered last.
    pub(crate) fn widen_queued(&mut self, prev: crate::state::StateId) {
        if let Some(mut e) = self.path.waiting.pop() {
            self.widen_imprecise_scalars(prev, &mut e.st);
            self.path.waiting.push(e);
        }
    }

    /// From one iteration to the next, forgets scalars that differ and need not be precise
    /// (`widen_imprecise_scalars`).
    pub(crate) fn widen_imprecise_scalars(&self, old: StateId, cur: &mut VerifierState) {
        let Some(old) = self.state(old) else { return };
        if !self.input.profile.has(Rule::ITER_WIDENING) {
            return;
        }
        let unknown = self.unknown();
        let differ = |o: &RegState, c: &RegState| {
            let imprecise = o.is_scalar() && c.is_scalar() && !o.precise && !c.precise;
            imprecise && !o.same_up_to_id(c)
        };
        for (fo, fc) in old.frames.iter().zip(&mut cur.frames) {
            let regs = fo.regs.iter().zip(&mut fc.regs).take(MAX_BPF_REG);
            for (_, c) in regs.filter(|(o, c)| differ(o, c)) {
                *c = unknown;
            }
            let spilled = |slot: &&StackSlot| slot.is_spilled_reg();
            fc.stack.change(
                |spi, c| {
                    let old = fo.stack.get(spi).filter(spilled);
                    spilled(&c) && old.is_some_and(|o| differ(&o.reg, &c.reg))
                },
                |_, c| c.reg = unknown,
            );
        }
    }
}
