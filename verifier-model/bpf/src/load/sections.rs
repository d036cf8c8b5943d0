// SPDX-License-Identifier: GPL-2.0-only
//! What `SEC("...")` says about a program.
//!
//! Source: `section_defs[]` and `sec_def_matches()` in `tools/lib/bpf/libbpf.c`.

use object::elf;

use crate::load::elf::Section;
use crate::uapi::{AttachType, ProgType};

/// Where maps were declared before BTF.
pub(super) const LEGACY_MAPS: &str = "maps";

/// Whether maps are declared here that way; aya and cilium/ebpf take `maps/mine` for such a section too.
pub(super) fn is_legacy_maps(section: &Section<'_>) -> bool {
    section.name == LEGACY_MAPS || section.name.starts_with(LEGACY_MAPS) && !section.is_code()
}

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
            _ if section.name == ".maps" || is_legacy_maps(section) => Self::Maps,
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
    pub(super) prog_type: ProgType,
    pub(super) expected_attach_type: AttachType,
    flags: u8,
}

impl SecDef {
    /// The first row that matches a section's name (without a leading `?`).
    pub(super) fn find(section: &str) -> Option<&'static Self> {
        SECTION_DEFS.iter().find(|def| def.matches(section))
    }

    /// The same where more may follow behind what tells the type: `xdp/my_program`.
    pub(super) fn find_by_start(section: &str) -> Option<&'static Self> {
        let mut name = section;
        loop {
            match (Self::find(name), name.rsplit_once('/')) {
                (Some(found), _) => return Some(found),
                (None, Some((start, _))) => name = start,
                (None, None) => return None,
            }
        }
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

const fn def(
    pattern: &'static str,
    prog_type: ProgType,
    expected_attach_type: AttachType,
    flags: u8,
) -> SecDef {
    SecDef {
        pattern,
        prog_type,
        expected_attach_type,
        flags,
    }
}

