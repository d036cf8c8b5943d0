// SPDX-License-Identifier: GPL-2.0-only
//! The context that a program is passed: which fields may be accessed, and what they hold.
//!
//! Source: `check_ctx_access()` in `kernel/bpf/verifier.c`; the `is_valid_access` of program types
//! in `kernel/trace/bpf_trace.c`, `net/core/filter.c`; `btf_ctx_access()` in `kernel/bpf/btf.c`.

use crate::btf::{Btf, Kind, Type};
use crate::btf_walk::{is_void, kind_str, type_tags};
use crate::check_mem::{Access, MemAccess};
use crate::ctx_fields::{self, Fields};
use crate::env::Env;
use crate::error::{Check, Errno, not_modelled};
use crate::log::verbose;
use crate::profile::Rule;
use crate::prog_load::AttachTarget;
use crate::reg_state::BtfRef;
use crate::state::RetvalRange;
use crate::types::{Flag, RegType};
use crate::uapi::{AttachType as A, ProgType as P};

/// What a field of the context holds.
#[derive(Clone, Debug)]
pub struct CtxInfo {
    /// Type of register.
    pub typ: RegType,
    /// For pointers to structures: which.
    pub btf: Option<(BtfRef, u32)>,
    /// Reference that comes with it.
    pub ref_id: u32,
    /// For the value that an LSM hook returned so far: its range.
    pub range: Option<RetvalRange>,
}

impl CtxInfo {
    const SCALAR: Self = Self {
        typ: RegType::SCALAR_VALUE,
        btf: None,
        ref_id: 0,
        range: None,
    };

    const fn of(typ: RegType) -> Self {
        Self {
            typ,
            btf: None,
            ref_id: 0,
            range: None,
        }
    }
}

