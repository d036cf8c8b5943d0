// SPDX-License-Identifier: GPL-2.0-only
//! What a kernel's sets of kfuncs are registered for. That is in its code alone, so it is asked: a
//! program of each kind calls each kfunc, and the verifier says whether it may.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use bpf::btf::{Btf, Kind};
use bpf::kernel::VMLINUX;
use bpf::program::{AttachTarget, ProgFlags, ProgLoad};
use bpf::uapi::{AttachType as A, ProgType as P, pseudo};
use generated::batch::Batch;

use super::sets::Set;
use super::struct_ops;
use crate::build::initramfs;
use crate::corpus::{caller, probes};
use crate::linux::target::Target;

/// What all programs may call.
pub(super) const COMMON: &str = "COMMON";
/// What programs of struct_ops types may call.
pub(super) const STRUCT_OPS: &str = "STRUCT_OPS";
/// A program type for each hook. One that has none may call what all may.
const TYPES: [(&str, P, A); 13] = [
    (COMMON, P::FlowDissector, A::FlowDissector),
    ("XDP", P::Xdp, A::CgroupInetIngress),
    ("TC", P::SchedCls, A::CgroupInetIngress),
    (STRUCT_OPS, P::StructOps, A::CgroupInetIngress),
    ("TRACING", P::Tracing, A::TraceFentry),
    ("SYSCALL", P::Syscall, A::CgroupInetIngress),
    ("CGROUP", P::CgroupSkb, A::CgroupInetIngress),
    ("SCHED_ACT", P::SchedAct, A::CgroupInetIngress),
    ("SK_SKB", P::SkSkb, A::CgroupInetIngress),
    ("SOCKET_FILTER", P::SocketFilter, A::CgroupInetIngress),
    ("LWT", P::LwtIn, A::CgroupInetIngress),
    ("NETFILTER", P::Netfilter, A::Netfilter),
    ("KPROBE", P::Kprobe, A::CgroupInetIngress),
];
/// What programs of TRACING, LSM and STRUCT_OPS attach to: every kernel with BPF has them.
const TRACED: &str = "bpf_fentry_test1";
const LSM: &str = "bpf_lsm_file_open";
const OPS: &str = "tcp_congestion_ops";

/// Who may call what: a hook, or a type of programs, and a kfunc.
pub(super) type Allowed = BTreeSet<(&'static str, String)>;

/// Asks `target` about all kfuncs of `sets`.
pub(super) fn ask(target: &Target<'_>, btf: &Btf, sets: &[Set]) -> Result<Allowed> {
    calls(target, btf, sets, &TYPES)
}

/// The same of programs of these types, each under a name of its own.
pub(super) fn calls(
    target: &Target<'_>,
    btf: &Btf,
    sets: &[Set],
    types: &[(&'static str, P, A)],
) -> Result<Allowed> {
    let names: BTreeSet<&str> = sets
        .iter()
        .flat_map(|s| s.kfuncs.keys().map(String::as_str))
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    let mut batch = Batch::calling(&names);
    let mut asked = Vec::new();
    for &(who, prog_type, attach_type) in types {
        let attach = match prog_type {
            P::Tracing => Some(function(btf, TRACED)),
            P::Lsm => Some(function(btf, LSM)),
            P::StructOps => Some(member(btf)),
            _ => None,
        };
        // A kernel without the one or the other cannot be asked for it.
        let attach = match attach {
            Some(None) => continue,
            Some(attach) => attach,
            None => None,
        };
        for (kfunc, name) in (0..).zip(&names) {
            batch.push_load(&calling(prog_type, attach_type, attach.clone(), kfunc));
            asked.push((who, *name));
        }
    }
    let base = initramfs::bare(target)?;
    let answers = probes::load(target, &base, (batch, asked.len()), &[])?;
    let mut allowed = Allowed::new();
    for ((who, kfunc), answer) in asked.into_iter().zip(answers) {
        if may(who, kfunc, &answer.message) {
            allowed.insert((who, kfunc.to_owned()));
        }
    }
    Ok(allowed)
}

/// Whether a program of `hook` may call `kfunc`, by what the verifier said.
fn may(hook: &str, kfunc: &str, message: &str) -> bool {
    // It looks for the device first, whatever the program; only XDP has such programs.
    if message.starts_with("metadata kfuncs require device-bound program") {
        return hook == "XDP";
    }
    !message.starts_with(&format!("calling kernel function {kfunc} is not allowed"))
}

/// What `set` is registered for. A kfunc of several sets tells less than one of this set alone, and a
/// filter may keep some of the set's kfuncs from a program, but not all.
pub(super) fn of(set: &Set, sets: &[Set], allowed: &Allowed) -> Vec<&'static str> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for kfunc in sets.iter().flat_map(|set| set.kfuncs.keys()) {
        *count.entry(kfunc).or_default() += 1;
    }
    let alone: Vec<&String> = set
        .kfuncs
        .keys()
        .filter(|kfunc| count[kfunc.as_str()] == 1)
        .collect();
    let may = |hook: &'static str, kfunc: &String| allowed.contains(&(hook, kfunc.clone()));
    let is_for = |hook: &&'static str| match alone.is_empty() {
        true => !set.kfuncs.is_empty() && set.kfuncs.keys().all(|kfunc| may(hook, kfunc)),
        false => alone.iter().any(|kfunc| may(hook, kfunc)),
    };
    let hooks: Vec<&str> = TYPES
        .iter()
        .map(|(hook, ..)| *hook)
        .filter(is_for)
        .collect();
    match hooks.contains(&COMMON) {
        true => vec![COMMON],
        false => hooks,
    }
}

