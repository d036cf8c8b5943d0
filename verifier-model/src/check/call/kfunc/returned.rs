// SPDX-License-Identifier: GPL-2.0-only
//! What kfuncs return: the end of `check_kfunc_call()`.
//!
//! Source: `check_special_kfunc()` in `kernel/bpf/verifier.c`.

use bpf::btf::{Btf, Kind, Type, is_scalar, is_void, kind_str};
use bpf::kernel::BtfRef;
use bpf::kernel::kfuncs::KfuncFlags;

use crate::check::call::kfunc::collection as graph;
use crate::env::Env;
use crate::env::call_args::CallArgs;
use crate::facts::access::Access;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::special_kfunc::SpecialKfunc;
use crate::facts::types::{ALLOC, Flag, RegType};
use crate::input::kfunc::Kfunc;
use crate::log::reject;
use crate::state::reg::{About, RegState};

impl Env<'_> {
    pub(crate) fn set_kfunc_return(&mut self, k: &Kfunc<'_>, meta: &CallArgs) -> Checked {
        let t = k.btf.skip_mods_and_typedefs(k.ret_type_id);
        let acquire = k.flags.contains(KfuncFlags::ACQUIRE);
        let target = (t.kind() == Kind::Ptr).then(|| k.btf.skip_mods_and_typedefs(t.type_id()));
        let to_struct = target.is_some_and(|t| t.is_composite());
        let allocates = k.is_one(|f| f.is_obj_new() || f.is_refcount_acquire());
        if acquire && !to_struct && !allocates {
            return reject!(
                self,
                KfuncPrototype,
                EINVAL,
                "acquire kernel function does not return PTR_TO_BTF_ID"
            );
        }
        if is_scalar(t) {
            self.mark_reg_unknown(0);
            if k.is_one(SpecialKfunc::is_res_spin_lock) {
                let zero = self.const_zero();
                self.regs()[0] = zero;
            }
            return Ok(());
        }
        let Some(target) = target else { return Ok(()) };
        let mut r0 = RegState::konst(0);
        if let Some(special) = self.check_special_kfunc(k, meta, target.name())? {
            r0 = special;
        } else if is_void(target) {
            r0 = self.unknown();
        } else if target.kind() != Kind::Struct {
            r0 = self.kfunc_mem_return(k, meta, target)?;
        } else {
            r0.typ = RegType::PTR_TO_BTF_ID | self.kfunc_return_trust(k, meta);
            r0.about = About::Btf(k.bref, target.id());
        }
        let owning = k.is_one(SpecialKfunc::is_refcount_acquire) && meta.arg_owning_ref;
        if k.flags.contains(KfuncFlags::RET_NULL) && !owning {
            r0.typ = r0.typ | Flag::PTR_MAYBE_NULL;
            r0.id = self.new_id();
        }
        if acquire {
            r0.id = self.acquire_reference(self.path.insn_idx, 0);
        } else if graph::is_node_struct(target.name()) {
            self.set_non_owning(&mut r0)?;
        }
        if r0.id == 0 && self.reg_may_point_to_spin_lock(&r0) {
            r0.id = self.new_id();
        }
        self.regs()[0] = r0;
        Ok(())
    }

    /// Memory: as large as an argument said, or as its type is.
    fn kfunc_mem_return(
        &self,
        k: &Kfunc<'_>,
        meta: &CallArgs,
        target: Type<'_>,
    ) -> Checked<RegState> {
        let mut rdonly = meta.r0_rdonly;
        let none_counts = self.input.profile.has(Rule::BUFFERS_OF_NO_SIZE);
        let mut size = meta.ret_mem_size.filter(|size| none_counts || *size != 0);
        if size.is_none() {
            if let Ok(n) = k.btf.resolve_size(target.id()) {
                size = Some(n);
                rdonly = true;
            }
            rdonly &= !k.is(SpecialKfunc::SessionCookie);
        }
        let Some(size) = size else {
            return reject!(
                self,
                KfuncPrototype,
                EINVAL,
                "kernel function {} returns pointer type {} {} is not supported",
                k.name,
                kind_str(target),
                target.name()
            );
        };
        let mut r0 = RegState::konst(0);
        r0.typ = RegType::PTR_TO_MEM;
        r0.about = About::MemSize(size);
        if rdonly {
            r0.typ = r0.typ | Flag::MEM_RDONLY;
        }
        if meta.ref_obj.id != 0 {
            if meta.ref_obj.count > 1 {
                return self.log.verifier_bug(format_args!(
                    "function expects only one referenced object but got {}\n",
                    meta.ref_obj.count
                ));
            }
            r0.parent_id = meta.ref_obj.id;
        }
        if k.flags.contains(KfuncFlags::RCU_PROTECTED) {
            r0.typ = r0.typ | Flag::MEM_RCU;
        }
        Ok(r0)
    }

    /// How far a pointer to a structure that is returned can be trusted.
    fn kfunc_return_trust(&self, k: &Kfunc<'_>, meta: &CallArgs) -> Flag {
        let iter_rcu = || {
            meta.iter
                .is_some_and(|at| at.read(&self.path.cur).gives_rcu())
        };
        let rcu = k.flags.contains(KfuncFlags::RCU_PROTECTED)
            || k.flags.contains(KfuncFlags::ITER_NEXT) && iter_rcu();
        if k.is(SpecialKfunc::GetKmemCache) {
            Flag::PTR_UNTRUSTED
        } else if rcu {
            Flag::MEM_RCU
        } else {
            Flag::PTR_TRUSTED
        }
    }

    /// The kernel's type of the context, and whether it is a structure (`get_kern_ctx_btf_id`).
    fn kern_ctx(&self) -> Checked<(u32, bool)> {
        self.input.kern_ctx_of(self.input.prog.prog_type)
    }

    /// Per-CPU objects are small and hold nothing but numbers.
    fn check_percpu_obj_new(&self, btf: &Btf, t: Type<'_>) -> Checked {
        const BPF_GLOBAL_PERCPU_MA_MAX_SIZE: u32 = 512;
        let size = t.size();
        if size > BPF_GLOBAL_PERCPU_MA_MAX_SIZE {
            return reject!(
                self,
                TypeArgument,
                EINVAL,
                "bpf_percpu_obj_new type size ({size}) is greater than {BPF_GLOBAL_PERCPU_MA_MAX_SIZE}"
            );
        }
        if !self.is_scalar_struct(btf, t) {
            return reject!(
                self,
                TypeArgument,
                EINVAL,
                "bpf_percpu_obj_new type ID argument must be of a struct of scalars"
            );
        }
        let record = self.input.struct_record(BtfRef::Prog, t.id());
        if !record.fields.is_empty() {
            return reject!(
                self,
                TypeArgument,
                EINVAL,
                "bpf_percpu_obj_new type ID argument must not contain special fields"
            );
        }
        Ok(())
    }

    pub(crate) fn reg_may_point_to_spin_lock(&self, reg: &RegState) -> bool {
        let Some(record) = self.reg_btf_record(reg) else {
            return false;
        };
        record.spin_lock_off().is_some() || record.res_spin_lock_off().is_some()
    }

    /// Kfuncs whose return the verifier knows more of (`check_special_kfunc`).
    fn check_special_kfunc(
        &mut self,
        k: &Kfunc<'_>,
        meta: &CallArgs,
        target: &str,
    ) -> Checked<Option<RegState>> {
        if k.bref != BtfRef::VMLINUX {
            return Ok(None);
        }
        let mut r0 = RegState::konst(0);
        match k.special {
            Some(f) if f.is_obj_new() => (r0.typ, r0.about) = self.obj_new_return(f, meta)?,
            Some(f) if f.is_refcount_acquire() => {
                let Some((btf, id)) = meta.arg_btf else {
                    return Err(Errno::EFAULT.into());
                };
                r0.typ = ALLOC;
                r0.about = About::Btf(btf, id);
            }
            Some(SpecialKfunc::CastToKernCtx) => {
                let (id, is_struct) = self.kern_ctx()?;
                if !is_struct {
                    return reject!(
                        self,
                        KfuncPrototype,
                        EINVAL,
                        "kern ctx type id {id} is not a struct"
                    );
                }
                r0.typ = RegType::PTR_TO_BTF_ID | Flag::PTR_TRUSTED;
                r0.about = About::Btf(k.bref, id);
            }
            Some(SpecialKfunc::RdonlyCast) => {
                (r0.typ, r0.about) = self.rdonly_cast_return(k, meta)?;
            }
            Some(SpecialKfunc::DynptrSlice | SpecialKfunc::DynptrSliceRdwr) => {
                (r0.typ, r0.about) = self.dynptr_slice_return(k, meta)?;
                r0.parent_id = meta.dynptr.id;
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

    /// `bpf_obj_new`, `bpf_percpu_obj_new`: an object of the type that the program names.
    fn obj_new_return(&self, f: SpecialKfunc, meta: &CallArgs) -> Checked<(RegType, About)> {
        let Ok(id) = u32::try_from(meta.arg_constant.unwrap_or_default()) else {
            return reject!(
                self,
                TypeArgument,
                EINVAL,
                "local type ID argument must be in range [0, U32_MAX]"
            );
        };
        let Some(btf) = &self.input.prog.btf else {
            return reject!(
                self,
                TypeArgument,
                EINVAL,
                "bpf_obj_new/bpf_percpu_obj_new requires prog BTF"
            );
        };
        let Some(t) = btf.type_by_id(id).filter(|t| t.kind() == Kind::Struct) else {
            return reject!(
                self,
                TypeArgument,
                EINVAL,
                "bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct"
            );
        };
        let mut typ = ALLOC;
        if f.is_percpu_obj_new() {
            self.check_percpu_obj_new(btf, t)?;
            typ = typ | Flag::MEM_PERCPU;
        }
        Ok((typ, About::Btf(BtfRef::Prog, id)))
    }

    /// `bpf_rdonly_cast`: any memory as a structure, or as bytes.
    fn rdonly_cast_return(&self, k: &Kfunc<'_>, meta: &CallArgs) -> Checked<(RegType, About)> {
        let id = meta.arg_constant.unwrap_or_default();
        let t = u32::try_from(id).ok().and_then(|id| k.btf.type_by_id(id));
        let Some(t) = t else {
            return reject!(
                self,
                TypeArgument,
                EINVAL,
                "Unknown type ID {} passed to kfunc bpf_rdonly_cast",
                id as i64
            );
        };
        if t.is_composite() {
            let typ = RegType::PTR_TO_BTF_ID | Flag::PTR_UNTRUSTED;
            Ok((typ, About::Btf(k.bref, t.id())))
        } else if is_void(t) {
            let typ = RegType::PTR_TO_MEM | Flag::MEM_RDONLY | Flag::PTR_UNTRUSTED;
            Ok((typ, About::MemSize(0)))
        } else {
            reject!(
                self,
                TypeArgument,
                EINVAL,
                "kfunc bpf_rdonly_cast type ID argument must be of a struct or void"
            )
        }
    }

    /// `bpf_dynptr_slice`, `bpf_dynptr_slice_rdwr`: as many bytes as were asked for.
    fn dynptr_slice_return(&self, k: &Kfunc<'_>, meta: &CallArgs) -> Checked<(RegType, About)> {
        let Some(size) = meta.arg_constant else {
            return self
                .log
                .verifier_bug(format_args!("bpf_dynptr_slice(_rdwr) no constant size"));
        };
        let mut typ = RegType::PTR_TO_MEM | meta.dynptr.kind.flag();
        if k.is(SpecialKfunc::DynptrSlice) {
            typ = typ | Flag::MEM_RDONLY;
        } else if !self.may_access_direct_pkt_data(None, Access::Write) {
            return reject!(
                self,
                ReadOnly,
                EINVAL,
                "the prog does not allow writes to packet data"
            );
        }
        Ok((typ, About::MemSize(size as u32)))
    }
}
