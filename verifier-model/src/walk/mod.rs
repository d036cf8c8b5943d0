// SPDX-License-Identifier: GPL-2.0-only
//! The walk over instructions: one at a time, one path at a time, depth first.
//!
//! Source: `do_check()`, `do_check_insn()`, `process_bpf_exit_full()` in `kernel/bpf/verifier.c`.

pub mod equal;
pub mod loops;
pub mod prune;
pub mod start;

use bpf::insn::{class, jmp, mode};
use bpf::uapi::{Insn, MapType, pseudo};

use crate::env::Env;
use crate::env::flow::Flow;
use crate::env::marks::AluMask;
use crate::env::observe::Event;
use crate::facts::errno::{Check, Errno, Stop, not_modelled};
use crate::facts::limits::BPF_COMPLEXITY_LIMIT_INSNS;
use crate::facts::rule::Rule;
use crate::facts::types::RegType;
use crate::log::verbose;
use crate::state::reg::Meta;

impl Env<'_> {
    /// Explores every path from the current state on (`do_check`).
    pub fn do_check(&mut self) -> Check {
        let pop_log = !self.log.level2();
        let mut do_print_state = false;
        let mut prev_insn_idx = -1;
        self.tell(Event::Started);
        loop {
            self.cur_hist_ent = None;
            self.prev_insn_idx = prev_insn_idx;
            let idx = self.insn_idx;
            if idx >= self.insns.len() {
                let n = self.insns.len();
                verbose!(self, "invalid insn idx {idx} insn_cnt {n}\n");
                return Err(Errno::EFAULT.into());
            }
            self.insn_processed += 1;
            if self.insn_processed > BPF_COMPLEXITY_LIMIT_INSNS {
                let n = self.insn_processed;
                verbose!(self, "BPF program is too large. Processed {n} insn\n");
                return Err(Errno::E2BIG.into());
            }
            if self.insn_processed > self.opts.max_insns {
                return not_modelled(format!("over {} instructions", self.opts.max_insns));
            }
            self.cur.last_insn_idx = prev_insn_idx;
            self.cur.insn_idx = idx;

            let mut exit = false;
            if self.aux[idx].prune_point && self.is_state_visited(idx)? {
                if self.log.level1() {
                    if do_print_state {
                        let spec = self.speculative_text();
                        verbose!(self, "\nfrom {prev_insn_idx} to {idx}{spec}: safe\n");
                    } else {
                        verbose!(self, "{idx}: safe\n");
                    }
                }
                exit = true;
            }
            if !exit {
                if self.aux[idx].jmp_point {
                    self.push_jmp_history(Default::default(), 0, 0, Default::default());
                }
                self.print_before_insn(prev_insn_idx, &mut do_print_state);
                prev_insn_idx = idx as i32;
                if !self.cur.speculative {
                    self.check_const_regs(idx)?;
                }
                self.tell(Event::Step);
                if self.cur.speculative && self.aux[idx].nospec {
                    exit = true;
                } else {
                    exit = self.step(&mut do_print_state)?;
                }
            }
            if exit {
                self.log.scratch_all();
                self.update_branch_counts()?;
                if !self.pop_stack(&mut prev_insn_idx, pop_log) {
                    return Ok(());
                }
                self.tell(Event::Resumed);
                do_print_state = true;
            }
        }
    }

    /// One instruction; true when the path ends.
    fn step(&mut self, do_print_state: &mut bool) -> Check<bool> {
        let idx = self.insn_idx;
        self.aux[idx].seen = true;
        match self.do_check_insn(do_print_state) {
            Ok(Flow::Next) => self.insn_idx = self.insn_idx.wrapping_add(1),
            Ok(Flow::IdxUpdated) => {}
            Ok(Flow::Exit) => return Ok(true),
            Err(stop) if self.recoverable_with_nospec(&stop) => {
                self.aux[idx].nospec = true;
                self.aux[idx].alu_mask = AluMask::default();
                return Ok(true);
            }
            Err(stop) => return Err(stop),
        }
        Ok(self.cur.speculative && self.aux[idx].nospec_result)
    }

    fn speculative_text(&self) -> &'static str {
        if self.cur.speculative {
            " (speculative execution)"
        } else {
            ""
        }
    }

    fn print_before_insn(&mut self, prev: i32, do_print_state: &mut bool) {
        if !self.log.level1() {
            return;
        }
        let idx = self.insn_idx;
        if self.log.level2() && *do_print_state {
            let spec = self.speculative_text();
            verbose!(self, "\nfrom {prev} to {idx}{spec}:");
            self.print_cur_state(self.cur.curframe(), true);
            *do_print_state = false;
        }
        if self.log.scratched_regs != 0 || self.log.scratched_stack_slots != 0 {
            self.print_insn_state();
        }
        self.verbose_linfo(idx, format_args!("; "));
        let start = self.log.end_pos();
        let text = self.insn_text(idx);
        verbose!(self, "{idx}: {text}\n");
        self.log.prev_insn_print_pos = self.log.end_pos() - start;
        self.log.prev_log_pos = self.log.end_pos();
    }

    /// What [`crate::analysis::const_fold`] found must agree with the state.
    fn check_const_regs(&mut self, idx: usize) -> Check {
        let aux = &self.aux[idx];
        if aux.const_reg_mask == 0 {
            return Ok(());
        }
        let bad = (0..10).find(|&r| {
            let reg = self.reg(r);
            aux.const_reg_mask >> r & 1 != 0
                && reg.is_const(false)
                && reg.var_off.value as u32 != aux.const_reg_vals[r]
        });
        match bad {
            None => Ok(()),
            Some(r) => {
                let (want, got) = (aux.const_reg_vals[r], self.reg(r).var_off.value);
                self.verifier_bug(format_args!("const R{r}: {want} != {got}"))
            }
        }
    }

    fn do_check_insn(&mut self, do_print_state: &mut bool) -> Check<Flow> {
        let insn = self.insns[self.insn_idx];
        match insn.class() {
            class::ALU | class::ALU64 => self.check_alu_op(&insn).map(|()| Flow::Next),
            class::LDX => {
                let sx = insn.mode() == mode::MEMSX;
                self.check_load_mem(&insn, false, sx, true, "ldx")
                    .map(|()| Flow::Next)
            }
            class::STX if insn.mode() == mode::ATOMIC => {
                self.check_atomic(&insn).map(|()| Flow::Next)
            }
            class::STX => self.check_store_reg(&insn, false).map(|()| Flow::Next),
            class::ST => self.check_store_imm(&insn).map(|()| Flow::Next),
            class::JMP | class::JMP32 => self.check_jmp_insn(&insn, do_print_state),
            class::LD => match insn.mode() {
                mode::ABS | mode::IND => self.check_ld_abs(&insn),
                _ => {
                    self.check_ld_imm(&insn)?;
                    self.insn_idx += 1;
                    Ok(Flow::Next)
                }
            },
            _ => Err(Errno::EFAULT.into()),
        }
    }

    fn check_jmp_insn(&mut self, insn: &Insn, do_print_state: &mut bool) -> Check<Flow> {
        self.jmps_processed += 1;
        match insn.op() {
            jmp::CALL => {
                if self.cur.active_locks > 0 && !self.call_allowed_with_lock(insn) {
                    verbose!(
                        self,
                        "function calls are not allowed while holding a lock\n"
                    );
                    return Err(Errno::EINVAL.into());
                }
                self.log.scratch_reg(0);
                let subprogno = self.cur.frame().subprogno;
                if self.subprogs[subprogno].in_stack_arg_cnt() > 0 {
                    self.cur.frame_mut().no_stack_arg_load = true;
                }
                match insn.src_reg {
                    pseudo::CALL => self.check_func_call(),
                    pseudo::KFUNC_CALL => self.check_kfunc_call(insn),
                    _ => self.check_helper_call(insn),
                }
            }
            jmp::JA => {
                if insn.src_is_reg() {
                    return self.check_indirect_jump(insn);
                }
                let to = self.insn_idx as i64 + i64::from(insn.jmp_offset()) + 1;
                self.insn_idx = to.max(0) as usize;
                Ok(Flow::IdxUpdated)
            }
            jmp::EXIT => self.process_bpf_exit(do_print_state),
            _ => self.check_cond_jmp_op(insn).map(|()| Flow::Next),
        }
    }

    fn call_allowed_with_lock(&self, insn: &Insn) -> bool {
        use crate::facts::helpers::id;
        use bpf::kernel::kfuncs::KfuncFlags;
        match insn.src_reg {
            0 => matches!(insn.imm, id::SPIN_UNLOCK | id::KPTR_XCHG),
            pseudo::KFUNC_CALL => self
                .kfunc_quiet(insn)
                .is_some_and(|k| k.flags.contains(KfuncFlags::SPINLOCK_SAFE)),
            _ => true,
        }
    }

    /// `exit`: of the program, of a function, or of a callback (`process_bpf_exit_full`).
    fn process_bpf_exit(&mut self, do_print_state: &mut bool) -> Check<Flow> {
        let main = self.cur.curframe() == 0;
        self.check_resource_leak(false, main, "BPF_EXIT instruction in main prog")?;
        if !main {
            if self.cur.active_rcu_locks != 0 && !self.profile.has(Rule::RCU_ACROSS_CALLS) {
                verbose!(self, "bpf_rcu_read_unlock is missing\n");
                return Err(Errno::EINVAL.into());
            }
            self.prepare_func_exit()?;
            *do_print_state = true;
            return Ok(Flow::IdxUpdated);
        }
        let frame = self.cur.frame();
        if frame.subprogno != 0 && !frame.in_async_callback_fn && !frame.in_exception_callback_fn {
            self.check_global_subprog_return_code()?;
        } else {
            self.check_return_code(0, "R0")?;
        }
        Ok(Flow::Exit)
    }

    /// The path ends in an exception.
    pub fn process_exception_exit(&mut self) -> Check<Flow> {
        let check_sections =
            self.profile.has(Rule::THROW_CHECKS_RESOURCES) || self.cur.curframe() == 0;
        self.check_resource_leak(true, check_sections, "bpf_throw")?;
        Ok(Flow::Exit)
    }

    fn check_ld_imm(&mut self, insn: &Insn) -> Check {
        if insn.size() != 8 {
            verbose!(self, "invalid BPF_LD_IMM insn\n");
            return Err(Errno::EINVAL.into());
        }
        let d = insn.dst();
        self.check_dst_reg(d, true)?;
        let idx = self.insn_idx;
        if insn.src_reg == 0 {
            let hi = self.insns.get(idx + 1).map_or(0, |i| i.imm as u32);
            let imm = u64::from(insn.imm as u32) | u64::from(hi) << 32;
            let reg = &mut self.regs()[d];
            reg.typ = RegType::SCALAR_VALUE;
            reg.mark_known(imm);
            return Ok(());
        }
        self.mark_reg_known_zero(d);
        let aux = self.aux[idx].clone();
        match insn.src_reg {
            pseudo::BTF_ID => {
                let Some((typ, meta)) = aux.btf_var else {
                    return self
                        .verifier_bug(format_args!("pseudo btf id: unexpected dst reg type"));
                };
                let reg = &mut self.regs()[d];
                reg.typ = typ;
                reg.meta = meta;
            }
            pseudo::FUNC => {
                let subprog = self.callee_of(idx);
                if self.prog.func_info.is_empty() {
                    verbose!(self, "missing btf func_info\n");
                    return Err(Errno::EINVAL.into());
                }
                let Some(subprog) = subprog else {
                    return Err(Errno::EFAULT.into());
                };
                if !self.func_info_aux.get(subprog).is_some_and(|f| f.is_static) {
                    verbose!(self, "callback function not static\n");
                    return Err(Errno::EINVAL.into());
                }
                if subprog == 0 {
                    verbose!(self, "callback function cannot be the main program\n");
                    return Err(Errno::EINVAL.into());
                }
                let reg = &mut self.regs()[d];
                reg.typ = RegType::PTR_TO_FUNC;
                reg.meta = Meta::Subprog(subprog);
            }
            src => {
                let Some(map) = aux.map else {
                    return Err(Errno::EFAULT.into());
                };
                let in_value = matches!(src, pseudo::MAP_VALUE | pseudo::MAP_IDX_VALUE);
                if in_value && self.maps[map].def.map_type == MapType::Arena {
                    self.mark_reg_unknown(d);
                    self.regs()[d].meta = Meta::Map(map);
                    return Ok(());
                }
                let reg = &mut self.regs()[d];
                if in_value {
                    reg.mark_known(aux.map_off.into());
                    reg.typ = RegType::PTR_TO_MAP_VALUE;
                } else {
                    reg.typ = RegType::CONST_PTR_TO_MAP;
                }
                reg.meta = Meta::Map(map);
            }
        }
        Ok(())
    }

    /// A register is about to be read (`check_reg_arg` with `SRC_OP`).
    pub fn check_src_reg(&mut self, regno: usize) -> Check {
        self.log.scratch_reg(regno);
        if self.reg(regno).typ == RegType::NOT_INIT {
            verbose!(self, "R{regno} !read_ok\n");
            return Err(Errno::EACCES.into());
        }
        Ok(())
    }

    /// A register is about to be written (`check_reg_arg` with `DST_OP` or `DST_OP_NO_MARK`).
    pub fn check_dst_reg(&mut self, regno: usize, mark: bool) -> Check {
        self.log.scratch_reg(regno);
        if regno == usize::from(bpf::insn::REG_FP) {
            verbose!(self, "frame pointer is read only\n");
            return Err(Errno::EACCES.into());
        }
        if mark {
            self.mark_reg_unknown(regno);
        }
        Ok(())
    }

    /// Whether leaking the register would leak a pointer.
    pub fn is_pointer_value(&self, regno: usize) -> bool {
        !self.allow_ptr_leaks && self.reg(regno).typ.is_pointer()
    }

    /// Bounds that disagree are a bug; ranges are forgotten, or the program is refused if it asked
    /// for that (`reg_bounds_sanity_check`).
    pub fn bounds_sanity_check(
        &mut self,
        reg: &mut crate::state::reg::RegState,
        ctx: &str,
    ) -> Check {
        let Some(msg) = reg.invariant_violation() else {
            return Ok(());
        };
        verbose!(
            self,
            "verifier bug: REG INVARIANTS VIOLATION ({ctx}): {msg} r64={{.base={}, .size={}}} \
             r32={{.base={}, .size={}}} var_off=({}, {})\n",
            crate::domain::number::Hex(reg.r64.base),
            crate::domain::number::Hex(reg.r64.size),
            crate::domain::number::Hex(reg.r32.base.into()),
            crate::domain::number::Hex(reg.r32.size.into()),
            crate::domain::number::Hex(reg.var_off.value),
            crate::domain::number::Hex(reg.var_off.mask)
        );
        if self.test_reg_invariants {
            return Err(Stop::Errno(Errno::EFAULT));
        }
        reg.mark_unbounded();
        Ok(())
    }

    /// The same for a register of the current frame.
    pub fn reg_sanity_check(&mut self, regno: usize, ctx: &str) -> Check {
        let mut reg = *self.reg(regno);
        self.bounds_sanity_check(&mut reg, ctx)?;
        self.regs()[regno] = reg;
        Ok(())
    }
}
