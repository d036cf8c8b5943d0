// SPDX-License-Identifier: GPL-2.0-only
//! Types of programs that a kernel has only if it is built with an option.
//!
//! Source: `include/linux/bpf_types.h`.

use bpf::kernel::config::Config;
use bpf::uapi::ProgType;

/// The option without which this kernel lacks the type.
pub(crate) fn missing_option(prog_type: ProgType, kconfig: &Config) -> Option<&'static str> {
    let mut options = options(prog_type).iter().copied();
    options.find(|option| kconfig.lacks(option))
}

/// All that a type needs.
fn options(prog_type: ProgType) -> &'static [&'static str] {
    match prog_type {
        ProgType::CgroupSkb | ProgType::CgroupSock | ProgType::CgroupSockAddr => {
            &["CONFIG_NET", "CONFIG_CGROUP_BPF"]
        }
        ProgType::SocketFilter
        | ProgType::SchedCls
        | ProgType::SchedAct
        | ProgType::Xdp
        | ProgType::LwtIn
        | ProgType::LwtOut
        | ProgType::LwtXmit
        | ProgType::LwtSeg6local
        | ProgType::SockOps
        | ProgType::SkSkb
        | ProgType::SkMsg
        | ProgType::FlowDissector => &["CONFIG_NET"],
        ProgType::Kprobe
        | ProgType::Tracepoint
        | ProgType::PerfEvent
        | ProgType::RawTracepoint
        | ProgType::RawTracepointWritable
        | ProgType::Tracing => &["CONFIG_BPF_EVENTS"],
        ProgType::CgroupDevice | ProgType::CgroupSysctl | ProgType::CgroupSockopt => {
            &["CONFIG_CGROUP_BPF"]
        }
        ProgType::LircMode2 => &["CONFIG_BPF_LIRC_MODE2"],
        ProgType::SkReuseport | ProgType::SkLookup => &["CONFIG_INET"],
        ProgType::StructOps | ProgType::Ext => &["CONFIG_BPF_JIT"],
        ProgType::Lsm => &["CONFIG_BPF_JIT", "CONFIG_BPF_LSM"],
        ProgType::Netfilter => &["CONFIG_NETFILTER_BPF_LINK"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_may_lack_a_type() {
        let mut config = Config::default();
        assert_eq!(missing_option(ProgType::Lsm, &config), None, "not known");
        config.set("CONFIG_BPF_JIT", "y");
        assert_eq!(
            missing_option(ProgType::Lsm, &config),
            None,
            "not all is known"
        );
        config.set("CONFIG_BPF_SYSCALL", "y");
        assert_eq!(missing_option(ProgType::StructOps, &config), None);
        assert_eq!(
            missing_option(ProgType::Lsm, &config),
            Some("CONFIG_BPF_LSM")
        );
        config.set("CONFIG_BPF_LSM", "n");
        assert_eq!(
            missing_option(ProgType::Lsm, &config),
            Some("CONFIG_BPF_LSM")
        );
        assert_eq!(missing_option(ProgType::Syscall, &config), None);
    }
}
