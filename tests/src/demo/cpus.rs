// SPDX-License-Identifier: GPL-2.0-only
//! CPUs: taking one offline, staying on one, and writing a set of them down.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Where sysfs keeps the kernel's masks and each CPU's switch.
pub(super) const SYSFS: &str = "/sys/devices/system/cpu";

/// A CPU that is offline until this is dropped.
pub(super) struct Offline {
    switch: String,
}

impl Offline {
    /// Takes a CPU offline.
    pub(super) fn take(cpu: usize) -> Result<Self> {
        let switch = format!("{SYSFS}/cpu{cpu}/online");
        fs::write(&switch, "0").with_context(|| {
            format!("cannot take CPU {cpu} offline by {switch}: the guest needs CPUs 0 to 3")
        })?;
        Ok(Self { switch })
    }
}

impl Drop for Offline {
    fn drop(&mut self) {
        // The demo is over; that it left a CPU offline would not change what it found.
        let _ = fs::write(&self.switch, "1");
    }
}

/// One more than the highest possible CPU.
pub(super) fn nr_cpu_ids() -> Result<u32> {
    let path = format!("{SYSFS}/possible");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let last = text.trim().rsplit(['-', ',']).next().unwrap_or_default();
    let last: u32 = last.parse().with_context(|| format!("{path}: {text:?}"))?;
    Ok(last + 1)
}

/// Keeps the calling thread on one CPU.
pub(super) fn pin(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &set).with_context(|| format!("cannot run on CPU {cpu}"))
}

/// The CPUs that the calling thread may use.
pub(super) fn allowed() -> Result<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0)).context("cannot ask for the affinity")?;
    Ok((0..CpuSet::count())
        .filter(|&cpu| set.is_set(cpu).unwrap_or(false))
        .collect())
}

/// Writes ascending CPUs as the kernel does (`%*pbl`): 0, 1, 2, 3 and 7 are `0-3,7`.
pub(super) fn list(cpus: &[usize]) -> String {
    let mut text = String::new();
    for run in cpus.chunk_by(|a, b| a + 1 == *b) {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = match run {
            [cpu] => write!(text, "{comma}{cpu}"),
            [first, .., last] => write!(text, "{comma}{first}-{last}"),
            [] => Ok(()),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn lists_are_the_kernels() {
        assert_eq!(list(&[]), "");
        assert_eq!(list(&[1, 3]), "1,3");
        assert_eq!(list(&[0, 1, 2, 3, 7, 62, 63]), "0-3,7,62-63");
    }
}
