// SPDX-License-Identifier: GPL-2.0-only
//! Saved IRQ flags on the stack.
//!
//! Source: `process_irq_flag()` in `kernel/bpf/verifier.c`.

use crate::check::call::object::iter::Place;
use crate::env::Env;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::special_kfunc::SpecialKfunc;
use crate::facts::types::RegType;
use crate::input::kfunc::Kfunc;
use crate::log::reject;
use crate::state::reg::{About, IrqClass, RegState};
use crate::state::slot::{Slot, StackSlot};

impl Env<'_> {
    /// An IRQ flag passed to a call (`process_irq_flag`).
    pub(crate) fn process_irq_flag(
        &mut self,
        reg: &RegState,
        name: &str,
        k: &Kfunc<'_>,
    ) -> Checked {
        let fail = Err(Errno::EINVAL.into());
        let lock = k.is_one(SpecialKfunc::is_res_spin);
        let class = if lock {
            IrqClass::Lock
        } else {
            IrqClass::Native
        };
        let save = k.is_one(SpecialKfunc::saves_irq);
        let place = self.stack_object_place(reg, "irq_flag", 1);
        let slot = match place {
            Place::Spi(spi) => self.slots_of(reg, spi, 1).next().copied(),
            _ => None,
        };
        if save {
            let free = place != Place::Bad && slot.is_none_or(|s| !s.typ.contains(&Slot::IrqFlag));
            if !free {
                return reject!(
                    self,
                    IrqFlag,
                    EINVAL,
                    "expected uninitialized irq flag as {name}"
                );
            }
            self.write_slot(reg, name, 0)?;
            let Place::Spi(spi) = self.stack_object_place(reg, "irq_flag", 1) else {
                return fail;
            };
            let id = self.acquire_irq_state(self.path.insn_idx);
            self.write_slots_of(reg, spi, 1, |_, s| {
                s.reg.mark_known(0);
                s.reg.typ = RegType::PTR_TO_STACK;
                s.reg.id = id;
                s.reg.about = About::Irq(class);
                s.typ = [Slot::IrqFlag; 8];
            });
            self.log.scratch_slot(spi);
            return Ok(());
        }
        let (Place::Spi(spi), Some(slot)) = (place, slot) else {
            return reject!(
                self,
                IrqFlag,
                EINVAL,
                "expected an initialized irq flag as {name}"
            );
        };
        if slot.reg.id == 0 || slot.typ != [Slot::IrqFlag; 8] {
            return reject!(
                self,
                IrqFlag,
                EINVAL,
                "expected an initialized irq flag as {name}"
            );
        }
        self.mark_slots_read(reg.frameno(), spi, 1);
        self.log.scratch_slot(spi);
        if slot.reg.about != About::Irq(class) {
            let (a, b) = if lock {
                ("native", "lock")
            } else {
                ("lock", "native")
            };
            return reject!(
                self,
                IrqFlag,
                EINVAL,
                "irq flag acquired by {a} kfuncs cannot be restored with {b} kfuncs"
            );
        }
        if !self.release_irq_state(slot.reg.id) {
            let active = self.path.cur.active_irq_id;
            let at = self
                .path
                .cur
                .refs
                .iter()
                .find(|r| r.id == active)
                .map_or(0, |r| r.insn_idx);
            return reject!(
                self,
                IrqFlag,
                EACCES,
                "cannot restore irq state out of order, expected id={active} acquired at insn_idx={at}"
            );
        }
        let not_init = self.not_init();
        let unwritten = StackSlot::unwritten(not_init);
        self.write_slots_of(reg, spi, 1, |_, s| *s = unwritten);
        self.mark_slots_written(reg.frameno(), spi, 1);
        if self.input.profile.has(Rule::PREEMPTION_IS_RCU) {
            self.end_of_section();
        }
        Ok(())
    }
}
