// SPDX-License-Identifier: GPL-2.0-only
//! The cross-check of the pressure: the files' `total=`, computed from the per-CPU times.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_getres};

use super::check::{Check, TRIES, read};
use super::container::path;
use super::walker::{
    CPU_FULL, CPU_SOME, MEM_SOME, NONIDLE, Pressure, Row, Times, Totals, Walk, Walker,
};

const SYSTEM_CPU: &str = "/proc/pressure/cpu";

/// Long enough for some growth of everything that is checked.
const PAUSE: Duration = Duration::from_millis(100);

/// The parts of a walk that belong to one group.
struct Group {
    total: fn(&Walk) -> &Totals,
    on_cpu: fn(&Row) -> &Pressure,
}

const SYSTEM: Group = Group {
    total: |walk| &walk.system_total,
    on_cpu: |row| &row.system,
};
const IN_CONTAINER: Group = Group {
    total: |walk| &walk.container_total,
    on_cpu: |row| &row.container,
};

/// Makes the kernel fold the per-CPU times of both groups, so that they are of now.
pub(super) fn refresh() -> Result<()> {
    read(SYSTEM_CPU)?;
    read(&path("cpu.pressure"))?;
    Ok(())
}

/// Makes the checks.
pub(super) fn checks(walker: &mut Walker) -> Result<Vec<Check>> {
    let (cpu, memory) = (path("cpu.pressure"), path("memory.pressure"));
    Ok(vec![
        total(
            walker,
            "system CPU some",
            SYSTEM_CPU,
            "some",
            &SYSTEM,
            CPU_SOME,
        )?,
        total(
            walker,
            "container CPU some",
            &cpu,
            "some",
            &IN_CONTAINER,
            CPU_SOME,
        )?,
        total(
            walker,
            "container CPU full",
            &cpu,
            "full",
            &IN_CONTAINER,
            CPU_FULL,
        )?,
        total(
            walker,
            "container memory some",
            &memory,
            "some",
            &IN_CONTAINER,
            MEM_SOME,
        )?,
    ])
}

/// One `total=`, to the microsecond.
///
/// Reading the file makes the kernel fold into the group's total what the per-CPU times
/// grew by since it last did so. The same is done here with a walk from before and one
/// from after the reading, so the time of each CPU and its weight have to be right. The
/// growth must not be zero: that would show nothing. A worker of the kernel folds every
/// two seconds as well; if it comes between the walks, the next try is undisturbed.
fn total(
    walker: &mut Walker,
    what: &str,
    source: &str,
    line: &str,
    group: &Group,
    state: usize,
) -> Result<Check> {
    let (mut walked, mut kernel, mut holds) = (0, 0, false);
    for _ in 0..TRIES {
        sleep(PAUSE);
        let before = walker.run()?;
        kernel = total_in(&read(source)?, line).with_context(|| format!("no total in {source}"))?;
        let after = walker.run()?;
        let times = |walk: &Walk| {
            walk.rows
                .iter()
                .map(|row| (group.on_cpu)(row).folded)
                .collect()
        };
        let growth = fold(times(&before), times(&after), state, tick()?);
        walked = ((group.total)(&before)[state] + growth) / 1000;
        holds = walked == kernel && growth > 0;
        if holds {
            break;
        }
    }
    Ok(Check {
        what: what.to_owned(),
        walked: format!("{walked} µs"),
        kernel: format!("{kernel} µs"),
        source: source.to_owned(),
        holds,
    })
}

/// Averages the growth of the CPUs' times as the kernel's `collect_percpu_times()`
/// (kernel/sched/psi.c): a CPU weighs as much as the ticks in which it was not idle.
///
/// With a tick of 4 ms, a CPU that was busy for 100 ms (25 ticks) and had tasks waiting
/// for 90 ms, and one that was busy for 20 ms (5 ticks) without, make
/// 90 ms * 25 / (25 + 5) = 75 ms.
fn fold(before: Vec<Times>, after: Vec<Times>, state: usize, tick: u64) -> u64 {
    let (mut weighted, mut weight) = (0, 0);
    for (before, after) in before.iter().zip(&after) {
        // The kernel's times are of 32 bits and wrap.
        let growth = |state: usize| after[state].wrapping_sub(before[state]) & u64::from(u32::MAX);
        let busy = growth(NONIDLE) / tick;
        weighted += growth(state) * busy;
        weight += busy;
    }
    weighted / weight.max(1)
}

/// A tick in nanoseconds: what the coarse clocks go by.
fn tick() -> Result<u64> {
    let tick = clock_getres(ClockId::CLOCK_MONOTONIC_COARSE)?;
    Ok(tick.tv_nsec().try_into()?)
}

/// The total of a line such as `some avg10=0.00 avg60=0.00 avg300=0.00 total=1234`.
fn total_in(text: &str, line: &str) -> Option<u64> {
    let line = text.lines().find(|text| text.starts_with(line))?;
    line.rsplit_once("total=")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{CPU_SOME, NONIDLE, Times, fold, total_in};

    /// Times in ms, after `start` in ns.
    fn times(start: u32, nonidle: u32, some: u32) -> Times {
        let mut times = Times::default();
        times[NONIDLE] = start.wrapping_add(nonidle * 1_000_000).into();
        times[CPU_SOME] = start.wrapping_add(some * 1_000_000).into();
        times
    }

    #[test]
    fn busy_cpus_weigh_more() {
        for start in [0, u32::MAX - 1_000_000] {
            let before = vec![times(start, 0, 0); 3];
            let after = vec![
                times(start, 100, 90),
                times(start, 20, 0),
                times(start, 0, 0),
            ];
            assert_eq!(fold(before, after, CPU_SOME, 4_000_000), 75_000_000);
        }
    }

    #[test]
    fn nothing_grew() {
        let times = vec![Times::default(); 2];
        assert_eq!(fold(times.clone(), times, CPU_SOME, 4_000_000), 0);
    }

    #[test]
    fn totals() {
        let text = "some avg10=0.00 avg60=0.00 avg300=0.00 total=12\nfull avg10=0.00 total=3\n";
        assert_eq!(total_in(text, "some"), Some(12));
        assert_eq!(total_in(text, "full"), Some(3));
        assert_eq!(total_in(text, "none"), None);
    }
}