fn function(btf: &Btf, name: &str) -> Option<AttachTarget> {
    let function = btf.find_by_name_kind(name, Kind::Func)?;
    Some(AttachTarget::Kernel {
        btf_obj: VMLINUX,
        btf_id: function.id(),
        member: None,
    })
}

fn member(btf: &Btf) -> Option<AttachTarget> {
    let ops = btf.find_by_name_kind(OPS, Kind::Struct)?;
    let (index, _) = *struct_ops::functions(btf, ops).first()?;
    Some(struct_ops::member(ops, index))
}

/// A program that calls a kfunc.
fn calling(
    prog_type: P,
    expected_attach_type: A,
    attach: Option<AttachTarget>,
    kfunc: i32,
) -> ProgLoad {
    let mut caller = caller::load(prog_type, expected_attach_type, attach);
    if prog_type == P::Syscall {
        caller.prog_flags = ProgFlags::SLEEPABLE;
    }
    caller::calling(&caller, pseudo::KFUNC_CALL, kfunc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, kfuncs: &[&str]) -> Set {
        Set {
            name: name.to_owned(),
            filter: None,
            kfuncs: kfuncs
                .iter()
                .map(|kfunc| ((*kfunc).to_owned(), 0))
                .collect(),
        }
    }

    #[test]
    fn what_is_refused_for_something_else_may_be_called() {
        let message = "calling kernel function bpf_x is not allowed";
        assert!(!may("TC", "bpf_x", message));
        assert!(may("TC", "bpf_x", "arg#0 is a scalar"));
        let message = "metadata kfuncs require device-bound program";
        assert!(may("XDP", "bpf_x", message) && !may("TC", "bpf_x", message));
    }

    #[test]
    fn a_set_is_for_what_its_own_kfuncs_are_for() {
        let sets = [
            set("ops", &["both", "ops_only"]),
            set("syscall", &["both"]),
            set("all", &["everybody"]),
            set("not_registered", &["nobody"]),
        ];
        let mut allowed = Allowed::new();
        for (hook, kfunc) in [
            ("STRUCT_OPS", "both"),
            ("STRUCT_OPS", "ops_only"),
            ("SYSCALL", "both"),
        ] {
            allowed.insert((hook, kfunc.to_owned()));
        }
        for (hook, ..) in TYPES {
            allowed.insert((hook, "everybody".to_owned()));
        }
        let hooks = |at: usize| of(&sets[at], &sets, &allowed);
        assert_eq!(hooks(0), ["STRUCT_OPS"]);
        assert_eq!(hooks(1), ["STRUCT_OPS", "SYSCALL"]);
        assert_eq!(hooks(2), ["COMMON"]);
        assert!(hooks(3).is_empty());
    }
}
