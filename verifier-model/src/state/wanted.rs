// SPDX-License-Identifier: GPL-2.0-only
//! The registers and stack slots whose precision is asked for, by frame.
//!
//! Source: `struct backtrack_state` in `include/linux/bpf_verifier.h`.

use crate::state::MAX_CALL_FRAMES;
use crate::state::history::{JmpHistory, LinkedReg};
use crate::state::read_marks::Place;

/// What is looked for in one frame, a bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) regs: u32,
    pub(crate) slots: u64,
    pub(crate) stack_args: u8,
}

impl Wanted {
    fn is_empty(&self) -> bool {
        self.slots | u64::from(self.regs) | u64::from(self.stack_args) == 0
    }
}

/// What is looked for, in each frame.
#[derive(Debug, Default)]
pub(crate) struct Backtrack {
    pub(crate) frame: usize,
    pub(crate) frames: [Wanted; MAX_CALL_FRAMES],
}

impl Backtrack {
    /// Looks for a register or a stack slot.
    pub(crate) fn set_place(&mut self, frame: usize, place: Place) {
        match place {
            Place::Reg(reg) => self.frames[frame].regs |= 1 << reg,
            Place::Slot(slot) => self.set_frame_slot(frame, slot),
        }
    }

    /// Looks for a stack slot.
    pub(crate) fn set_frame_slot(&mut self, frame: usize, slot: usize) {
        self.frames[frame].slots |= 1 << (slot & 63);
    }

    /// Looks for stack slots.
    pub(crate) fn set_frame_slot_mask(&mut self, frame: usize, mask: u64) {
        self.frames[frame].slots |= mask;
    }

    /// Looks for a stack argument.
    pub(crate) fn set_frame_stack_arg(&mut self, frame: usize, slot: usize) {
        self.frames[frame].stack_args |= 1 << (slot & 7);
    }

    pub(crate) fn has_reg(&self, reg: usize) -> bool {
        self.frames[self.frame].regs >> reg & 1 != 0
    }

    pub(crate) fn set_reg(&mut self, reg: usize) {
        self.frames[self.frame].regs |= 1 << reg;
    }

    pub(crate) fn clear_reg(&mut self, reg: usize) {
        self.frames[self.frame].regs &= !(1 << reg);
    }

    pub(crate) fn is_empty(&self) -> bool {
        // What is looked for is mostly in the innermost frame.
        let frames = self.frames[..=self.frame].iter();
        frames.rev().all(Wanted::is_empty)
    }

    /// If one of the registers that a jump narrowed together is looked for, all of them are.
    pub(crate) fn sync_linked_regs(&mut self, hist: Option<&JmpHistory>) {
        let Some(hist) = hist else { return };
        let linked = &hist.linked_regs;
        let looked_for = |e: LinkedReg| match e {
            LinkedReg::Reg(f, r) => self.frames[usize::from(f)].regs >> r & 1 != 0,
            LinkedReg::Spi(f, s) => self.frames[usize::from(f)].slots >> s & 1 != 0,
        };
        if !linked.iter().any(looked_for) {
            return;
        }
        for e in linked.iter() {
            match e {
                LinkedReg::Reg(f, r) => self.set_place(f.into(), Place::Reg(r.into())),
                LinkedReg::Spi(f, s) => self.set_frame_slot(f.into(), s.into()),
            }
        }
    }
}
