// SPDX-License-Identifier: GPL-2.0-only
//! Stack that a call reads or writes.
//!
//! Source: `check_stack_range_initialized()` in `kernel/bpf/verifier.c`.

use crate::env::Env;
use crate::env::call_args::CallMeta;
use crate::facts::access::Access;
use crate::facts::limits::BPF_REG_SIZE;
use crate::facts::rejection::Checked;
use crate::log::reject;
use crate::state::reg::RegState;
use crate::state::slot::{Slot, get_spi, scrub_byte};

impl Env<'_> {
    /// Memory on the stack that a call reads or writes (`check_stack_range_initialized`).
    #[expect(clippy::too_many_arguments, reason = "the parameters of an access")]
    pub(crate) fn check_stack_range_initialized(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        access_size: i32,
        zero_size_allowed: bool,
        access: Access,
        meta: Option<&mut CallMeta>,
    ) -> Checked {
        let clobber = access == Access::Write;
        // A negative size says that the callee may find dead bytes there.
        let allow_poison = access_size < 0 || clobber;
        let size = access_size.abs();
        if size == 0 && !zero_size_allowed {
            return reject!(self, Length, EACCES, "invalid zero-sized read");
        }
        self.check_stack_access_within_bounds(reg, argname, off, size, access)?;
        let konst = reg.var_off.is_const();
        let (min_off, max_off) = if konst {
            let o = (reg.var_off.value as i32).wrapping_add(off);
            (o, o)
        } else {
            if !self.input.bypass_spec_v1 {
                let t = reg.var_off;
                return reject!(
                    self,
                    Capability,
                    EACCES,
                    "{argname} variable offset stack access prohibited for !root, var_off={t}"
                );
            }
            (
                (reg.smin() as i32).wrapping_add(off),
                (reg.smax() as i32).wrapping_add(off),
            )
        };
        if let Some(meta) = meta
            && konst
            && meta.raw_mem_regno != 0
            && argname == format!("R{}", meta.raw_mem_regno)
        {
            meta.raw_mem_size = size;
            return Ok(());
        }
        let frameno = reg.frameno();
        let (uninit, leaks) = (self.input.allow_uninit_stack, self.input.allow_ptr_leaks);
        let unknown = self.unknown();
        for i in min_off..max_off + size {
            let spi = get_spi(i);
            let at = (-i - 1) as usize % BPF_REG_SIZE;
            if self
                .path
                .cur
                .frames
                .get(frameno)
                .is_none_or(|f| f.stack.len() <= spi)
            {
                return reject!(self, StackOutOfBounds, EFAULT, "allocated_stack too small");
            }
            let slot = self.slot_mut(frameno, spi)?;
            let t = slot.typ[at];
            if t == Slot::Misc {
                continue;
            }
            if t == Slot::Zero || t == Slot::Invalid && uninit {
                if clobber {
                    slot.typ[at] = Slot::Misc;
                }
                continue;
            }
            if slot.is_spilled_reg() && (slot.reg.is_scalar() || leaks) {
                if clobber {
                    slot.reg = unknown;
                    slot.typ.iter_mut().for_each(scrub_byte);
                }
                continue;
            }
            let n = i - min_off;
            if t == Slot::Poison {
                if allow_poison {
                    continue;
                }
                return reject!(
                    self,
                    UnwrittenStack,
                    EACCES,
                    "reading from stack {argname} off {min_off}+{n} size {size}, \
                     slot poisoned by dead code elimination"
                );
            }
            if konst {
                return reject!(
                    self,
                    UnwrittenStack,
                    EACCES,
                    "invalid read from stack {argname} off {min_off}+{n} size {size}"
                );
            }
            let t = reg.var_off;
            return reject!(
                self,
                UnwrittenStack,
                EACCES,
                "invalid read from stack {argname} var_off {t}+{n} size {size}"
            );
        }
        Ok(())
    }
}
