// SPDX-License-Identifier: GPL-2.0-only
//! The way to a state, as far as backtracking has to know it.
//!
//! Source: `struct bpf_jmp_history_entry` in `include/linux/bpf_verifier.h`.

/// A jump that was taken, and what it says about precision.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct JmpHistory {
    /// Instruction arrived at.
    pub idx: u32,
    /// Instruction before it.
    pub prev_idx: i32,
    pub flags: HistFlags,
    /// Stack slot accessed.
    pub spi: u8,
    /// Frame of that slot.
    pub frame: u8,
    /// Registers whose ranges the jump narrowed together.
    pub linked_regs: LinkedRegs,
}

/// What an instruction did, for backtracking (`INSN_F_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HistFlags {
    /// It read or wrote a stack slot.
    pub stack_access: bool,
    /// The destination register is a stack pointer.
    pub dst_reg_stack: bool,
    /// The source register is a stack pointer.
    pub src_reg_stack: bool,
    /// It read or wrote a stack argument.
    pub stack_arg_access: bool,
}

/// A register or slot that shares its id with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkedReg {
    /// Register of a frame.
    Reg(u8, u8),
    /// Stack slot of a frame.
    Spi(u8, u8),
}

/// Up to six of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LinkedRegs {
    pub(crate) entries: [Option<LinkedReg>; 6],
}

impl LinkedRegs {
    /// Adds one; false when there are `max` already.
    pub(crate) fn push(&mut self, r: LinkedReg, max: usize) -> bool {
        let mut room = self.entries.iter_mut().take(max);
        match room.find(|e| e.is_none()) {
            Some(e) => {
                *e = Some(r);
                true
            }
            None => false,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.iter().count()
    }

    /// Each of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = LinkedReg> + '_ {
        self.entries.iter().map_while(|e| *e)
    }
}
