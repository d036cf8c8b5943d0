// SPDX-License-Identifier: GPL-2.0-only
//! What the demo found, as it is printed: by [`super::render`] or as JSON.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::check::{Check, read};
use super::cpus::list;
use super::walker::{
    CONTAINER, CPU_FULL, CPU_SOME, IO_FULL, IO_SOME, MEM_FULL, MEM_SOME, NONIDLE, ONLINE, POSSIBLE,
    PRESENT, Times, Walk, Walker,
};

/// All that the demo found.
#[derive(Serialize)]
pub(super) struct Report {
    /// Release of the running kernel.
    pub(super) kernel: String,
    /// Where the iterator comes from.
    pub(super) iterator: &'static str,
    /// Name of the BPF program.
    pub(super) program: String,
    /// Instructions that the verifier processed to accept it.
    pub(super) verified_insns: u32,
    /// How the program came to the container's per-CPU data.
    pub(super) container_pcpu: &'static str,
    /// How long the load was watched.
    pub(super) watched_ns: u64,
    /// The possible CPUs.
    pub(super) cpus: Vec<Cpu>,
    /// The sums by mask.
    pub(super) sums: Vec<Sum>,
    pub(super) checks: Vec<Check>,
    /// Whether every check holds.
    pub(super) holds: bool,
}

/// One possible CPU.
#[derive(Serialize)]
pub(super) struct Cpu {
    pub(super) cpu: usize,
    /// `online`, `offline` or, if possible and not present, `absent`.
    pub(super) state: &'static str,
    pub(super) in_container: bool,
    pub(super) nr_running: u64,
    pub(super) system: Spent,
    pub(super) container: Spent,
}

/// One mask: the sums over its CPUs.
#[derive(Serialize)]
pub(super) struct Sum {
    pub(super) mask: &'static str,
    /// The CPUs in the kernel's list format.
    pub(super) cpus: String,
    pub(super) nr_cpus: u64,
    pub(super) nr_running: u64,
    pub(super) system: Spent,
    pub(super) container: Spent,
}

/// Nanoseconds in each pressure state while the load was watched.
#[derive(Serialize)]
pub(super) struct Spent {
    pub(super) io_some_ns: u64,
    pub(super) io_full_ns: u64,
    pub(super) memory_some_ns: u64,
    pub(super) memory_full_ns: u64,
    pub(super) cpu_some_ns: u64,
    pub(super) cpu_full_ns: u64,
    pub(super) nonidle_ns: u64,
}

/// Where the iterator comes from; without one the header walks by `bpf_iter_num`.
fn iterator() -> Result<&'static str> {
    if Path::new("/sys/module/bpf_iter_cpumask/initstate").exists() {
        return Ok("module bpf_iter_cpumask");
    }
    let symbols = read("/proc/kallsyms")?;
    Ok(match symbols.contains(" bpf_iter_cpumask_new\n") {
        true => "built in",
        false => "none",
    })
}

/// Puts the report together.
pub(super) fn build(
    walker: &Walker,
    watched: Duration,
    walk: &Walk,
    checks: Vec<Check>,
) -> Result<Report> {
    let (program, verified_insns) = walker.verified()?;
    Ok(Report {
        kernel: read("/proc/sys/kernel/osrelease")?,
        iterator: iterator()?,
        program,
        verified_insns,
        container_pcpu: if walker.pcpu_is_tagged {
            "bpf_per_cpu_ptr (BTF has psi_group.pcpu as __percpu)"
        } else {
            "__per_cpu_offset and bpf_rdonly_cast (BTF has psi_group.pcpu as a plain pointer)"
        },
        watched_ns: watched.as_nanos().try_into()?,
        cpus: walk
            .cpus(POSSIBLE)
            .into_iter()
            .map(|cpu| cpu_of(walk, cpu))
            .collect(),
        sums: [
            ("possible", POSSIBLE),
            ("present", PRESENT),
            ("online", ONLINE),
            ("container", CONTAINER),
        ]
        .map(|(name, mask)| sum_of(walk, name, mask))
        .into(),
        holds: checks.iter().all(|check| check.holds),
        checks,
    })
}

fn cpu_of(walk: &Walk, cpu: usize) -> Cpu {
    let row = &walk.rows[cpu];
    Cpu {
        cpu,
        state: match (row.is_in(PRESENT), row.is_in(ONLINE)) {
            (_, true) => "online",
            (true, false) => "offline",
            (false, false) => "absent",
        },
        in_container: row.is_in(CONTAINER),
        nr_running: row.nr_running,
        system: spent(&row.system.spent),
        container: spent(&row.container.spent),
    }
}

fn sum_of(walk: &Walk, name: &'static str, mask: usize) -> Sum {
    let sum = &walk.sums[mask];
    Sum {
        mask: name,
        cpus: list(&walk.cpus(mask)),
        nr_cpus: sum.nr_cpus,
        nr_running: sum.nr_running,
        system: spent(&sum.system),
        container: spent(&sum.container),
    }
}

fn spent(times: &Times) -> Spent {
    Spent {
        io_some_ns: times[IO_SOME],
        io_full_ns: times[IO_FULL],
        memory_some_ns: times[MEM_SOME],
        memory_full_ns: times[MEM_FULL],
        cpu_some_ns: times[CPU_SOME],
        cpu_full_ns: times[CPU_FULL],
        nonidle_ns: times[NONIDLE],
    }
}