/// Arguments of BPF iterators that are more than BTF says: function, offset in the context, type.
const ITER_ARGS: [(&str, i32, RegType); 23] = {
    const BTF: RegType = RegType::PTR_TO_BTF_ID.with(Flag::PTR_MAYBE_NULL);
    const TRUSTED: RegType = BTF.with(Flag::PTR_TRUSTED);
    const BUF: RegType = RegType::PTR_TO_BUF.with(Flag::PTR_MAYBE_NULL);
    const RDONLY_BUF: RegType = BUF.with(Flag::MEM_RDONLY);
    [
        ("bpf_iter_ksym", 8, BTF),
        ("bpf_iter_bpf_prog", 8, BTF),
        ("bpf_iter_cgroup", 8, TRUSTED),
        ("bpf_iter_kmem_cache", 8, TRUSTED),
        ("bpf_iter_task", 8, TRUSTED),
        ("bpf_iter_task_file", 8, BTF),
        ("bpf_iter_task_file", 24, BTF),
        ("bpf_iter_task_vma", 8, BTF),
        ("bpf_iter_task_vma", 16, BTF),
        ("bpf_iter_bpf_map", 8, TRUSTED),
        ("bpf_iter_bpf_map_elem", 16, RDONLY_BUF),
        ("bpf_iter_bpf_map_elem", 24, BUF),
        ("bpf_iter_bpf_link", 8, BTF),
        ("bpf_iter_dmabuf", 8, BTF),
        ("bpf_iter_tcp", 8, TRUSTED),
        ("bpf_iter_udp", 8, TRUSTED),
        ("bpf_iter_unix", 8, BTF),
        ("bpf_iter_netlink", 8, BTF),
        ("bpf_iter_ipv6_route", 8, BTF),
        ("bpf_iter_sockmap", 16, RDONLY_BUF),
        ("bpf_iter_sockmap", 24, BTF),
        ("bpf_iter_bpf_sk_storage_map", 16, BTF),
        ("bpf_iter_bpf_sk_storage_map", 24, BUF),
    ]
};

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

    /// Whether a struct_ops member returns a pointer.
    pub fn struct_ops_returns_ptr(&self) -> bool {
        self.attach_func_proto().is_some_and(|(b, p)| {
            let btf = self.btf(b);
            btf.is_some_and(|b| b.skip_mods_and_typedefs(p.type_id()).kind() == Kind::Ptr)
        })
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

    /// An access to the context.
    pub fn check_ctx_access(&mut self, a: &MemAccess<'_>, size: i32) -> Check<CtxInfo> {
        let typ = self.prog.prog_type;
        if typ == P::Syscall {
            self.check_mem_region_access(&a.reg, a.argname, a.off, size, u16::MAX.into(), false)?;
        } else {
            let fixed_off_ok = matches!(
                typ,
                P::Kprobe
                    | P::Tracing
                    | P::RawTracepoint
                    | P::RawTracepointWritable
                    | P::Tracepoint
                    | P::Lsm
                    | P::StructOps
                    | P::CgroupDevice
                    | P::Netfilter
            );
            self.check_ptr_off_reg(&a.reg, a.argname, fixed_off_ok)?;
        }
        let off = a.off.wrapping_add(a.reg.umax() as i32);
        if let Some(info) = self.is_valid_access(a, off, size)? {
            return Ok(info);
        }
        verbose!(self, "invalid bpf_context access off={off} size={size}\n");
        self.verbose_linfo(a.insn_idx, format_args!("; "));
        Err(Errno::EACCES.into())
    }

    fn is_valid_access(
        &mut self,
        a: &MemAccess<'_>,
        off: i32,
        size: i32,
    ) -> Check<Option<CtxInfo>> {
        let read = a.access == Access::Read;
        let scalar = |ok: bool| Ok(ok.then_some(CtxInfo::SCALAR));
        match self.prog.prog_type {
            P::Syscall => scalar((0..i32::from(u16::MAX)).contains(&off)),
            P::RawTracepointWritable if off == 0 => {
                let ok = read && size == 8;
                Ok(ok.then_some(CtxInfo::of(RegType::PTR_TO_TP_BUFFER)))
            }
            P::RawTracepoint | P::RawTracepointWritable => {
                scalar((0..96).contains(&off) && read && off % size == 0)
            }
            P::Tracing | P::Lsm | P::StructOps => {
                if !(0..96).contains(&off) || !read || off % size != 0 {
                    return Ok(None);
                }
                self.btf_ctx_access(off, size)
            }
            P::Kprobe => {
                scalar((0..168).contains(&off) && read && off % size == 0 && off + size <= 168)
            }
            P::Tracepoint => scalar((8..8192).contains(&off) && read && off % size == 0),
            P::PerfEvent => {
                let narrow = (168..184).contains(&off);
                scalar((0..184).contains(&off) && read && off % size == 0 && (narrow || size == 8))
            }
            P::SocketFilter
            | P::SchedCls
            | P::SchedAct
            | P::CgroupSkb
            | P::LwtIn
            | P::LwtOut
            | P::LwtXmit
            | P::LwtSeg6local
            | P::SkSkb => self.skb_access(a, off, size),
            P::Xdp => Ok(xdp_access(a, off, size)),
            P::Netfilter => self.nf_access(a, off, size),
            P::FlowDissector if a.is_ldsx && (76..84).contains(&off) => Ok(None),
            t if let Some(fields) = self.ctx_fields(t) => {
                let attach = self.prog.expected_attach_type;
                Ok(fields.access(off, size, a.access, attach).map(CtxInfo::of))
            }
            t => not_modelled(format!("the context of {t:?} programs")),
        }
    }

    /// Fields of a context that is told by a table.
    fn ctx_fields(&self, typ: P) -> Option<&'static Fields> {
        let getsockopt = self.prog.expected_attach_type == A::CgroupGetsockopt;
        Some(match typ {
            P::CgroupSock => &ctx_fields::CGROUP_SOCK,
            P::CgroupSockAddr => &ctx_fields::SOCK_ADDR,
            P::SockOps => &ctx_fields::SOCK_OPS,
            P::SkMsg => &ctx_fields::SK_MSG,
            P::FlowDissector => &ctx_fields::FLOW_DISSECTOR,
            P::CgroupDevice => &ctx_fields::CGROUP_DEVICE,
            P::CgroupSysctl => &ctx_fields::SYSCTL,
            P::CgroupSockopt if getsockopt => &ctx_fields::GETSOCKOPT,
            P::CgroupSockopt => &ctx_fields::SETSOCKOPT,
            P::SkReuseport => &ctx_fields::SK_REUSEPORT,
            P::SkLookup => &ctx_fields::SK_LOOKUP,
            _ => return None,
        })
    }

    /// `struct bpf_nf_ctx`: two pointers to kernel structures.
    fn nf_access(&mut self, a: &MemAccess<'_>, off: i32, size: i32) -> Check<Option<CtxInfo>> {
        let name = match off {
            0 => "nf_hook_state",
            8 => "sk_buff",
            _ => return Ok(None),
        };
        if size != 8 || a.access == Access::Write {
            return Ok(None);
        }
        let Some(id) = self.vmlinux_struct(name) else {
            return not_modelled(format!("netfilter programs without struct {name} in BTF"));
        };
        Ok(Some(CtxInfo {
            btf: Some((BtfRef::VMLINUX, id)),
            ..CtxInfo::of(RegType::PTR_TO_BTF_ID | Flag::PTR_TRUSTED)
        }))
    }

    fn skb_access(&mut self, a: &MemAccess<'_>, off: i32, size: i32) -> Check<Option<CtxInfo>> {
        let write = a.access == Access::Write;
        let prog = self.prog.prog_type;
        let hidden = match prog {
            P::SocketFilter => matches!(off, 72..84 | 88..144 | 152..164 | 184..192),
            P::CgroupSkb if !self.bpf_capable && matches!(off, 76..84) => true,
            P::CgroupSkb if !self.bpf_capable && write && matches!(off, 152..160) => true,
            P::CgroupSkb => matches!(off, 72..76 | 140..144 | 160..164),
            P::SkSkb => matches!(off, 8..12 | 72..76 | 140..144 | 152..164 | 184..192),
            P::SchedCls | P::SchedAct => matches!(off, 88..140),
            _ => matches!(off, 72..76 | 88..144 | 152..164 | 184..192),
        };
        let writable = match prog {
            P::SocketFilter => matches!(off, 48..68),
            P::CgroupSkb => matches!(off, 8..12 | 32..36 | 48..68 | 152..160),
            P::SkSkb => matches!(off, 32..36 | 44..48),
            P::LwtIn | P::LwtOut | P::LwtXmit | P::LwtSeg6local => {
                matches!(off, 8..12 | 32..36 | 48..68)
            }
            _ => matches!(off, 8..12 | 12..16 | 32..36 | 44..48 | 48..68 | 72..76 | 152..160),
        };
        if hidden || write && !writable || !(0..192).contains(&off) || off % size != 0 {
            return Ok(None);
        }
        let ok = match off {
            48..68 => off + size <= 68,
            76..84 | 140..144 => !a.is_ldsx && size == 4,
            92..132 => size == 4,
            144..152 => false,
            184..192 => !write && size == 8,
            152..160 => size == 8,
            168..176 => {
                if write || size != 8 {
                    return Ok(None);
                }
                return Ok(Some(CtxInfo::of(
                    RegType::PTR_TO_SOCK_COMMON | Flag::PTR_MAYBE_NULL,
                )));
            }
            180 => matches!(prog, P::SchedCls | P::SchedAct) && size == 1,
            181..184 => false,
            _ if write => size == 4,
            _ => size <= 4 && off % 4 + size <= 4,
        };
        if !ok {
            return Ok(None);
        }
        Ok(Some(match off {
            76 => CtxInfo::of(RegType::PTR_TO_PACKET),
            80 => CtxInfo::of(RegType::PTR_TO_PACKET_END),
            140 => CtxInfo::of(RegType::PTR_TO_PACKET_META),
            _ => CtxInfo::SCALAR,
        }))
    }

    /// Arguments of a traced function, by BTF.
    fn btf_ctx_access(&mut self, off: i32, size: i32) -> Check<Option<CtxInfo>> {
        let name = self.attach_func_name();
        if off % 8 != 0 {
            verbose!(self, "func '{name}' offset {off} is not multiple of 8\n");
            return Ok(None);
        }
        let Some((bref, proto)) = self.attach_func_proto() else {
            return not_modelled("the context of a program without a kernel function");
        };
        let Some(btf) = self.btf(bref).cloned() else {
            return Err(Errno::EFAULT.into());
        };
        let attach = self.prog.expected_attach_type;
        let raw_tp = self.prog.prog_type == P::Tracing && attach == A::TraceRawTp;
        let params: Vec<_> = proto.params().collect();
        let slots = |id: u32| {
            let t = btf.skip_mods_and_typedefs(id);
            let size = if t.kind() == Kind::Ptr { 8 } else { t.size() };
            size.div_ceil(8) as i32 * 8
        };
        // The first argument of a tracepoint's function is not passed; offsets still count it.
        let mut end = 0;
        let mut arg = params.len() + 1;
        let all = params.iter().map(|p| p.type_id()).chain([proto.type_id()]);
        for (i, id) in all.enumerate() {
            end += slots(id);
            if off < end {
                arg = i;
                break;
            }
        }
        let params = if raw_tp {
            params.get(1..).unwrap_or_default()
        } else {
            &params[..]
        };
        let is_lsm = self.prog.prog_type == P::Lsm;
        let type_id = if arg > params.len() {
            verbose!(self, "func '{name}' doesn't have {}-th argument\n", arg + 1);
            return Ok(None);
        } else if arg == params.len() {
            let returns =
                is_lsm || matches!(attach, A::TraceFexit | A::TraceFsession | A::ModifyReturn);
            if !returns || self.prog.prog_type == P::StructOps {
                verbose!(self, "func '{name}' doesn't have {}-th argument\n", arg + 1);
                return Ok(None);
            }
            proto.type_id()
        } else {
            params[arg].type_id()
        };
        let t = btf.skip_mods_and_typedefs(type_id);
        let small_int = t.kind() == Kind::Int && t.size() <= 8;
        if small_int || t.is_any_enum() || t.is_composite() {
            let mac = is_lsm && attach == A::LsmMac && arg == params.len();
            let range = if mac { self.lsm_return_range() } else { None };
            return Ok(Some(CtxInfo {
                range,
                ..CtxInfo::SCALAR
            }));
        }
        if t.kind() != Kind::Ptr {
            if is_void(t) && arg == params.len() {
                verbose!(
                    self,
                    "func '{name}' arg{arg} '' has type UNKNOWN. Only pointer access is allowed\n"
                );
                return Ok(None);
            }
            verbose!(
                self,
                "func '{name}' arg{arg} '{}' has type {}. Only pointer access is allowed\n",
                t.name(),
                kind_str(t)
            );
            return Ok(None);
        }
        if size != 8 {
            verbose!(self, "func '{name}' size {size} must be 8\n");
            return Ok(None);
        }
        let iter_arg = ITER_ARGS
            .iter()
            .find(|(f, o, _)| attach == A::TraceIter && *f == name && *o == off)
            .map(|(_, _, t)| *t);
        if let Some(typ) = iter_arg.filter(|t| t.base() == RegType::PTR_TO_BUF) {
            return Ok(Some(CtxInfo::of(typ)));
        }
        let target = btf.skip_mods_and_typedefs(t.type_id());
        if !target.is_composite() {
            return Ok(Some(CtxInfo::SCALAR));
        }
        if let Some(mut typ) = iter_arg {
            let newly_trusted = matches!(name, "bpf_iter_task" | "bpf_iter_cgroup");
            if newly_trusted && !self.profile.has(Rule::ITER_CTX_TRUSTED) {
                typ = typ.without(Flag::PTR_TRUSTED);
            }
            let btf = Some((bref, target.id()));
            return Ok(Some(CtxInfo {
                typ,
                btf,
                ref_id: 0,
                range: None,
            }));
        }
        let iter_known = ITER_ARGS.iter().any(|(f, _, _)| *f == name);
        if attach == A::TraceIter && off != 0 && !iter_known {
            return not_modelled(format!("arguments of the iterator {name}"));
        }
        let mut typ = RegType::PTR_TO_BTF_ID;
        let trusted = match self.prog.prog_type {
            P::Tracing => matches!(attach, A::TraceRawTp | A::TraceIter),
            P::Lsm => !LSM_UNTRUSTED.contains(&name),
            P::StructOps => true,
            _ => false,
        };
        if trusted {
            typ = typ | Flag::PTR_TRUSTED;
        }
        if params
            .get(arg)
            .is_some_and(|p| p.name().ends_with("__nullable"))
        {
            typ = typ | Flag::PTR_MAYBE_NULL;
        }
        let mut may_be_error = false;
        if raw_tp {
            match raw_tp_null_args(name) {
                Some(mask) => {
                    let digit = mask >> (arg * 4);
                    if digit & 1 != 0 {
                        typ = typ | Flag::PTR_MAYBE_NULL;
                    }
                    may_be_error = digit & 2 != 0;
                }
                None if bref != BtfRef::VMLINUX => typ = typ | Flag::PTR_MAYBE_NULL,
                None => {}
            }
        }
        const TAGS: [(&str, Flag); 2] = [("user", Flag::MEM_USER), ("percpu", Flag::MEM_PERCPU)];
        let (flags, _) = type_tags(&btf, t, &TAGS);
        typ = typ | flags;
        verbose!(
            self,
            "func '{name}' arg{arg} has btf_id {} type {} '{}'\n",
            target.id(),
            kind_str(target),
            target.name()
        );
        if may_be_error {
            verbose!(
                self,
                "marking pointer arg{arg} as scalar as it may encode error"
            );
            return Ok(Some(CtxInfo::SCALAR));
        }
        Ok(Some(CtxInfo {
            typ,
            btf: Some((bref, target.id())),
            ref_id: 0,
            range: None,
        }))
    }
}

