// SPDX-License-Identifier: GPL-2.0-only
//! Stores to the stack.
//!
//! Source: `check_stack_write()` in `kernel/bpf/verifier.c`.

use bpf::insn::REG_FP;
use bpf::uapi::Insn;

use crate::check::stack::read::STACK_ACCESS;
use crate::env::Env;
use crate::facts::limits::BPF_REG_SIZE;
use crate::facts::rejection::Checked;
use crate::facts::rule::{Profile, Rule};
use crate::facts::types::RegType;
use crate::log::reject;
use crate::state::history::LinkedRegs;
use crate::state::reg::RegState;
use crate::state::slot::{Slot, StackSlot, get_spi};

impl Env<'_> {
    /// A store to the stack; `value` is the register stored.
    pub(crate) fn check_stack_write(
        &mut self,
        ptr: &RegState,
        off: i32,
        size: i32,
        value: Option<usize>,
        insn_idx: usize,
    ) -> Checked {
        if ptr.var_off.is_const() {
            let off = off.wrapping_add(ptr.var_off.value as i32);
            self.check_stack_write_fixed_off(ptr.frameno(), off, size, value, insn_idx)
        } else {
            self.check_stack_write_var_off(ptr, off, size, value, insn_idx)
        }
    }

    fn check_stack_write_fixed_off(
        &mut self,
        frameno: usize,
        off: i32,
        size: i32,
        value: Option<usize>,
        insn_idx: usize,
    ) -> Checked {
        let slot_off = (-off - 1) as usize;
        let spi = get_spi(off);
        let insn = self.code.insns[insn_idx];
        let slot = *self.slot(frameno, spi)?;
        if !self.input.allow_ptr_leaks
            && slot.is_spilled_reg()
            && !slot.is_spilled_scalar()
            && size != BPF_REG_SIZE as i32
        {
            return reject!(
                self,
                SpilledPointer,
                EACCES,
                "attempt to corrupt spilled pointer on stack"
            );
        }
        let every = self.input.profile.has(Rule::EVERY_POINTER_SPILLED);
        let spillable = |t: RegType| t.is_pointer() && (every || !t.is_lost_on_stack());
        if !self.input.bypass_spec_v1 {
            let pointer = value.is_some_and(|r| spillable(self.reg(r).typ));
            let plain = |i: usize| {
                let byte = slot.typ[slot_off.wrapping_sub(i) % BPF_REG_SIZE];
                matches!(byte, Slot::Misc | Slot::Zero)
            };
            self.marks.insns[insn_idx].nospec_result |= pointer || !(0..size as usize).all(plain);
        }
        self.destroy_if_dynptr_stack_slot(frameno, spi)?;
        let subprogno = self.path.cur.frames[frameno].subprogno;
        self.check_fastcall_stack_contract(subprogno, insn_idx, off);
        self.log.scratch_slot(spi);

        if size == BPF_REG_SIZE as i32 {
            self.mark_slots_written(frameno, spi, 1);
        }
        let reg = value.map(|r| *self.reg(r));
        let aligned = off % BPF_REG_SIZE as i32 == 0;
        let all = self.input.profile.has(Rule::SCALARS_SPILLED);
        let spilled = |r: &RegState| r.is_scalar() && (all || !r.is_unbounded() && !r.is_null());
        let rules = self.input.profile;
        let history = match reg {
            Some(r) if aligned && spilled(&r) && self.input.bpf_capable => {
                let r = self.scalar_to_spill(r, value, &insn, size)?;
                save_register_state(self.slot_mut(frameno, spi)?, r, size as usize, rules);
                true
            }
            None if aligned
                && insn.is_st_mem()
                && (all || insn.imm != 0)
                && self.input.bpf_capable =>
            {
                let r = RegState::konst(i64::from(insn.imm) as u64);
                save_register_state(self.slot_mut(frameno, spi)?, r, size as usize, rules);
                true
            }
            Some(r) if spillable(r.typ) => {
                if size != BPF_REG_SIZE as i32 {
                    self.verbose_linfo(insn_idx, format_args!("; "));
                    return reject!(self, SpillSize, EACCES, "invalid size of register spill");
                }
                if frameno != self.path.cur.curframe() && r.typ == RegType::PTR_TO_STACK {
                    return reject!(
                        self,
                        SpilledPointer,
                        EINVAL,
                        "cannot spill pointers to stack into stack frame of the caller"
                    );
                }
                save_register_state(self.slot_mut(frameno, spi)?, r, size as usize, rules);
                true
            }
            _ => {
                self.slot_mut(frameno, spi)?.scrub();
                let zero = match reg {
                    Some(r) => r.is_null(),
                    None => insn.is_st_mem() && insn.imm == 0,
                };
                if zero {
                    match value {
                        Some(r) => self.mark_chain_precision(r)?,
                        None => self.mark_chain_precision_cur(None).map(|_| ())?,
                    }
                }
                let typ = if zero { Slot::Zero } else { Slot::Misc };
                let slot = self.slot_mut(frameno, spi)?;
                for i in 0..size as usize {
                    slot.typ[slot_off.wrapping_sub(i) % BPF_REG_SIZE] = typ;
                }
                false
            }
        };
        if history {
            self.push_jmp_history(STACK_ACCESS, spi, frameno, LinkedRegs::default());
        }
        Ok(())
    }

    /// What a spilled number is linked to, and what makes it precise.
    fn scalar_to_spill(
        &mut self,
        mut r: RegState,
        value: Option<usize>,
        insn: &Insn,
        size: i32,
    ) -> Checked<RegState> {
        let all = self.input.profile.has(Rule::SCALARS_SPILLED);
        if !self.input.profile.has(Rule::SPILLS_WALKED_BACK)
            && insn.dst() != usize::from(REG_FP)
            && let Some(n) = value
        {
            // Precision is looked for behind [fp - 8] alone.
            self.mark_chain_precision(n)?;
            r = *self.reg(n);
        }
        if r.width() > 8 * size as u32 {
            r.clear_scalar_id();
        } else if all {
            Self::assign_scalar_id_before_mov(&mut self.path.id_gen, &mut r);
            if let Some(n) = value {
                self.regs()[n] = r;
            }
        }
        Ok(r)
    }

    fn check_stack_write_var_off(
        &mut self,
        ptr: &RegState,
        off: i32,
        size: i32,
        value: Option<usize>,
        insn_idx: usize,
    ) -> Checked {
        let frameno = ptr.frameno();
        let min_off = (ptr.smin() as i32).wrapping_add(off);
        let max_off = (ptr.smax() as i32).wrapping_add(off).wrapping_add(size);
        let insn = self.code.insns[insn_idx];
        let writing_zero = match value {
            Some(r) => self.reg(r).is_null(),
            None => insn.is_st_mem() && insn.imm == 0,
        };
        for i in min_off..max_off {
            self.destroy_if_dynptr_stack_slot(frameno, get_spi(i))?;
        }
        let subprogno = self.path.cur.frames[frameno].subprogno;
        self.check_fastcall_stack_contract(subprogno, insn_idx, min_off);
        let mut zero_used = false;
        let scrubs = self.input.profile.has(Rule::VAR_OFF_WRITES_SCRUB);
        let (leaks, uninit) = (self.input.allow_ptr_leaks, self.input.allow_uninit_stack);
        for i in min_off..max_off {
            let spi = get_spi(i);
            let at = (-i - 1) as usize % BPF_REG_SIZE;
            self.log.scratch_slot(spi);
            let slot = self.slot_mut(frameno, spi)?;
            let t = slot.typ[at];
            if !leaks && !matches!(t, Slot::Misc | Slot::Zero) {
                return reject!(self, unended SpilledPointer, EINVAL, "spilled ptr in range of var-offset stack write; insn {insn_idx}, ptr off: {i}");
            }
            if writing_zero
                && t == Slot::Spill
                && slot.is_spilled_scalar()
                && slot.reg.var_off.equals_const(0)
            {
                zero_used = true;
                continue;
            }
            match scrubs {
                true => slot.scrub(),
                false => slot.reg.typ = RegType::NOT_INIT,
            }
            let t = slot.typ[at];
            let mut new = Slot::Misc;
            if writing_zero && t == Slot::Zero {
                new = Slot::Zero;
                zero_used = true;
            }
            if matches!(t, Slot::Invalid | Slot::Poison) && !uninit {
                return reject!(self, unended Capability, EINVAL, "uninit stack in range of var-offset write prohibited for !root; insn {insn_idx}, off: {i}");
            }
            slot.typ[at] = new;
        }
        if zero_used {
            match value {
                Some(r) => self.mark_chain_precision(r)?,
                None => self.mark_chain_precision_cur(None).map(|_| ())?,
            }
        }
        Ok(())
    }
}

/// Spills a register; bytes of the slot beyond its size become plain data.
fn save_register_state(slot: &mut StackSlot, reg: RegState, size: usize, rules: &Profile) {
    let zeros_kept = rules.has(Rule::SPILLS_KEEP_ZEROS);
    slot.reg = reg;
    let (rest, spilled) = slot.typ.split_at_mut(BPF_REG_SIZE - size.min(BPF_REG_SIZE));
    spilled.fill(Slot::Spill);
    for t in rest {
        match t {
            Slot::Invalid | Slot::Poison => {}
            Slot::Zero if zeros_kept => {}
            _ => *t = Slot::Misc,
        }
    }
}
