// SPDX-License-Identifier: GPL-2.0-only
//! Forgetting what a loop changes and nothing has needed, so that its states converge.
//!
//! Source: `widen_imprecise_scalars()` in `kernel/bpf/verifier.c`.

use bpf::insn::MAX_BPF_REG;

use crate::env::Env;
use crate::facts::rule::Rule;
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
        for (fo, fc) in old.frames.iter().zip(&mut cur.frames) {
            let regs = fo.regs.iter().zip(&mut fc.regs).take(MAX_BPF_REG);
            let slots = fo.stack.iter().zip(&mut fc.stack);
            let spilled = slots
                .filter(|(o, c)| o.is_spilled_reg() && c.is_spilled_reg())
                .map(|(o, c)| (&o.reg, &mut c.reg));
            for (o, c) in regs.chain(spilled) {
                let imprecise = o.is_scalar() && c.is_scalar() && !o.precise && !c.precise;
                if imprecise && !o.same_up_to_id(c) {
                    *c = unknown;
                }
            }
        }
    }
}
