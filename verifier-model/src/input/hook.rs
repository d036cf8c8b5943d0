// SPDX-License-Identifier: GPL-2.0-only
//! What a program attaches to.
//!
//! Source: `check_attach_btf_id()`, `bpf_check_attach_target()` in `kernel/bpf/verifier.c`,
//! `bpf_lsm_verify_prog()` in `kernel/bpf/bpf_lsm.c`.

use bpf::btf::{Btf, Kind, Type};
use bpf::kernel::BtfRef;
use bpf::program::AttachTarget;

use crate::env::Env;
use crate::facts::errno::{Check, Errno};
use crate::log::verbose;

impl<'a> Env<'a> {
    /// The kernel's function that the program attaches to: its BTF object and prototype.
    pub fn attach_func_proto(&self) -> Option<(BtfRef, Type<'a>)> {
        let Some(AttachTarget::Kernel {
            btf_obj,
            btf_id,
            member,
        }) = self.prog.attach.as_ref()
        else {
            return None;
        };
        let btf: &'a Btf = self.kernel.btf(*btf_obj)?;
        let t = btf.type_by_id(*btf_id)?;
        let proto = match (t.kind(), member) {
            (Kind::Func, _) => btf.type_by_id(t.type_id())?,
            (Kind::Struct, Some(m)) => {
                let m = t.members().nth(m.index as usize)?;
                let ptr = btf.skip_mods_and_typedefs(m.type_id());
                btf.skip_mods_and_typedefs(ptr.type_id())
            }
            (Kind::Typedef, _) => {
                let name = format!("__bpf_trace_{}", t.name().strip_prefix("btf_trace_")?);
                match btf.find_by_name_kind(&name, Kind::Func) {
                    Some(f) => btf.type_by_id(f.type_id())?,
                    None => btf.skip_mods_and_typedefs(btf.type_by_id(t.type_id())?.type_id()),
                }
            }
            _ => return None,
        };
        (proto.kind() == Kind::FuncProto).then_some((BtfRef::Kernel(*btf_obj), proto))
    }

    /// The name of that function, tracepoint or member.
    pub fn attach_func_name(&self) -> &'a str {
        if let Some(AttachTarget::Prog { prog, btf_id }) = self.prog.attach.as_ref() {
            let func = prog.btf.as_ref().and_then(|btf| btf.type_by_id(*btf_id));
            return func.map_or("", |t| t.name());
        }
        let Some(AttachTarget::Kernel {
            btf_obj,
            btf_id,
            member,
        }) = self.prog.attach.as_ref()
        else {
            return "";
        };
        let t = self
            .kernel
            .btf(*btf_obj)
            .and_then(|b| b.type_by_id(*btf_id));
        let Some(t) = t else { return "" };
        match member {
            Some(m) => t.members().nth(m.index as usize).map_or("", |m| m.name()),
            None => t.name().strip_prefix("btf_trace_").unwrap_or(t.name()),
        }
    }

    /// What a struct_ops member returns a pointer to.
    pub fn struct_ops_ret_type(&self) -> Option<(BtfRef, u32)> {
        let (bref, proto) = self.attach_func_proto()?;
        let btf = self.btf(bref)?;
        let ret = btf.skip_mods_and_typedefs(proto.type_id());
        (ret.kind() == Kind::Ptr)
            .then(|| self.home_of((bref, btf.skip_mods_and_typedefs(ret.type_id()).id())))
    }

    /// A type by the object that it is in: what a module's BTF has from its base is the base's.
    pub(crate) fn home_of(&self, (bref, id): (BtfRef, u32)) -> (BtfRef, u32) {
        match self.btf(bref) {
            Some(btf) if btf.base().is_some() && id < btf.start_id() => (BtfRef::VMLINUX, id),
            _ => (bref, id),
        }
    }

    /// Whether an LSM program may attach where it wants to (`bpf_lsm_verify_prog`).
    pub fn check_lsm_attach(&mut self) -> Check {
        const DISABLED: [&str; 13] = [
            "bpf_lsm_vm_enough_memory",
            "bpf_lsm_inode_need_killpriv",
            "bpf_lsm_inode_getsecurity",
            "bpf_lsm_inode_listsecurity",
            "bpf_lsm_inode_copy_up_xattr",
            "bpf_lsm_getselfattr",
            "bpf_lsm_getprocattr",
            "bpf_lsm_setprocattr",
            "bpf_lsm_key_getsecurity",
            "bpf_lsm_audit_rule_match",
            "bpf_lsm_xfrm_decode_session",
            "bpf_lsm_ismaclabel",
            "bpf_lsm_file_alloc_security",
        ];
        if self.prog.sleepable() && !is_sleepable_hook(self.attach_func_name()) {
            let name = self.attach_func_name();
            verbose!(self, "{name} is not sleepable\n");
            return Err(Errno::EINVAL.into());
        }
        if !self.prog.gpl_compatible() {
            verbose!(self, "LSM programs must have a GPL compatible license\n");
            return Err(Errno::EINVAL.into());
        }
        let name = self.attach_func_name();
        let id = match self.prog.attach {
            Some(AttachTarget::Kernel { btf_id, .. }) => btf_id,
            _ => 0,
        };
        let why = if DISABLED.contains(&name) {
            "disabled hook"
        } else if !name.starts_with("bpf_lsm_") {
            "wrong type name"
        } else {
            return Ok(());
        };
        verbose!(self, "attach_btf_id {id} points to {why} {name}\n");
        Err(Errno::EINVAL.into())
    }
}

/// Whether programs of an LSM hook may sleep (`bpf_lsm_is_sleepable_hook`).
pub fn is_sleepable_hook(func: &str) -> bool {
    let mut hooks = include_str!("../../data/linux-7.3/sleepable_lsm_hooks.txt").lines();
    hooks.any(|hook| hook == func)
}
