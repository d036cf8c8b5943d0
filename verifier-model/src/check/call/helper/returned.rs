// SPDX-License-Identifier: GPL-2.0-only
//! What helpers return: the end of `check_helper_call()`.
//!
//! Source: `do_refine_retval_range()` in `kernel/bpf/verifier.c`.

use bpf::kernel::BtfRef;
use bpf::kernel::fields::FieldKind;
use bpf::uapi::{MapType, ProgType};

use crate::check::call::helper::ERRNO_RANGE;
use crate::domain::ranges::Ranges;
use crate::env::Env;
use crate::env::call_args::CallArgs;
use crate::facts::errno::{Errno, MAX_ERRNO};
use crate::facts::helper_proto::HelperProto;
use crate::facts::helpers::id;
use crate::facts::rejection::{Checked, not_modelled};
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType, RetType};
use crate::log::reject;
use crate::state::RetvalRange;
use crate::state::reg::About;

impl Env<'_> {
    pub(crate) fn set_helper_return(
        &mut self,
        proto: &'static HelperProto,
        meta: &mut CallArgs,
    ) -> Checked {
        let func_id = meta.func_id;
        let flags = proto.ret.flags();
        let fault = || Err(Errno::EFAULT.into());
        match proto.ret.base() {
            RetType::RET_INTEGER => self.mark_reg_unknown(0),
            RetType::RET_VOID => self.regs()[0].typ = RegType::NOT_INIT,
            RetType::RET_PTR_TO_MAP_VALUE => {
                self.return_map_value(flags, meta)?;
            }
            RetType::RET_PTR_TO_SOCKET => {
                self.return_ptr(RegType::PTR_TO_SOCKET.with(flags), About::None)
            }
            RetType::RET_PTR_TO_SOCK_COMMON => {
                self.return_ptr(RegType::PTR_TO_SOCK_COMMON.with(flags), About::None);
            }
            RetType::RET_PTR_TO_TCP_SOCK => {
                self.return_ptr(RegType::PTR_TO_TCP_SOCK.with(flags), About::None);
            }
            RetType::RET_PTR_TO_MEM => {
                let size = meta.ret_mem_size.unwrap_or(0);
                self.return_ptr(RegType::PTR_TO_MEM.with(flags), About::MemSize(size));
            }
            RetType::RET_PTR_TO_MEM_OR_BTF_ID => {
                let Some((btf, id)) = meta.ret_btf else {
                    return fault();
                };
                self.return_mem_or_btf_id(flags, (btf, id), meta)?;
            }
            RetType::RET_PTR_TO_BTF_ID => {
                if func_id == id::KPTR_XCHG {
                    self.return_kptr(flags, meta)?;
                } else {
                    let name = proto.ret_btf.unwrap_or_default();
                    let Some(id) = self.input.vmlinux_struct(name) else {
                        return not_modelled(format!(
                            "a helper returning struct {name}, which is not in BTF"
                        ));
                    };
                    let typ = RegType::PTR_TO_BTF_ID.with(flags);
                    self.return_ptr(typ, About::Btf(BtfRef::VMLINUX, id));
                }
            }
            _ => return fault(),
        }
        if self.reg(0).typ.may_be_null() && self.reg(0).id == 0 {
            let id = self.new_id();
            self.regs()[0].id = id;
        }
        let map_type = meta.map.map(|m| self.code.maps[m].def.map_type);
        if is_ptr_cast(func_id) && self.path.cur.holds_reference(meta.ref_obj.id) {
            self.cast_referenced(meta)?;
        } else if is_acquire(func_id, map_type) {
            let id = self.acquire_reference(self.path.insn_idx, 0);
            self.regs()[0].id = id;
        }
        if func_id == id::DYNPTR_DATA {
            self.regs()[0].parent_id = meta.dynptr.id;
        }
        self.refine_retval(proto, meta)
    }

    /// A value of the map passed, or what stands in its place.
    fn return_map_value(&mut self, mut flags: Flag, meta: &CallArgs) -> Checked {
        let Some(m) = meta.map else {
            return Err(Errno::EFAULT.into());
        };
        let info = &self.code.maps[m];
        let elide = meta.func_id == id::MAP_LOOKUP_ELEM
            && self.input.can_elide_value_nullness(info.def)
            && meta
                .const_map_key
                .is_some_and(|k| k < info.def.max_entries.into());
        let has_lock =
            info.record.spin_lock_off().is_some() || info.record.res_spin_lock_off().is_some();
        if elide {
            flags &= !Flag::PTR_MAYBE_NULL;
        }
        let needs_id = flags.any(Flag::PTR_MAYBE_NULL) || has_lock;
        let new_id = if needs_id { self.new_id() } else { 0 };
        let reg = &mut self.regs()[0];
        reg.mark_known(0);
        reg.typ = RegType::PTR_TO_MAP_VALUE.with(flags);
        reg.about = About::Map(m);
        reg.map_uid = meta.map_uid;
        reg.id = new_id;
        if self.input.profile.has(Rule::LOOKUPS_REFINED) {
            let mut reg = *self.reg(0);
            self.refine_map_lookup(&mut reg);
            self.regs()[0] = reg;
        }
        Ok(())
    }

    /// One CPU's part of a variable or object: a structure, or memory as large as its type.
    fn return_mem_or_btf_id(
        &mut self,
        flags: Flag,
        (btf, id): (BtfRef, u32),
        meta: &CallArgs,
    ) -> Checked {
        let (typ, m) = match self.struct_type_size(btf, id) {
            Ok(None) if meta.returns_cpu_specific_alloc_ptr => (
                RegType::PTR_TO_BTF_ID | Flag::MEM_ALLOC | Flag::MEM_RCU,
                About::Btf(btf, id),
            ),
            Ok(None) => (
                RegType::PTR_TO_BTF_ID.with(flags & !Flag::MEM_RDONLY),
                About::Btf(btf, id),
            ),
            Ok(Some(size)) => (RegType::PTR_TO_MEM.with(flags), About::MemSize(size)),
            Err(name) => {
                return reject!(
                    self,
                    KernelVariable,
                    EINVAL,
                    "unable to resolve the size of type '{name}': -22"
                );
            }
        };
        self.return_ptr(typ, m);
        Ok(())
    }

    /// What was in the kptr before.
    fn return_kptr(&mut self, flags: Flag, meta: &CallArgs) -> Checked {
        let Some(f) = &meta.kptr_field else {
            return Err(Errno::EFAULT.into());
        };
        let mut typ = RegType::PTR_TO_BTF_ID.with(flags);
        if !f.btf.is_kernel() {
            typ = typ.with(Flag::MEM_ALLOC);
            if f.kind == FieldKind::KptrPercpu {
                typ = typ.with(Flag::MEM_PERCPU);
            }
        }
        self.return_ptr(typ, About::Btf(f.btf, f.btf_id));
        Ok(())
    }

    /// A cast of a referenced socket shares its reference, so that giving back either loses both.
    /// The id then cannot tell NULL from not, so the NULL case is a path of its own.
    fn cast_referenced(&mut self, meta: &CallArgs) -> Checked {
        if meta.ref_obj.count > 1 {
            return self.log.verifier_bug(format_args!(
                "function expects only one referenced object but got {}\n",
                meta.ref_obj.count
            ));
        }
        let idx = self.path.insn_idx;
        let null = self.push_stack(idx + 1, idx, false)?;
        let r0 = &mut null.frame_mut().regs[0];
        r0.mark_known(0);
        r0.typ = RegType::SCALAR_VALUE;
        let r0 = &mut self.regs()[0];
        r0.typ = r0.typ.without(Flag::PTR_MAYBE_NULL);
        r0.id = meta.ref_obj.id;
        Ok(())
    }

    fn return_ptr(&mut self, typ: RegType, about: About) {
        let reg = &mut self.regs()[0];
        reg.mark_known(0);
        reg.typ = typ;
        reg.about = about;
    }

    /// What `bpf_get_retval` may find; None for anything.
    fn seen_retval_range(&self) -> Option<RetvalRange> {
        if self.input.hook_returns_anything() {
            return None;
        }
        if self.input.prog.prog_type != ProgType::Lsm {
            return Some(ERRNO_RANGE);
        }
        let void = self
            .input
            .attach_func_proto()
            .is_none_or(|(_, p)| p.type_id() == 0);
        (!void).then(|| self.input.lsm_hook_range())
    }

    /// Ranges that some helpers promise.
    fn refine_retval(&mut self, proto: &HelperProto, meta: &CallArgs) -> Checked {
        if proto.ret != RetType::RET_INTEGER {
            return Ok(());
        }
        let last_cpu = self.input.nr_cpu_ids().saturating_sub(1);
        let retval = self.seen_retval_range();
        let rules = self.input.profile;
        let reg = &mut self.regs()[0];
        match meta.func_id {
            id::GET_RETVAL => {
                if let Some(range) = retval {
                    reg.ranges = Ranges::signed(range.minval.into(), range.maxval.into());
                    reg.bounds_sync(rules);
                }
            }
            id::GET_STACK
            | id::GET_TASK_STACK
            | id::PROBE_READ_STR
            | id::PROBE_READ_KERNEL_STR
            | id::PROBE_READ_USER_STR => {
                reg.ranges = Ranges::signed((-MAX_ERRNO).into(), meta.msize_max as i64);
                reg.bounds_sync(rules);
            }
            id::GET_SMP_PROCESSOR_ID if rules.has(Rule::PROCESSORS_BOUNDED) => {
                reg.ranges = Ranges::up_to(last_cpu);
                reg.bounds_sync(rules);
            }
            _ => {}
        }
        self.reg_sanity_check(0, "retval")
    }
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
