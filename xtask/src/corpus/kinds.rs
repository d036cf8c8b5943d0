// SPDX-License-Identifier: GPL-2.0-only
//! Kinds of programs that helpers may tell apart: each type, each place that it attaches to, each member
//! of each struct_ops type.

use bpf::btf::{Btf, Kind as BtfKind};
use bpf::kernel::{Kernel, VMLINUX};
use bpf::program::{AttachTarget, ProgFlags, ProgLoad, StructOpsMember};
use bpf::uapi::{AttachType as A, ProgType as P};

use super::caller;

/// Programs that attach to nothing by BTF, and where they may (`bpf_prog_load_check_attach`).
const TYPES: [(P, &[A]); 27] = [
    (P::SocketFilter, &[A::CgroupInetIngress]),
    (P::Kprobe, &[A::CgroupInetIngress, A::TraceKprobeSession]),
    (P::SchedCls, &[A::CgroupInetIngress]),
    (P::SchedAct, &[A::CgroupInetIngress]),
    (P::Tracepoint, &[A::CgroupInetIngress]),
    (P::Xdp, &[A::CgroupInetIngress]),
    (P::PerfEvent, &[A::CgroupInetIngress]),
    (P::CgroupSkb, &[A::CgroupInetIngress, A::CgroupInetEgress]),
    (
        P::CgroupSock,
        &[
            A::CgroupInetSockCreate,
            A::CgroupInetSockRelease,
            A::CgroupInet4PostBind,
            A::CgroupInet6PostBind,
        ],
    ),
    (P::LwtIn, &[A::CgroupInetIngress]),
    (P::LwtOut, &[A::CgroupInetIngress]),
    (P::LwtXmit, &[A::CgroupInetIngress]),
    (P::LwtSeg6local, &[A::CgroupInetIngress]),
    (P::SockOps, &[A::CgroupSockOps]),
    (P::SkSkb, &[A::CgroupInetIngress]),
    (P::CgroupDevice, &[A::CgroupDevice]),
    (P::SkMsg, &[A::SkMsgVerdict]),
    (P::RawTracepoint, &[A::CgroupInetIngress]),
    (
        P::CgroupSockAddr,
        &[
            A::CgroupInet4Bind,
            A::CgroupInet6Bind,
            A::CgroupInet4Connect,
            A::CgroupInet6Connect,
            A::CgroupUnixConnect,
            A::CgroupUdp4Sendmsg,
            A::CgroupUdp6Sendmsg,
            A::CgroupUnixSendmsg,
            A::CgroupUdp4Recvmsg,
            A::CgroupUdp6Recvmsg,
            A::CgroupUnixRecvmsg,
            A::CgroupInet4Getpeername,
            A::CgroupInet6Getpeername,
            A::CgroupUnixGetpeername,
            A::CgroupInet4Getsockname,
            A::CgroupInet6Getsockname,
            A::CgroupUnixGetsockname,
        ],
    ),
    (P::FlowDissector, &[A::FlowDissector]),
    (P::CgroupSysctl, &[A::CgroupSysctl]),
    (P::RawTracepointWritable, &[A::CgroupInetIngress]),
    (
        P::CgroupSockopt,
        &[A::CgroupGetsockopt, A::CgroupSetsockopt],
    ),
    (P::SkReuseport, &[A::SkReuseportSelect]),
    (P::SkLookup, &[A::SkLookup]),
    (P::Syscall, &[A::CgroupInetIngress]),
    (P::Netfilter, &[A::Netfilter]),
];

/// LSM hooks of cgroups: those with helpers of their own, and one without.
const LSM_CGROUP: [&str; 6] = [
    "sock_graft",
    "inet_csk_clone",
    "inet_conn_established",
    "socket_post_create",
    "socket_socketpair",
    "socket_bind",
];

/// Programs that attach to functions: the type, the way, the function, whether they sleep.
const TRACED: [(P, A, &str, bool); 13] = [
    (P::Tracing, A::TraceFentry, "bpf_fentry_test1", false),
    (P::Tracing, A::TraceFexit, "bpf_fentry_test1", false),
    (P::Tracing, A::ModifyReturn, "bpf_modify_return_test", false),
    (P::Tracing, A::TraceFsession, "bpf_fentry_test1", false),
    (P::Tracing, A::TraceFentry, "bpf_fentry_test1", true),
    (P::Tracing, A::TraceFentry, "__x64_sys_getpgid", true),
    (P::Tracing, A::TraceRawTp, "btf_trace_sched_switch", false),
    (P::Tracing, A::TraceIter, "bpf_iter_task", false),
    (P::Tracing, A::TraceIter, "bpf_iter_task", true),
    (P::Tracing, A::TraceIter, "bpf_iter_tcp", false),
    (P::Tracing, A::TraceIter, "bpf_iter_unix", false),
    (P::Lsm, A::LsmMac, "bpf_lsm_file_open", false),
    (P::Lsm, A::LsmMac, "bpf_lsm_file_open", true),
];

