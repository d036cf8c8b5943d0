// SPDX-License-Identifier: GPL-2.0-only
//! What a program attaches to.

use bpf::btf::{Btf, Kind, Type};
use bpf::kernel::BtfRef;
use bpf::program::AttachTarget;
use bpf::uapi::{AttachType, ProgType};

use crate::facts::btf_sets::BtfSet;
use crate::facts::errno::MAX_ERRNO;
use crate::input::Input;
use crate::input::struct_ops::ctx_arg_offsets;
use crate::state::RetvalRange;

impl<'a> Input<'a> {
    /// The kernel's function that the program attaches to: its BTF object and prototype.
    pub(crate) fn attach_func_proto(&self) -> Option<(BtfRef, Type<'a>)> {
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
    pub(crate) fn attach_func_name(&self) -> &'a str {
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
    pub(crate) fn struct_ops_ret_type(&self) -> Option<(BtfRef, u32)> {
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
}

impl Input<'_> {
    /// Whether what the program attaches to is in a list of the release.
    pub(crate) fn attaches_to_one_of(&self, set: BtfSet) -> bool {
        let sets = &self.release.tables.btf_sets;
        sets.contains(set, self.attach_func_name())
    }

    /// Which argument of the member is at an offset of the context.
    pub(crate) fn ctx_arg_idx(&self, off: i32) -> Option<u32> {
        let (bref, proto) = self.attach_func_proto()?;
        let offsets = ctx_arg_offsets(self.btf(bref)?, proto);
        let at = offsets.iter().rposition(|start| *start <= off)?;
        u32::try_from(at).ok()
    }

    /// `getsockopt` hooks may see and return any value.
    pub(crate) fn hook_returns_anything(&self) -> bool {
        self.prog.prog_type == ProgType::CgroupSockopt
            && self.prog.expected_attach_type == AttachType::CgroupGetsockopt
    }

    /// What an LSM hook may return.
    pub(crate) fn lsm_return_range(&self) -> Option<RetvalRange> {
        let void = self
            .attach_func_proto()
            .is_none_or(|(_, p)| p.type_id() == 0);
        if self.prog.expected_attach_type == AttachType::LsmCgroup {
            let range = if void {
                RetvalRange::new(1, 1)
            } else {
                RetvalRange::new(0, 1)
            };
            return Some(range);
        }
        Some(self.lsm_hook_range())
    }

    /// What the hook itself may return (`bpf_lsm_get_retval_range`).
    pub(crate) fn lsm_hook_range(&self) -> RetvalRange {
        let is_bool = self.attaches_to_one_of(BtfSet::BoolLsmHooks);
        let (lo, hi) = if is_bool { (0, 1) } else { (-MAX_ERRNO, 0) };
        RetvalRange {
            minval: lo,
            maxval: hi,
            return_32bit: true,
        }
    }

    /// Whether the function that the program attaches to returns nothing.
    pub(crate) fn attach_returns_void(&self) -> bool {
        self.attach_func_proto()
            .is_some_and(|(_, p)| p.type_id() == 0)
    }
}
