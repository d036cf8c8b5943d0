// SPDX-License-Identifier: GPL-2.0-only
//! One slot of the stack: eight bytes, and what each holds.

use crate::facts::limits::BPF_REG_SIZE;
use crate::facts::types::RegType;
use crate::state::reg::RegState;

/// What a byte of the stack holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Slot {
    /// Nothing was written.
    #[default]
    Invalid,
    /// Part of a spilled register.
    Spill,
    /// Some data.
    Misc,
    Zero,
    /// Part of a dynptr.
    Dynptr,
    /// Part of an iterator.
    Iter,
    /// Part of a saved IRQ flag.
    IrqFlag,
    /// Was dead when states were cleaned; must not be read.
    Poison,
}

/// Eight bytes of stack. Byte 0 is the one nearest to the frame pointer, at the highest address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct StackSlot {
    /// The spilled register, or what the special slot needs.
    pub reg: RegState,
    /// Each byte.
    pub typ: [Slot; BPF_REG_SIZE],
}

impl StackSlot {
    /// One that holds nothing; `not_init` is a register that was not written.
    pub(crate) fn unwritten(not_init: RegState) -> Self {
        Self {
            reg: not_init,
            typ: [Slot::Invalid; BPF_REG_SIZE],
        }
    }

    /// Whether a register is spilled here, whole or in part.
    pub(crate) fn is_spilled_reg(&self) -> bool {
        self.typ[BPF_REG_SIZE - 1] == Slot::Spill
    }

    /// Whether it is a scalar.
    pub(crate) fn is_spilled_scalar(&self) -> bool {
        self.is_spilled_reg() && self.reg.is_scalar()
    }

    /// Whether the slot is a whole with meaning of its own (`is_stack_slot_special`).
    pub(crate) fn is_special(&self) -> bool {
        matches!(
            self.typ[BPF_REG_SIZE - 1],
            Slot::Spill | Slot::Dynptr | Slot::Iter | Slot::IrqFlag
        )
    }

    /// Forgets the register and turns the bytes of a special slot into plain data.
    pub(crate) fn scrub(&mut self) {
        self.reg.typ = RegType::NOT_INIT;
        if self.is_special() {
            self.typ.iter_mut().for_each(scrub_byte);
        }
    }
}

/// Written bytes become plain data (`scrub_spilled_slot`).
pub(crate) fn scrub_byte(b: &mut Slot) {
    if !matches!(b, Slot::Invalid | Slot::Poison) {
        *b = Slot::Misc;
    }
}

/// Index of the slot that holds the byte at `off` from the frame pointer.
pub(crate) const fn get_spi(off: i32) -> usize {
    ((-off - 1) / BPF_REG_SIZE as i32) as usize
}
