// SPDX-License-Identifier: GPL-2.0-only
//! A task to look at: a child that only passes its time.

use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::init::BUSYBOX;

/// A child, killed when this goes.
pub(super) struct Task(Child);

impl Task {
    /// One that sleeps.
    pub(super) fn sleeping() -> Result<Self> {
        Self::run(Command::new(BUSYBOX).args(["sleep", "1000"]))
    }

    /// One that keeps a CPU busy.
    pub(super) fn busy() -> Result<Self> {
        Self::run(Command::new(BUSYBOX).arg("yes").stdout(Stdio::null()))
    }

    /// One that is switched to again and again.
    pub(super) fn blinking() -> Result<Self> {
        let forever = "while :; do usleep 1000; done";
        Self::run(Command::new(BUSYBOX).args(["sh", "-c", forever]))
    }

    fn run(command: &mut Command) -> Result<Self> {
        Ok(Self(
            command
                .spawn()
                .with_context(|| format!("cannot run {BUSYBOX}"))?,
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

impl Drop for Task {
    fn drop(&mut self) {
        // It may have ended already; there is nothing else to do about it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
