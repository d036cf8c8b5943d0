// SPDX-License-Identifier: GPL-2.0-only
//! Tests that a guest with few CPUs cannot be put to. There they are ignored, and their lines say what
//! they need.

use libtest_mimic::Trial;

use super::anywhere::has;
use super::cpus::sysfs;

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

/// The test needs queueing disciplines to be programs: `CONFIG_NET_SCH_BPF`.
pub(super) fn with_queues(trial: Trial) -> Trial {
    match has("bpf_qdisc_skb_drop") {
        true => trial,
        false => trial.with_kind("needs NET_SCH_BPF").with_ignored_flag(true),
    }
}

/// What cannot be read is for the test to tell.
fn needs(mask: &str, cpus: u32, trial: Trial) -> Trial {
    let last = sysfs(mask).ok().and_then(|cpus| cpus.last().copied());
    match last {
        Some(last) if last + 1 < cpus => trial
            .with_kind(format!("needs {cpus} CPUs {mask}"))
            .with_ignored_flag(true),
        _ => trial,
    }
}
