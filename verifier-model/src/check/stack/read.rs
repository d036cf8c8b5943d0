// SPDX-License-Identifier: GPL-2.0-only
//! Reads of the stack, and how far accesses to it may reach.
//!
//! Source: `check_stack_access_within_bounds()`, `check_stack_read()` in `kernel/bpf/verifier.c`.

use crate::check::stack::range::StackRange;
use crate::env::Env;
use crate::env::marks::NO_FASTCALL_STACK;
use crate::facts::access::Access;
use crate::facts::errno::Errno;
use crate::facts::kind::Kind;
use crate::facts::limits::{BPF_MAX_VAR_OFF, BPF_REG_SIZE, MAX_BPF_STACK};
use crate::facts::rejection::{Checked, Rejection};
use crate::facts::rule::Rule;
use crate::log::reject;
use crate::state::history::{HistFlags, LinkedRegs};
use crate::state::reg::RegState;
use crate::state::slot::{Slot, StackSlot, get_spi};

pub(crate) const STACK_ACCESS: HistFlags = HistFlags {
    stack_access: true,
    dst_reg_stack: false,
    src_reg_stack: false,
    stack_arg_access: false,
};

impl Env<'_> {
    /// An access must lie in the frame; slots down to it come into being.
    pub(crate) fn check_stack_access_within_bounds(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        access: Access,
        by_call: bool,
    ) -> Checked {
        // What a helper does there was not known before it was told what it only reads.
        let either = by_call && !self.input.profile.has(Rule::HELPER_READS_KEPT);
        let extra = match access {
            _ if either => " indirect access to",
            Access::Read => " read from",
            Access::Write => " write to",
        };
        let konst = reg.var_off.is_const();
        let (off64, size64) = (i64::from(off), i64::from(size));
        let (min_off, max_off) = if konst {
            let min = (reg.var_off.value as i64).wrapping_add(off64);
            (min, min.wrapping_add(size64))
        } else {
            if reg.smax() >= BPF_MAX_VAR_OFF || reg.smin() <= -BPF_MAX_VAR_OFF {
                return reject!(
                    self,
                    StackUnbounded,
                    EACCES,
                    "invalid unbounded variable-offset{extra} stack {argname}"
                );
            }
            (reg.smin() + off64, reg.smax() + off64 + size64)
        };
        let allocated = self.stack_frame(reg).map_or(0, |f| f.allocated_stack());
        let unwritten = self.input.profile.has(Rule::UNWRITTEN_STACK);
        let lowest = if access == Access::Write || self.input.allow_uninit_stack && unwritten {
            -MAX_BPF_STACK
        } else {
            -allocated
        };
        let err = if min_off < lowest.into() || min_off > -1 {
            Some(Errno::EACCES)
        } else if max_off > 0 {
            Some(Errno::EINVAL)
        } else if size < 0 {
            Some(Errno::EFAULT)
        } else {
            None
        };
        if let Some(errno) = err {
            let t = reg.var_off;
            let (kind, message) = match konst {
                true => (
                    Kind::StackOutOfBounds,
                    format!("invalid{extra} stack {argname} off={min_off} size={size}"),
                ),
                false => (
                    Kind::StackUnbounded,
                    format!(
                        "invalid variable-offset{extra} stack {argname} var_off={t} off={off} size={size}"
                    ),
                ),
            };
            let why = Rejection {
                kind,
                message,
                ..Rejection::silent(errno)
            };
            return self.log.reject("\n", why);
        }
        if unwritten || access == Access::Write && !by_call {
            self.grow_stack(reg.frameno(), -min_off as i32);
        }
        Ok(())
    }

    fn grow_stack(&mut self, frameno: usize, size: i32) {
        let n = (size.clamp(0, MAX_BPF_STACK) as usize).div_ceil(BPF_REG_SIZE);
        let Some(frame) = self.path.cur.frames.get_mut(frameno) else {
            return;
        };
        if frame.stack.len() >= n {
            return;
        }
        frame.stack.grow(n);
        let depth = &mut self.marks.funcs[frame.subprogno].stack_depth;
        *depth = (*depth).max((n * BPF_REG_SIZE) as i32);
    }

    /// The slots of a bpf_fastcall pattern must not be used for anything else.
    pub(crate) fn check_fastcall_stack_contract(
        &mut self,
        subprogno: usize,
        insn_idx: usize,
        off: i32,
    ) {
        let func = &mut self.marks.funcs[subprogno];
        if func.fastcall_stack_off <= off || self.marks.insns[insn_idx].fastcall_pattern {
            return;
        }
        func.fastcall_stack_off = NO_FASTCALL_STACK;
        let subprogs = &self.known.code.subprogs;
        let (start, end) = (subprogs[subprogno].start, subprogs[subprogno + 1].start);
        for marks in &mut self.marks.insns[start..end] {
            marks.fastcall_pattern = false;
        }
    }

    /// A slot that is there.
    pub(crate) fn slot(&self, frameno: usize, spi: usize) -> Checked<&StackSlot> {
        let frame = self.path.cur.frames.get(frameno);
        let slot = frame.and_then(|f| f.stack.get(spi));
        slot.ok_or_else(|| Errno::EFAULT.into())
    }

    /// The same, to be written.
    pub(crate) fn slot_mut(&mut self, frameno: usize, spi: usize) -> Checked<&mut StackSlot> {
        let slot = self
            .path
            .cur
            .frames
            .get_mut(frameno)
            .and_then(|f| f.stack.get_mut(spi));
        slot.ok_or_else(|| Errno::EFAULT.into())
    }

    /// What a load of a range gives: zero if every byte is, else unknown.
    fn mark_reg_stack_read(
        &mut self,
        frameno: usize,
        min_off: i32,
        max_off: i32,
        dst: usize,
    ) -> Checked {
        let zeros_known = self.input.profile.has(Rule::SPILLED_ZEROS_READ);
        let mut zero_spills = 0u64;
        let mut zeros = 0;
        for i in min_off..max_off {
            let spi = get_spi(i);
            self.log.scratch_slot(spi);
            let slot = self.slot(frameno, spi)?;
            match slot.typ[(-i - 1) as usize % BPF_REG_SIZE] {
                Slot::Zero => zeros += 1,
                Slot::Spill if zeros_known && slot.reg.is_null() => {
                    zero_spills |= 1 << spi;
                    zeros += 1;
                }
                _ => break,
            }
        }
        if zeros != max_off - min_off {
            self.mark_reg_unknown(dst);
            return Ok(());
        }
        let zero = self.const_zero();
        self.regs()[dst] = zero;
        if zero_spills != 0 {
            self.path.bt.set_frame_slot_mask(frameno, zero_spills);
            self.mark_chain_precision_cur(None)?;
        }
        Ok(())
    }

    /// A load from the stack; `dst` is the register loaded.
    pub(crate) fn check_stack_read(
        &mut self,
        ptr: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        dst: Option<usize>,
    ) -> Checked {
        if ptr.var_off.is_const() {
            let off = off.wrapping_add(ptr.var_off.value as i32);
            return self.check_stack_read_fixed_off(ptr.frameno(), off, size, dst);
        }
        let Some(dst) = dst else {
            let t = ptr.var_off;
            return reject!(
                self,
                StackUnbounded,
                EACCES,
                "variable offset stack pointer cannot be passed into helper function; \
                 var_off={t} off={off} size={size}"
            );
        };
        let range = StackRange {
            reg: ptr,
            argname,
            off,
            size,
            zero_size_allowed: false,
            access: Access::Read,
        };
        self.check_stack_range_initialized(&range, None)?;
        let min_off = (ptr.smin() as i32).wrapping_add(off);
        let max_off = (ptr.smax() as i32).wrapping_add(off);
        self.mark_reg_stack_read(ptr.frameno(), min_off, max_off + size, dst)?;
        let subprogno = self.path.cur.frames[ptr.frameno()].subprogno;
        self.check_fastcall_stack_contract(subprogno, self.path.insn_idx, min_off);
        Ok(())
    }

    fn check_stack_read_fixed_off(
        &mut self,
        frameno: usize,
        off: i32,
        size: i32,
        dst: Option<usize>,
    ) -> Checked {
        let spi = get_spi(off);
        let slot_off = (-off - 1) as usize;
        self.log.scratch_slot(spi);
        let subprogno = self.path.cur.frame().subprogno;
        self.check_fastcall_stack_contract(subprogno, self.path.insn_idx, off);
        self.mark_slots_read(frameno, spi, 1);
        let mut slot = *self.slot(frameno, spi)?;
        let byte = |i: usize| slot.typ[slot_off.wrapping_sub(i) % BPF_REG_SIZE];
        if !slot.is_spilled_reg() {
            for i in 0..size as usize {
                self.check_stack_byte(byte(i), off, i, size)?;
            }
            if let Some(d) = dst {
                self.mark_reg_stack_read(frameno, off, off + size, d)?;
            }
            return Ok(());
        }
        let spill_size = slot
            .typ
            .iter()
            .rev()
            .take_while(|t| **t == Slot::Spill)
            .count();
        let history = if size != BPF_REG_SIZE as i32 || spill_size != BPF_REG_SIZE {
            if !slot.reg.is_scalar() {
                self.verbose_linfo(self.path.insn_idx, format_args!("; "));
                return reject!(self, SpillSize, EACCES, "invalid size of register fill");
            }
            let Some(d) = dst else { return Ok(()) };
            let narrow = self.input.profile.has(Rule::NARROW_FILLS);
            let known = match narrow {
                true => size as usize <= spill_size,
                false => size as usize == spill_size,
            };
            if known && off % BPF_REG_SIZE as i32 == 0 {
                let width = slot.reg.width();
                if narrow && self.input.bpf_capable && size == 4 && spill_size == 4 && width <= 32 {
                    Self::assign_scalar_id_before_mov(&mut self.path.id_gen, &mut slot.reg);
                    self.slot_mut(frameno, spi)?.reg = slot.reg;
                }
                let mut r = slot.reg;
                if narrow && width > size as u32 * 8 {
                    r.clear_scalar_id();
                }
                self.regs()[d] = r;
                true
            } else {
                let (mut spills, mut zeros) = (0, 0);
                for i in 0..size as usize {
                    match byte(i) {
                        Slot::Spill => spills += 1,
                        Slot::Zero => zeros += 1,
                        t => self.check_stack_byte(t, off, i, size)?,
                    }
                }
                if !narrow {
                    self.mark_reg_unknown(d);
                    false
                } else if spills == size && slot.reg.var_off.equals_const(0) {
                    let zero = self.const_zero();
                    self.regs()[d] = zero;
                    true
                } else if zeros == size {
                    let zero = self.const_zero();
                    self.regs()[d] = zero;
                    false
                } else {
                    self.mark_reg_stack_read(frameno, off, off + size, d)?;
                    false
                }
            }
        } else if let Some(d) = dst {
            if self.input.bpf_capable && self.input.profile.has(Rule::NARROW_FILLS) {
                Self::assign_scalar_id_before_mov(&mut self.path.id_gen, &mut slot.reg);
                self.slot_mut(frameno, spi)?.reg = slot.reg;
            }
            self.regs()[d] = slot.reg;
            true
        } else if !self.input.allow_ptr_leaks && slot.reg.typ.is_pointer() {
            return reject!(
                self,
                Capability,
                EACCES,
                "leaking pointer from stack off {off}"
            );
        } else {
            true
        };
        if history {
            self.push_jmp_history(STACK_ACCESS, spi, frameno, LinkedRegs::default());
        }
        Ok(())
    }

    fn check_stack_byte(&mut self, t: Slot, off: i32, i: usize, size: i32) -> Checked {
        match t {
            Slot::Misc | Slot::Zero => Ok(()),
            Slot::Invalid if self.input.allow_uninit_stack => Ok(()),
            Slot::Poison => reject!(
                self,
                UnwrittenStack,
                EACCES,
                "reading from stack off {off}+{i} size {size}, slot poisoned by dead code elimination"
            ),
            _ => reject!(
                self,
                UnwrittenStack,
                EACCES,
                "invalid read from stack off {off}+{i} size {size}"
            ),
        }
    }
}
