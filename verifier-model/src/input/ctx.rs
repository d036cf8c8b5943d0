// SPDX-License-Identifier: GPL-2.0-only
//! The context structure of a program type.
//!
//! Source: `btf_is_prog_ctx_type()` in `kernel/bpf/btf.c`.

use bpf::btf::{Btf, Kind, Type};
use bpf::uapi::ProgType as P;

use crate::input::Input;

/// The structure that a program of this type is passed, as user space calls it.
pub(crate) fn ctx_struct(typ: P) -> Option<&'static str> {
    Some(match typ {
        P::SocketFilter
        | P::SchedCls
        | P::SchedAct
        | P::CgroupSkb
        | P::LwtIn
        | P::LwtOut
        | P::LwtXmit
        | P::LwtSeg6local
        | P::SkSkb
        | P::FlowDissector => "__sk_buff",
        P::Xdp => "xdp_md",
        P::CgroupSock => "bpf_sock",
        P::CgroupSockAddr => "bpf_sock_addr",
        P::SockOps => "bpf_sock_ops",
        P::SkMsg => "sk_msg_md",
        P::Kprobe => "pt_regs",
        P::PerfEvent => "bpf_perf_event_data",
        P::RawTracepoint | P::RawTracepointWritable => "bpf_raw_tracepoint_args",
        P::CgroupDevice => "bpf_cgroup_dev_ctx",
        P::CgroupSysctl => "bpf_sysctl",
        P::CgroupSockopt => "bpf_sockopt",
        P::SkReuseport => "sk_reuseport_md",
        P::SkLookup => "bpf_sk_lookup",
        P::Netfilter => "bpf_nf_ctx",
        _ => return None,
    })
}

/// Whether a pointer is one to the context of programs of a type (`btf_is_prog_ctx_type`).
pub(crate) fn is_ctx_type(typ: P, btf: &Btf, ptr: Type<'_>) -> bool {
    let Some(want) = ctx_struct(typ) else {
        return false;
    };
    if typ == P::Kprobe {
        let t = btf.skip_mods(ptr.type_id());
        if t.kind() == Kind::Typedef && t.name() == "bpf_user_pt_regs_t" {
            return true;
        }
    }
    let t = btf.skip_mods_and_typedefs(ptr.type_id());
    let projection = matches!(
        (want, t.name()),
        ("__sk_buff", "sk_buff") | ("xdp_md", "xdp_buff")
    );
    t.is_composite() && (t.name() == want || projection)
}

impl Input<'_> {
    /// Whether a pointer is one to the program's context.
    pub(crate) fn is_prog_ctx_type(&self, btf: &Btf, ptr: Type<'_>) -> bool {
        is_ctx_type(self.prog.prog_type, btf, ptr)
    }
}
