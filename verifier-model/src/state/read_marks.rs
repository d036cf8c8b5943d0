// SPDX-License-Identifier: GPL-2.0-only
//! What was read of a kept state by the paths that go on from it, and where its parts come from.
//!
//! A register or slot of a frame is a copy of the same one in the kept state behind, its origin. A read
//! marks the origin, and the origin's origin, up to where it was written. What has no mark when all
//! paths were walked was never needed.
//!
//! Source: `enum bpf_reg_liveness`, `bpf_reg_state::parent` in `include/linux/bpf_verifier.h` of 6.12.

use std::fmt;

use bpf::insn::REG_FP;

use crate::state::kept::StateId;

/// Registers of a frame that have a life: R0 to R9.
const REGS: usize = REG_FP as usize;

/// The first register that outlives a call.
const FIRST_SAVED: usize = 6;

/// A register or a stack slot of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// R0 to R9.
    Reg(usize),
    /// By its number from the frame pointer down.
    Slot(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reg(i) => write!(f, "r{i}"),
            Self::Slot(i) => write!(f, "fp{}", -(*i as i64 + 1) * 8),
        }
    }
}

/// A place in a kept state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Origin {
    pub(crate) state: StateId,
    pub(crate) frame: usize,
    pub(crate) place: Place,
}

/// Registers and slots of a frame.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Places {
    regs: u16,
    slots: u64,
}

impl Places {
    /// Whether a place is among them.
    pub(crate) const fn has(&self, place: Place) -> bool {
        match place {
            Place::Reg(i) => self.regs >> i & 1 != 0,
            Place::Slot(i) => self.slots >> i & 1 != 0,
        }
    }

    /// Adds a place; false if it was there.
    pub(crate) fn insert(&mut self, place: Place) -> bool {
        let new = !self.has(place);
        match place {
            Place::Reg(i) => self.regs |= 1 << i,
            Place::Slot(i) => self.slots |= 1 << i,
        }
        new
    }

    fn set(&mut self, place: Place, there: bool) {
        match place {
            Place::Reg(i) => self.regs = self.regs & !(1 << i) | u16::from(there) << i,
            Place::Slot(i) => self.slots = self.slots & !(1 << i) | u64::from(there) << i,
        }
    }

    /// Each of them, registers first.
    pub(crate) fn iter(self) -> impl Iterator<Item = Place> {
        let regs = (0..REGS).map(Place::Reg);
        let slots = (0..u64::BITS as usize).map(Place::Slot);
        regs.chain(slots).filter(move |place| self.has(*place))
    }
}

/// The marks of one frame.
#[derive(Clone, Default, Debug)]
pub(crate) struct FrameMarks {
    /// Of a kept state: what was read since.
    pub(crate) read: Places,
    /// What was written since the kept state behind, as a whole: reads do not reach behind that.
    pub(crate) written: Places,
    regs: [Option<RegOrigin>; REGS],
    /// Where the slots come from that this state had.
    slots: Option<StateId>,
}

/// A register of a frame of a kept state.
#[derive(Clone, Copy, Debug)]
struct RegOrigin {
    state: u32,
    frame: u8,
    reg: u8,
}

impl FrameMarks {
    /// Where a place of frame `frame` comes from; a slot may not be there yet.
    pub(crate) fn origin(&self, frame: usize, place: Place) -> Option<Origin> {
        match place {
            Place::Reg(i) => self.regs.get(i).copied().flatten().map(|from| Origin {
                state: StateId(from.state as usize),
                frame: from.frame.into(),
                place: Place::Reg(from.reg.into()),
            }),
            Place::Slot(_) => self.slots.map(|state| Origin {
                state,
                frame,
                place,
            }),
        }
    }

    /// From here on all is a copy of what the kept state has. Of a caller only R6 to R9 are.
    pub(crate) fn copy_of(&mut self, state: StateId, frame: usize, innermost: bool) {
        let first = if innermost { 0 } else { FIRST_SAVED };
        for (i, from) in self.regs.iter_mut().enumerate().skip(first) {
            *from = Some(RegOrigin {
                state: state.0 as u32,
                frame: frame as u8,
                reg: i as u8,
            });
        }
        self.slots = Some(state);
        self.written = Places::default();
    }

    /// A register is copied with its origin: arguments into a frame, what is returned out of it.
    pub(crate) fn take_reg(&mut self, to: usize, other: &Self, from: usize) {
        self.regs[to] = other.regs[from];
        let written = other.written.has(Place::Reg(from));
        self.written.set(Place::Reg(to), written);
    }
}
