// SPDX-License-Identifier: GPL-2.0-only
//! The context structure of a program type.
//!
//! Source: `btf_is_prog_ctx_type()` in `kernel/bpf/btf.c`.

use bpf::btf::{Btf, Kind, Type};
use bpf::uapi::ProgType;

use crate::input::Input;

/// What programs of kprobes call theirs.
const KPROBE_CTX: &str = "bpf_user_pt_regs_t";

/// The structure that a program of this type is passed, as user space calls it.
pub(crate) fn ctx_struct(typ: ProgType) -> Option<&'static str> {
    Some(match typ {
        ProgType::SocketFilter
        | ProgType::SchedCls
        | ProgType::SchedAct
        | ProgType::CgroupSkb
        | ProgType::LwtIn
        | ProgType::LwtOut
        | ProgType::LwtXmit
        | ProgType::LwtSeg6local
        | ProgType::SkSkb
        | ProgType::FlowDissector => "__sk_buff",
        ProgType::Xdp => "xdp_md",
        ProgType::CgroupSock => "bpf_sock",
        ProgType::CgroupSockAddr => "bpf_sock_addr",
        ProgType::SockOps => "bpf_sock_ops",
        ProgType::SkMsg => "sk_msg_md",
        ProgType::Kprobe => "pt_regs",
        ProgType::PerfEvent => "bpf_perf_event_data",
        ProgType::RawTracepoint | ProgType::RawTracepointWritable => "bpf_raw_tracepoint_args",
        ProgType::CgroupDevice => "bpf_cgroup_dev_ctx",
        ProgType::CgroupSysctl => "bpf_sysctl",
        ProgType::CgroupSockopt => "bpf_sockopt",
        ProgType::SkReuseport => "sk_reuseport_md",
        ProgType::SkLookup => "bpf_sk_lookup",
        ProgType::Netfilter => "bpf_nf_ctx",
        _ => return None,
    })
}

/// Whether a pointer is one to the context of programs of a type (`btf_is_prog_ctx_type`).
pub(crate) fn is_ctx_type(typ: ProgType, btf: &Btf, ptr: Type<'_>) -> bool {
    let Some(want) = ctx_struct(typ) else {
        return false;
    };
    if typ == ProgType::Kprobe {
        let t = btf.skip_mods(ptr.type_id());
        if t.kind() == Kind::Typedef && t.name() == KPROBE_CTX {
            return true;
        }
    }
    let t = btf.skip_mods_and_typedefs(ptr.type_id());
    let projection = matches!(
        (want, t.name()),
        ("__sk_buff", "sk_buff") | ("xdp_md", "xdp_buff")
    );
    // A structure may have the typedef's name.
    let projection = projection || typ == ProgType::Kprobe && t.name() == KPROBE_CTX;
    t.is_composite() && (t.name() == want || projection)
}

impl Input<'_> {
    /// Whether a pointer is one to the program's context.
    pub(crate) fn is_prog_ctx_type(&self, btf: &Btf, ptr: Type<'_>) -> bool {
        is_ctx_type(self.prog.prog_type, btf, ptr)
    }
}
