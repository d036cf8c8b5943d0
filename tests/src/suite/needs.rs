// SPDX-License-Identifier: GPL-2.0-only
//! Tests that a guest with few CPUs, or a kernel in another configuration, cannot be put to. There they
//! are ignored, and their lines say what they need.

use libbpf_rs::btf::types::{DataSec, Func, FuncProto};
use libbpf_rs::btf::{Btf, ReferencesType};
use libtest_mimic::Trial;

use super::anywhere::has;
use super::cpus::sysfs;

/// The test is not run here, and its line says why.
pub(super) fn ignored(why: impl Into<String>, trial: Trial) -> Trial {
    trial.with_kind(why).with_ignored_flag(true)
}

/// The test needs CPUs below `cpus` to run.
pub(super) fn running(cpus: u32, trial: Trial) -> Trial {
    needs("online", cpus, trial)
}

/// The test needs CPUs below `cpus` to be possible.
pub(super) fn possible(cpus: u32, trial: Trial) -> Trial {
    needs("possible", cpus, trial)
}

/// The test needs a kernel built for so many CPUs: a mask has as many bits.
pub(super) fn built_for(cpus: u32, trial: Trial) -> Trial {
    needs("kernel_max", cpus, trial)
}

/// The test needs the address of a variable of the kernel's. Without `CONFIG_KALLSYMS_ALL` none has one, and
/// `nr_cpu_ids` is none where it is a constant.
pub(super) fn with_variable(variable: &str, trial: Trial) -> Trial {
    match has(variable) {
        true => trial,
        false => ignored(format!("needs the address of {variable}"), trial),
    }
}

/// The test needs the run-queues by name. A kernel for one CPU has them, but not as per-CPU variables.
pub(super) fn with_runqueues(trial: Trial) -> Trial {
    let per_cpu = Btf::from_vmlinux()
        .is_ok_and(|btf| btf.type_by_name::<DataSec<'_>>(".data..percpu").is_some());
    match per_cpu {
        true => with_variable("runqueues", trial),
        false => ignored("needs per-CPU variables in BTF", trial),
    }
}

/// The test needs queueing disciplines to be programs: `CONFIG_NET_SCH_BPF`.
pub(super) fn with_queues(trial: Trial) -> Trial {
    match has("bpf_qdisc_skb_drop") {
        true => trial,
        false => ignored("needs NET_SCH_BPF", trial),
    }
}

/// The test needs `kfunc` to take as many arguments as its program gives it. Debian's BTF of 7.1 has the one, too,
/// that the verifier adds (`KF_IMPLICIT_ARGS`), and libbpf finds no such function as the program declares.
pub(super) fn with_kfunc(kfunc: &str, arguments: usize, trial: Trial) -> Trial {
    match arguments_of(kfunc) {
        Some(taken) if taken != arguments => {
            ignored(format!("{kfunc} takes {taken} arguments"), trial)
        }
        _ => trial,
    }
}

fn arguments_of(kfunc: &str) -> Option<usize> {
    let btf = Btf::from_vmlinux().ok()?;
    let func: Func<'_> = btf.type_by_name(kfunc)?;
    let proto = FuncProto::try_from(func.referenced_type()).ok()?;
    Some(proto.iter().count())
}

/// What cannot be read is for the test to tell.
fn needs(mask: &str, cpus: u32, trial: Trial) -> Trial {
    let last = sysfs(mask).ok().and_then(|cpus| cpus.last().copied());
    match last {
        Some(last) if last + 1 < cpus => ignored(format!("needs {cpus} CPUs {mask}"), trial),
        _ => trial,
    }
}
