// SPDX-License-Identifier: GPL-2.0-only
//! Calls of kfuncs: each argument by its BTF, what is returned, and the sections that some open
//! and close.
//!
//! Source: `check_kfunc_call()`, `check_kfunc_args()`, `check_special_kfunc()` in
//! `kernel/bpf/verifier.c`.

use crate::btf::{Btf, Kind, Type};
use crate::btf_walk::{is_scalar, is_void, kind_str};
use crate::call::{CallMeta, CallbackKind};
use crate::check_mem::Access;
use crate::do_check::Flow;
use crate::env::{CALLER_SAVED_REGS, Env, MAX_BPF_FUNC_REG_ARGS};
use crate::error::{Check, Errno, Stop, not_modelled};
use crate::graph;
use crate::kfunc::{KfArg, Kfunc, arg_name};
use crate::kfuncs::KfuncFlags;
use crate::log::verbose;
use crate::reg_state::{BtfRef, DynptrType, Meta, RegState};
use crate::state::LockKind;
use crate::types::{ArgType, Flag, RegType};
use crate::uapi::{AttachType, Insn, ProgType};

const MAX_ERRNO: i32 = 4095;
const ALLOC: RegType = RegType::PTR_TO_BTF_ID.with(Flag::MEM_ALLOC);

impl Env<'_> {
    /// A call of a kfunc.
    pub fn check_kfunc_call(&mut self, insn: &Insn) -> Check<Flow> {
        if insn.imm == 0 {
            return Ok(Flow::Next);
        }
        let Some((k, allowed)) = self.kfunc(insn) else {
            return Err(Errno::EINVAL.into());
        };
        if !allowed {
            verbose!(self, "calling kernel function {} is not allowed\n", k.name);
            return Err(Errno::EACCES.into());
        }
        let idx = self.insn_idx;
        self.aux[idx].is_iter_next = k.flags.contains(KfuncFlags::ITER_NEXT);
        if k.is_one_of(&["bpf_res_spin_lock", "bpf_res_spin_lock_irqsave"]) {
            self.fork_failed_lock()?;
        } else if k.is_vmlinux_func("__bpf_trap") {
            verbose!(
                self,
                "unexpected __bpf_trap() due to uninitialized variable?\n"
            );
            return Err(Errno::EFAULT.into());
        }
        if k.flags.contains(KfuncFlags::PERFMON) && !self.allow_ptr_leaks {
            verbose!(
                self,
                "{} is allowed only to CAP_PERFMON and CAP_SYS_ADMIN\n",
                k.name
            );
            return Err(Errno::EPERM.into());
        }
        let sleepable = k.flags.contains(KfuncFlags::SLEEPABLE);
        if sleepable && !self.cur.in_sleepable {
            verbose!(
                self,
                "program must be sleepable to call sleepable kfunc {}\n",
                k.name
            );
            return Err(Errno::EACCES.into());
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
            verbose!(self, "kernel func {} is sleepable within {why}\n", k.name);
            return Err(Errno::EACCES.into());
        }
        let changes_rcu = k.is_one_of(&["bpf_rcu_read_lock", "bpf_rcu_read_unlock"]);
        if changes_rcu && self.in_rbtree_lock_required_cb() {
            verbose!(
                self,
                "Calling bpf_rcu_read_{{lock,unlock}} in unnecessary rbtree callback\n"
            );
            return Err(Errno::EACCES.into());
        }
        if k.flags.contains(KfuncFlags::RCU_PROTECTED) && !self.in_rcu_cs() {
            verbose!(
                self,
                "kernel func {} requires RCU critical section protection\n",
                k.name
            );
            return Err(Errno::EACCES.into());
        }
        if meta.release_regno != 0 {
            let reg = *self.reg(meta.release_regno);
            self.release_reg(&reg, meta.dynptr.1 != 0)?;
        }
        if graph::takes_over_node(&k) {
            let node = *self.reg(2);
            self.hand_over_node(&node);
        }
        let throws = k.is_vmlinux_func("bpf_throw");
        if throws && self.exception_callback_subprog == 0 {
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
            let s = &mut self.subprogs[self.cur.frame().subprogno];
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
    fn fork_failed_lock(&mut self) -> Check {
        let (idx, not_init, mut r0) = (self.insn_idx, self.not_init(), self.unknown());
        r0.r32 = crate::cnum::Cnum32::from_srange(-MAX_ERRNO, -1);
        r0.r64 = crate::cnum::Cnum64::from_srange((-MAX_ERRNO).into(), -1);
        r0.bounds_sync();
        let st = self.push_stack(idx + 1, idx, false)?;
        let regs = &mut st.frame_mut().regs;
        regs[..CALLER_SAVED_REGS].fill(not_init);
        regs[0] = r0;
        Ok(())
    }

    /// Tracing programs may run in an NMI, where not every object can be freed.
    fn check_drop(&mut self, k: &Kfunc<'_>, meta: &CallMeta) -> Check {
        use ProgType as P;
        let drops = k.is_one_of(&[
            "bpf_obj_drop",
            "bpf_obj_drop_impl",
            "bpf_percpu_obj_drop",
            "bpf_percpu_obj_drop_impl",
        ]);
        let tracing = match self.prog.prog_type {
            P::Kprobe
            | P::Tracepoint
            | P::PerfEvent
            | P::RawTracepoint
            | P::RawTracepointWritable => true,
            P::Tracing => {
                self.prog.expected_attach_type != AttachType::TraceIter && !self.prog.sleepable()
            }
            _ => false,
        };
        let Some((btf, id)) = meta.arg_btf.filter(|_| drops && tracing) else {
            return Ok(());
        };
        if self.struct_record(btf, id).has_nmi_unsafe_fields() {
            verbose!(
                self,
                "{} cannot be used in tracing programs on types with NMI unsafe fields\n",
                k.name
            );
            return Err(Errno::EINVAL.into());
        }
        Ok(())
    }

    fn push_kfunc_callback(&mut self, insn: &Insn, k: &Kfunc<'_>, meta: &CallMeta) -> Check {
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
        if let Err(Stop::Errno(_)) = r {
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
    fn change_sections(&mut self, k: &Kfunc<'_>) -> Check {
        if k.bref != BtfRef::VMLINUX {
            return Ok(());
        }
        let name = k.name;
        match name {
            "bpf_rcu_read_lock" => self.cur.active_rcu_locks += 1,
            "bpf_preempt_disable" => self.cur.active_preempt_locks += 1,
            "bpf_rcu_read_unlock" => {
                let Some(n) = self.cur.active_rcu_locks.checked_sub(1) else {
                    verbose!(self, "unmatched rcu read unlock (kernel function {name})\n");
                    return Err(Errno::EINVAL.into());
                };
                self.cur.active_rcu_locks = n;
            }
            "bpf_preempt_enable" => {
                let Some(n) = self.cur.active_preempt_locks.checked_sub(1) else {
                    verbose!(
                        self,
                        "unmatched attempt to enable preemption (kernel function {name})\n"
                    );
                    return Err(Errno::EINVAL.into());
                };
                self.cur.active_preempt_locks = n;
            }
            _ => return Ok(()),
        }
        if matches!(name, "bpf_rcu_read_unlock" | "bpf_preempt_enable") && !self.in_rcu_cs() {
            self.invalidate_rcu_protected_refs();
        }
        Ok(())
    }

    fn check_kfunc_args(&mut self, k: &Kfunc<'_>, meta: &mut CallMeta) -> Check {
        self.check_outgoing_stack_args(k.params.len())?;
        for i in 0..k.params.len() {
            if !k.is_hidden(i) {
                self.check_kfunc_arg(k, i, meta)?;
            }
        }
        Ok(())
    }

    fn check_kfunc_arg(&mut self, k: &Kfunc<'_>, i: usize, meta: &mut CallMeta) -> Check {
        let name = arg_name(i);
        let reg = self.func_arg_reg(i);
        let arg = self.kfunc_arg_type(k, i)?;
        let is_ptr = k.param_type(i).kind() == Kind::Ptr;
        let nullable = is_ptr && k.is_nullable(i);
        if is_ptr && (reg.is_null() || reg.typ.may_be_null()) && !nullable {
            verbose!(self, "Possibly NULL pointer passed to trusted {name}\n");
            return Err(Errno::EACCES.into());
        }
        let released = i + 1 == meta.release_regno;
        let referenced = self.reg_is_referenced(&reg);
        if released && arg != KfArg::Dynptr && !referenced && !reg.is_null() {
            verbose!(
                self,
                "release kfunc {} expects referenced PTR_TO_BTF_ID passed to {name}\n",
                k.name
            );
            return Err(Errno::EINVAL.into());
        }
        if referenced {
            meta.ref_obj = (reg.id, reg.parent_id, meta.ref_obj.2 + 1);
        }
        if reg.is_null() && nullable {
            return self.mark_chain_precision(i + 1);
        }
        let mut at = match arg {
            KfArg::Dynptr => ArgType::ARG_PTR_TO_DYNPTR,
            KfArg::Ctx => ArgType::ARG_PTR_TO_CTX,
            KfArg::RefcountedKptr => ArgType::ARG_PTR_TO_BTF_ID,
            _ => ArgType::ARG_DONTCARE,
        };
        if released {
            at = at | Flag::OBJ_RELEASE;
        }
        self.check_func_arg_reg_off(&reg, &name, at, arg != KfArg::RefcountedKptr)?;
        self.check_kfunc_arg_value(k, i, arg, &reg, meta)
    }

    fn check_kfunc_arg_value(
        &mut self,
        k: &Kfunc<'_>,
        i: usize,
        arg: KfArg,
        reg: &RegState,
        meta: &mut CallMeta,
    ) -> Check {
        let name = arg_name(i);
        let fail = Err(Stop::Errno(Errno::EINVAL));
        let scalar = matches!(
            arg,
            KfArg::Const | KfArg::Anything | KfArg::ConstAllocSizeOrZero | KfArg::MemSize
        );
        if scalar && !reg.is_scalar() {
            verbose!(self, "{name} is not a scalar\n");
            return fail;
        }
        let map_value = matches!(arg, KfArg::Workqueue | KfArg::Timer | KfArg::TaskWork);
        if map_value && reg.typ != RegType::PTR_TO_MAP_VALUE {
            verbose!(self, "{name} doesn't point to a map value\n");
            return fail;
        }
        match arg {
            KfArg::Anything => Ok(()),
            KfArg::Arena => {
                if reg.typ != RegType::PTR_TO_ARENA && !reg.is_scalar() {
                    verbose!(self, "{name} is not a pointer to arena or scalar\n");
                    return fail;
                }
                Ok(())
            }
            KfArg::Const => self.process_const_arg(reg, &name, i + 1, meta),
            KfArg::ConstAllocSizeOrZero => {
                if k.params[i].name() == "rdonly_buf_size" {
                    meta.r0_rdonly = true;
                }
                self.process_const_alloc_mem_size(reg, &name, i + 1, meta)
            }
            KfArg::Ctx => {
                if reg.typ != RegType::PTR_TO_CTX {
                    verbose!(
                        self,
                        "{name} expected pointer to ctx, but got {}\n",
                        reg.typ
                    );
                    return fail;
                }
                Ok(())
            }
            KfArg::AllocBtfId => self.check_alloc_arg(k, &name, reg, meta),
            KfArg::Dynptr => self.check_kfunc_dynptr(k, i, reg, meta),
            KfArg::Iter => {
                if k.is_vmlinux_func("bpf_iter_css_task_new") && !self.css_task_iter_allowed() {
                    verbose!(
                        self,
                        "css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs\n"
                    );
                    return fail;
                }
                self.process_iter_arg(reg, i, k, meta)
            }
            KfArg::ListHead | KfArg::ListNode | KfArg::RbRoot | KfArg::RbNode => {
                self.check_graph_arg(k, i, arg, reg, meta)
            }
            KfArg::ConstMapPtr => {
                if reg.typ != RegType::CONST_PTR_TO_MAP {
                    verbose!(self, "pointer in {name} isn't map pointer\n");
                    return fail;
                }
                self.process_map_ptr_arg(reg, &name, i + 1, meta)
            }
            KfArg::BtfId => self.check_kfunc_btf_arg(k, i, reg, meta),
            KfArg::MemFixedSize => self.check_kfunc_mem_arg(k, i, reg, meta),
            KfArg::Mem => Ok(()),
            KfArg::ConstMemSize => {
                self.process_const_arg(reg, &name, i + 1, meta)?;
                self.check_kfunc_mem_size(i, reg, meta)
            }
            KfArg::MemSize => self.check_kfunc_mem_size(i, reg, meta),
            KfArg::Callback => match reg.meta {
                Meta::Subprog(s) if reg.typ == RegType::PTR_TO_FUNC => {
                    meta.subprogno = s;
                    Ok(())
                }
                _ => {
                    verbose!(self, "{name} expected pointer to func\n");
                    fail
                }
            },
            KfArg::RefcountedKptr => self.check_refcounted_arg(&name, reg, meta),
            KfArg::ConstStr => {
                if reg.typ != RegType::PTR_TO_MAP_VALUE {
                    verbose!(self, "{name} doesn't point to a const string\n");
                    return fail;
                }
                self.check_arg_const_str(reg, &name)
            }
            KfArg::Workqueue => self.check_map_field_pointer(reg, &name, "bpf_wq", meta),
            KfArg::Timer => self.check_map_field_pointer(reg, &name, "bpf_timer", meta),
            KfArg::TaskWork => self.check_map_field_pointer(reg, &name, "bpf_task_work", meta),
            KfArg::IrqFlag => {
                if reg.typ != RegType::PTR_TO_STACK {
                    verbose!(self, "{name} doesn't point to an irq flag on stack\n");
                    return fail;
                }
                self.process_irq_flag(reg, &name, k)
            }
            KfArg::ResSpinLock => {
                if reg.typ != RegType::PTR_TO_MAP_VALUE && reg.typ != ALLOC {
                    verbose!(
                        self,
                        "{name} doesn't point to map value or allocated object\n"
                    );
                    return fail;
                }
                if self.in_rbtree_lock_required_cb() {
                    verbose!(self, "can't res_spin_{{lock,unlock}} in rbtree cb\n");
                    return Err(Errno::EACCES.into());
                }
                let irq = matches!(
                    k.name,
                    "bpf_res_spin_lock_irqsave" | "bpf_res_spin_unlock_irqrestore"
                );
                let take = matches!(k.name, "bpf_res_spin_lock" | "bpf_res_spin_lock_irqsave");
                let kind = if irq { LockKind::ResIrq } else { LockKind::Res };
                self.process_spin_lock(reg, &name, kind, take)
            }
        }
    }

    fn process_const_arg(
        &mut self,
        reg: &RegState,
        name: &str,
        regno: usize,
        meta: &mut CallMeta,
    ) -> Check {
        if meta.arg_constant.is_some() {
            return self.verifier_bug(format_args!("only one constant argument permitted"));
        }
        if !reg.var_off.is_const() {
            verbose!(self, "{name} must be a known constant\n");
            return Err(Errno::EINVAL.into());
        }
        self.mark_chain_precision(regno)?;
        meta.arg_constant = Some(reg.var_off.value);
        Ok(())
    }

    fn check_alloc_arg(
        &mut self,
        k: &Kfunc<'_>,
        name: &str,
        reg: &RegState,
        meta: &mut CallMeta,
    ) -> Check {
        let drop_name = if reg.typ == ALLOC {
            ["bpf_obj_drop", "bpf_obj_drop_impl"]
        } else if reg.typ == ALLOC.with(Flag::MEM_PERCPU) {
            ["bpf_percpu_obj_drop", "bpf_percpu_obj_drop_impl"]
        } else {
            verbose!(self, "{name} expected pointer to allocated object\n");
            return Err(Errno::EINVAL.into());
        };
        if !k.is_one_of(&drop_name) {
            verbose!(self, "{name} expected for {}()\n", drop_name[0]);
            return Err(Errno::EINVAL.into());
        }
        if !self.reg_is_referenced(reg) {
            verbose!(self, "allocated object must be referenced\n");
            return Err(Errno::EINVAL.into());
        }
        meta.arg_btf = reg.btf();
        Ok(())
    }

    fn check_refcounted_arg(&mut self, name: &str, reg: &RegState, meta: &mut CallMeta) -> Check {
        if !reg.typ.is_ptr_alloc_obj() {
            verbose!(self, "{name} is neither owning or non-owning ref\n");
            return Err(Errno::EINVAL.into());
        }
        meta.arg_owning_ref = !reg.typ.is_non_owning_ref() && self.reg_is_referenced(reg);
        let Some((btf, id)) = reg.btf() else {
            return Err(Errno::EFAULT.into());
        };
        if self.struct_record(btf, id).refcount_off().is_none() {
            verbose!(
                self,
                "{name} doesn't point to a type with bpf_refcount field\n"
            );
            return Err(Errno::EINVAL.into());
        }
        meta.arg_btf = Some((btf, id));
        Ok(())
    }

    fn check_kfunc_dynptr(
        &mut self,
        k: &Kfunc<'_>,
        i: usize,
        reg: &RegState,
        meta: &mut CallMeta,
    ) -> Check {
        let mut at = ArgType::ARG_PTR_TO_DYNPTR;
        if k.suffix(i, "__uninit") {
            at = at | Flag::MEM_UNINIT;
        }
        at = match k.name {
            "bpf_dynptr_from_skb" => at | Flag::DYNPTR_TYPE_SKB,
            "bpf_dynptr_from_xdp" => at | Flag::DYNPTR_TYPE_XDP,
            "bpf_dynptr_from_skb_meta" => at | Flag::DYNPTR_TYPE_SKB_META,
            "bpf_dynptr_from_file" => at | Flag::DYNPTR_TYPE_FILE,
            "bpf_dynptr_file_discard" => at | Flag::DYNPTR_TYPE_FILE | Flag::OBJ_RELEASE,
            "bpf_dynptr_clone" if at.has(Flag::MEM_UNINIT) => {
                if meta.dynptr.0 == DynptrType::Invalid {
                    return self.verifier_bug(format_args!("no dynptr type for parent of clone"));
                }
                at | meta.dynptr.0.flag()
            }
            _ => at,
        };
        self.process_dynptr_func(reg, &arg_name(i), at, meta)
    }

    fn css_task_iter_allowed(&self) -> bool {
        match self.prog.prog_type {
            ProgType::Lsm => true,
            ProgType::Tracing if self.prog.expected_attach_type == AttachType::TraceIter => true,
            _ => self.cur.in_sleepable,
        }
    }

    /// A pointer to a kernel structure.
    fn check_kfunc_btf_arg(
        &mut self,
        k: &Kfunc<'_>,
        i: usize,
        reg: &RegState,
        meta: &mut CallMeta,
    ) -> Check {
        let name = arg_name(i);
        let Some(target) = k.pointee(i) else {
            return Err(Errno::EFAULT.into());
        };
        let (mut want, mut want_name) = ((k.bref, target.id()), target.name().to_owned());
        let mut want_kind = kind_str(target);
        if k.suffix(i, "__map") {
            let Some(id) = self.vmlinux_struct("bpf_map") else {
                return not_modelled("maps as arguments without struct bpf_map in BTF");
            };
            want = (BtfRef::VMLINUX, id);
            want_name = "bpf_map".to_owned();
            want_kind = "STRUCT";
        }
        let as_btf = reg.typ.base() == RegType::PTR_TO_BTF_ID;
        if !as_btf && self.reg2btf(reg.typ).is_none() {
            if !self.is_scalar_struct(k.btf, target) {
                let other = match want_name.as_str() {
                    "sock" => " or sock",
                    "sock_common" => " or sock_common",
                    "tcp_sock" => " or tcp_sock",
                    "bpf_map" => " or map_ptr",
                    _ => "",
                };
                verbose!(
                    self,
                    "{name} is {} expected {want_kind} {want_name}{other}\n",
                    reg.typ
                );
                return Err(Errno::EINVAL.into());
            }
            return self.check_kfunc_mem_arg(k, i, reg, meta);
        }
        if !self.is_trusted_reg(reg) || reg.typ.has_unsafe_modifiers() {
            if !k.flags.contains(KfuncFlags::RCU) {
                verbose!(self, "{name} must be referenced or trusted\n");
                return Err(Errno::EINVAL.into());
            }
            if !reg.typ.has(Flag::MEM_RCU) {
                verbose!(self, "{name} must be a rcu pointer\n");
                return Err(Errno::EINVAL.into());
            }
        }
        let have = match reg.btf().filter(|_| as_btf) {
            Some(b) => b,
            None => {
                let s = self.reg2btf(reg.typ).unwrap_or_default();
                let Some(id) = self.vmlinux_struct_by_name(s) else {
                    return not_modelled(format!("struct {s} is not in BTF"));
                };
                (BtfRef::VMLINUX, id)
            }
        };
        let have_type = self.btf(have.0).map(|b| b.skip_mods_and_typedefs(have.1));
        let (have_id, have_name, have_kind) =
            have_type.map_or((have.1, "", "UNKNOWN"), |t| (t.id(), t.name(), kind_str(t)));
        let released = k.flags.contains(KfuncFlags::RELEASE) && self.reg_is_referenced(reg);
        let alias = |a: &str, b: &str| a.strip_suffix("___init") == Some(b);
        let strict = released || alias(have_name, &want_name) || alias(&want_name, have_name);
        let flex = !reg.typ.has(Flag::MEM_ALLOC);
        let off = reg.var_off.value as i32;
        let same = self.struct_ids_match((have.0, have_id), off, want, strict, flex);
        let projection = matches!(
            (want_name.as_str(), have_name),
            ("__sk_buff", "sk_buff") | ("xdp_md", "xdp_buff")
        );
        if !same && !projection {
            verbose!(
                self,
                "kernel function {} {name} expected pointer to {want_kind} {want_name} but {name} has a pointer to {have_kind} {have_name}\n",
                k.name
            );
            return Err(Errno::EINVAL.into());
        }
        Ok(())
    }

    fn check_kfunc_mem_arg(
        &mut self,
        k: &Kfunc<'_>,
        i: usize,
        reg: &RegState,
        meta: &mut CallMeta,
    ) -> Check {
        let name = arg_name(i);
        let Some(target) = k.pointee(i) else {
            return Err(Errno::EFAULT.into());
        };
        let Ok(size) = k.btf.resolve_size(target.id()) else {
            verbose!(
                self,
                "{name} reference type('{} {}') size cannot be determined: -22\n",
                kind_str(target),
                target.name()
            );
            return Err(Errno::EINVAL.into());
        };
        let rw = [Access::Read, Access::Write];
        self.check_mem_reg(reg, &name, i + 1, size, &rw, Some(meta))
    }

    fn check_kfunc_mem_size(&mut self, i: usize, size: &RegState, meta: &mut CallMeta) -> Check {
        let name = arg_name(i);
        if !size.is_scalar() {
            verbose!(self, "{name} is not a scalar\n");
            return Err(Errno::EINVAL.into());
        }
        let Some(at) = i.checked_sub(1) else {
            return Err(Errno::EFAULT.into());
        };
        let buf = self.func_arg_reg(at);
        if buf.is_null() {
            return Ok(());
        }
        let buf_name = arg_name(at);
        let rw = [Access::Read, Access::Write];
        let names = (buf_name.as_str(), name.as_str());
        let r = self.check_mem_size_reg(&buf, size, names, i + 1, &rw, true, meta);
        if let Err(Stop::Errno(_)) = r {
            verbose!(
                self,
                "{buf_name} and {name} memory, len pair leads to invalid memory access\n"
            );
        }
        r
    }

    fn set_kfunc_return(&mut self, k: &Kfunc<'_>, meta: &CallMeta) -> Check {
        let t = k.btf.skip_mods_and_typedefs(k.ret_type_id);
        let acquire = k.flags.contains(KfuncFlags::ACQUIRE);
        let target = (t.kind() == Kind::Ptr).then(|| k.btf.skip_mods_and_typedefs(t.type_id()));
        let to_struct = target.is_some_and(|t| t.is_composite());
        let allocates = k.is_one_of(&[
            "bpf_obj_new",
            "bpf_obj_new_impl",
            "bpf_percpu_obj_new",
            "bpf_percpu_obj_new_impl",
            "bpf_refcount_acquire",
            "bpf_refcount_acquire_impl",
        ]);
        if acquire && !to_struct && !allocates {
            verbose!(
                self,
                "acquire kernel function does not return PTR_TO_BTF_ID\n"
            );
            return Err(Errno::EINVAL.into());
        }
        if is_scalar(t) {
            self.mark_reg_unknown(0);
            if k.is_one_of(&["bpf_res_spin_lock", "bpf_res_spin_lock_irqsave"]) {
                let zero = self.const_zero();
                self.regs()[0] = zero;
            }
            return Ok(());
        }
        let Some(target) = target else { return Ok(()) };
        let mut r0 = RegState::konst(0);
        if let Some(special) = self.special_kfunc_return(k, meta, target.name())? {
            r0 = special;
        } else if is_void(target) {
            r0 = self.unknown();
        } else if target.kind() != Kind::Struct {
            let mut rdonly = meta.r0_rdonly;
            let mut size = meta.ret_mem_size;
            if size.is_none() {
                if let Ok(n) = k.btf.resolve_size(target.id()) {
                    size = Some(n);
                    rdonly = true;
                }
                rdonly &= !k.is_vmlinux_func("bpf_session_cookie");
            }
            let Some(size) = size else {
                verbose!(
                    self,
                    "kernel function {} returns pointer type {} {} is not supported\n",
                    k.name,
                    kind_str(target),
                    target.name()
                );
                return Err(Errno::EINVAL.into());
            };
            r0.typ = RegType::PTR_TO_MEM;
            r0.meta = Meta::MemSize(size);
            if rdonly {
                r0.typ = r0.typ | Flag::MEM_RDONLY;
            }
            if meta.ref_obj.0 != 0 {
                if meta.ref_obj.2 > 1 {
                    return self.verifier_bug(format_args!(
                        "function expects only one referenced object but got {}\n",
                        meta.ref_obj.2
                    ));
                }
                r0.parent_id = meta.ref_obj.0;
            }
            if k.flags.contains(KfuncFlags::RCU_PROTECTED) {
                r0.typ = r0.typ | Flag::MEM_RCU;
            }
        } else {
            let iter_rcu = || {
                let slot = meta
                    .iter
                    .and_then(|(f, s)| self.cur.frames.get(f)?.stack.get(s));
                slot.is_some_and(|s| s.reg.typ.has(Flag::MEM_RCU))
            };
            let rcu = k.flags.contains(KfuncFlags::RCU_PROTECTED)
                || k.flags.contains(KfuncFlags::ITER_NEXT) && iter_rcu();
            let flag = if k.is_vmlinux_func("bpf_get_kmem_cache") {
                Flag::PTR_UNTRUSTED
            } else if rcu {
                Flag::MEM_RCU
            } else {
                Flag::PTR_TRUSTED
            };
            r0.typ = RegType::PTR_TO_BTF_ID | flag;
            r0.meta = Meta::Btf(k.bref, target.id());
        }
        let owning = k.is_one_of(&["bpf_refcount_acquire", "bpf_refcount_acquire_impl"])
            && meta.arg_owning_ref;
        if k.flags.contains(KfuncFlags::RET_NULL) && !owning {
            r0.typ = r0.typ | Flag::PTR_MAYBE_NULL;
            r0.id = self.new_id();
        }
        if acquire {
            r0.id = self.acquire_reference(self.insn_idx, 0);
        } else if graph::is_node_struct(target.name()) {
            self.set_non_owning(&mut r0)?;
        }
        if r0.id == 0 && self.reg_may_point_to_spin_lock(&r0) {
            r0.id = self.new_id();
        }
        self.regs()[0] = r0;
        Ok(())
    }

    /// The kernel's type of the context, and whether it is a structure (`get_kern_ctx_btf_id`).
    fn kern_ctx(&self) -> Check<(u32, bool)> {
        let btf = &self.kernel.vmlinux;
        let name = format!("{}_kern", self.prog.prog_type.c_name());
        let found = btf
            .find_by_name_kind("bpf_ctx_convert", Kind::Struct)
            .and_then(|t| t.members().find(|m| m.name() == name))
            .and_then(|m| btf.type_by_id(m.type_id()));
        match found {
            Some(t) => Ok((t.id(), t.is_composite())),
            None => not_modelled("bpf_cast_to_kern_ctx without struct bpf_ctx_convert in BTF"),
        }
    }

    /// Per-CPU objects are small and hold nothing but numbers.
    fn check_percpu_obj_new(&mut self, btf: &Btf, t: Type<'_>) -> Check {
        const BPF_GLOBAL_PERCPU_MA_MAX_SIZE: u32 = 512;
        let size = t.size();
        if size > BPF_GLOBAL_PERCPU_MA_MAX_SIZE {
            verbose!(
                self,
                "bpf_percpu_obj_new type size ({size}) is greater than {BPF_GLOBAL_PERCPU_MA_MAX_SIZE}\n"
            );
        } else if !self.is_scalar_struct(btf, t) {
            verbose!(
                self,
                "bpf_percpu_obj_new type ID argument must be of a struct of scalars\n"
            );
        } else if !self.struct_record(BtfRef::Prog, t.id()).fields.is_empty() {
            verbose!(
                self,
                "bpf_percpu_obj_new type ID argument must not contain special fields\n"
            );
        } else {
            return Ok(());
        }
        Err(Errno::EINVAL.into())
    }

    fn reg_may_point_to_spin_lock(&self, reg: &RegState) -> bool {
        let Some((btf, id)) = reg.btf().filter(|_| reg.typ.is_ptr_alloc_obj()) else {
            return false;
        };
        let record = self.struct_record(btf, id);
        record.spin_lock_off().is_some() || record.res_spin_lock_off().is_some()
    }

    /// Kfuncs whose return the verifier knows more of (`check_special_kfunc`).
    fn special_kfunc_return(
        &mut self,
        k: &Kfunc<'_>,
        meta: &CallMeta,
        target: &str,
    ) -> Check<Option<RegState>> {
        if k.bref != BtfRef::VMLINUX {
            return Ok(None);
        }
        let mut r0 = RegState::konst(0);
        let fail = Err(Stop::Errno(Errno::EINVAL));
        match k.name {
            "bpf_obj_new"
            | "bpf_obj_new_impl"
            | "bpf_percpu_obj_new"
            | "bpf_percpu_obj_new_impl" => {
                let Ok(id) = u32::try_from(meta.arg_constant.unwrap_or_default()) else {
                    verbose!(
                        self,
                        "local type ID argument must be in range [0, U32_MAX]\n"
                    );
                    return fail;
                };
                let Some(btf) = self.prog.btf.clone() else {
                    verbose!(self, "bpf_obj_new/bpf_percpu_obj_new requires prog BTF\n");
                    return fail;
                };
                let Some(t) = btf.type_by_id(id).filter(|t| t.kind() == Kind::Struct) else {
                    verbose!(
                        self,
                        "bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct\n"
                    );
                    return fail;
                };
                r0.typ = ALLOC;
                if k.name.starts_with("bpf_percpu") {
                    self.check_percpu_obj_new(&btf, t)?;
                    r0.typ = r0.typ | Flag::MEM_PERCPU;
                }
                r0.meta = Meta::Btf(BtfRef::Prog, id);
            }
            "bpf_refcount_acquire" | "bpf_refcount_acquire_impl" => {
                let Some((btf, id)) = meta.arg_btf else {
                    return Err(Errno::EFAULT.into());
                };
                r0.typ = ALLOC;
                r0.meta = Meta::Btf(btf, id);
            }
            "bpf_cast_to_kern_ctx" => {
                let (id, is_struct) = self.kern_ctx()?;
                if !is_struct {
                    verbose!(self, "kern ctx type id {id} is not a struct\n");
                    return fail;
                }
                r0.typ = RegType::PTR_TO_BTF_ID | Flag::PTR_TRUSTED;
                r0.meta = Meta::Btf(k.bref, id);
            }
            "bpf_rdonly_cast" => {
                let id = meta.arg_constant.unwrap_or_default();
                let t = u32::try_from(id).ok().and_then(|id| k.btf.type_by_id(id));
                let Some(t) = t else {
                    verbose!(
                        self,
                        "Unknown type ID {} passed to kfunc bpf_rdonly_cast\n",
                        id as i64
                    );
                    return fail;
                };
                if t.is_composite() {
                    r0.typ = RegType::PTR_TO_BTF_ID | Flag::PTR_UNTRUSTED;
                    r0.meta = Meta::Btf(k.bref, t.id());
                } else if is_void(t) {
                    r0.typ = RegType::PTR_TO_MEM | Flag::MEM_RDONLY | Flag::PTR_UNTRUSTED;
                    r0.meta = Meta::MemSize(0);
                } else {
                    verbose!(
                        self,
                        "kfunc bpf_rdonly_cast type ID argument must be of a struct or void\n"
                    );
                    return fail;
                }
            }
            "bpf_dynptr_slice" | "bpf_dynptr_slice_rdwr" => {
                let Some(size) = meta.arg_constant else {
                    return self
                        .verifier_bug(format_args!("bpf_dynptr_slice(_rdwr) no constant size"));
                };
                r0.typ = RegType::PTR_TO_MEM | meta.dynptr.0.flag();
                r0.meta = Meta::MemSize(size as u32);
                if k.name == "bpf_dynptr_slice" {
                    r0.typ = r0.typ | Flag::MEM_RDONLY;
                } else if !self.may_access_direct_pkt_data(None, Access::Write) {
                    verbose!(self, "the prog does not allow writes to packet data\n");
                    return fail;
                }
                r0.parent_id = meta.dynptr.1;
            }
            _ if graph::is_node_struct(target) => {
                let Some(root) = &meta.graph_root else {
                    return Err(Errno::EFAULT.into());
                };
                r0 = self.graph_node(root);
            }
            _ => return Ok(None),
        }
        Ok(Some(r0))
    }
}
