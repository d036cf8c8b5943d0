// SPDX-License-Identifier: GPL-2.0-only
//! Calls of helpers: the prototype, each argument, what is returned.
//!
//! Source: `check_helper_call()`, `do_refine_retval_range()` in `kernel/bpf/verifier.c`.

use crate::btf_record::FieldKind;
use crate::call::{CallMeta, CallbackKind};
use crate::check_mem::{Access, MemAccess, REG_NAMES};
use crate::cnum::{Cnum32, Cnum64};
use crate::do_check::Flow;
use crate::env::{Env, MAX_BPF_FUNC_REG_ARGS};
use crate::error::{Check, Errno, Stop, not_modelled};
use crate::helpers::{self, HelperProto, func_id_name, id};
use crate::insn::B;
use crate::log::verbose;
use crate::map;
use crate::reg_state::{BtfRef, DynptrType, Meta};
use crate::state::{RetvalRange, Slot};
use crate::types::{ArgType, Flag, RegType, RetType};
use crate::uapi::{AttachType, Insn, MapType, ProgType};

const MAX_ERRNO: i32 = 4095;
/// 0 or an error.
const ERRNO_RANGE: RetvalRange = RetvalRange {
    minval: -MAX_ERRNO,
    maxval: 0,
    return_32bit: true,
};

/// What is known of a call without its arguments.
#[derive(Clone, Copy, Debug)]
pub struct CallSummary {
    /// Parameters taken.
    pub num_params: usize,
    /// Nothing is returned.
    pub is_void: bool,
    /// Keeps registers that it does not take.
    pub fastcall: bool,
}

