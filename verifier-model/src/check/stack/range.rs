// SPDX-License-Identifier: GPL-2.0-only
//! Stack that a call reads or writes.
//!
//! Source: `check_stack_range_initialized()` in `kernel/bpf/verifier.c`.

use crate::env::Env;
use crate::env::call_args::CallArgs;
use crate::facts::access::Access;
use crate::facts::limits::BPF_REG_SIZE;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::log::reject;
use crate::state::reg::RegState;
use crate::state::slot::{Slot, get_spi, scrub_byte};

/// Stack that a call reads or writes, or a load at an offset that is not known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackRange<'a> {
    /// The pointer to it.
    pub reg: &'a RegState,
    /// How messages name the pointer.
    pub argname: &'a str,
    /// Offset from the pointer.
    pub off: i32,
    /// A negative size says that the callee may find dead bytes there.
    pub size: i32,
    pub zero_size_allowed: bool,
    pub access: Access,
}

impl Env<'_> {
    /// Memory on the stack that a call reads or writes (`check_stack_range_initialized`).
    pub(crate) fn check_stack_range_initialized(
        &mut self,
        range: &StackRange<'_>,
        meta: Option<&mut CallArgs>,
    ) -> Checked {
        let StackRange {
            reg, argname, off, ..
        } = *range;
        let clobber = range.access == Access::Write;
        let allow_poison = range.size < 0 || clobber;
        let size = range.size.abs();
        if size == 0 && !range.zero_size_allowed {
            return reject!(self, Length, EACCES, "invalid zero-sized read");
        }
        // A load never writes; before it was told what a helper only reads, all of them did.
        let told = self.input.profile.has(Rule::HELPER_READS_KEPT);
        let by_call = meta.is_some() || !told && range.access == Access::Write;
        self.check_stack_access_within_bounds(reg, argname, off, size, range.access, by_call)?;
        let konst = reg.var_off.is_const();
        let (min_off, max_off) = self.stack_range_offsets(range)?;
        if let Some(meta) = meta
            && konst
            && meta.raw_mem_regno != 0
            && argname == format!("R{}", meta.raw_mem_regno)
        {
            meta.raw_mem_size = size;
            return self.check_filled_over(reg.frameno(), min_off, size);
        }
        let frameno = reg.frameno();
        let (uninit, leaks) = (self.input.allow_uninit_stack, self.input.allow_ptr_leaks);
        let unknown = self.unknown();
        let end = max_off + size;
        let mut at = min_off;
        while at < end {
            let spi = get_spi(at);
            if self
                .path
                .cur
                .frames
                .get(frameno)
                .is_none_or(|f| f.stack.len() <= spi)
            {
                if !self.input.profile.has(Rule::UNWRITTEN_STACK) {
                    return self.reject_unwritten_stack(
                        range,
                        Slot::Invalid,
                        min_off,
                        at - min_off,
                    );
                }
                return reject!(self, StackOutOfBounds, EFAULT, "allocated_stack too small");
            }
            self.mark_slots_read(frameno, spi, 1);
            let bytes = at..end.min(-((spi * BPF_REG_SIZE) as i32));
            at = bytes.end;
            let slot = self.slot(frameno, spi)?;
            // Most slots: a buffer that was read before.
            if slot.typ == [Slot::Misc; BPF_REG_SIZE] {
                continue;
            }
            let mut read = *slot;
            for i in bytes {
                let byte = &mut read.typ[(-i - 1) as usize % BPF_REG_SIZE];
                let t = *byte;
                if t == Slot::Misc {
                    continue;
                }
                if t == Slot::Zero || t == Slot::Invalid && uninit {
                    if clobber {
                        *byte = Slot::Misc;
                    }
                    continue;
                }
                if read.is_spilled_reg() && (read.reg.is_scalar() || leaks) {
                    if clobber {
                        read.reg = unknown;
                        read.typ.iter_mut().for_each(scrub_byte);
                    }
                    continue;
                }
                if t == Slot::Poison && allow_poison {
                    continue;
                }
                return self.reject_unwritten_stack(range, t, min_off, i - min_off);
            }
            if clobber {
                *self.slot_mut(frameno, spi)? = read;
            }
        }
        Ok(())
    }

    /// Memory to be filled may be larger than the frame is yet, and have dynptrs in it.
    fn check_filled_over(&self, frameno: usize, min_off: i32, size: i32) -> Checked {
        if self.input.profile.has(Rule::DYNPTRS_FILLED_OVER) {
            return Ok(());
        }
        let stack = self.path.cur.frames.get(frameno).map(|f| &f.stack);
        let slot = |at| stack.and_then(|stack| stack.get(get_spi(at)));
        let mut at = min_off..min_off + size;
        let over = |at: &i32| slot(*at).is_some_and(|slot| slot.typ[0] == Slot::Dynptr);
        let Some(at) = at.find(over) else {
            return Ok(());
        };
        reject!(
            self,
            Dynptr,
            EACCES,
            "potential write to dynptr at off={at} disallowed"
        )
    }

    /// The least and the greatest offset at which the access may begin.
    fn stack_range_offsets(&self, range: &StackRange<'_>) -> Checked<(i32, i32)> {
        let (reg, off) = (range.reg, range.off);
        if reg.var_off.is_const() {
            let at = (reg.var_off.value as i32).wrapping_add(off);
            return Ok((at, at));
        }
        if !self.input.bypass_spec_v1 {
            let (argname, t) = (range.argname, reg.var_off);
            return reject!(
                self,
                Capability,
                EACCES,
                "{argname} variable offset stack access prohibited for !root, var_off={t}"
            );
        }
        Ok((
            (reg.smin() as i32).wrapping_add(off),
            (reg.smax() as i32).wrapping_add(off),
        ))
    }

    /// The `n`-th byte of an access that begins at `min_off` has nothing to read.
    fn reject_unwritten_stack(
        &self,
        range: &StackRange<'_>,
        byte: Slot,
        min_off: i32,
        n: i32,
    ) -> Checked {
        let (argname, size) = (range.argname, range.size.abs());
        if byte == Slot::Poison {
            return reject!(
                self,
                UnwrittenStack,
                EACCES,
                "reading from stack {argname} off {min_off}+{n} size {size}, \
                 slot poisoned by dead code elimination"
            );
        }
        let t = range.reg.var_off;
        if t.is_const() {
            return reject!(
                self,
                UnwrittenStack,
                EACCES,
                "invalid read from stack {argname} off {min_off}+{n} size {size}"
            );
        }
        reject!(
            self,
            UnwrittenStack,
            EACCES,
            "invalid read from stack {argname} var_off {t}+{n} size {size}"
        )
    }
}
