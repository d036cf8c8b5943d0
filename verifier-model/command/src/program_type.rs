// SPDX-License-Identifier: GPL-2.0-only
//! A program of a type, by the type's name alone: for `can`, which has no object to ask about.

use anyhow::{Context, Result, anyhow, bail};
use bpf::btf::Kind;
use bpf::kernel::Kernel;
use bpf::load::raw_program;
use bpf::program::{AttachTarget, ProgLoad, StructOpsMember};
use bpf::uapi::ProgType;

/// `r0 = 0; exit`
const NOTHING: [u8; 16] = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];

/// What programs attach to whose section names nothing: there is one in every kernel.
const TARGETS: [(&str, &str); 12] = [
    ("fentry", "bpf_fentry_test1"),
    ("fentry.s", "bpf_fentry_test1"),
    ("fexit", "bpf_fentry_test1"),
    ("fexit.s", "bpf_fentry_test1"),
    ("fmod_ret", "bpf_modify_return_test"),
    ("fmod_ret.s", "bpf_modify_return_test"),
    ("tp_btf", "sched_switch"),
    ("lsm", "file_open"),
    ("lsm.s", "file_open"),
    ("lsm_cgroup", "socket_bind"),
    ("iter", "task"),
    ("iter.s", "task"),
];

/// A section for each type that has one way to attach.
const SECTIONS: [(ProgType, &str); 24] = [
    (ProgType::SocketFilter, "socket"),
    (ProgType::Kprobe, "kprobe"),
    (ProgType::SchedCls, "tc"),
    (ProgType::SchedAct, "action"),
    (ProgType::Tracepoint, "tracepoint"),
    (ProgType::Xdp, "xdp"),
    (ProgType::PerfEvent, "perf_event"),
    (ProgType::CgroupSkb, "cgroup/skb"),
    (ProgType::CgroupSock, "cgroup/sock_create"),
    (ProgType::LwtIn, "lwt_in"),
    (ProgType::LwtOut, "lwt_out"),
    (ProgType::LwtXmit, "lwt_xmit"),
    (ProgType::SockOps, "sockops"),
    (ProgType::SkSkb, "sk_skb"),
    (ProgType::CgroupDevice, "cgroup/dev"),
    (ProgType::SkMsg, "sk_msg"),
    (ProgType::RawTracepoint, "raw_tp"),
    (ProgType::LwtSeg6local, "lwt_seg6local"),
    (ProgType::SkReuseport, "sk_reuseport"),
    (ProgType::FlowDissector, "flow_dissector"),
    (ProgType::CgroupSysctl, "cgroup/sysctl"),
    (ProgType::SkLookup, "sk_lookup"),
    (ProgType::Syscall, "syscall"),
    (ProgType::Netfilter, "netfilter"),
];

/// A program that does nothing, of the type that is named.
pub(crate) fn program(name: &str, kernel: &Kernel) -> Result<ProgLoad> {
    if let Some(member) = name.strip_prefix("struct_ops/") {
        return struct_ops(member, kernel);
    }
    let target = TARGETS.iter().find(|(section, _)| *section == name);
    let section = match (target, by_type(name)?) {
        (Some((section, target)), _) => format!("{section}/{target}"),
        (None, Some(section)) => section.to_owned(),
        (None, None) => name.to_owned(),
    };
    raw_program(&NOTHING, "program", &section, kernel).map_err(|e| {
        let reason = e.to_string();
        let reason = reason.trim_end_matches("; give one with --attach");
        let reason = reason.strip_prefix("prog 'program': ").unwrap_or(reason);
        anyhow!(
            "{reason}; write it as in SEC(\"…\"), such as tc, cgroup/connect4 or fentry/FUNCTION"
        )
    })
}

/// The section of a type that is named as in `enum bpf_prog_type`, with or without its prefix.
fn by_type(name: &str) -> Result<Option<&'static str>> {
    let full = format!("BPF_PROG_TYPE_{}", name.to_uppercase());
    let named = |t: &ProgType| t.c_name() == full || t.c_name() == name;
    let Some(prog_type) = ProgType::ALL.iter().copied().find(named) else {
        return Ok(None);
    };
    let section = SECTIONS.iter().find(|(t, _)| *t == prog_type);
    match (section, prog_type) {
        (Some((_, section)), _) => Ok(Some(section)),
        // Also sections, with a target of their own.
        (None, ProgType::Lsm | ProgType::Ext) if name.starts_with(char::is_lowercase) => Ok(None),
        (None, ProgType::StructOps) => bail!("say which member, as struct_ops/STRUCT.MEMBER"),
        _ => bail!(
            "programs of this type attach in several ways; write it as in SEC(\"…\"), such as tc, cgroup/connect4 or fentry/FUNCTION"
        ),
    }
}

/// A program of a member of a struct_ops type, as in `sched_ext_ops.dispatch`.
fn struct_ops(name: &str, kernel: &Kernel) -> Result<ProgLoad> {
    let (name, member) = name
        .split_once('.')
        .context("say which member, as struct_ops/STRUCT.MEMBER")?;
    let found = kernel.btfs().find_map(|(obj, btf)| {
        let t = btf.find_by_name_kind(name, Kind::Struct)?;
        Some((obj, t))
    });
    let (btf_obj, t) = found.with_context(|| format!("this kernel has no struct '{name}'"))?;
    let index = t.members().position(|m| m.name() == member);
    let index = index.with_context(|| format!("struct '{name}' has no member '{member}'"))?;
    let mut load = raw_program(&NOTHING, "program", "struct_ops", kernel)?;
    load.attach = Some(AttachTarget::Kernel {
        btf_obj,
        btf_id: t.id(),
        member: Some(StructOpsMember {
            index: u32::try_from(index)?,
        }),
    });
    Ok(load)
}
