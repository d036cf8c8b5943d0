// SPDX-License-Identifier: GPL-2.0-only
//! The cross-checks: what the program read, against what the kernel itself shows.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use super::container::{Container, path};
use super::cpus::{SYSFS, list};
use super::load::SPINNERS;
use super::walker::{CONTAINER, CPU_FULL, NONIDLE, ONLINE, POSSIBLE, PRESENT, Walk, Walker};
use super::{SHARED, pressure};

/// How often to try a check that the kernel can spoil by doing something in between.
pub(super) const TRIES: u32 = 25;
const PAUSE: Duration = Duration::from_millis(10);

/// One cross-check.
#[derive(Serialize)]
pub(super) struct Check {
    pub(super) what: String,
    /// What the program's walk found.
    pub(super) walked: String,
    /// What the kernel shows.
    pub(super) kernel: String,
    /// Where the kernel shows it.
    pub(super) source: String,
    pub(super) holds: bool,
}

/// Makes all checks.
pub(super) fn all(walker: &mut Walker, container: &Container) -> Result<Vec<Check>> {
    let walk = walker.run()?;
    let mut checks = masks(&walk, container)?;
    checks.extend(places(&walk)?);
    checks.extend(running(walker)?);
    checks.extend(pressure::checks(walker)?);
    Ok(checks)
}

/// The masks: exactly the CPUs that the kernel lists.
fn masks(walk: &Walk, container: &Container) -> Result<Vec<Check>> {
    let status = format!("/proc/{}/status", container.pid());
    let allowed = field(&status, "Cpus_allowed_list:")?;
    let effective = path("cpuset.cpus.effective");
    let mut checks = vec![
        mask(walk, "the task's CPUs", CONTAINER, status, allowed),
        mask(
            walk,
            "the container's CPUs",
            CONTAINER,
            effective.clone(),
            read(&effective)?,
        ),
    ];
    for (name, which) in [
        ("possible", POSSIBLE),
        ("present", PRESENT),
        ("online", ONLINE),
    ] {
        let source = format!("{SYSFS}/{name}");
        let kernel = read(&source)?;
        checks.push(mask(walk, &format!("{name} CPUs"), which, source, kernel));
    }
    Ok(checks)
}

fn mask(walk: &Walk, what: &str, which: usize, source: String, kernel: String) -> Check {
    let cpus = walk.cpus(which);
    let walked = list(&cpus);
    Check {
        what: what.to_owned(),
        // A CPU beyond the possible ones has no row: it is in the count alone.
        holds: walked == kernel && walk.sums[which].nr_cpus == cpus.len() as u64,
        walked,
        kernel,
        source,
    }
}

/// The container's times, on the right CPUs: totals would be the same with CPUs mixed up.
///
/// It runs where its cpuset lets it, and all of it waits where a thread of others runs too.
fn places(walk: &Walk) -> Result<[Check; 2]> {
    let spent = |state: usize| {
        let rows = walk.rows.iter().enumerate();
        rows.map(move |(cpu, row)| (cpu, row.container.spent[state]))
    };
    let ran = spent(NONIDLE).filter(|&(_, ns)| ns > 0);
    let ran = list(&ran.map(|(cpu, _)| cpu).collect::<Vec<_>>());
    let waited = spent(CPU_FULL).max_by_key(|&(_, ns)| ns);
    let waited = waited.map_or(String::new(), |(cpu, _)| cpu.to_string());
    let source = path("cpuset.cpus.effective");
    let cpuset = read(&source)?;
    let neighbour = SHARED.to_string();
    Ok([
        Check {
            what: "the container ran".to_owned(),
            holds: ran == cpuset,
            walked: ran,
            kernel: cpuset,
            source,
        },
        Check {
            what: "all of it waited".to_owned(),
            holds: waited == neighbour,
            walked: waited,
            kernel: neighbour,
            source: "the pinned thread outside of it".to_owned(),
        },
    ])
}

/// The run queues' lengths.
///
/// `procs_running` is the kernel's sum of the same numbers over the online CPUs, but of
/// another moment, and kernel threads come and go. So each walk is put between two
/// readings, and the check is that all three are equal once. A walk that leaves out, or
/// repeats, one of the container's CPUs is wrong by two or more every time.
///
/// The spinners never sleep and never move, which is a lower bound for the container's
/// CPUs besides: no walk may fall below it.
fn running(walker: &mut Walker) -> Result<[Check; 2]> {
    let mut online = Check {
        what: "nr_running, online".to_owned(),
        walked: String::new(),
        kernel: String::new(),
        source: "/proc/stat: procs_running".to_owned(),
        holds: false,
    };
    let mut fewest = vec![u64::MAX; SPINNERS.len()];
    for _ in 0..TRIES {
        let before = field("/proc/stat", "procs_running")?;
        let walk = walker.run()?;
        let after = field("/proc/stat", "procs_running")?;
        if !online.holds {
            online.walked = walk.sums[ONLINE].nr_running.to_string();
            online.holds = before == online.walked && after == online.walked;
            online.kernel = before;
        }
        let cpus = walk.cpus(CONTAINER);
        for (index, fewest) in fewest.iter_mut().enumerate() {
            let now = cpus.get(index).map_or(0, |&cpu| walk.rows[cpu].nr_running);
            *fewest = now.min(*fewest);
        }
        sleep(PAUSE);
    }
    let container = Check {
        what: "nr_running, container".to_owned(),
        walked: format!("{fewest:?}"),
        kernel: format!("≥ {SPINNERS:?}"),
        source: "the load's pinned spinners".to_owned(),
        holds: fewest
            .iter()
            .zip(SPINNERS)
            .all(|(walked, load)| *walked >= load),
    };
    Ok([online, container])
}

/// The trimmed text of a file of the kernel.
pub(super) fn read(path: &str) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    Ok(text.trim().to_owned())
}

/// What follows `name` on the line that starts with it.
fn field(path: &str, name: &str) -> Result<String> {
    let text = read(path)?;
    let mut lines = text.lines();
    let rest = lines.find_map(|line| line.strip_prefix(name));
    let rest = rest.with_context(|| format!("{path} has no {name}"))?;
    Ok(rest.trim().to_owned())
}
