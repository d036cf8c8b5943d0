// SPDX-License-Identifier: GPL-2.0-only
//! Calls of kfuncs: each argument by its BTF, what is returned, and the sections that some open
//! and close.
//!
//! Source: `check_kfunc_call()` in `kernel/bpf/verifier.c`.

pub(crate) mod args;
pub(crate) mod collection;
pub(crate) mod ptr_args;
pub(crate) mod returned;

use bpf::kernel::kfuncs::KfuncFlags;
use bpf::uapi::{AttachType, Insn, ProgType};

use crate::check::call::function::callback::CallbackKind;
use crate::check::call::kfunc::collection as graph;
use crate::domain::ranges::Ranges;
use crate::env::Env;
use crate::env::call_args::CallArgs;
use crate::env::flow::Flow;
use crate::facts::errno::{Errno, MAX_ERRNO};
use crate::facts::limits::{CALLER_SAVED_REGS, MAX_BPF_FUNC_REG_ARGS};
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::special_kfunc::SpecialKfunc;
use crate::input::kfunc::Kfunc;
use crate::log::reject;

impl Env<'_> {
    pub(crate) fn check_kfunc_call(&mut self, insn: &Insn) -> Checked<Flow> {
        if insn.imm == 0 {
            return Ok(Flow::Next);
        }
        let known = self.known;
        let Some(desc) = known.code.kfuncs.find(insn) else {
            return Err(Errno::EINVAL.into());
        };
        let k = &desc.kfunc;
        if !desc.allowed {
            return reject!(
                self,
                CallNotAllowed,
                EACCES,
                "calling kernel function {} is not allowed",
                k.name
            );
        }
        let idx = self.path.insn_idx;
        self.marks.insns[idx].is_iter_next = k.flags.contains(KfuncFlags::ITER_NEXT);
        if k.is_one(SpecialKfunc::is_res_spin_lock) {
            self.fork_failed_lock()?;
        } else if k.is(SpecialKfunc::Trap) {
            return reject!(
                self,
                CompilerTrap,
                EFAULT,
                "unexpected __bpf_trap() due to uninitialized variable?"
            );
        }
        self.check_kfunc_allowed(k)?;
        let mut meta = CallArgs::default();
        if k.flags.contains(KfuncFlags::RELEASE) {
            meta.release_regno = 1;
        }
        self.check_kfunc_args(k, &mut meta)?;
        self.check_drop(k, &meta)?;
        self.push_kfunc_callback(insn, k, &meta)?;
        self.change_sections(k)?;
        self.check_kfunc_sections(k)?;
        if meta.release_regno != 0 {
            let reg = *self.reg(meta.release_regno);
            self.release_reg(&reg, meta.dynptr.id != 0)?;
        }
        if graph::takes_over_node(k) {
            let node = *self.reg(2);
            self.hand_over_node(&node);
        }
        let throws = k.is(SpecialKfunc::Throw);
        if throws && self.code.exception_callback_subprog == 0 {
            self.check_return_code(1, "R1")?;
        }
        let not_init = self.not_init();
        for r in 1..=k.params.len().min(MAX_BPF_FUNC_REG_ARGS) {
            self.mark_reg_read(r);
        }
        for r in 0..CALLER_SAVED_REGS {
            self.regs()[r] = not_init;
        }
        self.mark_caller_saved_written();
        self.invalidate_outgoing_stack_args();
        self.set_kfunc_return(k, &meta)?;
        if k.is(SpecialKfunc::XdpPullData) {
            self.clear_all_pkt_pointers();
        }
        self.count_stack_args(k.params.len());
        if k.flags.contains(KfuncFlags::ITER_NEXT) {
            self.process_iter_next_call(&meta)?;
        }
        if throws {
            return self.process_exception_exit();
        }
        Ok(self.enter_callback_once())
    }

    /// What the kfunc asks of the program.
    fn check_kfunc_allowed(&self, k: &Kfunc<'_>) -> Checked {
        if k.flags.contains(KfuncFlags::PERFMON) && !self.input.allow_ptr_leaks {
            return reject!(
                self,
                Capability,
                EPERM,
                "{} is allowed only to CAP_PERFMON and CAP_SYS_ADMIN",
                k.name
            );
        }
        if k.flags.contains(KfuncFlags::SLEEPABLE) && !self.path.cur.in_sleepable {
            return reject!(
                self,
                ProgramNotSleepable,
                EACCES,
                "program must be sleepable to call sleepable kfunc {}",
                k.name
            );
        }
        Ok(())
    }

    /// What the kfunc asks of the sections that are open, its own included.
    fn check_kfunc_sections(&self, k: &Kfunc<'_>) -> Checked {
        if k.flags.contains(KfuncFlags::SLEEPABLE) && !self.in_sleepable_context() {
            let why = self.non_sleepable_context();
            return reject!(
                self,
                SleepsInAtomic,
                EACCES,
                "kernel func {} is sleepable within {why}",
                k.name
            );
        }
        let changes_rcu = k.is(SpecialKfunc::RcuReadLock) || k.is(SpecialKfunc::RcuReadUnlock);
        if changes_rcu && self.in_rbtree_lock_required_cb() {
            return reject!(
                self,
                RbtreeCallback,
                EACCES,
                "Calling bpf_rcu_read_{{lock,unlock}} in unnecessary rbtree callback"
            );
        }
        if k.flags.contains(KfuncFlags::RCU_PROTECTED) && !self.in_rcu_cs() {
            return reject!(
                self,
                CallOutsideRcu,
                EACCES,
                "kernel func {} requires RCU critical section protection",
                k.name
            );
        }
        Ok(())
    }

    /// Arguments beyond the registers take room on the stack of the function that calls.
    fn count_stack_args(&mut self, nargs: usize) {
        if nargs > MAX_BPF_FUNC_REG_ARGS {
            let s = &mut self.marks.funcs[self.path.cur.frame().subprogno].args;
            s.stack_arg_cnt = s
                .stack_arg_cnt
                .max(s.in_stack_arg_cnt() + nargs - MAX_BPF_FUNC_REG_ARGS);
        }
    }

    /// The path on which a resilient lock is not taken.
    fn fork_failed_lock(&mut self) -> Checked {
        let (idx, not_init, mut r0) = (self.path.insn_idx, self.not_init(), self.unknown());
        r0.ranges = Ranges::signed((-MAX_ERRNO).into(), -1);
        r0.bounds_sync(self.input.profile);
        let st = self.push_stack(idx + 1, idx, false)?;
        let regs = &mut st.frame_mut().regs;
        regs[..CALLER_SAVED_REGS].fill(not_init);
        regs[0] = r0;
        Ok(())
    }

    /// Tracing programs may run in an NMI, where not every object can be freed.
    fn check_drop(&mut self, k: &Kfunc<'_>, meta: &CallArgs) -> Checked {
        let drops = k.is_one(|f| f.is_obj_drop() || f.is_percpu_obj_drop());
        let tracing = match self.input.prog.prog_type {
            ProgType::Kprobe
            | ProgType::Tracepoint
            | ProgType::PerfEvent
            | ProgType::RawTracepoint
            | ProgType::RawTracepointWritable => true,
            ProgType::Tracing => {
                self.input.prog.expected_attach_type != AttachType::TraceIter
                    && !self.input.prog.sleepable()
            }
            _ => false,
        };
        let Some((btf, id)) = meta.arg_btf.filter(|_| drops && tracing) else {
            return Ok(());
        };
        let refused = self.input.profile.has(Rule::NMI_UNSAFE_FIELDS);
        if refused && self.input.struct_record(btf, id).has_nmi_unsafe_fields() {
            return reject!(
                self,
                CallNotAllowed,
                EINVAL,
                "{} cannot be used in tracing programs on types with NMI unsafe fields",
                k.name
            );
        }
        Ok(())
    }

    fn push_kfunc_callback(&mut self, insn: &Insn, k: &Kfunc<'_>, meta: &CallArgs) -> Checked {
        let kind = match k.special {
            Some(f) if f.is_rbtree_add() => CallbackKind::RbtreeAdd,
            Some(SpecialKfunc::WqSetCallback) => CallbackKind::Timer,
            Some(f) if f.is_task_work_schedule() => CallbackKind::TaskWork,
            _ => return Ok(()),
        };
        self.push_callback_call(insn, meta.subprogno, kind)
            .map_err(|stop| {
                let line = format_args!("kfunc {}#{} failed callback verification", k.name, k.id);
                self.log.sum_up(stop, None, line)
            })
    }

    /// RCU and preemption.
    fn change_sections(&mut self, k: &Kfunc<'_>) -> Checked {
        let name = k.name;
        match k.special {
            Some(SpecialKfunc::RcuReadLock) => {
                let open = self.path.cur.active_rcu_locks != 0;
                if open && !self.input.profile.has(Rule::NESTED_RCU) {
                    return reject!(
                        self,
                        SectionLeftOpen,
                        EINVAL,
                        "nested rcu read lock (kernel function {name})"
                    );
                }
                self.path.cur.active_rcu_locks += 1;
            }
            Some(SpecialKfunc::PreemptDisable) => self.path.cur.active_preempt_locks += 1,
            Some(SpecialKfunc::RcuReadUnlock) => {
                let Some(n) = self.path.cur.active_rcu_locks.checked_sub(1) else {
                    return reject!(
                        self,
                        SectionNotOpen,
                        EINVAL,
                        "unmatched rcu read unlock (kernel function {name})"
                    );
                };
                self.path.cur.active_rcu_locks = n;
            }
            Some(SpecialKfunc::PreemptEnable) => {
                let Some(n) = self.path.cur.active_preempt_locks.checked_sub(1) else {
                    return reject!(
                        self,
                        SectionNotOpen,
                        EINVAL,
                        "unmatched attempt to enable preemption (kernel function {name})"
                    );
                };
                self.path.cur.active_preempt_locks = n;
            }
            _ => return Ok(()),
        }
        let ends_rcu = k.is(SpecialKfunc::RcuReadUnlock);
        match self.input.profile.has(Rule::PREEMPTION_IS_RCU) {
            true if ends_rcu || k.is(SpecialKfunc::PreemptEnable) => self.end_of_section(),
            false if ends_rcu && self.path.cur.active_rcu_locks == 0 => {
                self.invalidate_rcu_protected_refs();
            }
            _ => {}
        }
        Ok(())
    }
}
