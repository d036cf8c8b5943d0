// SPDX-License-Identifier: GPL-2.0-only
//! How to verify.

use bpf::caps::Caps;

use crate::facts::release::Release;
use crate::facts::release::linux_7_3::LINUX_7_3;
use crate::facts::rule::Profile;

/// How to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The release whose verifier it is: its tables and limits.
    pub release: &'static Release,
    /// The rules that the verifier follows; see [`Release::rules`].
    pub profile: Profile,
    /// 0 nothing, 1 the path that ends verification, 2 every path, [`Options::LOG_STATS`] messages and the
    /// last line alone.
    pub log_level: u32,
    /// What the loader is capable of. Without CAP_BPF the kernel refuses BTF, so that the object's is
    /// not looked at.
    pub caps: Caps,
    /// Possible CPUs of the machine.
    pub nr_cpu_ids: u32,
    /// Whether the kernel guards programs of loaders without CAP_PERFMON against what a processor does on a
    /// mispredicted path. Not when built without `CONFIG_CPU_MITIGATIONS` or booted with
    /// `mitigations=off`.
    pub mitigations: bool,
    /// Gives up behind so many instructions, as if the program were not modelled: for who has many
    /// programs to ask about. More than the kernel's own limit is none.
    pub max_insns: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self::of(&LINUX_7_3)
    }
}

impl Options {
    /// Verifies as this release does.
    pub const fn of(release: &'static Release) -> Self {
        Self {
            release,
            profile: release.rules(),
            log_level: 1,
            caps: Caps::all(),
            nr_cpu_ids: 8,
            mitigations: true,
            max_insns: u32::MAX,
        }
    }

    /// The log level that costs nothing (`BPF_LOG_STATS`): no instruction and no state is printed.
    pub const LOG_STATS: u32 = 4;
}
