// SPDX-License-Identifier: GPL-2.0-only
//! What the walk tells [`LiveStack`](crate::env::live_stack::LiveStack), where it finds out itself which
//! stack slots are read; elsewhere none of this does anything.
//!
//! Source: `bpf_mark_stack_read()`, `bpf_mark_stack_write()` in `kernel/bpf/liveness.c` of 6.18.

use crate::env::Env;
use crate::env::live_stack::Slots;
use crate::facts::rule::Rule;
use crate::state::VerifierState;

impl Env<'_> {
    /// Whether the walk finds out which stack slots are read.
    pub(crate) fn finds_live_stack(&self) -> bool {
        let profile = self.input.profile;
        profile.has(Rule::LIVE_REGISTERS) && !profile.has(Rule::LIVE_STACK)
    }

    /// The slots of a frame of a kept state that may be read later.
    pub(crate) fn slots_found_live(&self, st: &VerifierState, frame: usize) -> Slots {
        self.live_stack.live(&self.known.code, st, frame)
    }

    /// An instruction is about to be walked.
    pub(crate) fn begin_stack_writes(&mut self, insn_idx: usize) {
        if self.finds_live_stack() {
            let code = &self.known.code;
            self.live_stack.begin(code, &self.path.cur, insn_idx);
        }
    }

    /// It was walked; if it did not lead into another function, what it wrote is known.
    pub(crate) fn end_stack_writes(&mut self) {
        self.live_stack.end();
    }

    /// The path goes into a function.
    pub(crate) fn enter_live_stack(&mut self) {
        self.live_stack.leave();
    }

    /// The path ends, or a function is left.
    pub(crate) fn update_live_stack(&mut self) {
        if self.finds_live_stack() {
            self.live_stack.update(&self.known.code, &self.path.cur);
        }
    }

    /// The instruction reads slots of a frame.
    pub(crate) fn find_slots_read(&mut self, frame: usize, slots: Slots) {
        let code = &self.known.code;
        let insn_idx = self.path.insn_idx;
        self.live_stack
            .read(code, &self.path.cur, (frame, insn_idx), slots);
    }

    /// The instruction writes slots of a frame as a whole.
    pub(crate) fn find_slots_written(&mut self, frame: usize, slots: Slots) {
        self.live_stack.written(frame, slots);
    }
}
