// SPDX-License-Identifier: GPL-2.0-only
//! The context that a program is passed: which fields may be accessed, and what they hold.
//!
//! Source: `check_ctx_access()` in `kernel/bpf/verifier.c`; the `is_valid_access` of program types
//! in `kernel/trace/bpf_trace.c`, `net/core/filter.c`.

pub(crate) mod arguments;
pub(crate) mod struct_ops;

use bpf::kernel::BtfRef;
use bpf::uapi::{AttachType, ProgType};

use crate::check::access::MemAccess;
use crate::env::Env;
use crate::facts::access::Access;
use crate::facts::ctx_fields::View;
use crate::facts::rejection::{Checked, not_modelled};
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::log::reject;
use crate::state::RetvalRange;

/// What a field of the context holds.
#[derive(Clone, Debug)]
pub(crate) struct CtxInfo {
    pub typ: RegType,
    /// For pointers to structures: which.
    pub btf: Option<(BtfRef, u32)>,
    /// Reference that comes with it.
    pub ref_id: u32,
    /// For the value that an LSM hook returned so far: its range.
    pub range: Option<RetvalRange>,
}

impl CtxInfo {
    pub(crate) const SCALAR: Self = Self {
        typ: RegType::SCALAR_VALUE,
        btf: None,
        ref_id: 0,
        range: None,
    };

    pub(crate) const fn of(typ: RegType) -> Self {
        Self {
            typ,
            btf: None,
            ref_id: 0,
            range: None,
        }
    }
}

/// Whether the fields of a context are where programs read them: its type has no `convert_ctx_access()`.
pub(crate) const fn is_read_as_it_is(prog_type: ProgType) -> bool {
    matches!(
        prog_type,
        ProgType::Kprobe
            | ProgType::Tracing
            | ProgType::RawTracepoint
            | ProgType::RawTracepointWritable
            | ProgType::Tracepoint
            | ProgType::Lsm
            | ProgType::StructOps
            | ProgType::CgroupDevice
            | ProgType::Netfilter
            | ProgType::Syscall
    )
}

impl<'a> Env<'a> {
    /// An access to the context.
    pub(crate) fn check_ctx_access(&mut self, a: &MemAccess<'_>, size: i32) -> Checked<CtxInfo> {
        let typ = self.input.prog.prog_type;
        let moves = self.input.profile.has(Rule::MOVED_CONTEXT);
        if typ == ProgType::Syscall && moves {
            self.check_mem_region_access(&a.reg, a.argname, a.off, size, u16::MAX.into(), false)?;
        } else {
            self.check_ptr_off_reg(&a.reg, a.argname, is_read_as_it_is(typ) && moves)?;
        }
        let off = a.off.wrapping_add(a.reg.umax() as i32);
        if let Some(info) = self.is_valid_access(a, off, size)? {
            if info.ref_id != 0 && !self.path.cur.holds_reference(info.ref_id) {
                let stop = reject!(
                    self,
                    ReleaseWithoutReference,
                    EACCES,
                    "invalid bpf_context access off={off}. Reference may already be released"
                );
                self.verbose_linfo(a.insn_idx, format_args!("; "));
                return stop;
            }
            return Ok(info);
        }
        let stop = reject!(
            self,
            ContextBounds,
            EACCES,
            "invalid bpf_context access off={off} size={size}"
        );
        self.verbose_linfo(a.insn_idx, format_args!("; "));
        stop
    }

    fn is_valid_access(
        &mut self,
        a: &MemAccess<'_>,
        off: i32,
        size: i32,
    ) -> Checked<Option<CtxInfo>> {
        let read = a.access == Access::Read;
        let scalar = |ok: bool| Ok(ok.then_some(CtxInfo::SCALAR));
        match self.input.prog.prog_type {
            ProgType::Syscall => {
                let aligned = off % size == 0 || self.input.profile.has(Rule::MOVED_CONTEXT);
                scalar((0..i32::from(u16::MAX)).contains(&off) && aligned)
            }
            ProgType::RawTracepointWritable if off == 0 => {
                let ok = read && size == 8;
                Ok(ok.then_some(CtxInfo::of(RegType::PTR_TO_TP_BUFFER)))
            }
            ProgType::RawTracepoint | ProgType::RawTracepointWritable => {
                scalar((0..96).contains(&off) && read && off % size == 0)
            }
            ProgType::StructOps => self.struct_ops_access(read, off, size),
            ProgType::Tracing | ProgType::Lsm => self.tracing_access(read, off, size),
            ProgType::Kprobe => {
                scalar((0..168).contains(&off) && read && off % size == 0 && off + size <= 168)
            }
            ProgType::Tracepoint => scalar((8..8192).contains(&off) && read && off % size == 0),
            ProgType::PerfEvent => {
                let narrow = (168..184).contains(&off);
                scalar((0..184).contains(&off) && read && off % size == 0 && (narrow || size == 8))
            }
            ProgType::SocketFilter
            | ProgType::SchedCls
            | ProgType::SchedAct
            | ProgType::CgroupSkb
            | ProgType::LwtIn
            | ProgType::LwtOut
            | ProgType::LwtXmit
            | ProgType::LwtSeg6local
            | ProgType::SkSkb => self.skb_access(a, off, size),
            ProgType::Xdp => {
                let devmap = self.input.prog.expected_attach_type == AttachType::XdpDevmap;
                Ok(xdp_access(a, off, size).filter(|_| devmap || off != XDP_EGRESS_IFINDEX))
            }
            ProgType::LircMode2 => scalar(read && off == 0 && size == 4),
            ProgType::Netfilter => self.nf_access(a, off, size),
            ProgType::FlowDissector if a.is_ldsx && (76..84).contains(&off) => Ok(None),
            t if let Some(view) = self.ctx_view(t) => {
                let fields = &self.input.release.tables.ctx_fields;
                let attach = self.input.prog.expected_attach_type;
                let typ = fields.access(view, (off, size), a.access, attach);
                Ok(typ.map(CtxInfo::of))
            }
            t => not_modelled(format!("the context of {t:?} programs")),
        }
    }

