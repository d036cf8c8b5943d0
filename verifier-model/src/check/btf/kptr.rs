// SPDX-License-Identifier: GPL-2.0-only
//! Kernel pointers in maps and allocated objects.
//!
//! Source: `check_map_kptr_access()`, `map_kptr_match_type()`, `process_kptr_func()` in `kernel/bpf/verifier.c`.

use bpf::insn::{class, mode};
use bpf::kernel::fields::{Field, FieldKind};

use crate::check::access::MemAccess;
use crate::check::btf::walk::Nested;
use crate::env::Env;
use crate::facts::btf_sets::BtfSet;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::log::reject;
use crate::state::reg::{About, RegState};

impl Env<'_> {
    /// A load or store of a kptr in a map value.
    pub(crate) fn check_map_kptr_access(&mut self, a: &MemAccess<'_>, field: &Field) -> Checked {
        let insn = self.code.insns[a.insn_idx];
        if insn.mode() != mode::MEM {
            return reject!(
                self,
                KptrAccess,
                EACCES,
                "kptr in map can only be accessed using BPF_MEM instruction mode"
            );
        }
        let load = insn.class() == class::LDX;
        if !load && matches!(field.kind, FieldKind::KptrRef | FieldKind::KptrPercpu) {
            return reject!(
                self,
                SpecialField,
                EACCES,
                "store to referenced kptr disallowed"
            );
        }
        if !load && field.kind == FieldKind::Uptr {
            return reject!(self, KptrAccess, EACCES, "store to uptr disallowed");
        }
        match (insn.class(), a.value) {
            (class::LDX, Some(v)) if field.kind == FieldKind::Uptr => {
                let size = self
                    .input
                    .btf(field.btf)
                    .and_then(|b| b.resolve_size(field.btf_id).ok());
                let id = self.new_id();
                let r = &mut self.regs()[v];
                r.mark_known(0);
                r.typ = RegType::PTR_TO_MEM | Flag::PTR_MAYBE_NULL;
                r.about = About::MemSize(size.unwrap_or(0));
                r.id = id;
            }
            (class::LDX, Some(v)) => {
                let flags = self.kptr_load_flags(field);
                self.mark_btf_ld_reg(v, field.btf, field.btf_id, flags);
            }
            (class::STX, Some(v)) => {
                let reg = *self.reg(v);
                if reg.is_null() {
                    return self.mark_known_zero_precise(v);
                }
                if self.check_kptr_match(field, &reg, v).is_err() {
                    return Err(Errno::EACCES.into());
                }
            }
            (class::ST, _) => {
                if insn.imm != 0 {
                    let off = field.offset;
                    return reject!(
                        self,
                        KptrAccess,
                        EACCES,
                        "BPF_ST imm must be 0 when storing to kptr at off={off}"
                    );
                }
            }
            _ => {
                return reject!(
                    self,
                    KptrAccess,
                    EACCES,
                    "kptr in map can only be accessed using BPF_LDX/BPF_STX/BPF_ST"
                );
            }
        }
        Ok(())
    }

    fn kptr_load_flags(&self, field: &Field) -> Flag {
        let name = self.input.btf_type_name(field.btf, field.btf_id);
        let sets = &self.input.release.tables.btf_sets;
        let protected = !field.btf.is_kernel() || sets.contains(BtfSet::RcuProtectedTypes, name);
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
                .input
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
    pub(crate) fn check_kptr_match(
        &mut self,
        field: &Field,
        reg: &RegState,
        regno: usize,
    ) -> Checked {
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
            let apart = self.input.profile.has(Rule::PERCPU_KPTRS);
            if flags_ok && (!apart || percpu == reg.typ.has(Flag::MEM_PERCPU)) {
                reg_name = self.input.btf_type_name(btf, id).to_owned();
                let name = crate::facts::limits::REG_NAMES[regno];
                if self.check_ptr_off_reg(reg, name, true).is_err() {
                    return Err(Errno::EACCES.into());
                }
                let off = reg.var_off.value as i32;
                let need = (field.btf, field.btf_id);
                let nested = if unref {
                    Nested::Allowed
                } else {
                    Nested::Refused
                };
                let flex = self.flex_array(reg.typ);
                ok = self.struct_ids_match((btf, id), off, need, nested, flex);
            }
        }
        if ok {
            return Ok(());
        }
        let target = self.input.btf_type_name(field.btf, field.btf_id).to_owned();
        let plain = RegType::PTR_TO_BTF_ID;
        let or = match unref {
            true => format!(" or {}{target}", plain | Flag::PTR_UNTRUSTED),
            false => String::new(),
        };
        reject!(
            self,
            KptrAccess[regno],
            EINVAL,
            "invalid kptr access, R{regno} type={}{reg_name} expected={plain}{target}{or}",
            reg.typ
        )
    }

    /// The destination of `bpf_kptr_xchg`.
    pub(crate) fn process_kptr_func(
        &mut self,
        reg: &RegState,
        regno: usize,
        meta: &mut crate::env::call_args::CallArgs,
    ) -> Checked {
        let record = if self.is_ptr_alloc_obj(reg.typ) {
            let Some((btf, id)) = reg.btf() else {
                return Err(Errno::EFAULT.into());
            };
            self.input.struct_record(btf, id)
        } else {
            let info = self.code.map_of(reg)?;
            let (name, has_btf) = (info.def.kernel_name().to_owned(), info.def.btf.is_some());
            let record = info.record.clone();
            if !has_btf {
                return reject!(
                    self,
                    MapWithoutBtf,
                    EINVAL,
                    "map '{name}' has to have BTF in order to use bpf_kptr_xchg"
                );
            }
            meta.map = reg.map();
            record
        };
        if !reg.var_off.is_const() {
            return reject!(
                self,
                WrongField[regno],
                EINVAL,
                "R{regno} doesn't have constant offset. kptr has to be at the constant offset"
            );
        }
        let is_kptr = |f: &&Field| f.kind.is_kptr_or_uptr() && f.kind != FieldKind::Uptr;
        if !record.fields.iter().any(|f| is_kptr(&f)) {
            return reject!(
                self,
                WrongField[regno],
                EINVAL,
                "R{regno} has no valid kptr"
            );
        }
        let off = reg.var_off.value as u32;
        let Some(field) = record.kptr_at(off).filter(is_kptr) else {
            return reject!(
                self,
                KptrAccess,
                EACCES,
                "off={} doesn't point to kptr",
                off as i32
            );
        };
        if field.kind == FieldKind::KptrUnref {
            return reject!(
                self,
                WrongField,
                EACCES,
                "off={} kptr isn't referenced kptr",
                off as i32
            );
        }
        meta.kptr_field = Some(field.clone());
        Ok(())
    }
}
