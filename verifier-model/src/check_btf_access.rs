// SPDX-License-Identifier: GPL-2.0-only
//! Loads and stores through pointers to kernel structures, and kptrs in map values.
//!
//! Which pointers may be trusted: one the kernel passed (`PTR_TRUSTED`) or that carries a reference
//! is valid; one loaded from a trusted structure is valid inside an RCU section if the member is
//! known to be RCU-protected (`MEM_RCU`), else it can only be read (`PTR_UNTRUSTED` or none).
//!
//! Source: `check_ptr_to_btf_access()`, `check_map_kptr_access()`, `map_kptr_match_type()`,
//! `mark_btf_ld_reg()` in `kernel/bpf/verifier.c`.

use crate::btf_record::{BtfRecord, Field, FieldKind};
use crate::btf_walk::Found;
use crate::check_mem::{Access, MemAccess};
use crate::env::Env;
use crate::error::{Check, Errno, not_modelled};
use crate::insn::{class, mode};
use crate::log::verbose;
use crate::reg_state::{BtfRef, Meta, RegState};
use crate::types::{Flag, RegType};
use crate::uapi::ProgType;

/// Kernel objects that are freed after an RCU grace period.
const RCU_PROTECTED: [&str; 6] = [
    "prog_test_ref_kfunc",
    "cgroup",
    "bpf_cpumask",
    "task_struct",
    "bpf_crypto_ctx",
    "bpf_ksock",
];