    /// Arguments of a kernel function (`bpf_tracing_btf_ctx_access`).
    pub(crate) fn tracing_access(
        &mut self,
        read: bool,
        off: i32,
        size: i32,
    ) -> Checked<Option<CtxInfo>> {
        if !(0..96).contains(&off) || !read || off % size != 0 {
            return Ok(None);
        }
        match self.input.dst_prog.clone() {
            Some(dst) => self.dst_ctx_access(&dst, off, size),
            None => self.btf_ctx_access(off, size),
        }
    }

    /// A context whose fields a table tells.
    fn ctx_view(&self, typ: ProgType) -> Option<View> {
        let getsockopt = self.input.prog.expected_attach_type == AttachType::CgroupGetsockopt;
        Some(match typ {
            ProgType::CgroupSock => View::CgroupSock,
            ProgType::CgroupSockAddr => View::SockAddr,
            ProgType::SockOps => View::SockOps,
            ProgType::SkMsg => View::SkMsg,
            ProgType::FlowDissector => View::FlowDissector,
            ProgType::CgroupDevice => View::CgroupDevice,
            ProgType::CgroupSysctl => View::Sysctl,
            ProgType::CgroupSockopt if getsockopt => View::Getsockopt,
            ProgType::CgroupSockopt => View::Setsockopt,
            ProgType::SkReuseport => View::SkReuseport,
            ProgType::SkLookup => View::SkLookup,
            _ => return None,
        })
    }

    /// `struct bpf_nf_ctx`: two pointers to kernel structures.
    fn nf_access(&mut self, a: &MemAccess<'_>, off: i32, size: i32) -> Checked<Option<CtxInfo>> {
        let name = match off {
            0 => "nf_hook_state",
            8 => "sk_buff",
            _ => return Ok(None),
        };
        if size != 8 || a.access == Access::Write {
            return Ok(None);
        }
        let Some(id) = self.input.vmlinux_struct(name) else {
            return not_modelled(format!("netfilter programs without struct {name} in BTF"));
        };
        Ok(Some(CtxInfo {
            btf: Some((BtfRef::VMLINUX, id)),
            ..CtxInfo::of(RegType::PTR_TO_BTF_ID | Flag::PTR_TRUSTED)
        }))
    }

    fn skb_access(&mut self, a: &MemAccess<'_>, off: i32, size: i32) -> Checked<Option<CtxInfo>> {
        let write = a.access == Access::Write;
        let prog = self.input.prog.prog_type;
        let hidden = match prog {
            ProgType::SocketFilter => matches!(off, 72..84 | 88..144 | 152..164 | 184..192),
            ProgType::CgroupSkb if !self.input.bpf_capable && matches!(off, 76..84) => true,
            ProgType::CgroupSkb if !self.input.bpf_capable && write && matches!(off, 152..160) => {
                true
            }
            ProgType::CgroupSkb => matches!(off, 72..76 | 140..144 | 160..164),
            ProgType::SkSkb => matches!(off, 8..12 | 72..76 | 140..144 | 152..164 | 184..192),
            ProgType::SchedCls | ProgType::SchedAct => matches!(off, 88..140),
            _ => matches!(off, 72..76 | 88..144 | 152..164 | 184..192),
        };
        let writable = match prog {
            ProgType::SocketFilter => matches!(off, 48..68),
            ProgType::CgroupSkb => matches!(off, 8..12 | 32..36 | 48..68 | 152..160),
            ProgType::SkSkb => matches!(off, 32..36 | 44..48),
            ProgType::LwtIn | ProgType::LwtOut | ProgType::LwtXmit | ProgType::LwtSeg6local => {
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
            180 => matches!(prog, ProgType::SchedCls | ProgType::SchedAct) && size == 1,
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
}

/// Where `struct xdp_md` has the device that a packet leaves by: programs of a devmap alone see it.
const XDP_EGRESS_IFINDEX: i32 = 20;

fn xdp_access(a: &MemAccess<'_>, off: i32, size: i32) -> Option<CtxInfo> {
    if a.access == Access::Write || a.is_ldsx && matches!(off, 0 | 4 | 8) {
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