/// A kind of programs.
pub(crate) struct Kind {
    /// What it is called.
    pub(crate) name: String,
    /// What it attaches to, where that is a function, a hook or a member.
    pub(crate) hook: String,
    /// The struct_ops type that it belongs to.
    pub(crate) struct_ops: Option<String>,
    /// One of it, without instructions.
    pub(crate) prog: ProgLoad,
}

/// Those that attach to no function that can be traced: what a kernel has of them.
pub(crate) fn all(model: &Kernel) -> Vec<Kind> {
    let mut all = Vec::new();
    for (prog_type, attach_types) in TYPES {
        for &attach in attach_types {
            let mut prog = caller::load(prog_type, attach, None);
            prog.prog_flags
                .set(ProgFlags::SLEEPABLE, prog_type == P::Syscall);
            all.push(Kind {
                name: format!("{} {}", prog_type.c_name(), attach.c_name()),
                hook: String::new(),
                struct_ops: None,
                prog,
            });
        }
    }
    for hook in LSM_CGROUP {
        let func = format!("bpf_lsm_{hook}");
        all.extend(attached(model, P::Lsm, A::LsmCgroup, &func, false));
    }
    for (btf_obj, btf) in model.btfs() {
        let own = btf.types().filter(|t| t.id() >= btf.start_id());
        let names = own.filter_map(|t| t.name().strip_prefix("bpf_struct_ops_"));
        for name in names {
            members(btf_obj, btf, name, &mut all);
        }
    }
    all
}

/// Those that attach to functions: tracing programs and such of the LSM, and uprobes that sleep, which attach
/// by no BTF.
pub(crate) fn traced(model: &Kernel) -> Vec<Kind> {
    let mut uprobe = caller::load(P::Kprobe, A::CgroupInetIngress, None);
    uprobe.prog_flags = ProgFlags::SLEEPABLE;
    let mut all = vec![Kind {
        name: format!("{}, sleepable", P::Kprobe.c_name()),
        hook: String::new(),
        struct_ops: None,
        prog: uprobe,
    }];
    for (prog_type, attach, func, sleepable) in TRACED {
        all.extend(attached(model, prog_type, attach, func, sleepable));
    }
    all
}

/// The members of a struct_ops type, each asleep and awake.
fn members(btf_obj: u32, btf: &Btf, name: &str, all: &mut Vec<Kind>) {
    let Some(ops) = btf.find_by_name_kind(name, BtfKind::Struct) else {
        return;
    };
    for (index, member) in (0..).zip(ops.members()) {
        let t = btf.skip_mods_and_typedefs(member.type_id());
        let points_to = btf.skip_mods_and_typedefs(t.type_id()).kind();
        if t.kind() != BtfKind::Ptr || points_to != BtfKind::FuncProto {
            continue;
        }
        for flags in [ProgFlags::empty(), ProgFlags::SLEEPABLE] {
            let target = AttachTarget::Kernel {
                btf_obj,
                btf_id: ops.id(),
                member: Some(StructOpsMember { index }),
            };
            let mut prog = caller::load(P::StructOps, A::CgroupInetIngress, Some(target));
            prog.prog_flags = flags;
            let sleeps = if flags.is_empty() { "" } else { ", sleepable" };
            all.push(Kind {
                name: format!("{}.{}{sleeps}", ops.name(), member.name()),
                hook: member.name().to_owned(),
                struct_ops: Some(ops.name().to_owned()),
                prog,
            });
        }
    }
}

/// The kind that attaches to `func`, if the kernel has it.
fn attached(model: &Kernel, prog_type: P, attach: A, func: &str, sleepable: bool) -> Option<Kind> {
    // A raw tracepoint's function is a type.
    let kind = match attach {
        A::TraceRawTp => BtfKind::Typedef,
        _ => BtfKind::Func,
    };
    let found = model.vmlinux.find_by_name_kind(func, kind)?;
    let target = AttachTarget::Kernel {
        btf_obj: VMLINUX,
        btf_id: found.id(),
        member: None,
    };
    let mut prog = caller::load(prog_type, attach, Some(target));
    prog.prog_flags.set(ProgFlags::SLEEPABLE, sleepable);
    let (way, sleeps) = match attach {
        A::LsmCgroup => (
            format!("lsm_cgroup/{}", func.trim_start_matches("bpf_lsm_")),
            "",
        ),
        _ => (
            format!("{} {func}", attach.c_name()),
            if sleepable { ", sleepable" } else { "" },
        ),
    };
    Some(Kind {
        name: way + sleeps,
        hook: func.to_owned(),
        struct_ops: None,
        prog,
    })
}