impl Env<'_> {
    /// Whether a pointer is valid by itself.
    pub fn is_trusted_reg(&self, reg: &RegState) -> bool {
        if self.reg_is_referenced(reg) {
            return true;
        }
        let safe = !reg.typ.has_unsafe_modifiers();
        safe && (self.reg2btf(reg.typ).is_some() || reg.typ.has(Flag::TRUSTED_MODIFIERS))
    }

    /// Special fields of a structure of the program's BTF.
    pub fn struct_record(&self, btf: BtfRef, id: u32) -> BtfRecord {
        match (btf, self.btf(btf)) {
            (BtfRef::Prog, Some(b)) => BtfRecord::parse(b, id, self.kernel),
            _ => BtfRecord::default(),
        }
    }

    /// An access through a pointer to a structure.
    pub fn check_ptr_to_btf_access(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        access: Access,
        value: Option<usize>,
    ) -> Check {
        let Some((bref, id)) = reg.btf() else {
            return Err(Errno::EFAULT.into());
        };
        let tname = self.btf_type_name(bref, id).to_owned();
        let write = access == Access::Write;
        if !self.allow_ptr_leaks {
            verbose!(
                self,
                "'struct {tname}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN\n"
            );
            return Err(Errno::EPERM.into());
        }
        if !self.prog.gpl_compatible() && bref.is_kernel() {
            verbose!(
                self,
                "Cannot access kernel 'struct {tname}' from non-GPL compatible program\n"
            );
            return Err(Errno::EINVAL.into());
        }
        if !reg.var_off.is_const() {
            let t = reg.var_off;
            verbose!(
                self,
                "{argname} is ptr_{tname} invalid variable offset: off={off}, var_off={t}\n"
            );
            return Err(Errno::EACCES.into());
        }
        let off = off.wrapping_add(reg.var_off.value as i32);
        let problem = if off < 0 {
            Some("invalid negative access")
        } else if reg.typ.has(Flag::MEM_USER) {
            Some("access user memory")
        } else if reg.typ.has(Flag::MEM_PERCPU) {
            Some("access percpu memory")
        } else {
            None
        };
        if let Some(what) = problem {
            verbose!(self, "{argname} is ptr_{tname} {what}: off={off}\n");
            return Err(Errno::EACCES.into());
        }
        let alloc = reg.typ.has(Flag::MEM_ALLOC);
        if write && reg.typ.may_fault_on_deref() {
            verbose!(self, "only read is supported\n");
            return Err(Errno::EACCES.into());
        }
        if write && !alloc && self.has_btf_struct_access() {
            return not_modelled("writes to kernel structures by struct_ops, tc and XDP programs");
        }
        if write && !reg.typ.is_ptr_alloc_obj() {
            verbose!(self, "only read is supported\n");
            return Err(Errno::EACCES.into());
        }
        let found = self.struct_access(reg, off as u32, size as u32)?;
        let (Some(v), false) = (value, write) else {
            return Ok(());
        };
        match found {
            Found::Scalar => self.mark_reg_unknown(v),
            Found::PtrUntrusted => {
                let r = &mut self.regs()[v];
                r.mark_known(0);
                r.typ = RegType::PTR_TO_MEM | Flag::MEM_RDONLY | Flag::PTR_UNTRUSTED;
                r.meta = Meta::MemSize(0);
            }
            Found::Ptr(id, flags, field) => {
                let flags = self.trust_of_member(reg, flags, &field, id);
                self.mark_btf_ld_reg(v, bref, id, flags);
            }
        }
        Ok(())
    }

    fn has_btf_struct_access(&self) -> bool {
        matches!(
            self.prog.prog_type,
            ProgType::StructOps | ProgType::SchedCls | ProgType::SchedAct | ProgType::Xdp
        )
    }

    /// How far a pointer loaded from a structure can be trusted.
    fn trust_of_member(&self, reg: &RegState, flags: Flag, field: &str, id: u32) -> Flag {
        let listed = |suffix: &str| self.nested_type_is_trusted(reg, field, id, suffix);
        let not_trusted = |f: Flag| f & !(Flag::TRUSTED_MODIFIERS | Flag::MEM_RCU);
        if reg.typ.has(Flag::PTR_UNTRUSTED) {
            return Flag::PTR_UNTRUSTED;
        }
        if !self.is_trusted_reg(reg) && !reg.typ.has(Flag::MEM_RCU) {
            return not_trusted(flags);
        }
        if listed("__safe_trusted") {
            return flags | Flag::PTR_TRUSTED;
        }
        if listed("__safe_trusted_or_null") {
            return flags | Flag::PTR_TRUSTED | Flag::PTR_MAYBE_NULL;
        }
        if !self.in_rcu_cs() || reg.typ.may_be_null() {
            return Flag::PTR_UNTRUSTED;
        }
        if listed("__safe_rcu") {
            return flags | Flag::MEM_RCU;
        }
        let rcu_or_null = listed("__safe_rcu_or_null");
        if flags.any(Flag::MEM_RCU) || rcu_or_null {
            let flags = flags | Flag::MEM_RCU | Flag::PTR_MAYBE_NULL;
            return if rcu_or_null {
                flags & !Flag::PTR_UNTRUSTED
            } else {
                flags
            };
        }
        if flags.any(Flag::MEM_PERCPU | Flag::MEM_USER) {
            return flags;
        }
        not_trusted(flags)
    }

    fn mark_btf_ld_reg(&mut self, v: usize, btf: BtfRef, id: u32, flags: Flag) {
        let new_id = if flags.any(Flag::PTR_MAYBE_NULL) {
            self.new_id()
        } else {
            0
        };
        let r = &mut self.regs()[v];
        r.mark_known(0);
        r.typ = RegType::PTR_TO_BTF_ID.with(flags);
        r.meta = Meta::Btf(btf, id);
        r.id = new_id;
    }

    /// A load through a pointer to a map itself.
    pub fn check_ptr_to_map_access(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        access: Access,
        value: Option<usize>,
    ) -> Check {
        let map_type = self.map_of(reg)?.def.map_type;
        let name = crate::map_compat::kernel_struct(map_type);
        let Some(id) = name.and_then(|n| self.vmlinux_struct(n)) else {
            return not_modelled(format!(
                "reading fields of a map of type {}",
                map_type.c_name()
            ));
        };
        let tname = name.unwrap_or_default();
        if !self.allow_ptr_leaks {
            verbose!(
                self,
                "'struct {tname}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN\n"
            );
            return Err(Errno::EPERM.into());
        }
        if off < 0 {
            verbose!(
                self,
                "{argname} is {tname} invalid negative access: off={off}\n"
            );
            return Err(Errno::EACCES.into());
        }
        if access == Access::Write {
            verbose!(self, "only read from {tname} is supported\n");
            return Err(Errno::EACCES.into());
        }
        let fake = RegState {
            typ: RegType::PTR_TO_BTF_ID,
            meta: Meta::Btf(BtfRef::VMLINUX, id),
            ..RegState::default()
        };
        let found = self.struct_access(&fake, off as u32, size as u32)?;
        let Some(v) = value else { return Ok(()) };
        match found {
            Found::Scalar => self.mark_reg_unknown(v),
            Found::PtrUntrusted => {
                let r = &mut self.regs()[v];
                r.mark_known(0);
                r.typ = RegType::PTR_TO_MEM | Flag::MEM_RDONLY | Flag::PTR_UNTRUSTED;
                r.meta = Meta::MemSize(0);
            }
            Found::Ptr(id, flags, _) => self.mark_btf_ld_reg(v, BtfRef::VMLINUX, id, flags),
        }
        Ok(())
    }

    /// A load or store of a kptr in a map value.
    pub fn check_map_kptr_access(&mut self, a: &MemAccess<'_>, field: &Field) -> Check {
        let insn = self.insns[a.insn_idx];
        if insn.mode() != mode::MEM {
            verbose!(
                self,
                "kptr in map can only be accessed using BPF_MEM instruction mode\n"
            );
            return Err(Errno::EACCES.into());
        }
        let load = insn.class() == class::LDX;
        if !load && matches!(field.kind, FieldKind::KptrRef | FieldKind::KptrPercpu) {
            verbose!(self, "store to referenced kptr disallowed\n");
            return Err(Errno::EACCES.into());
        }
        if !load && field.kind == FieldKind::Uptr {
            verbose!(self, "store to uptr disallowed\n");
            return Err(Errno::EACCES.into());
        }
        match (insn.class(), a.value) {
            (class::LDX, Some(v)) if field.kind == FieldKind::Uptr => {
                let size = self
                    .btf(field.btf)
                    .and_then(|b| b.resolve_size(field.btf_id).ok());
                let id = self.new_id();
                let r = &mut self.regs()[v];
                r.mark_known(0);
                r.typ = RegType::PTR_TO_MEM | Flag::PTR_MAYBE_NULL;
                r.meta = Meta::MemSize(size.unwrap_or(0));
                r.id = id;
            }
            (class::LDX, Some(v)) => {
                let flags = self.kptr_load_flags(field);
                self.mark_btf_ld_reg(v, field.btf, field.btf_id, flags);
            }
            (class::STX, Some(v)) => {
                let reg = *self.reg(v);
                if reg.is_null() {
                    return self.mark_chain_precision(v);
                }
                if self.check_kptr_match(field, &reg, v).is_err() {
                    return Err(Errno::EACCES.into());
                }
            }
            (class::ST, _) => {
                if insn.imm != 0 {
                    let off = field.offset;
                    verbose!(
                        self,
                        "BPF_ST imm must be 0 when storing to kptr at off={off}\n"
                    );
                    return Err(Errno::EACCES.into());
                }
            }
            _ => {
                verbose!(
                    self,
                    "kptr in map can only be accessed using BPF_LDX/BPF_STX/BPF_ST\n"
                );
                return Err(Errno::EACCES.into());
            }
        }
        Ok(())
    }

    fn kptr_load_flags(&self, field: &Field) -> Flag {
        let protected = !field.btf.is_kernel()
            || RCU_PROTECTED.contains(&self.btf_type_name(field.btf, field.btf_id));
        let rcu_safe =
            field.kind == FieldKind::KptrPercpu || field.kind == FieldKind::KptrRef && protected;
        let mut flags = Flag::PTR_MAYBE_NULL;
        if !rcu_safe || !self.in_rcu_cs() {
            return flags | Flag::PTR_UNTRUSTED;
        }
        flags |= Flag::MEM_RCU;
        if field.kind == FieldKind::KptrPercpu {
            flags |= Flag::MEM_PERCPU;
        } else if !field.btf.is_kernel() {
            flags |= Flag::MEM_ALLOC;
        }
        let node = |f: &Field| matches!(f.kind, FieldKind::ListNode | FieldKind::RbNode);
        if !field.btf.is_kernel()
            && self
                .struct_record(field.btf, field.btf_id)
                .fields
                .iter()
                .any(node)
        {
            flags |= Flag::NON_OWN_REF;
        }
        flags
    }

    /// Whether a pointer may be stored in a kptr (`map_kptr_match_type`).
    pub fn check_kptr_match(&mut self, field: &Field, reg: &RegState, regno: usize) -> Check {
        let unref = field.kind == FieldKind::KptrUnref;
        let percpu = field.kind == FieldKind::KptrPercpu;
        let mut reg_name = String::new();
        let mut ok = false;
        if let (RegType::PTR_TO_BTF_ID, Some((btf, id))) = (reg.typ.base(), reg.btf()) {
            let mut allowed = Flag::PTR_MAYBE_NULL;
            if btf.is_kernel() {
                allowed |= Flag::PTR_TRUSTED | Flag::MEM_RCU;
                if unref {
                    allowed |= Flag::PTR_UNTRUSTED;
                }
            } else {
                allowed |= Flag::MEM_ALLOC;
                if percpu {
                    allowed |= Flag::MEM_PERCPU;
                }
            }
            let flags_ok = (reg.typ.flags() & !allowed).is_empty();
            if flags_ok && percpu == reg.typ.has(Flag::MEM_PERCPU) {
                reg_name = self.btf_type_name(btf, id).to_owned();
                let name = crate::check_mem::REG_NAMES[regno];
                if self.check_ptr_off_reg(reg, name, true).is_err() {
                    return Err(Errno::EACCES.into());
                }
                let off = reg.var_off.value as i32;
                let need = (field.btf, field.btf_id);
                let flex = !reg.typ.has(Flag::MEM_ALLOC);
                ok = self.struct_ids_match((btf, id), off, need, !unref, flex);
            }
        }
        if ok {
            return Ok(());
        }
        let target = self.btf_type_name(field.btf, field.btf_id).to_owned();
        let plain = RegType::PTR_TO_BTF_ID;
        verbose!(
            self,
            "invalid kptr access, R{regno} type={}{reg_name} ",
            reg.typ
        );
        verbose!(self, "expected={plain}{target}");
        if unref {
            let untrusted = plain | Flag::PTR_UNTRUSTED;
            verbose!(self, " or {untrusted}{target}\n");
        } else {
            verbose!(self, "\n");
        }
        Err(Errno::EINVAL.into())
    }

    /// The destination of `bpf_kptr_xchg`.
    pub fn process_kptr_func(
        &mut self,
        reg: &RegState,
        regno: usize,
        meta: &mut crate::call::CallMeta,
    ) -> Check {
        let record = if reg.typ.is_ptr_alloc_obj() {
            let Some((btf, id)) = reg.btf() else {
                return Err(Errno::EFAULT.into());
            };
            self.struct_record(btf, id)
        } else {
            let info = self.map_of(reg)?;
            let (name, has_btf) = (info.kernel_name().to_owned(), info.def.btf.is_some());
            let record = info.record.clone();
            if !has_btf {
                verbose!(
                    self,
                    "map '{name}' has to have BTF in order to use bpf_kptr_xchg\n"
                );
                return Err(Errno::EINVAL.into());
            }
            meta.map = reg.map();
            record
        };
        if !reg.var_off.is_const() {
            verbose!(
                self,
                "R{regno} doesn't have constant offset. kptr has to be at the constant offset\n"
            );
            return Err(Errno::EINVAL.into());
        }
        let is_kptr = |f: &&Field| f.kind.is_kptr_or_uptr() && f.kind != FieldKind::Uptr;
        if !record.fields.iter().any(|f| is_kptr(&f)) {
            verbose!(self, "R{regno} has no valid kptr\n");
            return Err(Errno::EINVAL.into());
        }
        let off = reg.var_off.value as u32;
        let Some(field) = record.kptr_at(off).filter(is_kptr) else {
            verbose!(self, "off={} doesn't point to kptr\n", off as i32);
            return Err(Errno::EACCES.into());
        };
        if field.kind == FieldKind::KptrUnref {
            verbose!(self, "off={} kptr isn't referenced kptr\n", off as i32);
            return Err(Errno::EACCES.into());
        }
        meta.kptr_field = Some(field.clone());
        Ok(())
    }
}
