// SPDX-License-Identifier: GPL-2.0-only
//! What `SEC("...")` says about a program.
//!
//! Source: `section_defs[]` and `sec_def_matches()` in `tools/lib/bpf/libbpf.c`.

use object::elf;

use crate::load::elf::Section;
use crate::uapi::{AttachType as A, ProgType as P};

/// What libbpf takes a section for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecKind {
    Other,
    Code,
    Bss,
    Data,
    Rodata,
    Percpu,
    StructOps,
    Arena,
    JumpTables,
    Maps,
}

impl SecKind {
    pub(super) fn of(section: &Section<'_>) -> Self {
        let is = |name: &str| {
            let rest = section.name.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        match section.sh_type {
            _ if section.name == ".maps" => Self::Maps,
            elf::SHT_NOBITS if is(".bss") => Self::Bss,
            elf::SHT_PROGBITS if section.size == 0 => Self::Other,
            elf::SHT_PROGBITS if section.is_code() => Self::Code,
            elf::SHT_PROGBITS if is(".data") => Self::Data,
            elf::SHT_PROGBITS if is(".rodata") => Self::Rodata,
            elf::SHT_PROGBITS if is(".percpu") => Self::Percpu,
            elf::SHT_PROGBITS => match section.name.trim_start_matches('?') {
                ".struct_ops" | ".struct_ops.link" => Self::StructOps,
                ".addr_space.1" => Self::Arena,
                ".jumptables" => Self::JumpTables,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }

    /// Whether variables in it are in a map of the section's own.
    pub(super) fn is_data(self) -> bool {
        matches!(self, Self::Bss | Self::Data | Self::Rodata | Self::Percpu)
    }
}

/// The target after the `/` is a BTF type of the kernel or of another program.
pub(super) const ATTACH_BTF: u8 = 1;

/// The program may sleep.
pub(super) const SLEEPABLE: u8 = 2;

/// The program takes XDP buffers of several fragments.
pub(super) const XDP_FRAGS: u8 = 4;

/// A USDT probe: attached by a multi-uprobe link where the kernel has them.
pub(super) const USDT: u8 = 8;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SecDef {
    /// `"name"` matches itself; `"name+"` also `"name/anything"`.
    pattern: &'static str,
    pub(super) prog_type: P,
    pub(super) expected_attach_type: A,
    flags: u8,
}

impl SecDef {
    /// The first row that matches a section's name (without a leading `?`).
    pub(super) fn find(section: &str) -> Option<&'static Self> {
        SECTION_DEFS.iter().find(|def| def.matches(section))
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn matches(&self, section: &str) -> bool {
        match self.pattern.strip_suffix('+') {
            Some(prefix) => section
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            None => section == self.pattern,
        }
    }
}

const fn def(pattern: &'static str, prog_type: P, expected_attach_type: A, flags: u8) -> SecDef {
    SecDef {
        pattern,
        prog_type,
        expected_attach_type,
        flags,
    }
}

#[rustfmt::skip]
static SECTION_DEFS: &[SecDef] = &[
    def("socket", P::SocketFilter, A::CgroupInetIngress, 0),
    def("sk_reuseport/migrate", P::SkReuseport, A::SkReuseportSelectOrMigrate, 0),
    def("sk_reuseport", P::SkReuseport, A::SkReuseportSelect, 0),
    def("kprobe+", P::Kprobe, A::CgroupInetIngress, 0),
    def("uprobe+", P::Kprobe, A::CgroupInetIngress, 0),
    def("uprobe.s+", P::Kprobe, A::CgroupInetIngress, SLEEPABLE),
    def("kretprobe+", P::Kprobe, A::CgroupInetIngress, 0),
    def("uretprobe+", P::Kprobe, A::CgroupInetIngress, 0),
    def("uretprobe.s+", P::Kprobe, A::CgroupInetIngress, SLEEPABLE),
    def("kprobe.multi+", P::Kprobe, A::TraceKprobeMulti, 0),
    def("kretprobe.multi+", P::Kprobe, A::TraceKprobeMulti, 0),
    def("kprobe.session+", P::Kprobe, A::TraceKprobeSession, 0),
    def("uprobe.multi+", P::Kprobe, A::TraceUprobeMulti, 0),
    def("uretprobe.multi+", P::Kprobe, A::TraceUprobeMulti, 0),
    def("uprobe.session+", P::Kprobe, A::TraceUprobeSession, 0),
    def("uprobe.multi.s+", P::Kprobe, A::TraceUprobeMulti, SLEEPABLE),
    def("uretprobe.multi.s+", P::Kprobe, A::TraceUprobeMulti, SLEEPABLE),
    def("uprobe.session.s+", P::Kprobe, A::TraceUprobeSession, SLEEPABLE),
    def("ksyscall+", P::Kprobe, A::CgroupInetIngress, 0),
    def("kretsyscall+", P::Kprobe, A::CgroupInetIngress, 0),
    def("usdt+", P::Kprobe, A::CgroupInetIngress, USDT),
    def("usdt.s+", P::Kprobe, A::CgroupInetIngress, USDT | SLEEPABLE),
    def("tc/ingress", P::SchedCls, A::TcxIngress, 0),
    def("tc/egress", P::SchedCls, A::TcxEgress, 0),
    def("tcx/ingress", P::SchedCls, A::TcxIngress, 0),
    def("tcx/egress", P::SchedCls, A::TcxEgress, 0),
    def("tc", P::SchedCls, A::CgroupInetIngress, 0),
    def("classifier", P::SchedCls, A::CgroupInetIngress, 0),
    def("action", P::SchedAct, A::CgroupInetIngress, 0),
    def("netkit/primary", P::SchedCls, A::NetkitPrimary, 0),
    def("netkit/peer", P::SchedCls, A::NetkitPeer, 0),
    def("tracepoint+", P::Tracepoint, A::CgroupInetIngress, 0),
    def("tp+", P::Tracepoint, A::CgroupInetIngress, 0),
    def("tracepoint.s+", P::Tracepoint, A::CgroupInetIngress, SLEEPABLE),
    def("tp.s+", P::Tracepoint, A::CgroupInetIngress, SLEEPABLE),
    def("raw_tracepoint+", P::RawTracepoint, A::CgroupInetIngress, 0),
    def("raw_tp+", P::RawTracepoint, A::CgroupInetIngress, 0),
    def("raw_tracepoint.s+", P::RawTracepoint, A::CgroupInetIngress, SLEEPABLE),
    def("raw_tp.s+", P::RawTracepoint, A::CgroupInetIngress, SLEEPABLE),
    def("raw_tracepoint.w+", P::RawTracepointWritable, A::CgroupInetIngress, 0),
    def("raw_tp.w+", P::RawTracepointWritable, A::CgroupInetIngress, 0),
    def("tp_btf+", P::Tracing, A::TraceRawTp, ATTACH_BTF),
    def("tp_btf.s+", P::Tracing, A::TraceRawTp, ATTACH_BTF | SLEEPABLE),
    def("fentry+", P::Tracing, A::TraceFentry, ATTACH_BTF),
    def("fmod_ret+", P::Tracing, A::ModifyReturn, ATTACH_BTF),
    def("fexit+", P::Tracing, A::TraceFexit, ATTACH_BTF),
    def("fentry.s+", P::Tracing, A::TraceFentry, ATTACH_BTF | SLEEPABLE),
    def("fmod_ret.s+", P::Tracing, A::ModifyReturn, ATTACH_BTF | SLEEPABLE),
    def("fexit.s+", P::Tracing, A::TraceFexit, ATTACH_BTF | SLEEPABLE),
    def("fsession+", P::Tracing, A::TraceFsession, ATTACH_BTF),
    def("fsession.s+", P::Tracing, A::TraceFsession, ATTACH_BTF | SLEEPABLE),
    def("fsession.multi+", P::Tracing, A::TraceFsessionMulti, 0),
    def("fsession.multi.s+", P::Tracing, A::TraceFsessionMulti, SLEEPABLE),
    def("fentry.multi+", P::Tracing, A::TraceFentryMulti, 0),
    def("fexit.multi+", P::Tracing, A::TraceFexitMulti, 0),
    def("fentry.multi.s+", P::Tracing, A::TraceFentryMulti, SLEEPABLE),
    def("fexit.multi.s+", P::Tracing, A::TraceFexitMulti, SLEEPABLE),
    def("freplace+", P::Ext, A::CgroupInetIngress, ATTACH_BTF),
    def("lsm+", P::Lsm, A::LsmMac, ATTACH_BTF),
    def("lsm.s+", P::Lsm, A::LsmMac, ATTACH_BTF | SLEEPABLE),
    def("lsm_cgroup+", P::Lsm, A::LsmCgroup, ATTACH_BTF),
    def("iter+", P::Tracing, A::TraceIter, ATTACH_BTF),
    def("iter.s+", P::Tracing, A::TraceIter, ATTACH_BTF | SLEEPABLE),
    def("syscall", P::Syscall, A::CgroupInetIngress, SLEEPABLE),
    def("xdp.frags/devmap", P::Xdp, A::XdpDevmap, XDP_FRAGS),
    def("xdp/devmap", P::Xdp, A::XdpDevmap, 0),
    def("xdp.frags/cpumap", P::Xdp, A::XdpCpumap, XDP_FRAGS),
    def("xdp/cpumap", P::Xdp, A::XdpCpumap, 0),
    def("xdp.frags", P::Xdp, A::Xdp, XDP_FRAGS),
    def("xdp", P::Xdp, A::Xdp, 0),
    def("perf_event", P::PerfEvent, A::CgroupInetIngress, 0),
    def("lwt_in", P::LwtIn, A::CgroupInetIngress, 0),
    def("lwt_out", P::LwtOut, A::CgroupInetIngress, 0),
    def("lwt_xmit", P::LwtXmit, A::CgroupInetIngress, 0),
    def("lwt_seg6local", P::LwtSeg6local, A::CgroupInetIngress, 0),
    def("sockops", P::SockOps, A::CgroupSockOps, 0),
    def("sk_skb/stream_parser", P::SkSkb, A::SkSkbStreamParser, 0),
    def("sk_skb/stream_verdict", P::SkSkb, A::SkSkbStreamVerdict, 0),
    def("sk_skb/verdict", P::SkSkb, A::SkSkbVerdict, 0),
    def("sk_skb", P::SkSkb, A::CgroupInetIngress, 0),
    def("sk_msg", P::SkMsg, A::SkMsgVerdict, 0),
    def("lirc_mode2", P::LircMode2, A::LircMode2, 0),
    def("flow_dissector", P::FlowDissector, A::FlowDissector, 0),
    def("cgroup_skb/ingress", P::CgroupSkb, A::CgroupInetIngress, 0),
    def("cgroup_skb/egress", P::CgroupSkb, A::CgroupInetEgress, 0),
    def("cgroup/skb", P::CgroupSkb, A::CgroupInetIngress, 0),
    def("cgroup/sock_create", P::CgroupSock, A::CgroupInetSockCreate, 0),
    def("cgroup/sock_release", P::CgroupSock, A::CgroupInetSockRelease, 0),
    def("cgroup/sock", P::CgroupSock, A::CgroupInetSockCreate, 0),
    def("cgroup/post_bind4", P::CgroupSock, A::CgroupInet4PostBind, 0),
    def("cgroup/post_bind6", P::CgroupSock, A::CgroupInet6PostBind, 0),
    def("cgroup/bind4", P::CgroupSockAddr, A::CgroupInet4Bind, 0),
    def("cgroup/bind6", P::CgroupSockAddr, A::CgroupInet6Bind, 0),
    def("cgroup/connect4", P::CgroupSockAddr, A::CgroupInet4Connect, 0),
    def("cgroup/connect6", P::CgroupSockAddr, A::CgroupInet6Connect, 0),
    def("cgroup/connect_unix", P::CgroupSockAddr, A::CgroupUnixConnect, 0),
    def("cgroup/sendmsg4", P::CgroupSockAddr, A::CgroupUdp4Sendmsg, 0),
    def("cgroup/sendmsg6", P::CgroupSockAddr, A::CgroupUdp6Sendmsg, 0),
    def("cgroup/sendmsg_unix", P::CgroupSockAddr, A::CgroupUnixSendmsg, 0),
    def("cgroup/recvmsg4", P::CgroupSockAddr, A::CgroupUdp4Recvmsg, 0),
    def("cgroup/recvmsg6", P::CgroupSockAddr, A::CgroupUdp6Recvmsg, 0),
    def("cgroup/recvmsg_unix", P::CgroupSockAddr, A::CgroupUnixRecvmsg, 0),
    def("cgroup/getpeername4", P::CgroupSockAddr, A::CgroupInet4Getpeername, 0),
    def("cgroup/getpeername6", P::CgroupSockAddr, A::CgroupInet6Getpeername, 0),
    def("cgroup/getpeername_unix", P::CgroupSockAddr, A::CgroupUnixGetpeername, 0),
    def("cgroup/getsockname4", P::CgroupSockAddr, A::CgroupInet4Getsockname, 0),
    def("cgroup/getsockname6", P::CgroupSockAddr, A::CgroupInet6Getsockname, 0),
    def("cgroup/getsockname_unix", P::CgroupSockAddr, A::CgroupUnixGetsockname, 0),
    def("cgroup/sysctl", P::CgroupSysctl, A::CgroupSysctl, 0),
    def("cgroup/getsockopt", P::CgroupSockopt, A::CgroupGetsockopt, 0),
    def("cgroup/setsockopt", P::CgroupSockopt, A::CgroupSetsockopt, 0),
    def("cgroup/dev", P::CgroupDevice, A::CgroupDevice, 0),
    def("struct_ops+", P::StructOps, A::CgroupInetIngress, 0),
    def("struct_ops.s+", P::StructOps, A::CgroupInetIngress, SLEEPABLE),
    def("sk_lookup", P::SkLookup, A::SkLookup, 0),
    def("netfilter", P::Netfilter, A::Netfilter, 0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_libbpf_does() {
        let kind = |section| SecDef::find(section).map(|d| (d.prog_type, d.expected_attach_type));
        assert_eq!(kind("xdp"), Some((P::Xdp, A::Xdp)));
        assert_eq!(kind("xdp/devmap"), Some((P::Xdp, A::XdpDevmap)));
        assert_eq!(kind("xdp/other"), None);
        assert_eq!(kind("fentry/f"), Some((P::Tracing, A::TraceFentry)));
        assert_eq!(kind("fentryf"), None);
        assert_eq!(
            kind("kprobe.multi/a*"),
            Some((P::Kprobe, A::TraceKprobeMulti))
        );
        assert!(SecDef::find("lsm.s/x").is_some_and(|d| d.has(SLEEPABLE) && d.has(ATTACH_BTF)));
        assert!(SecDef::find("syscall").is_some_and(|d| d.has(SLEEPABLE)));
    }
}
