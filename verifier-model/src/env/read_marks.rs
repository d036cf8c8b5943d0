// SPDX-License-Identifier: GPL-2.0-only
//! Reads and writes as they are marked where liveness is found by the walk itself, until 6.15.
//!
//! Where it is known beforehand, none of this does anything.
//!
//! Source: `mark_reg_read()`, `mark_iter_read()`, `mark_dynptr_read()` in `kernel/bpf/verifier.c` of 6.12.

use std::ops::RangeInclusive;

use bpf::insn::REG_FP;

use crate::env::Env;
use crate::env::explored::Explored;
use crate::env::live_stack::Slots;
use crate::facts::limits::CALLER_SAVED_REGS;
use crate::facts::rule::Rule;
use crate::state::read_marks::{Origin, Place};

impl Env<'_> {
    /// Whether what is read is marked in the states behind.
    pub(crate) fn marks_reads(&self) -> bool {
        !self.input.profile.has(Rule::LIVE_REGISTERS)
    }

    /// A register of the current frame is read.
    pub(crate) fn mark_reg_read(&mut self, regno: usize) {
        if self.marks_reads() && regno < usize::from(REG_FP) {
            self.mark_read(self.path.cur.curframe(), Place::Reg(regno));
        }
    }

    /// A register of the current frame is written.
    pub(crate) fn mark_reg_written(&mut self, regno: usize) {
        if self.marks_reads() && regno < usize::from(REG_FP) {
            self.mark_written(self.path.cur.curframe(), Place::Reg(regno));
        }
    }

    /// The registers that a call clobbers are written.
    pub(crate) fn mark_caller_saved_written(&mut self) {
        if self.marks_reads() {
            for regno in 0..CALLER_SAVED_REGS {
                self.mark_reg_written(regno);
            }
        }
    }

    /// Slots are read, from `spi` up to the frame pointer.
    pub(crate) fn mark_slots_read(&mut self, frame: usize, spi: usize, n: usize) {
        if self.marks_reads() {
            for spi in up_to(spi, n) {
                self.mark_read(frame, Place::Slot(spi));
            }
        } else if self.finds_live_stack() {
            self.find_slots_read(frame, set_of(up_to(spi, n)));
        }
    }

    /// Slots are written as a whole.
    pub(crate) fn mark_slots_written(&mut self, frame: usize, spi: usize, n: usize) {
        if self.marks_reads() {
            for spi in up_to(spi, n) {
                self.mark_written(frame, Place::Slot(spi));
            }
        } else if self.finds_live_stack() {
            self.find_slots_written(frame, set_of(up_to(spi, n)));
        }
    }

    fn mark_read(&mut self, frame: usize, place: Place) {
        let marks = self.path.cur.frames.get(frame);
        let Some(marks) = marks.and_then(|frame| frame.marks.as_ref()) else {
            return;
        };
        if !marks.written.has(place) {
            let origin = marks.origin(frame, place);
            self.explored.mark_read(origin);
        }
    }

    fn mark_written(&mut self, frame: usize, place: Place) {
        if let Some(frame) = self.path.cur.frames.get_mut(frame) {
            let marks = frame.marks.get_or_insert_default();
            marks.written.insert(place);
        }
    }
}

/// The slots from `spi` up to the frame pointer, `n` of them.
fn up_to(spi: usize, n: usize) -> RangeInclusive<usize> {
    (spi + 1).saturating_sub(n)..=spi
}

fn set_of(slots: RangeInclusive<usize>) -> Slots {
    slots.fold(0, |set, spi| set | 1 << spi)
}

impl Explored {
    /// Marks a place in a kept state as read, and where it comes from, up to a write.
    pub(crate) fn mark_read(&mut self, mut at: Option<Origin>) {
        while let Some(Origin {
            state,
            frame,
            place,
        }) = at
        {
            let kept = self.states.get_mut(state.0).and_then(Option::as_mut);
            let Some(here) = kept.and_then(|node| node.state.frames.get_mut(frame)) else {
                return;
            };
            if matches!(place, Place::Slot(spi) if spi >= here.stack.len()) {
                return;
            }
            let marks = here.marks.get_or_insert_default();
            if !marks.read.insert(place) || marks.written.has(place) {
                return;
            }
            at = marks.origin(frame, place);
        }
    }
}
