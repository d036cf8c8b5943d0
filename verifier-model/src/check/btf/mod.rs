// SPDX-License-Identifier: GPL-2.0-only
//! Loads and stores through pointers to kernel structures, and kptrs in map values.
//!
//! Which pointers may be trusted: one the kernel passed (`PTR_TRUSTED`) or that carries a reference
//! is valid; one loaded from a trusted structure is valid inside an RCU section if the member is
//! known to be RCU-protected (`MEM_RCU`), else it can only be read (`PTR_UNTRUSTED` or none).
//!
//! Source: `check_ptr_to_btf_access()`, `check_ptr_to_map_access()`, `mark_btf_ld_reg()` in
//! `kernel/bpf/verifier.c`.

pub(crate) mod kptr;
pub(crate) mod walk;
pub(crate) mod writes;

use bpf::kernel::BtfRef;

use crate::check::btf::walk::Found;
use crate::env::Env;
use crate::facts::access::Access;
use crate::facts::errno::Errno;
use crate::facts::rejection::{Checked, not_modelled};
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::log::reject;
use crate::state::reg::{About, RegState};

impl Env<'_> {
    /// Whether a pointer is valid by itself.
    pub(crate) fn is_trusted_reg(&self, reg: &RegState) -> bool {
        if self.reg_is_referenced(reg) {
            return true;
        }
        let safe = !reg.typ.has_unsafe_modifiers();
        safe && (self.reg2btf(reg.typ).is_some() || reg.typ.has(Flag::TRUSTED_MODIFIERS))
    }

    /// An access through a pointer to a structure.
    pub(crate) fn check_ptr_to_btf_access(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        access: Access,
        value: Option<usize>,
    ) -> Checked {
        let Some((bref, id)) = reg.btf() else {
            return Err(Errno::EFAULT.into());
        };
        let tname = self.input.btf_type_name(bref, id).to_owned();
        let write = access == Access::Write;
        if !self.input.allow_ptr_leaks {
            return reject!(
                self,
                Capability,
                EPERM,
                "'struct {tname}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN"
            );
        }
        if !self.input.prog.gpl_compatible() && bref.is_kernel() {
            return reject!(
                self,
                Gpl,
                EINVAL,
                "Cannot access kernel 'struct {tname}' from non-GPL compatible program"
            );
        }
        if !reg.var_off.is_const() {
            let t = reg.var_off;
            return reject!(
                self,
                ModifiedPointer,
                EACCES,
                "{argname} is ptr_{tname} invalid variable offset: off={off}, var_off={t}"
            );
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
            return reject!(
                self,
                ModifiedPointer,
                EACCES,
                "{argname} is ptr_{tname} {what}: off={off}"
            );
        }
        let alloc = reg.typ.has(Flag::MEM_ALLOC);
        if write && self.is_read_alone(reg.typ) {
            return reject!(self, ReadOnly, EACCES, "only read is supported");
        }
        if write
            && !alloc
            && let Some(function) = self.btf_struct_access_function()?
        {
            return self.check_struct_write(function, argname, (bref, id), off, size);
        }
        if write && !self.is_ptr_alloc_obj(reg.typ) {
            return reject!(self, ReadOnly, EACCES, "only read is supported");
        }
        if alloc {
            self.check_lifetime(reg)?;
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
                r.about = About::MemSize(0);
            }
            Found::Ptr(id, flags, field) => {
                let flags = self.trust_of_member(reg, flags, &field, id);
                self.mark_btf_ld_reg(v, bref, id, flags);
            }
        }
        Ok(())
    }

    /// Whether nothing may be written through a pointer of this type.
    fn is_read_alone(&self, typ: RegType) -> bool {
        if self.input.profile.has(Rule::FAULTING_POINTERS) {
            return typ.may_fault_on_deref();
        }
        self.input.profile.has(Rule::UNTRUSTED_OBJECTS) && typ.has(Flag::PTR_UNTRUSTED)
    }

    /// Until `faulting-pointers` an object whose lifetime is over was not thought of.
    fn check_lifetime(&self, reg: &RegState) -> Checked {
        let lives = self.is_non_owning_ref(reg.typ)
            || reg.typ.has(Flag::MEM_RCU)
            || self.reg_is_referenced(reg);
        match lives || self.input.profile.has(Rule::FAULTING_POINTERS) {
            true => Ok(()),
            false => {
                let what = format_args!("allocated object must have a referenced id");
                self.log.verifier_bug(what)
            }
        }
    }

    /// How far a pointer loaded from a structure can be trusted.
    fn trust_of_member(&self, reg: &RegState, flags: Flag, field: &str, id: u32) -> Flag {
        let listed = |suffix: &str| self.nested_type_is_trusted(reg, field, id, suffix);
        let not_trusted = |f: Flag| f & !(Flag::TRUSTED_MODIFIERS | Flag::MEM_RCU);
        if !self.input.profile.has(Rule::TRUSTED_POINTERS) {
            return not_trusted(flags) | reg.typ.flags() & Flag::PTR_UNTRUSTED;
        }
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

    pub(crate) fn mark_btf_ld_reg(&mut self, v: usize, btf: BtfRef, id: u32, flags: Flag) {
        let new_id = if flags.any(Flag::PTR_MAYBE_NULL) {
            self.new_id()
        } else {
            0
        };
        let r = &mut self.regs()[v];
        r.mark_known(0);
        r.typ = RegType::PTR_TO_BTF_ID.with(flags);
        r.about = About::Btf(btf, id);
        r.id = new_id;
    }

    /// A load through a pointer to a map itself.
    pub(crate) fn check_ptr_to_map_access(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        access: Access,
        value: Option<usize>,
    ) -> Checked {
        let map_type = self.code.map_of(reg)?.def.map_type;
        let name = self.input.release.tables.maps.kernel_struct(map_type);
        let Some(id) = name.and_then(|n| self.input.vmlinux_struct(n)) else {
            return not_modelled(format!(
                "reading fields of a map of type {}",
                map_type.c_name()
            ));
        };
        let tname = name.unwrap_or_default();
        if !self.input.allow_ptr_leaks {
            return reject!(
                self,
                Capability,
                EPERM,
                "'struct {tname}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN"
            );
        }
        if off < 0 {
            return reject!(
                self,
                ModifiedPointer,
                EACCES,
                "{argname} is {tname} invalid negative access: off={off}"
            );
        }
        if access == Access::Write {
            return reject!(
                self,
                ReadOnly,
                EACCES,
                "only read from {tname} is supported"
            );
        }
        let fake = RegState {
            typ: RegType::PTR_TO_BTF_ID,
            about: About::Btf(BtfRef::VMLINUX, id),
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
                r.about = About::MemSize(0);
            }
            Found::Ptr(id, flags, _) => self.mark_btf_ld_reg(v, BtfRef::VMLINUX, id, flags),
        }
        Ok(())
    }
}
