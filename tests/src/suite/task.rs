// SPDX-License-Identifier: GPL-2.0-only
//! A task to look at: a child that only sleeps.

use std::process::{Child, Command};

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::init::BUSYBOX;

/// A sleeping child, killed when this goes.
pub(super) struct Sleeper(Child);

impl Sleeper {
    pub(super) fn new() -> Result<Self> {
        let child = Command::new(BUSYBOX).args(["sleep", "1000"]).spawn();
        Ok(Self(
            child.with_context(|| format!("cannot run {BUSYBOX}"))?,
        ))
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Lets the child run on these CPUs alone.
    pub(super) fn set_affinity(&self, cpus: &[u32]) -> Result<()> {
        let mut set = CpuSet::new();
        for &cpu in cpus {
            set.set(cpu.try_into()?)?;
        }
        let pid = Pid::from_raw(self.pid().try_into()?);
        sched_setaffinity(pid, &set).context("cannot set a task's affinity")
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        // It may have ended already; there is nothing else to do about it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
