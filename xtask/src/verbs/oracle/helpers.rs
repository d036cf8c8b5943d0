// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask oracle --helpers`: which program may call which helper, asked of the kernel and held
//! against the model.
//!
//! A program calls one helper with NULL in every argument. It is loaded for each member of each
//! struct_ops type, each cgroup hook whose helpers depend on it, and the other types that attach to
//! nothing; what the verifier says tells whether the helper is the program's, and what its first
//! argument has to be.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bpf::btf::{Btf, Kind};
use bpf::caps::Caps;
use bpf::kernel::{Kernel as Model, VMLINUX};
use bpf::program::{AttachTarget, ProgFlags, ProgLoad, StructOpsMember};
use bpf::uapi::{AttachType as A, ProgType as P};
use generated::batch::Batch;
use serde::Deserialize;
use verifier_model::Options;
use verifier_model::Outcome;
use verifier_model::helper_name;
use verifier_model::verify;

use crate::build::initramfs;
use crate::corpus::{ask, caller, compile};
use crate::linux::target::Target;
use crate::workshop::files::{read, write};

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

/// The guest's answer to a program; the last line has none.
#[derive(Deserialize)]
struct Line {
    program: Option<u64>,
    #[serde(default)]
    errno: i32,
    #[serde(default)]
    message: String,
}

/// Asks, compares, and says what differs, a line each.
pub(crate) fn differences(target: &Target<'_>, caps: Caps) -> Result<Vec<String>> {
    let modules = compile::modules(target)?;
    let mut model = Model::new(Arc::new(Btf::from_file(target.kernel.btf(), None)?));
    model.read_config(&read(&target.kernel.build.join(".config"))?);
    for path in &modules {
        let btf = Btf::from_file(path, Some(model.vmlinux.clone()))?;
        let name = path.file_stem().context("a module has a name")?;
        model.add_module(&name.to_string_lossy(), btf);
    }
    let callers = callers(&model);
    let names: Vec<&str> = model.modules.iter().map(|m| m.name.as_str()).collect();
    let mut batch = Batch::bare(&names);
    let mut asked = Vec::new();
    for (name, caller) in &callers {
        for helper in (1..).take_while(|id| !helper_name(*id).starts_with("unknown")) {
            let prog = caller::calling(caller, 0, helper);
            batch.push_load_by(caps, &prog);
            asked.push((name, helper, prog));
        }
    }
    let path = target.project.products("helpers")?.join("batch");
    write(&path, batch.into_bytes())?;
    let base = initramfs::build(target)?;
    let said = ask::ask_raw(target, &base, &path, &modules)?;
    let lines: Vec<Line> = said
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("no answer: {line}")))
        .collect::<Result<_>>()?;
    let answers: Vec<&Line> = lines.iter().filter(|l| l.program.is_some()).collect();
    ensure!(
        answers.len() == asked.len(),
        "{} answers to {} programs",
        answers.len(),
        asked.len()
    );
    let options = Options {
        caps,
        mitigations: target.kernel.has_mitigations()?,
        ..Options::default()
    };
    let mut differ: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for ((name, helper, prog), answer) in asked.iter().zip(answers) {
        let verdict = verify(prog, &model, &options);
        let (errno, message) = match &verdict.outcome {
            Outcome::Accepted => (0, ""),
            Outcome::Rejected(why) => (why.errno.0, &*why.message),
            Outcome::NotModelled(what) => (-1, &**what),
        };
        if (errno, message) != (answer.errno, &*answer.message) {
            let what = format!(
                "{}: the kernel says {} '{}', the model {} '{}'",
                helper_name(*helper),
                answer.errno,
                answer.message,
                errno,
                message
            );
            differ.entry(what).or_default().push(name);
        }
    }
    let wrong: usize = differ.values().map(Vec::len).sum();
    println!(
        "{} calls of {} kinds of programs, {wrong} judged differently",
        asked.len(),
        callers.len()
    );
    let line = |(what, who): (&String, &Vec<&String>)| {
        format!("{what}: {} programs, the first is {}", who.len(), who[0])
    };
    Ok(differ.iter().map(line).collect())
}

/// Every kind of program that is asked about: its name, and one without instructions.
fn callers(model: &Model) -> Vec<(String, ProgLoad)> {
    let mut all = Vec::new();
    for (prog_type, attach_types) in TYPES {
        for &attach in attach_types {
            let name = format!("{} {}", prog_type.c_name(), attach.c_name());
            let mut prog = caller::load(prog_type, attach, None);
            prog.prog_flags
                .set(ProgFlags::SLEEPABLE, prog_type == P::Syscall);
            all.push((name, prog));
        }
    }
    for hook in LSM_CGROUP {
        let func = format!("bpf_lsm_{hook}");
        if let Some(func) = model.vmlinux.find_by_name_kind(&func, Kind::Func) {
            let target = AttachTarget::Kernel {
                btf_obj: VMLINUX,
                btf_id: func.id(),
                member: None,
            };
            let prog = caller::load(P::Lsm, A::LsmCgroup, Some(target));
            all.push((format!("lsm_cgroup/{hook}"), prog));
        }
    }
    for (btf_obj, btf) in model.btfs() {
        let own = btf.types().filter(|t| t.id() >= btf.start_id());
        let names = own.filter_map(|t| t.name().strip_prefix("bpf_struct_ops_"));
        for ops in names.filter_map(|name| btf.find_by_name_kind(name, Kind::Struct)) {
            for (index, member) in (0..).zip(ops.members()) {
                let t = btf.skip_mods_and_typedefs(member.type_id());
                let points_to = btf.skip_mods_and_typedefs(t.type_id()).kind();
                if t.kind() != Kind::Ptr || points_to != Kind::FuncProto {
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
                    all.push((format!("{}.{}{sleeps}", ops.name(), member.name()), prog));
                }
            }
        }
    }
    all
}
