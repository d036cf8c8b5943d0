// SPDX-License-Identifier: GPL-2.0-only
//! Capabilities that the loader of a type of program needs.
//!
//! Source: `bpf_prog_load()`, `is_net_admin_prog_type()`, `is_perfmon_prog_type()` in
//! `kernel/bpf/syscall.c`.

use bpf::caps::Caps;
use bpf::uapi::ProgType as P;

/// All that it needs, were `kernel.unprivileged_bpf_disabled` 0.
pub(crate) fn caps_for(prog_type: P) -> Caps {
    match prog_type {
        P::SocketFilter | P::CgroupSkb => Caps::empty(),
        P::SchedCls
        | P::SchedAct
        | P::Xdp
        | P::LwtIn
        | P::LwtOut
        | P::LwtXmit
        | P::LwtSeg6local
        | P::SkSkb
        | P::SkMsg
        | P::FlowDissector
        | P::CgroupDevice
        | P::CgroupSock
        | P::CgroupSockAddr
        | P::CgroupSockopt
        | P::CgroupSysctl
        | P::SockOps
        | P::Netfilter => Caps::BPF.union(Caps::NET_ADMIN),
        P::Kprobe
        | P::Tracepoint
        | P::PerfEvent
        | P::RawTracepoint
        | P::RawTracepointWritable
        | P::Tracing
        | P::Lsm
        | P::StructOps => Caps::BPF.union(Caps::PERFMON),
        P::Ext => Caps::BPF.union(Caps::NET_ADMIN).union(Caps::PERFMON),
        _ => Caps::BPF,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_may_be_of_any_program() {
        for each in P::ALL {
            assert!(caps_for(P::Ext).contains(caps_for(*each)), "{each:?}");
        }
    }
}
