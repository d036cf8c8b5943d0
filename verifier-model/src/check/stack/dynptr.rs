// SPDX-License-Identifier: GPL-2.0-only
//! Dynptrs on the stack, as writes to it find them.
//!
//! Source: `destroy_if_dynptr_stack_slot()` in `kernel/bpf/verifier.c`.

use crate::env::Env;
use crate::facts::limits::DYNPTR_SLOTS;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::log::reject;
use crate::state::reg::About;
use crate::state::slot::Slot;

impl Env<'_> {
    /// Overwriting a dynptr forgets all of it; one that holds a reference must not be
    /// (`destroy_if_dynptr_stack_slot`).
    pub(crate) fn destroy_if_dynptr_stack_slot(&mut self, frameno: usize, spi: usize) -> Checked {
        if !self.input.profile.has(Rule::DYNPTRS_OVERWRITTEN) {
            return Ok(());
        }
        let Some(frame) = self.path.cur.frames.get(frameno) else {
            return Ok(());
        };
        let Some(slot) = frame.stack.get(spi) else {
            return Ok(());
        };
        if slot.typ[0] != Slot::Dynptr {
            return Ok(());
        }
        let first = matches!(slot.reg.about, About::Dynptr(_, true));
        let spi = if first { spi } else { spi + 1 };
        let Some(slot) = frame.stack.get(spi) else {
            return Ok(());
        };
        let (id, parent) = (slot.reg.id, slot.reg.parent_id);
        let referenced = matches!(slot.reg.about, About::Dynptr(k, _) if k.is_referenced());
        let counted = self.input.profile.has(Rule::CLONES_OVERWRITTEN);
        if referenced && (!counted || self.dynptr_ref_cnt(parent) <= 1) {
            return reject!(self, Dynptr, EINVAL, "cannot overwrite referenced dynptr");
        }
        self.release_reference(id)?;
        self.mark_slots_written(frameno, spi, DYNPTR_SLOTS);
        self.log.scratch_slot(spi);
        self.log.scratch_slot(spi.saturating_sub(1));
        Ok(())
    }
}
