// SPDX-License-Identifier: GPL-2.0-only
//! One instruction backwards: from what is looked for after it to what is looked for before.
//!
//! Source: `backtrack_insn()` in `kernel/bpf/backtrack.c`.

use bpf::insn::{CMPXCHG, REG_FP, alu, class, jmp, mode};
use bpf::uapi::Insn;

use crate::env::Env;
use crate::facts::errno::Errno;
use crate::facts::rule::Rule;
use crate::log::verbose;
use crate::precision::{REGMASK_ARGS, Step, fmt_regs, fmt_slots};
use crate::state::MAX_CALL_FRAMES;
use crate::state::history::JmpHistory;
use crate::state::slot::get_spi;

impl Env<'_> {
    /// One instruction backwards. The parts below return false when linked registers need not be
    /// looked at again.
    pub(crate) fn backtrack_insn(
        &mut self,
        idx: usize,
        subseq_idx: i32,
        hist: Option<&JmpHistory>,
    ) -> Result<(), Step> {
        let insn = self.code.insns[idx];
        if insn.code == 0 {
            return Ok(());
        }
        if self.log.level2() {
            let text = self.insn_text(idx);
            let (f, r, s) = (
                self.path.bt.frame,
                self.path.bt.frames[self.path.bt.frame].regs,
                self.path.bt.frames[self.path.bt.frame].slots,
            );
            verbose!(
                self,
                "mark_precise: frame{f}: regs={} stack={} before {idx}: {text}\n",
                fmt_regs(r),
                fmt_slots(s)
            );
        }
        let links = self.input.profile.has(Rule::LINKS_PRECISE);
        if links {
            self.path.bt.sync_linked_regs(hist);
        }
        let atomic_fetch =
            insn.is_atomic_fetch() && self.input.profile.has(Rule::ATOMIC_FETCH_BACKTRACK);
        let sync = match insn.class() {
            class::ALU | class::ALU64 => self.backtrack_alu(&insn),
            _ if insn.class() == class::LDX || insn.is_atomic_load() || atomic_fetch => {
                self.backtrack_load(&insn, hist)?
            }
            class::STX | class::ST => self.backtrack_store(&insn, hist)?,
            class::JMP | class::JMP32 => self.backtrack_jmp(idx, subseq_idx, hist)?,
            class::LD => self.backtrack_ld(idx, subseq_idx)?,
            _ => true,
        };
        if sync && links {
            self.path.bt.sync_linked_regs(hist);
        }
        Ok(())
    }

    fn backtrack_alu(&mut self, insn: &Insn) -> bool {
        let (d, s) = (insn.dst(), insn.src());
        if !self.path.bt.has_reg(d) || matches!(insn.op(), alu::END | alu::NEG) {
            return false;
        }
        if insn.op() == alu::MOV {
            self.path.bt.clear_reg(d);
        }
        if insn.src_is_reg() && s != usize::from(REG_FP) {
            self.path.bt.set_reg(s);
        }
        true
    }

    fn backtrack_load(&mut self, insn: &Insn, hist: Option<&JmpHistory>) -> Result<bool, Step> {
        let load_reg = match insn.imm {
            CMPXCHG if insn.is_atomic() => 0,
            _ if insn.is_atomic_fetch() => insn.src(),
            _ => insn.dst(),
        };
        if !self.path.bt.has_reg(load_reg) {
            return Ok(false);
        }
        self.path.bt.clear_reg(load_reg);
        if !self.input.profile.has(Rule::SPILLS_WALKED_BACK) {
            if let Some(spi) = spi_by_fp(insn.src(), insn) {
                let frame = self.path.bt.frame;
                self.path.bt.set_frame_slot(frame, spi);
            }
            return Ok(true);
        }
        let Some(h) = hist else { return Ok(false) };
        if h.flags.stack_arg_access {
            let Some(caller) = self.path.bt.frame.checked_sub(1) else {
                return Err(self.bug_step(format_args!("stack arg in frame 0")));
            };
            self.path.bt.set_frame_stack_arg(caller, h.spi.into());
            return Ok(false);
        }
        if !h.flags.stack_access {
            return Ok(false);
        }
        self.path.bt.set_frame_slot(h.frame.into(), h.spi.into());
        Ok(true)
    }

    fn backtrack_store(&mut self, insn: &Insn, hist: Option<&JmpHistory>) -> Result<bool, Step> {
        if self.path.bt.has_reg(insn.dst()) {
            // A store through a scalar: some pointer was subtracted from another.
            return Err(Step::NotSupported);
        }
        if !self.input.profile.has(Rule::SPILLS_WALKED_BACK) {
            let slots = &mut self.path.bt.frames[self.path.bt.frame].slots;
            if let Some(spi) = spi_by_fp(insn.dst(), insn)
                && *slots >> spi & 1 != 0
            {
                *slots &= !(1 << spi);
                if insn.class() == class::STX {
                    self.path.bt.set_reg(insn.src());
                }
            }
            return Ok(true);
        }
        let Some(h) = hist else { return Ok(false) };
        let looked_for = if h.flags.stack_arg_access {
            let mask = &mut self.path.bt.frames[self.path.bt.frame].stack_args;
            let was = *mask >> (h.spi & 7) & 1 != 0;
            *mask &= !(1 << (h.spi & 7));
            was
        } else if h.flags.stack_access {
            let mask = &mut self.path.bt.frames[usize::from(h.frame)].slots;
            let was = *mask >> (h.spi & 63) & 1 != 0;
            *mask &= !(1 << (h.spi & 63));
            was
        } else {
            false
        };
        if !looked_for {
            return Ok(false);
        }
        if insn.class() == class::STX {
            self.path.bt.set_reg(insn.src());
        }
        Ok(!h.flags.stack_arg_access)
    }

    fn backtrack_ld(&mut self, idx: usize, subseq_idx: i32) -> Result<bool, Step> {
        let insn = self.code.insns[idx];
        match insn.mode() {
            mode::IMM => {
                self.path.bt.clear_reg(insn.dst());
                Ok(false)
            }
            mode::IND | mode::ABS => {
                if self.path.bt.has_reg(insn.dst()) {
                    return Err(Step::NotSupported);
                }
                if subseq_idx != idx as i32 + 1 {
                    self.bt_subprog_enter()?;
                }
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    fn bt_subprog_enter(&mut self) -> Result<(), Step> {
        if self.path.bt.frame == MAX_CALL_FRAMES - 1 {
            let f = self.path.bt.frame;
            return Err(self.bug_step(format_args!("subprog enter from frame {f}")));
        }
        self.path.bt.frame += 1;
        Ok(())
    }

    fn bt_subprog_exit(&mut self) -> Result<(), Step> {
        if self.path.bt.frame == 0 {
            return Err(self.bug_step(format_args!("subprog exit from frame 0")));
        }
        self.path.bt.frame -= 1;
        Ok(())
    }

    fn backtrack_jmp(
        &mut self,
        idx: usize,
        subseq_idx: i32,
        hist: Option<&JmpHistory>,
    ) -> Result<bool, Step> {
        let insn = self.code.insns[idx];
        let leaves =
            insn.is_pseudo_call() || self.code.aux[idx].calls_callback || insn.op() == jmp::EXIT;
        if leaves && !self.input.profile.has(Rule::CALLS_WALKED_BACK) {
            return Err(Step::NotSupported);
        }
        if insn.is_pseudo_call() {
            self.backtrack_subprog_call(idx)?;
            return Ok(false);
        }
        if self.code.aux[idx].calls_callback && idx as i32 != subseq_idx - 1 {
            self.backtrack_callback()?;
            return Ok(false);
        }
        match insn.op() {
            jmp::CALL => {
                if insn.is_kfunc_call() && insn.imm == 0 {
                    return Err(Step::NotSupported);
                }
                self.path.bt.clear_reg(0);
                let regs = self.path.bt.frames[self.path.bt.frame].regs;
                if regs & REGMASK_ARGS != 0 {
                    return Err(
                        self.bug_step(format_args!("backtracking call unexpected regs {regs:x}"))
                    );
                }
                if insn.is_helper_call()
                    && insn.imm == crate::facts::helpers::id::TAIL_CALL
                    && subseq_idx - idx as i32 != 1
                {
                    self.bt_subprog_enter()?;
                }
            }
            jmp::EXIT => {
                self.backtrack_exit(subseq_idx)?;
                return Ok(false);
            }
            jmp::JA => {}
            _ if insn.src_is_reg() && self.input.profile.has(Rule::COND_JMP_PRECISION) => {
                let (d, s) = (insn.dst(), insn.src());
                if !self.path.bt.has_reg(d) && !self.path.bt.has_reg(s) {
                    return Ok(false);
                }
                if hist.is_none_or(|h| !h.flags.src_reg_stack) {
                    self.path.bt.set_reg(s);
                }
                if hist.is_none_or(|h| !h.flags.dst_reg_stack) {
                    self.path.bt.set_reg(d);
                }
            }
            _ => {}
        }
        Ok(true)
    }

    /// From behind a call to the end of the function, or to before it where it is verified apart.
    fn backtrack_subprog_call(&mut self, idx: usize) -> Result<(), Step> {
        let frame = self.path.bt.frame;
        let regs = self.path.bt.frames[frame].regs;
        let Some(subprog) = self.code.callee_of(idx) else {
            return Err(Step::Stop(Errno::EFAULT.into()));
        };
        if self.code.subprog_is_global(subprog) {
            if regs & REGMASK_ARGS != 0 {
                return Err(self.bug_step(format_args!("global subprog unexpected regs {regs:x}")));
            }
            self.path.bt.clear_reg(0);
            return Ok(());
        }
        if regs & !REGMASK_ARGS != 0 {
            return Err(self.bug_step(format_args!("static subprog unexpected regs {regs:x}")));
        }
        let slots = self.path.bt.frames[frame].slots;
        if slots != 0 {
            return Err(self.bug_step(format_args!(
                "static subprog leftover stack slots {slots:x}"
            )));
        }
        self.path.bt.frames[frame].regs &= !REGMASK_ARGS;
        let args = self.path.bt.frames[frame].stack_args;
        if args != 0 {
            return Err(self.bug_step(format_args!(
                "static subprog leftover stack arg slots {args:x}"
            )));
        }
        self.bt_subprog_exit()?;
        let frame = self.path.bt.frame;
        self.path.bt.frames[frame].regs |= regs & REGMASK_ARGS;
        Ok(())
    }

    /// From the entry of a callback to the call that led there, which hands nothing over that is looked
    /// for.
    fn backtrack_callback(&mut self) -> Result<(), Step> {
        let frame = self.path.bt.frame;
        let regs = self.path.bt.frames[frame].regs;
        if regs & !REGMASK_ARGS != 0 {
            return Err(self.bug_step(format_args!("callback unexpected regs {regs:x}")));
        }
        let slots = self.path.bt.frames[frame].slots;
        if slots != 0 {
            return Err(self.bug_step(format_args!("callback leftover stack slots {slots:x}")));
        }
        self.path.bt.frames[frame].regs &= !REGMASK_ARGS;
        self.bt_subprog_exit()
    }

    /// From behind the call of a function to its `exit`.
    fn backtrack_exit(&mut self, subseq_idx: i32) -> Result<(), Step> {
        let regs = self.path.bt.frames[self.path.bt.frame].regs;
        let before = subseq_idx.checked_sub(1).filter(|i| *i >= 0);
        let from_call = before.is_some_and(|i| self.code.insns[i as usize].is_pseudo_call());
        let r0_precise = from_call && self.path.bt.has_reg(0);
        if from_call && regs & REGMASK_ARGS != 0 {
            return Err(self.bug_step(format_args!("backtracking exit unexpected regs {regs:x}")));
        }
        self.path.bt.clear_reg(0);
        self.bt_subprog_enter()?;
        if r0_precise {
            self.path.bt.set_reg(0);
        }
        Ok(())
    }
}

/// The slot that an instruction names by its distance from r10.
fn spi_by_fp(base: usize, insn: &Insn) -> Option<usize> {
    let named = base == usize::from(REG_FP) && (-512..0).contains(&insn.off);
    named.then(|| get_spi(insn.off.into()))
}