/// LSM hooks whose arguments may be dying (`untrusted_lsm_hooks`).
const LSM_UNTRUSTED: [&str; 9] = [
    "bpf_lsm_bpf_map_free",
    "bpf_lsm_bpf_prog_free",
    "bpf_lsm_file_alloc_security",
    "bpf_lsm_file_free_security",
    "bpf_lsm_sk_alloc_security",
    "bpf_lsm_sk_free_security",
    "bpf_lsm_task_free",
    "bpf_lsm_bdev_alloc_security",
    "bpf_lsm_bdev_free_security",
];

fn raw_tp_null_args(name: &str) -> Option<u64> {
    const TABLE: &str = include_str!("../data/raw_tp_null_args.txt");
    TABLE.lines().find_map(|l| {
        let (n, mask) = l.split_once(' ')?;
        (n == name)
            .then(|| u64::from_str_radix(mask, 16).ok())
            .flatten()
    })
}

fn xdp_access(a: &MemAccess<'_>, off: i32, size: i32) -> Option<CtxInfo> {
    if a.access == Access::Write || off == 20 || a.is_ldsx && matches!(off, 0 | 4 | 8) {
        return None;
    }
    if !(0..24).contains(&off) || off % size != 0 || size != 4 {
        return None;
    }
    Some(match off {
        0 => CtxInfo::of(RegType::PTR_TO_PACKET),
        4 => CtxInfo::of(RegType::PTR_TO_PACKET_END),
        8 => CtxInfo::of(RegType::PTR_TO_PACKET_META),
        _ => CtxInfo::SCALAR,
    })
}