#[rustfmt::skip]
static SECTION_DEFS: &[SecDef] = &[
    def("socket", ProgType::SocketFilter, AttachType::CgroupInetIngress, 0),
    def("sk_reuseport/migrate", ProgType::SkReuseport, AttachType::SkReuseportSelectOrMigrate, 0),
    def("sk_reuseport", ProgType::SkReuseport, AttachType::SkReuseportSelect, 0),
    def("kprobe+", ProgType::Kprobe, AttachType::CgroupInetIngress, 0),
    def("uprobe+", ProgType::Kprobe, AttachType::CgroupInetIngress, 0),
    def("uprobe.s+", ProgType::Kprobe, AttachType::CgroupInetIngress, SLEEPABLE),
    def("kretprobe+", ProgType::Kprobe, AttachType::CgroupInetIngress, 0),
    def("uretprobe+", ProgType::Kprobe, AttachType::CgroupInetIngress, 0),
    def("uretprobe.s+", ProgType::Kprobe, AttachType::CgroupInetIngress, SLEEPABLE),
    def("kprobe.multi+", ProgType::Kprobe, AttachType::TraceKprobeMulti, 0),
    def("kretprobe.multi+", ProgType::Kprobe, AttachType::TraceKprobeMulti, 0),
    def("kprobe.session+", ProgType::Kprobe, AttachType::TraceKprobeSession, 0),
    def("uprobe.multi+", ProgType::Kprobe, AttachType::TraceUprobeMulti, 0),
    def("uretprobe.multi+", ProgType::Kprobe, AttachType::TraceUprobeMulti, 0),
    def("uprobe.session+", ProgType::Kprobe, AttachType::TraceUprobeSession, 0),
    def("uprobe.multi.s+", ProgType::Kprobe, AttachType::TraceUprobeMulti, SLEEPABLE),
    def("uretprobe.multi.s+", ProgType::Kprobe, AttachType::TraceUprobeMulti, SLEEPABLE),
    def("uprobe.session.s+", ProgType::Kprobe, AttachType::TraceUprobeSession, SLEEPABLE),
    def("ksyscall+", ProgType::Kprobe, AttachType::CgroupInetIngress, 0),
    def("kretsyscall+", ProgType::Kprobe, AttachType::CgroupInetIngress, 0),
    def("usdt+", ProgType::Kprobe, AttachType::CgroupInetIngress, USDT),
    def("usdt.s+", ProgType::Kprobe, AttachType::CgroupInetIngress, USDT | SLEEPABLE),
    def("tc/ingress", ProgType::SchedCls, AttachType::TcxIngress, 0),
    def("tc/egress", ProgType::SchedCls, AttachType::TcxEgress, 0),
    def("tcx/ingress", ProgType::SchedCls, AttachType::TcxIngress, 0),
    def("tcx/egress", ProgType::SchedCls, AttachType::TcxEgress, 0),
    def("tc", ProgType::SchedCls, AttachType::CgroupInetIngress, 0),
    def("classifier", ProgType::SchedCls, AttachType::CgroupInetIngress, 0),
    def("action", ProgType::SchedAct, AttachType::CgroupInetIngress, 0),
    def("netkit/primary", ProgType::SchedCls, AttachType::NetkitPrimary, 0),
    def("netkit/peer", ProgType::SchedCls, AttachType::NetkitPeer, 0),
    def("tracepoint+", ProgType::Tracepoint, AttachType::CgroupInetIngress, 0),
    def("tp+", ProgType::Tracepoint, AttachType::CgroupInetIngress, 0),
    def("tracepoint.s+", ProgType::Tracepoint, AttachType::CgroupInetIngress, SLEEPABLE),
    def("tp.s+", ProgType::Tracepoint, AttachType::CgroupInetIngress, SLEEPABLE),
    def("raw_tracepoint+", ProgType::RawTracepoint, AttachType::CgroupInetIngress, 0),
    def("raw_tp+", ProgType::RawTracepoint, AttachType::CgroupInetIngress, 0),
    def("raw_tracepoint.s+", ProgType::RawTracepoint, AttachType::CgroupInetIngress, SLEEPABLE),
    def("raw_tp.s+", ProgType::RawTracepoint, AttachType::CgroupInetIngress, SLEEPABLE),
    def("raw_tracepoint.w+", ProgType::RawTracepointWritable, AttachType::CgroupInetIngress, 0),
    def("raw_tp.w+", ProgType::RawTracepointWritable, AttachType::CgroupInetIngress, 0),
    def("tp_btf+", ProgType::Tracing, AttachType::TraceRawTp, ATTACH_BTF),
    def("tp_btf.s+", ProgType::Tracing, AttachType::TraceRawTp, ATTACH_BTF | SLEEPABLE),
    def("fentry+", ProgType::Tracing, AttachType::TraceFentry, ATTACH_BTF),
    def("fmod_ret+", ProgType::Tracing, AttachType::ModifyReturn, ATTACH_BTF),
    def("fexit+", ProgType::Tracing, AttachType::TraceFexit, ATTACH_BTF),
    def("fentry.s+", ProgType::Tracing, AttachType::TraceFentry, ATTACH_BTF | SLEEPABLE),
    def("fmod_ret.s+", ProgType::Tracing, AttachType::ModifyReturn, ATTACH_BTF | SLEEPABLE),
    def("fexit.s+", ProgType::Tracing, AttachType::TraceFexit, ATTACH_BTF | SLEEPABLE),
    def("fsession+", ProgType::Tracing, AttachType::TraceFsession, ATTACH_BTF),
    def("fsession.s+", ProgType::Tracing, AttachType::TraceFsession, ATTACH_BTF | SLEEPABLE),
    def("fsession.multi+", ProgType::Tracing, AttachType::TraceFsessionMulti, 0),
    def("fsession.multi.s+", ProgType::Tracing, AttachType::TraceFsessionMulti, SLEEPABLE),
    def("fentry.multi+", ProgType::Tracing, AttachType::TraceFentryMulti, 0),
    def("fexit.multi+", ProgType::Tracing, AttachType::TraceFexitMulti, 0),
    def("fentry.multi.s+", ProgType::Tracing, AttachType::TraceFentryMulti, SLEEPABLE),
    def("fexit.multi.s+", ProgType::Tracing, AttachType::TraceFexitMulti, SLEEPABLE),
    def("freplace+", ProgType::Ext, AttachType::CgroupInetIngress, ATTACH_BTF),
    def("lsm+", ProgType::Lsm, AttachType::LsmMac, ATTACH_BTF),
    def("lsm.s+", ProgType::Lsm, AttachType::LsmMac, ATTACH_BTF | SLEEPABLE),
    def("lsm_cgroup+", ProgType::Lsm, AttachType::LsmCgroup, ATTACH_BTF),
    def("iter+", ProgType::Tracing, AttachType::TraceIter, ATTACH_BTF),
    def("iter.s+", ProgType::Tracing, AttachType::TraceIter, ATTACH_BTF | SLEEPABLE),
    def("syscall", ProgType::Syscall, AttachType::CgroupInetIngress, SLEEPABLE),
    def("xdp.frags/devmap", ProgType::Xdp, AttachType::XdpDevmap, XDP_FRAGS),
    def("xdp/devmap", ProgType::Xdp, AttachType::XdpDevmap, 0),
    def("xdp.frags/cpumap", ProgType::Xdp, AttachType::XdpCpumap, XDP_FRAGS),
    def("xdp/cpumap", ProgType::Xdp, AttachType::XdpCpumap, 0),
    def("xdp.frags", ProgType::Xdp, AttachType::Xdp, XDP_FRAGS),
    def("xdp", ProgType::Xdp, AttachType::Xdp, 0),
    def("perf_event", ProgType::PerfEvent, AttachType::CgroupInetIngress, 0),
    def("lwt_in", ProgType::LwtIn, AttachType::CgroupInetIngress, 0),
    def("lwt_out", ProgType::LwtOut, AttachType::CgroupInetIngress, 0),
    def("lwt_xmit", ProgType::LwtXmit, AttachType::CgroupInetIngress, 0),
    def("lwt_seg6local", ProgType::LwtSeg6local, AttachType::CgroupInetIngress, 0),
    def("sockops", ProgType::SockOps, AttachType::CgroupSockOps, 0),
    def("sk_skb/stream_parser", ProgType::SkSkb, AttachType::SkSkbStreamParser, 0),
    def("sk_skb/stream_verdict", ProgType::SkSkb, AttachType::SkSkbStreamVerdict, 0),
    def("sk_skb/verdict", ProgType::SkSkb, AttachType::SkSkbVerdict, 0),
    def("sk_skb", ProgType::SkSkb, AttachType::CgroupInetIngress, 0),
    def("sk_msg", ProgType::SkMsg, AttachType::SkMsgVerdict, 0),
    def("lirc_mode2", ProgType::LircMode2, AttachType::LircMode2, 0),
    def("flow_dissector", ProgType::FlowDissector, AttachType::FlowDissector, 0),
    def("cgroup_skb/ingress", ProgType::CgroupSkb, AttachType::CgroupInetIngress, 0),
    def("cgroup_skb/egress", ProgType::CgroupSkb, AttachType::CgroupInetEgress, 0),
    def("cgroup/skb", ProgType::CgroupSkb, AttachType::CgroupInetIngress, 0),
    def("cgroup/sock_create", ProgType::CgroupSock, AttachType::CgroupInetSockCreate, 0),
    def("cgroup/sock_release", ProgType::CgroupSock, AttachType::CgroupInetSockRelease, 0),
    def("cgroup/sock", ProgType::CgroupSock, AttachType::CgroupInetSockCreate, 0),
    def("cgroup/post_bind4", ProgType::CgroupSock, AttachType::CgroupInet4PostBind, 0),
    def("cgroup/post_bind6", ProgType::CgroupSock, AttachType::CgroupInet6PostBind, 0),
    def("cgroup/bind4", ProgType::CgroupSockAddr, AttachType::CgroupInet4Bind, 0),
    def("cgroup/bind6", ProgType::CgroupSockAddr, AttachType::CgroupInet6Bind, 0),
    def("cgroup/connect4", ProgType::CgroupSockAddr, AttachType::CgroupInet4Connect, 0),
    def("cgroup/connect6", ProgType::CgroupSockAddr, AttachType::CgroupInet6Connect, 0),
    def("cgroup/connect_unix", ProgType::CgroupSockAddr, AttachType::CgroupUnixConnect, 0),
    def("cgroup/sendmsg4", ProgType::CgroupSockAddr, AttachType::CgroupUdp4Sendmsg, 0),
    def("cgroup/sendmsg6", ProgType::CgroupSockAddr, AttachType::CgroupUdp6Sendmsg, 0),
    def("cgroup/sendmsg_unix", ProgType::CgroupSockAddr, AttachType::CgroupUnixSendmsg, 0),
    def("cgroup/recvmsg4", ProgType::CgroupSockAddr, AttachType::CgroupUdp4Recvmsg, 0),
    def("cgroup/recvmsg6", ProgType::CgroupSockAddr, AttachType::CgroupUdp6Recvmsg, 0),
    def("cgroup/recvmsg_unix", ProgType::CgroupSockAddr, AttachType::CgroupUnixRecvmsg, 0),
    def("cgroup/getpeername4", ProgType::CgroupSockAddr, AttachType::CgroupInet4Getpeername, 0),
    def("cgroup/getpeername6", ProgType::CgroupSockAddr, AttachType::CgroupInet6Getpeername, 0),
    def("cgroup/getpeername_unix", ProgType::CgroupSockAddr, AttachType::CgroupUnixGetpeername, 0),
    def("cgroup/getsockname4", ProgType::CgroupSockAddr, AttachType::CgroupInet4Getsockname, 0),
    def("cgroup/getsockname6", ProgType::CgroupSockAddr, AttachType::CgroupInet6Getsockname, 0),
    def("cgroup/getsockname_unix", ProgType::CgroupSockAddr, AttachType::CgroupUnixGetsockname, 0),
    def("cgroup/sysctl", ProgType::CgroupSysctl, AttachType::CgroupSysctl, 0),
    def("cgroup/getsockopt", ProgType::CgroupSockopt, AttachType::CgroupGetsockopt, 0),
    def("cgroup/setsockopt", ProgType::CgroupSockopt, AttachType::CgroupSetsockopt, 0),
    def("cgroup/dev", ProgType::CgroupDevice, AttachType::CgroupDevice, 0),
    def("struct_ops+", ProgType::StructOps, AttachType::CgroupInetIngress, 0),
    def("struct_ops.s+", ProgType::StructOps, AttachType::CgroupInetIngress, SLEEPABLE),
    def("sk_lookup", ProgType::SkLookup, AttachType::SkLookup, 0),
    def("netfilter", ProgType::Netfilter, AttachType::Netfilter, 0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_libbpf_does() {
        let kind = |section| SecDef::find(section).map(|d| (d.prog_type, d.expected_attach_type));
        assert_eq!(kind("xdp"), Some((ProgType::Xdp, AttachType::Xdp)));
        assert_eq!(
            kind("xdp/devmap"),
            Some((ProgType::Xdp, AttachType::XdpDevmap))
        );
        assert_eq!(kind("xdp/other"), None);
        assert_eq!(
            kind("fentry/f"),
            Some((ProgType::Tracing, AttachType::TraceFentry))
        );
        assert_eq!(kind("fentryf"), None);
        assert_eq!(
            kind("kprobe.multi/a*"),
            Some((ProgType::Kprobe, AttachType::TraceKprobeMulti))
        );
        assert!(SecDef::find("lsm.s/x").is_some_and(|d| d.has(SLEEPABLE) && d.has(ATTACH_BTF)));
        let by_start = SecDef::find_by_start("xdp/devmap/mine");
        assert_eq!(by_start, SecDef::find("xdp/devmap"));
        assert_eq!(SecDef::find_by_start("xdp/other"), SecDef::find("xdp"));
        assert!(SecDef::find_by_start("none/xdp").is_none());
        assert!(SecDef::find("syscall").is_some_and(|d| d.has(SLEEPABLE)));
    }
}
