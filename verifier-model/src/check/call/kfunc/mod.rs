// SPDX-License-Identifier: GPL-2.0-only
//! Calls of kfuncs: each argument by its BTF, what is returned, and the sections that some open
//! and close.
//!
//! Source: `check_kfunc_call()`, `check_kfunc_args()`, `check_special_kfunc()` in
//! `kernel/bpf/verifier.c`.

pub(crate) mod args;
pub(crate) mod collection;
pub(crate) mod ptr_args;
pub(crate) mod returned;

use bpf::kernel::BtfRef;
use bpf::kernel::kfuncs::KfuncFlags;
use bpf::uapi::{AttachType, Insn, ProgType};

use crate::check::call::function::callback::CallbackKind;
use crate::check::call::kfunc::collection as graph;
use crate::env::Env;
use crate::env::call_args::CallMeta;
use crate::env::flow::Flow;
use crate::facts::errno::{Errno, MAX_ERRNO};
use crate::facts::limits::{CALLER_SAVED_REGS, MAX_BPF_FUNC_REG_ARGS};
use crate::facts::rejection::{Checked, Stop};
use crate::input::kfunc::Kfunc;
use crate::log::{reject, verbose};

impl Env<'_> {
    /// A call of a kfunc.
    pub(crate) fn check_kfunc_call(&mut self, insn: &Insn) -> Checked<Flow> {
        if insn.imm == 0 {
            return Ok(Flow::Next);
        }
        let Some((k, allowed)) = self.input.kfunc(insn) else {
            return Err(Errno::EINVAL.into());
        };
        if !allowed {
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
        if k.is_one_of(&["bpf_res_spin_lock", "bpf_res_spin_lock_irqsave"]) {
            self.fork_failed_lock()?;
        } else if k.is_vmlinux_func("__bpf_trap") {
            return reject!(
                self,
                CompilerTrap,
                EFAULT,
                "unexpected __bpf_trap() due to uninitialized variable?"
            );
        }
        if k.flags.contains(KfuncFlags::PERFMON) && !self.input.allow_ptr_leaks {
            return reject!(
                self,
                Capability,
                EPERM,
                "{} is allowed only to CAP_PERFMON and CAP_SYS_ADMIN",
                k.name
            );
        }
        let sleepable = k.flags.contains(KfuncFlags::SLEEPABLE);
        if sleepable && !self.path.cur.in_sleepable {
            return reject!(
                self,
                ProgramNotSleepable,
                EACCES,
                "program must be sleepable to call sleepable kfunc {}",
                k.name
            );
        }
        let mut meta = CallMeta::default();
        if k.flags.contains(KfuncFlags::RELEASE) {
            meta.release_regno = 1;
        }
        self.check_kfunc_args(&k, &mut meta)?;
        self.check_drop(&k, &meta)?;
        self.push_kfunc_callback(insn, &k, &meta)?;
        self.change_sections(&k)?;
        if sleepable && self.in_rcu_cs() {
            let why = self.non_sleepable_context();
            return reject!(
                self,
                SleepsInAtomic,
                EACCES,
                "kernel func {} is sleepable within {why}",
                k.name
            );
        }
        let changes_rcu = k.is_one_of(&["bpf_rcu_read_lock", "bpf_rcu_read_unlock"]);
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
        if meta.release_regno != 0 {
            let reg = *self.reg(meta.release_regno);
            self.release_reg(&reg, meta.dynptr.id != 0)?;
        }
        if graph::takes_over_node(&k) {
            let node = *self.reg(2);
            self.hand_over_node(&node);
        }
        let throws = k.is_vmlinux_func("bpf_throw");
        if throws && self.code.exception_callback_subprog == 0 {
            self.check_return_code(1, "R1")?;
        }
        let not_init = self.not_init();
        for r in 0..CALLER_SAVED_REGS {
            self.regs()[r] = not_init;
        }
        self.invalidate_outgoing_stack_args();
        self.set_kfunc_return(&k, &meta)?;
        if k.is_vmlinux_func("bpf_xdp_pull_data") {
            self.clear_all_pkt_pointers();
        }
        let nargs = k.params.len();
        if nargs > MAX_BPF_FUNC_REG_ARGS {
            let s = &mut self.marks.funcs[self.path.cur.frame().subprogno].args;
            s.stack_arg_cnt = s
                .stack_arg_cnt
                .max(s.in_stack_arg_cnt() + nargs - MAX_BPF_FUNC_REG_ARGS);
        }
        if k.flags.contains(KfuncFlags::ITER_NEXT) {
            self.process_iter_next_call(&meta)?;
        }
        if throws {
            return self.process_exception_exit();
        }
        Ok(self.enter_callback_once())
    }

    /// The path on which a resilient lock is not taken.
    fn fork_failed_lock(&mut self) -> Checked {
        let (idx, not_init, mut r0) = (self.path.insn_idx, self.not_init(), self.unknown());
        r0.r32 = crate::domain::cnum::Cnum32::from_srange(-MAX_ERRNO, -1);
        r0.r64 = crate::domain::cnum::Cnum64::from_srange((-MAX_ERRNO).into(), -1);
        r0.bounds_sync();
        let st = self.push_stack(idx + 1, idx, false)?;
        let regs = &mut st.frame_mut().regs;
        regs[..CALLER_SAVED_REGS].fill(not_init);
        regs[0] = r0;
        Ok(())
    }

    /// Tracing programs may run in an NMI, where not every object can be freed.
    fn check_drop(&mut self, k: &Kfunc<'_>, meta: &CallMeta) -> Checked {
        use ProgType as P;
        let drops = k.is_one_of(&[
            "bpf_obj_drop",
            "bpf_obj_drop_impl",
            "bpf_percpu_obj_drop",
            "bpf_percpu_obj_drop_impl",
        ]);
        let tracing = match self.input.prog.prog_type {
            P::Kprobe
            | P::Tracepoint
            | P::PerfEvent
            | P::RawTracepoint
            | P::RawTracepointWritable => true,
            P::Tracing => {
                self.input.prog.expected_attach_type != AttachType::TraceIter
                    && !self.input.prog.sleepable()
            }
            _ => false,
        };
        let Some((btf, id)) = meta.arg_btf.filter(|_| drops && tracing) else {
            return Ok(());
        };
        if self.input.struct_record(btf, id).has_nmi_unsafe_fields() {
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

    fn push_kfunc_callback(&mut self, insn: &Insn, k: &Kfunc<'_>, meta: &CallMeta) -> Checked {
        let kind = match k.name {
            _ if k.bref != BtfRef::VMLINUX => return Ok(()),
            "bpf_rbtree_add" | "bpf_rbtree_add_impl" => CallbackKind::RbtreeAdd,
            "bpf_wq_set_callback" => CallbackKind::Timer,
            "bpf_task_work_schedule_signal" | "bpf_task_work_schedule_resume" => {
                CallbackKind::TaskWork
            }
            _ => return Ok(()),
        };
        let r = self.push_callback_call(insn, meta.subprogno, kind);
        if let Err(Stop::Rejected(_)) = r {
            verbose!(
                self,
                "kfunc {}#{} failed callback verification\n",
                k.name,
                k.id
            );
        }
        r
    }

    /// RCU and preemption.
    fn change_sections(&mut self, k: &Kfunc<'_>) -> Checked {
        if k.bref != BtfRef::VMLINUX {
            return Ok(());
        }
        let name = k.name;
        match name {
            "bpf_rcu_read_lock" => self.path.cur.active_rcu_locks += 1,
            "bpf_preempt_disable" => self.path.cur.active_preempt_locks += 1,
            "bpf_rcu_read_unlock" => {
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
            "bpf_preempt_enable" => {
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
        if matches!(name, "bpf_rcu_read_unlock" | "bpf_preempt_enable") && !self.in_rcu_cs() {
            self.invalidate_rcu_protected_refs();
        }
        Ok(())
    }
}
