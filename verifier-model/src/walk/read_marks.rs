// SPDX-License-Identifier: GPL-2.0-only
//! Kept states where liveness is found by the walk: they begin without marks, hand on those of the
//! state that ends a path, and lose what was not read when all paths from them were walked.
//!
//! Source: `propagate_liveness()`, `clean_live_states()` in `kernel/bpf/verifier.c` of 6.12.

use bpf::insn::{MAX_BPF_REG, REG_FP};

use crate::env::Env;
use crate::facts::rule::Rule;
use crate::facts::types::RegType;
use crate::state::ids::IdMap;
use crate::state::read_marks::{Place, Places};
use crate::state::slot::StackSlot;
use crate::state::{FuncState, StateId};
use crate::walk::equal::{ExactLevel, regsafe};

impl Env<'_> {
    /// The current state goes on from state `id`, which was made of it.
    pub(crate) fn connect_parentage(&mut self, id: StateId) {
        let innermost = self.path.cur.curframe();
        for (i, frame) in self.path.cur.frames.iter_mut().enumerate() {
            let marks = frame.marks.get_or_insert_default();
            marks.copy_of(id, i, i == innermost);
        }
    }

    /// What was read after state `id` will be read after the current one, which ends there.
    pub(crate) fn propagate_liveness(&mut self, id: StateId) {
        let Some(old) = self.state(id) else { return };
        let read = |frame: &FuncState| frame.marks.as_ref().map_or(Places::default(), |m| m.read);
        let read: Vec<Places> = old.frames.iter().map(read).collect();
        let innermost = self.path.cur.curframe();
        for (i, places) in read.into_iter().enumerate() {
            for place in places.iter() {
                let Some(frame) = self.path.cur.frames.get(i) else {
                    return;
                };
                let there = match place {
                    Place::Reg(r) => i == innermost || r >= 6,
                    Place::Slot(spi) => spi < frame.stack.len(),
                };
                let marks = frame.marks.as_ref();
                if let Some(marks) = marks.filter(|m| there && !m.written.has(place)) {
                    let origin = marks.origin(i, place);
                    self.explored.mark_read(origin);
                }
            }
        }
    }

    /// Whether a place of a kept state counts: it was read, or all counts.
    pub(crate) fn counts(&self, frame: &FuncState, place: Place) -> bool {
        !self.marks_reads() || frame.was_read(place)
    }

    /// Forgets what was not read after a state, all paths from which were walked.
    pub(crate) fn clean_unread(&mut self, id: StateId) {
        let not_init = self.not_init();
        let Some(st) = self.state_mut(id) else { return };
        for frame in &mut st.frames {
            let read = frame.marks.as_ref().map_or(Places::default(), |m| m.read);
            for r in (0..usize::from(REG_FP)).filter(|r| !read.has(Place::Reg(*r))) {
                frame.regs[r] = not_init;
            }
            frame.stack.change(
                |spi, _| !read.has(Place::Slot(spi)),
                |_, slot| *slot = StackSlot::unwritten(not_init),
            );
        }
    }

    /// Whether a frame is as safe as a kept one, of which only what was read counts.
    pub(crate) fn read_parts_equal(
        &self,
        old: &FuncState,
        cur: &FuncState,
        ids: &mut IdMap,
        level: ExactLevel,
    ) -> bool {
        let deeper = old.callback_depth > cur.callback_depth;
        if deeper && self.input.profile.has(Rule::CALLBACK_DEPTH_PRUNING) {
            return false;
        }
        let loose = level == ExactLevel::NotExact;
        for i in 0..MAX_BPF_REG {
            let (o, c) = (&old.regs[i], &cur.regs[i]);
            let read = i < usize::from(REG_FP) && old.was_read(Place::Reg(i));
            let unwritten = o.typ == RegType::NOT_INIT && c.typ != RegType::NOT_INIT;
            if loose && !read {
                continue;
            }
            if unwritten && !loose || !regsafe(o, c, ids, level) {
                return false;
            }
        }
        self.stacksafe_whole(old, cur, ids, level)
    }
}
