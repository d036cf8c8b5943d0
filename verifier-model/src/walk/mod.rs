// SPDX-License-Identifier: GPL-2.0-only
//! The walk over instructions: one at a time, one path at a time, depth first.
//!
//! Source: `do_check()`, `do_check_insn()`, `process_bpf_exit_full()` in `kernel/bpf/verifier.c`.

pub(crate) mod clean;
pub(crate) mod equal;
pub(crate) mod loop_entries;
pub(crate) mod loops;
pub(crate) mod prune;
pub(crate) mod read_marks;
pub(crate) mod stack_by_slots;
pub(crate) mod start;

use bpf::insn::{class, jmp, mode};
use bpf::uapi::{Insn, MapType, pseudo};

use crate::check::memory::Load;
use crate::env::Env;
use crate::env::flow::Flow;
use crate::env::leaving::Leaving;
use crate::env::marks::AluMask;
use crate::env::observe::Event;
use crate::facts::errno::Errno;
use crate::facts::limits::BPF_COMPLEXITY_LIMIT_INSNS;
use crate::facts::rejection::{Checked, not_modelled};
use crate::facts::rule::Rule;
use crate::facts::types::RegType;
use crate::log::{reject, verbose};
use crate::state::reg::About;

impl Env<'_> {
    /// Explores every path from the current state on (`do_check`).
    pub(crate) fn do_check(&mut self) -> Checked {
        let pop_log = !self.log.level2();
        self.log.print_state.set(false);
        let mut prev_insn_idx = -1;
        self.tell(Event::Started);
        loop {
            self.path.cur_hist_ent = None;
            self.path.prev_insn_idx = prev_insn_idx;
            let idx = self.path.insn_idx;
            if idx >= self.code.insns.len() {
                let n = self.code.insns.len();
                return reject!(
                    self,
                    ControlFlow,
                    EFAULT,
                    "invalid insn idx {idx} insn_cnt {n}"
                );
            }
            self.counts.insn_processed += 1;
            if self.counts.insn_processed > BPF_COMPLEXITY_LIMIT_INSNS {
                let n = self.counts.insn_processed;
                return reject!(
                    self,
                    TooLarge,
                    E2BIG,
                    "BPF program is too large. Processed {n} insn"
                );
            }
            if self.counts.insn_processed > self.input.opts.max_insns {
                return not_modelled(format!("over {} instructions", self.input.opts.max_insns));
            }
            self.path.cur.last_insn_idx = prev_insn_idx;
            self.path.cur.insn_idx = idx;

            let mut exit = false;
            if self.code.aux[idx].prune_point && self.is_state_visited(idx)? {
                if self.log.level1() {
                    if self.log.print_state.get() {
                        let spec = self.speculative_text();
                        verbose!(self, "\nfrom {prev_insn_idx} to {idx}{spec}: safe\n");
                    } else {
                        verbose!(self, "{idx}: safe\n");
                    }
                }
                exit = true;
            }
            if !exit {
                if self.code.aux[idx].jmp_point {
                    self.push_jmp_history(Default::default(), 0, 0, Default::default());
                }
                self.print_before_insn(prev_insn_idx);
                prev_insn_idx = idx as i32;
                if !self.path.cur.speculative {
                    self.check_const_regs(idx)?;
                }
                self.tell(Event::Step);
                if self.path.cur.speculative && self.marks.insns[idx].nospec {
                    exit = true;
                } else {
                    exit = self.step()?;
                }
            }
            if exit {
                self.log.scratch_all();
                self.update_branch_counts()?;
                self.update_live_stack();
                if !self.pop_stack(&mut prev_insn_idx, pop_log) {
                    return Ok(());
                }
                self.tell(Event::Resumed);
                self.log.print_state.set(true);
            }
        }
    }

    /// One instruction; true when the path ends.
    fn step(&mut self) -> Checked<bool> {
        let idx = self.path.insn_idx;
        self.marks.insns[idx].seen = true;
        self.begin_stack_writes(idx);
        let walked = self.do_check_insn();
        self.end_stack_writes();
        match walked {
            Ok(Flow::Next) => self.path.insn_idx = self.path.insn_idx.wrapping_add(1),
            Ok(Flow::IdxUpdated) => {}
            Ok(Flow::Exit) => return Ok(true),
            Err(stop) if self.recoverable_with_nospec(&stop) => {
                self.marks.insns[idx].nospec = true;
                self.marks.insns[idx].alu_mask = AluMask::default();
                return Ok(true);
            }
            Err(stop) => return Err(stop),
        }
        Ok(self.path.cur.speculative && self.marks.insns[idx].nospec_result)
    }

    fn speculative_text(&self) -> &'static str {
        if self.path.cur.speculative {
            " (speculative execution)"
        } else {
            ""
        }
    }

    fn print_before_insn(&mut self, prev: i32) {
        if !self.log.level1() {
            return;
        }
        let idx = self.path.insn_idx;
        if self.log.level2() && self.log.print_state.get() {
            let spec = self.speculative_text();
            verbose!(self, "\nfrom {prev} to {idx}{spec}:");
            self.print_cur_state(self.path.cur.curframe(), true);
            self.log.print_state.set(false);
        }
        if self.log.scratched() {
            self.print_insn_state();
        }
        self.verbose_linfo(idx, format_args!("; "));
        let start = self.log.end_pos();
        let text = self.insn_text(idx);
        verbose!(self, "{idx}: {text}\n");
        self.log.prev_insn_print_pos.set(self.log.end_pos() - start);
        self.log.prev_log_pos.set(self.log.end_pos());
    }

    /// What [`crate::analysis::const_fold`] found must agree with the state.
    fn check_const_regs(&mut self, idx: usize) -> Checked {
        let aux = &self.code.aux[idx];
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
                self.log
                    .verifier_bug(format_args!("const R{r}: {want} != {got}"))
            }
        }
    }

    fn do_check_insn(&mut self) -> Checked<Flow> {
        let insn = self.code.insns[self.path.insn_idx];
        match insn.class() {
            class::ALU | class::ALU64 => self.check_alu_op(&insn).map(|()| Flow::Next),
            class::LDX => {
                let load = Load {
                    strict: false,
                    is_ldsx: insn.mode() == mode::MEMSX,
                    allow_trust_mismatch: true,
                    ctx: "ldx",
                };
                self.check_load_mem(&insn, load).map(|()| Flow::Next)
            }
            class::STX if insn.mode() == mode::ATOMIC => {
                self.check_atomic(&insn).map(|()| Flow::Next)
            }
            class::STX => self.check_store_reg(&insn, false).map(|()| Flow::Next),
            class::ST => self.check_store_imm(&insn).map(|()| Flow::Next),
            class::JMP | class::JMP32 => self.check_jmp_insn(&insn),
            class::LD => match insn.mode() {
                mode::ABS | mode::IND => self.check_ld_abs(&insn),
                _ => {
                    self.check_ld_imm(&insn)?;
                    self.path.insn_idx += 1;
                    Ok(Flow::Next)
                }
            },
            _ => Err(Errno::EFAULT.into()),
        }
    }

    fn check_jmp_insn(&mut self, insn: &Insn) -> Checked<Flow> {
        self.counts.jmps_processed += 1;
        match insn.op() {
            jmp::CALL => {
                if self.path.cur.active_locks > 0 && !self.call_allowed_with_lock(insn) {
                    return reject!(
                        self,
                        CallUnderLock,
                        EINVAL,
                        "function calls are not allowed while holding a lock"
                    );
                }
                self.log.scratch_reg(0);
                let subprogno = self.path.cur.frame().subprogno;
                if self.marks.funcs[subprogno].args.in_stack_arg_cnt() > 0 {
                    self.path.cur.frame_mut().no_stack_arg_load = true;
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
                let to = self.path.insn_idx as i64 + i64::from(insn.jmp_offset()) + 1;
                self.path.insn_idx = to.max(0) as usize;
                Ok(Flow::IdxUpdated)
            }
            jmp::EXIT => self.process_bpf_exit(),
            _ => self.check_cond_jmp_op(insn).map(|()| Flow::Next),
        }
    }

    fn call_allowed_with_lock(&self, insn: &Insn) -> bool {
        use crate::facts::helpers::id;
        use bpf::kernel::kfuncs::KfuncFlags;
        if !self.input.profile.has(Rule::CALLS_UNDER_LOCKS) {
            return insn.src_reg != pseudo::CALL && insn.imm == id::SPIN_UNLOCK;
        }
        match insn.src_reg {
            0 => matches!(insn.imm, id::SPIN_UNLOCK | id::KPTR_XCHG),
            pseudo::KFUNC_CALL => self.code.kfuncs.find(insn).is_some_and(|desc| {
                desc.allowed && desc.kfunc.flags.contains(KfuncFlags::SPINLOCK_SAFE)
            }),
            _ => true,
        }
    }

    /// `exit`: of the program, of a function, or of a callback (`process_bpf_exit_full`).
    fn process_bpf_exit(&mut self) -> Checked<Flow> {
        let main = self.path.cur.curframe() == 0;
        let sections = main || !self.input.profile.has(Rule::CALLS_UNDER_LOCKS);
        self.check_resource_leak(Leaving::Exit, sections)?;
        if !main {
            if self.path.cur.active_rcu_locks != 0
                && !self.input.profile.has(Rule::RCU_ACROSS_CALLS)
            {
                return reject!(
                    self,
                    SectionLeftOpen,
                    EINVAL,
                    "bpf_rcu_read_unlock is missing"
                );
            }
            self.prepare_func_exit()?;
            self.log.print_state.set(true);
            return Ok(Flow::IdxUpdated);
        }
        let frame = self.path.cur.frame();
        if frame.subprogno != 0 && !frame.in_async_callback_fn && !frame.in_exception_callback_fn {
            self.check_global_subprog_return_code()?;
        } else {
            self.check_return_code(0, "R0")?;
        }
        Ok(Flow::Exit)
    }

    fn check_ld_imm(&mut self, insn: &Insn) -> Checked {
        if insn.size() != 8 {
            return reject!(
                self,
                MalformedInstruction,
                EINVAL,
                "invalid BPF_LD_IMM insn"
            );
        }
        let d = insn.dst();
        self.check_dst_reg(d, true)?;
        let idx = self.path.insn_idx;
        if insn.src_reg == 0 {
            let hi = self.code.insns.get(idx + 1).map_or(0, |i| i.imm as u32);
            let imm = u64::from(insn.imm as u32) | u64::from(hi) << 32;
            let reg = &mut self.regs()[d];
            reg.typ = RegType::SCALAR_VALUE;
            reg.mark_known(imm);
            return Ok(());
        }
        self.mark_reg_known_zero(d);
        let known = self.known;
        let aux = &known.code.aux[idx];
        match insn.src_reg {
            pseudo::BTF_ID => {
                let Some((typ, meta)) = aux.btf_var else {
                    return self
                        .log
                        .verifier_bug(format_args!("pseudo btf id: unexpected dst reg type"));
                };
                let reg = &mut self.regs()[d];
                reg.typ = typ;
                reg.about = meta;
            }
            pseudo::FUNC => {
                let subprog = self.code.callee_of(idx);
                if self.input.prog.func_info.is_empty() {
                    return reject!(self, CallbackNotAllowed, EINVAL, "missing btf func_info");
                }
                let Some(subprog) = subprog else {
                    return Err(Errno::EFAULT.into());
                };
                if !self
                    .code
                    .func_info_aux
                    .get(subprog)
                    .is_some_and(|f| f.is_static)
                {
                    return reject!(
                        self,
                        CallbackNotAllowed,
                        EINVAL,
                        "callback function not static"
                    );
                }
                if subprog == 0 {
                    return reject!(
                        self,
                        CallbackNotAllowed,
                        EINVAL,
                        "callback function cannot be the main program"
                    );
                }
                let reg = &mut self.regs()[d];
                reg.typ = RegType::PTR_TO_FUNC;
                reg.about = About::Subprog(subprog);
            }
            src => {
                let Some(map) = aux.map else {
                    return Err(Errno::EFAULT.into());
                };
                let in_value = matches!(src, pseudo::MAP_VALUE | pseudo::MAP_IDX_VALUE);
                if in_value && self.code.maps[map].def.map_type == MapType::Arena {
                    self.mark_reg_unknown(d);
                    self.regs()[d].about = About::Map(map);
                    return Ok(());
                }
                let reg = &mut self.regs()[d];
                if in_value {
                    reg.mark_known(aux.map_off.into());
                    reg.typ = RegType::PTR_TO_MAP_VALUE;
                } else {
                    reg.typ = RegType::CONST_PTR_TO_MAP;
                }
                reg.about = About::Map(map);
            }
        }
        Ok(())
    }
}