impl Env<'_> {
    /// The prototype by which the program calls a helper; None if it may not.
    fn helper_proto(&self, func_id: i32) -> Option<&'static HelperProto> {
        helpers::proto_for(self.prog, func_id, self.bpf_capable)
    }

    /// Whether a helper may sleep.
    pub fn helper_might_sleep(&self, func_id: i32) -> bool {
        self.helper_proto(func_id).is_some_and(|p| p.might_sleep)
    }

    /// Calls a function back before it returns.
    pub fn is_sync_callback_calling(&self, insn: &Insn) -> bool {
        if insn.is_helper_call() {
            return matches!(
                insn.imm,
                id::FOR_EACH_MAP_ELEM | id::FIND_VMA | id::LOOP | id::USER_RINGBUF_DRAIN
            );
        }
        insn.is_kfunc_call()
            && self.is_special_kfunc(insn, &["bpf_rbtree_add", "bpf_rbtree_add_impl"])
    }

    /// Calls a function back later.
    pub fn is_async_callback_calling(&self, insn: &Insn) -> bool {
        if insn.is_helper_call() {
            return insn.imm == id::TIMER_SET_CALLBACK;
        }
        insn.is_kfunc_call()
            && self.is_special_kfunc(
                insn,
                &[
                    "bpf_wq_set_callback",
                    "bpf_task_work_schedule_signal",
                    "bpf_task_work_schedule_resume",
                ],
            )
    }

    /// What is known of a call (`bpf_get_call_summary`).
    pub fn call_summary(&self, insn: &Insn) -> Option<CallSummary> {
        if insn.is_helper_call() {
            let p = self.helper_proto(insn.imm)?;
            return Some(CallSummary {
                num_params: p.args.len(),
                is_void: p.ret == RetType::RET_VOID,
                fastcall: p.allow_fastcall && inlined_on_x86_64(insn.imm),
            });
        }
        if insn.is_kfunc_call() {
            let k = self.kfunc_quiet(insn)?;
            return Some(CallSummary {
                num_params: k.params.len(),
                is_void: k.ret_type_id == 0,
                fastcall: k.flags.contains(crate::kfuncs::KfuncFlags::FASTCALL),
            });
        }
        None
    }

    /// A call of a helper (`check_helper_call`).
    pub fn check_helper_call(&mut self, insn: &Insn) -> Check<Flow> {
        let func_id = insn.imm;
        let name = func_id_name(func_id);
        if !helpers::exists(func_id) {
            verbose!(self, "invalid func {name}#{func_id}\n");
            return Err(Errno::EINVAL.into());
        }
        let Some(proto) = self.helper_proto(func_id) else {
            if self.helper_set_is_incomplete(func_id) {
                return not_modelled(format!("the helper {name} for this type of program"));
            }
            verbose!(
                self,
                "program of this type cannot use helper {name}#{func_id}\n"
            );
            return Err(Errno::EINVAL.into());
        };
        if !self.prog.gpl_compatible() && proto.gpl_only {
            verbose!(
                self,
                "cannot call GPL-restricted function from non-GPL compatible program\n"
            );
            return Err(Errno::EINVAL.into());
        }
        if func_id == id::D_PATH {
            match self.d_path_allowed() {
                Some(true) => {}
                Some(false) => {
                    verbose!(self, "helper call is not allowed in probe\n");
                    return Err(Errno::EINVAL.into());
                }
                None => return not_modelled("bpf_d_path in LSM programs"),
            }
        }
        let mut changes_data = helpers::changes_pkt_data(func_id);
        if proto.might_sleep && self.in_rcu_cs() {
            let why = self.non_sleepable_context();
            verbose!(self, "sleepable helper {name}#{func_id} in {why}\n");
            return Err(Errno::EINVAL.into());
        }
        let mut meta = CallMeta {
            func_id,
            proto: Some(proto),
            ..CallMeta::default()
        };
        for (i, arg) in proto.args.iter().enumerate() {
            let raw = matches!(
                arg.typ.base(),
                ArgType::ARG_PTR_TO_MEM | ArgType::ARG_PTR_TO_MAP_VALUE
            );
            if raw && arg.typ.has(Flag::MEM_UNINIT) {
                meta.raw_mem_regno = i + 1;
            }
            if arg.typ.has(Flag::OBJ_RELEASE) {
                meta.release_regno = i + 1;
            }
        }
        for i in 0..MAX_BPF_FUNC_REG_ARGS {
            self.check_func_arg(i, &mut meta)?;
        }
        self.record_func_map(&meta)?;
        self.fill_raw_mem(&meta)?;
        if meta.release_regno != 0 {
            let reg = *self.reg(meta.release_regno);
            let percpu = reg.typ.has(Flag::MEM_ALLOC) && reg.typ.has(Flag::MEM_PERCPU);
            if func_id == id::KPTR_XCHG && percpu && self.in_rcu_cs() {
                self.convert_alloc_rcu_protected(reg.id)?;
            } else {
                self.release_reg(&reg, meta.dynptr.1 != 0)?;
            }
        }
        if let Some(changes) = self.check_special_helper(insn, &mut meta)? {
            changes_data = changes;
        }
        self.clear_caller_saved_regs();
        self.invalidate_outgoing_stack_args();
        self.set_helper_return(proto, &mut meta)?;
        self.check_map_func_compatibility(&meta)?;
        if func_id == id::GET_FUNC_IP {
            self.check_get_func_ip()?;
        }
        if func_id == id::TAIL_CALL {
            if self.cur.curframe() == 0 {
                changes_data = false;
            } else {
                return self.check_tail_call_in_subprog();
            }
        }
        if changes_data {
            self.clear_all_pkt_pointers();
        }
        Ok(self.enter_callback_once())
    }

    /// Helpers that some programs of a type have, depending on where they attach.
    fn helper_set_is_incomplete(&self, func_id: i32) -> bool {
        const SETSOCKOPT: i32 = 49;
        const GETSOCKOPT: i32 = 57;
        match self.prog.prog_type {
            ProgType::StructOps => true,
            ProgType::Lsm => {
                self.prog.expected_attach_type == AttachType::LsmCgroup
                    && matches!(func_id, SETSOCKOPT | GETSOCKOPT)
            }
            _ => false,
        }
    }

    /// Whether `bpf_d_path` may be called here (`bpf_d_path_allowed`); None if that is not known.
    fn d_path_allowed(&self) -> Option<bool> {
        const ALLOWED: [&str; 9] = [
            "security_file_permission",
            "security_inode_getattr",
            "security_file_open",
            "security_path_truncate",
            "vfs_truncate",
            "vfs_fallocate",
            "dentry_open",
            "vfs_getattr",
            "filp_close",
        ];
        match self.prog.prog_type {
            ProgType::Tracing if self.prog.expected_attach_type == AttachType::TraceIter => {
                Some(true)
            }
            ProgType::Lsm => None,
            _ => Some(ALLOWED.contains(&self.attach_func_name())),
        }
    }

    /// Memory that the call fills in: the stack becomes data.
    fn fill_raw_mem(&mut self, meta: &CallMeta) -> Check {
        let r = meta.raw_mem_regno;
        for off in 0..meta.raw_mem_size {
            self.check_mem_access(&MemAccess {
                insn_idx: self.insn_idx,
                reg: *self.reg(r),
                argname: REG_NAMES[r],
                off,
                size_field: B,
                access: Access::Write,
                value: None,
                strict: false,
                is_ldsx: false,
            })?;
        }
        Ok(())
    }

    fn record_func_map(&mut self, meta: &CallMeta) -> Check {
        let writes = matches!(
            meta.func_id,
            id::MAP_DELETE_ELEM | id::MAP_UPDATE_ELEM | id::MAP_PUSH_ELEM | id::MAP_POP_ELEM
        );
        if let Some(m) = meta.map
            && writes
            && map::is_rdonly_prog(self.maps[m].def)
        {
            verbose!(self, "write into map forbidden\n");
            return Err(Errno::EACCES.into());
        }
        if meta.func_id == id::TAIL_CALL {
            let Some(m) = meta.map else {
                return Err(Errno::EINVAL.into());
            };
            if self.maps[m].def.map_type != MapType::ProgArray {
                verbose!(self, "expected prog array map for tail call");
                return Err(Errno::EINVAL.into());
            }
            let aux = &mut self.aux[self.insn_idx];
            let first = *aux.helper_map.get_or_insert(m);
            aux.helper_map_poisoned |= first != m;
            let key = *self.reg(3);
            if key.is_const(false) && key.var_off.value < self.maps[m].def.max_entries.into() {
                self.mark_chain_precision(3)?;
            }
        }
        Ok(())
    }

    /// Gives back what an argument carries (`release_reg`).
    pub fn release_reg(&mut self, reg: &crate::reg_state::RegState, release_dynptr: bool) -> Check {
        if reg.is_null() {
            return Ok(());
        }
        if release_dynptr {
            return self.unmark_stack_slots_dynptr(reg);
        }
        if self.reg_is_referenced(reg) {
            return self.release_reference(reg.id);
        }
        Err(Errno::EINVAL.into())
    }

    /// A per-CPU object was given to a map: what owned it may read it while the RCU section lasts.
    fn convert_alloc_rcu_protected(&mut self, id: u32) -> Check {
        if !self.release_reference_nomark(id) {
            return Err(Errno::EINVAL.into());
        }
        self.cur.for_each_reg(&[Slot::Spill], |r| {
            if r.id == id && r.typ.has(Flag::MEM_ALLOC) && r.typ.has(Flag::MEM_PERCPU) {
                r.id = 0;
                r.typ = r.typ.without(Flag::MEM_ALLOC).with(Flag::MEM_RCU);
            }
        });
        Ok(())
    }

    /// Helpers with checks of their own; says whether packet data changes if that is special too.
    fn check_special_helper(&mut self, insn: &Insn, meta: &mut CallMeta) -> Check<Option<bool>> {
        match meta.func_id {
            id::TAIL_CALL => self.check_resource_leak(false, true, "tail_call")?,
            id::GET_LOCAL_STORAGE => {
                if !self.reg(2).is_null() {
                    verbose!(self, "get_local_storage() doesn't support non-zero flags\n");
                    return Err(Errno::EINVAL.into());
                }
                self.mark_chain_precision(2)?;
            }
            id::FOR_EACH_MAP_ELEM => {
                self.push_callback_call(insn, meta.subprogno, CallbackKind::MapElem)?;
            }
            id::TIMER_SET_CALLBACK => {
                self.push_callback_call(insn, meta.subprogno, CallbackKind::Timer)?;
            }
            id::FIND_VMA => self.push_callback_call(insn, meta.subprogno, CallbackKind::FindVma)?,
            id::USER_RINGBUF_DRAIN => {
                self.push_callback_call(insn, meta.subprogno, CallbackKind::UserRingbuf)?;
            }
            id::LOOP => self.check_bpf_loop(insn, meta)?,
            id::SNPRINTF => self.check_snprintf()?,
            id::DYNPTR_FROM_MEM => {
                let t = self.reg(1).typ;
                if t != RegType::PTR_TO_MAP_VALUE {
                    verbose!(
                        self,
                        "Unsupported reg type {t} for bpf_dynptr_from_mem data\n"
                    );
                    return Err(Errno::EACCES.into());
                }
            }
            id::DYNPTR_WRITE => match meta.dynptr.0 {
                DynptrType::Invalid => return Err(Errno::EFAULT.into()),
                DynptrType::Skb | DynptrType::SkbMeta => return Ok(Some(true)),
                _ => {}
            },
            id::PER_CPU_PTR | id::THIS_CPU_PTR if self.reg(1).typ.has(Flag::MEM_RCU) => {
                let t = self
                    .reg(1)
                    .btf()
                    .and_then(|(b, id)| self.btf(b)?.type_by_id(id));
                if t.is_none_or(|t| !t.is_composite()) {
                    verbose!(self, "Helper has invalid btf/btf_id in R1\n");
                    return Err(Errno::EFAULT.into());
                }
                meta.returns_cpu_specific_alloc_ptr = true;
            }
            id::SET_RETVAL => self.check_set_retval()?,
            _ => {}
        }
        Ok(None)
    }

    /// `bpf_loop`: the callback is walked into until its states converge, or as often as the known
    /// number of iterations says.
    fn check_bpf_loop(&mut self, insn: &Insn, meta: &CallMeta) -> Check {
        use crate::profile::Rule;
        // Whether the loop can be inlined: the flags' register is precise while that is open.
        let idx = self.insn_idx;
        let fit = self.aux[idx].loop_inline;
        if fit.is_none_or(|(_, fit)| fit) {
            let zero = self.reg(4).is_null();
            if zero {
                self.mark_chain_precision(4)?;
            }
            let subprog = fit.map_or(meta.subprogno, |(s, _)| s);
            self.aux[idx].loop_inline = Some((subprog, zero && subprog == meta.subprogno));
        }
        self.mark_chain_precision(1)?;
        let depth = u64::from(self.cur.frame().callback_depth);
        let bounded = self.profile.has(Rule::CALLBACK_MAX_DEPTH)
            && self.profile.has(Rule::CALLBACK_ANY_COUNT);
        if depth < self.reg(1).umax() || !bounded {
            return self.push_callback_call(insn, meta.subprogno, CallbackKind::Loop);
        }
        self.cur.frame_mut().callback_depth = 0;
        if self.log.level2() {
            let n = self.cur.curframe();
            verbose!(self, "frame{n} bpf_loop iteration limit reached\n");
        }
        Ok(())
    }

    fn check_snprintf(&mut self) -> Check {
        // The format's syntax is not looked at; its length in arguments is.
        if !self.reg(5).var_off.value.is_multiple_of(8) {
            return Err(Errno::EINVAL.into());
        }
        Ok(())
    }

    fn check_get_func_ip(&mut self) -> Check {
        use crate::uapi::{AttachType as A, ProgType as P};
        let ok = match self.prog.prog_type {
            P::Kprobe => true,
            P::Tracing => matches!(
                self.prog.expected_attach_type,
                A::TraceFentry | A::TraceFexit | A::ModifyReturn | A::TraceFsession
            ),
            _ => false,
        };
        if ok {
            Ok(())
        } else {
            Err(Errno::ENOTSUPP.into())
        }
    }

    /// A tail call in a function: it returns, or the function goes on when the call failed.
    fn check_tail_call_in_subprog(&mut self) -> Check<Flow> {
        if self.cur.frame().in_callback_fn {
            verbose!(self, "cannot tail call within callback\n");
            return Err(Errno::EINVAL.into());
        }
        self.log.scratch_reg(0);
        let idx = self.insn_idx;
        self.push_stack(idx + 1, idx, false)?;
        self.clear_all_pkt_pointers();
        self.mark_reg_unknown(0);
        self.prepare_func_exit()?;
        // The caller's packet pointers are lost as well, whichever program returned.
        self.clear_all_pkt_pointers();
        Ok(Flow::IdxUpdated)
    }

    fn set_helper_return(&mut self, proto: &'static HelperProto, meta: &mut CallMeta) -> Check {
        let func_id = meta.func_id;
        let mut flags = proto.ret.flags();
        let fault = || Err(Stop::Errno(Errno::EFAULT));
        match proto.ret.base() {
            RetType::RET_INTEGER => self.mark_reg_unknown(0),
            RetType::RET_VOID => self.regs()[0].typ = RegType::NOT_INIT,
            RetType::RET_PTR_TO_MAP_VALUE => {
                let Some(m) = meta.map else { return fault() };
                let info = &self.maps[m];
                let elide = func_id == id::MAP_LOOKUP_ELEM
                    && map::can_elide_value_nullness(info.def)
                    && meta
                        .const_map_key
                        .is_some_and(|k| k < info.def.max_entries.into());
                let has_lock = info.record.spin_lock_off().is_some()
                    || info.record.res_spin_lock_off().is_some();
                let (inner, map_type) = (info.inner, info.def.map_type);
                if elide {
                    flags &= !Flag::PTR_MAYBE_NULL;
                }
                let needs_id = flags.any(Flag::PTR_MAYBE_NULL) || has_lock;
                let new_id = if needs_id { self.new_id() } else { 0 };
                let reg = &mut self.regs()[0];
                reg.mark_known(0);
                reg.typ = RegType::PTR_TO_MAP_VALUE.with(flags);
                reg.meta = Meta::Map(m);
                reg.map_uid = meta.map_uid;
                reg.id = new_id;
                let maybe_null = flags & Flag::PTR_MAYBE_NULL;
                if let Some(inner) = inner {
                    reg.typ = RegType::CONST_PTR_TO_MAP.with(maybe_null);
                    reg.meta = Meta::Map(inner);
                    reg.map_uid = reg.id;
                } else if map_type == MapType::Xskmap {
                    reg.typ = RegType::PTR_TO_XDP_SOCK.with(maybe_null);
                    reg.map_uid = 0;
                } else if matches!(map_type, MapType::Sockmap | MapType::Sockhash) {
                    reg.typ = RegType::PTR_TO_SOCKET.with(maybe_null);
                    reg.map_uid = 0;
                }
            }
            RetType::RET_PTR_TO_SOCKET => {
                self.return_ptr(RegType::PTR_TO_SOCKET.with(flags), Meta::None)
            }
            RetType::RET_PTR_TO_SOCK_COMMON => {
                self.return_ptr(RegType::PTR_TO_SOCK_COMMON.with(flags), Meta::None);
            }
            RetType::RET_PTR_TO_TCP_SOCK => {
                self.return_ptr(RegType::PTR_TO_TCP_SOCK.with(flags), Meta::None);
            }
            RetType::RET_PTR_TO_MEM => {
                let size = meta.ret_mem_size.unwrap_or(0);
                self.return_ptr(RegType::PTR_TO_MEM.with(flags), Meta::MemSize(size));
            }
            RetType::RET_PTR_TO_MEM_OR_BTF_ID => {
                let Some((btf, id)) = meta.ret_btf else {
                    return fault();
                };
                let (typ, m) = match self.struct_type_size(btf, id) {
                    Ok(None) if meta.returns_cpu_specific_alloc_ptr => (
                        RegType::PTR_TO_BTF_ID | Flag::MEM_ALLOC | Flag::MEM_RCU,
                        Meta::Btf(btf, id),
                    ),
                    Ok(None) => (
                        RegType::PTR_TO_BTF_ID.with(flags & !Flag::MEM_RDONLY),
                        Meta::Btf(btf, id),
                    ),
                    Ok(Some(size)) => (RegType::PTR_TO_MEM.with(flags), Meta::MemSize(size)),
                    Err(name) => {
                        verbose!(self, "unable to resolve the size of type '{name}': -22\n");
                        return Err(Errno::EINVAL.into());
                    }
                };
                self.return_ptr(typ, m);
            }
            RetType::RET_PTR_TO_BTF_ID => {
                let mut typ = RegType::PTR_TO_BTF_ID.with(flags);
                let (btf, id) = if func_id == id::KPTR_XCHG {
                    let Some(f) = &meta.kptr_field else {
                        return fault();
                    };
                    let (btf, id) = (f.btf, f.btf_id);
                    if !btf.is_kernel() {
                        typ = typ.with(Flag::MEM_ALLOC);
                        if f.kind == FieldKind::KptrPercpu {
                            typ = typ.with(Flag::MEM_PERCPU);
                        }
                    }
                    (btf, id)
                } else {
                    let name = proto.ret_btf.as_deref().unwrap_or_default();
                    let Some(id) = self.vmlinux_struct_by_name(name) else {
                        return not_modelled(format!(
                            "a helper returning struct {name}, which is not in BTF"
                        ));
                    };
                    (BtfRef::VMLINUX, id)
                };
                self.return_ptr(typ, Meta::Btf(btf, id));
            }
            _ => return fault(),
        }
        if self.reg(0).typ.may_be_null() && self.reg(0).id == 0 {
            let id = self.new_id();
            self.regs()[0].id = id;
        }
        let map_type = meta.map.map(|m| self.maps[m].def.map_type);
        if is_ptr_cast(func_id) && self.cur.holds_reference(meta.ref_obj.0) {
            self.cast_referenced(meta)?;
        } else if is_acquire(func_id, map_type) {
            let id = self.acquire_reference(self.insn_idx, 0);
            self.regs()[0].id = id;
        }
        if func_id == id::DYNPTR_DATA {
            self.regs()[0].parent_id = meta.dynptr.1;
        }
        self.refine_retval(proto, meta)
    }

    /// A cast of a referenced socket shares its reference, so that giving back either loses both.
    /// The id then cannot tell NULL from not, so the NULL case is a path of its own.
    fn cast_referenced(&mut self, meta: &CallMeta) -> Check {
        if meta.ref_obj.2 > 1 {
            return self.verifier_bug(format_args!(
                "function expects only one referenced object but got {}\n",
                meta.ref_obj.2
            ));
        }
        let idx = self.insn_idx;
        let null = self.push_stack(idx + 1, idx, false)?;
        let r0 = &mut null.frame_mut().regs[0];
        r0.mark_known(0);
        r0.typ = RegType::SCALAR_VALUE;
        let r0 = &mut self.regs()[0];
        r0.typ = r0.typ.without(Flag::PTR_MAYBE_NULL);
        r0.id = meta.ref_obj.0;
        Ok(())
    }

    /// What `bpf_set_retval` may set.
    fn check_set_retval(&mut self) -> Check {
        let r1 = *self.reg(1);
        if !r1.is_scalar() {
            verbose!(self, "R1 is not a scalar\n");
            return Err(Errno::EINVAL.into());
        }
        if self.hook_returns_anything() {
            return Ok(());
        }
        let range = match self.prog.prog_type {
            ProgType::Lsm => {
                if self
                    .attach_func_proto()
                    .is_none_or(|(_, p)| p.type_id() == 0)
                {
                    verbose!(
                        self,
                        "BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!\n"
                    );
                    return Err(Errno::EINVAL.into());
                }
                self.lsm_hook_range()
            }
            _ => ERRNO_RANGE,
        };
        self.mark_chain_precision(1)?;
        if !range.allows(&r1) {
            self.verbose_invalid_scalar(&r1, range, "At bpf_set_retval", "R1");
            return Err(Errno::EINVAL.into());
        }
        Ok(())
    }

    /// `getsockopt` hooks may see and return any value.
    fn hook_returns_anything(&self) -> bool {
        self.prog.prog_type == ProgType::CgroupSockopt
            && self.prog.expected_attach_type == AttachType::CgroupGetsockopt
    }

    fn return_ptr(&mut self, typ: RegType, meta: Meta) {
        let reg = &mut self.regs()[0];
        reg.mark_known(0);
        reg.typ = typ;
        reg.meta = meta;
    }

    /// What `bpf_get_retval` may find; None for anything.
    fn seen_retval_range(&self) -> Option<RetvalRange> {
        if self.hook_returns_anything() {
            return None;
        }
        if self.prog.prog_type != ProgType::Lsm {
            return Some(ERRNO_RANGE);
        }
        let void = self
            .attach_func_proto()
            .is_none_or(|(_, p)| p.type_id() == 0);
        (!void).then(|| self.lsm_hook_range())
    }

    /// Ranges that some helpers promise.
    fn refine_retval(&mut self, proto: &HelperProto, meta: &CallMeta) -> Check {
        if proto.ret != RetType::RET_INTEGER {
            return Ok(());
        }
        let last_cpu = self.nr_cpu_ids().saturating_sub(1);
        let retval = self.seen_retval_range();
        let reg = &mut self.regs()[0];
        match meta.func_id {
            id::GET_RETVAL => {
                if let Some(range) = retval {
                    reg.r64 = Cnum64::from_srange(range.minval.into(), range.maxval.into());
                    reg.r32 = Cnum32::from_srange(range.minval, range.maxval);
                    reg.bounds_sync();
                }
            }
            id::GET_STACK
            | id::GET_TASK_STACK
            | id::PROBE_READ_STR
            | id::PROBE_READ_KERNEL_STR
            | id::PROBE_READ_USER_STR => {
                reg.r64 = Cnum64::from_srange((-MAX_ERRNO).into(), meta.msize_max as i64);
                reg.r32 = Cnum32::from_srange(-MAX_ERRNO, meta.msize_max as i32);
                reg.bounds_sync();
            }
            id::GET_SMP_PROCESSOR_ID => {
                reg.r64 = Cnum64::from_urange(0, last_cpu.into());
                reg.r32 = Cnum32::from_urange(0, last_cpu);
                reg.bounds_sync();
            }
            _ => {}
        }
        self.reg_sanity_check(0, "retval")
    }

    /// Some maps are for some helpers only (`check_map_func_compatibility`).
    fn check_map_func_compatibility(&mut self, meta: &CallMeta) -> Check {
        let Some(m) = meta.map else { return Ok(()) };
        let map_type = self.maps[m].def.map_type;
        let name = func_id_name(meta.func_id);
        let changes = matches!(meta.func_id, id::MAP_UPDATE_ELEM | id::MAP_DELETE_ELEM);
        let ok = if matches!(map_type, MapType::Sockmap | MapType::Sockhash) && changes {
            let may = match self.prog.prog_type {
                ProgType::Tracing => self.prog.expected_attach_type == AttachType::TraceIter,
                ProgType::SockOps => meta.func_id == id::MAP_DELETE_ELEM,
                ProgType::SkReuseport | ProgType::SkLookup => true,
                _ => false,
            };
            if !may {
                verbose!(self, "cannot update sockmap in this context\n");
            }
            may
        } else {
            let name = name.strip_prefix("bpf_").unwrap_or(&name);
            crate::map_compat::compatible(map_type, name)
        };
        if ok {
            return Ok(());
        }
        verbose!(
            self,
            "cannot pass map_type {} into func {name}#{}\n",
            map_type as u32,
            meta.func_id
        );
        Err(Errno::EINVAL.into())
    }

    /// Bytes of stack that an argument of a helper makes it access; negative when written.
    pub fn helper_stack_access_bytes(&self, insn: &Insn, arg: usize, idx: usize) -> i64 {
        const UNKNOWN: i64 = crate::arg_track::UNKNOWN_BYTES;
        let Some(proto) = self.helper_proto(insn.imm) else {
            return UNKNOWN;
        };
        let at = proto.arg_type(arg);
        let aux = &self.aux[idx];
        let size = match at.base() {
            ArgType::ARG_PTR_TO_MAP_KEY | ArgType::ARG_PTR_TO_MAP_VALUE => {
                let is_key = at.base() == ArgType::ARG_PTR_TO_MAP_KEY;
                let of = |m: usize| {
                    let d = self.maps[m].def;
                    i64::from(if is_key { d.key_size } else { d.value_size })
                };
                let map_arg =
                    (0..arg).find(|i| proto.arg_type(*i).base() == ArgType::ARG_CONST_MAP_PTR);
                let known = map_arg
                    .map(|i| i + 1)
                    .filter(|r| aux.const_reg_map_mask >> r & 1 != 0)
                    .map(|r| of(aux.const_reg_vals[r] as usize));
                let largest = || {
                    let inner = self.used_maps.iter().filter_map(|m| self.maps[*m].inner);
                    self.used_maps
                        .iter()
                        .copied()
                        .chain(inner)
                        .map(of)
                        .max()
                        .unwrap_or(0)
                };
                match known.unwrap_or_else(largest) {
                    0 if known.is_none() => return UNKNOWN,
                    n => n,
                }
            }
            ArgType::ARG_PTR_TO_MEM => {
                let next = proto.arg_type(arg + 1);
                if at.has(Flag::MEM_FIXED_SIZE) {
                    proto.args[arg].size.into()
                } else if matches!(next, ArgType::ARG_MEM_SIZE | ArgType::ARG_MEM_SIZE_OR_ZERO) {
                    let r = arg + 2;
                    if aux.const_reg_mask >> r & 1 != 0 {
                        i64::from(aux.const_reg_vals[r])
                    } else if at.has(Flag::MEM_UNINIT) {
                        return 0;
                    } else {
                        return crate::state::MAX_BPF_STACK.into();
                    }
                } else {
                    return UNKNOWN;
                }
            }
            ArgType::ARG_PTR_TO_DYNPTR => 16,
            ArgType::ARG_PTR_TO_STACK => return 0,
            _ => return UNKNOWN,
        };
        if at.has(Flag::MEM_UNINIT) {
            -size
        } else {
            size
        }
    }
}

/// Helpers that the x86-64 compiler or the verifier replaces by instructions.
fn inlined_on_x86_64(func_id: i32) -> bool {
    const GET_CURRENT_TASK: i32 = 35;
    const GET_CURRENT_TASK_BTF: i32 = 158;
    matches!(
        func_id,
        id::GET_SMP_PROCESSOR_ID | GET_CURRENT_TASK | GET_CURRENT_TASK_BTF
    )
}

fn is_acquire(func_id: i32, map_type: Option<MapType>) -> bool {
    let sock_map = matches!(map_type, Some(MapType::Sockmap | MapType::Sockhash));
    matches!(
        func_id,
        id::SK_LOOKUP_TCP
            | id::SK_LOOKUP_UDP
            | id::SKC_LOOKUP_TCP
            | id::RINGBUF_RESERVE
            | id::KPTR_XCHG
    ) || func_id == id::MAP_LOOKUP_ELEM && sock_map
}

fn is_ptr_cast(func_id: i32) -> bool {
    const SKC_TO: core::ops::RangeInclusive<i32> = 136..=140;
    matches!(func_id, id::TCP_SOCK | id::SK_FULLSOCK) || SKC_TO.contains(&func_id)
}
