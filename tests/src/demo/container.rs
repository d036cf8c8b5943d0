// SPDX-License-Identifier: GPL-2.0-only
//! The container: a cgroup with a sparse cpuset and a memory limit, and a load in it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::load::{GO, READY};

/// A child of the root cgroup, so its `psi_group.parent` is the system's.
const CGROUP: &str = "/sys/fs/cgroup/container";
const ROOT_CONTROL: &str = "/sys/fs/cgroup/cgroup.subtree_control";

/// Above this many bytes the kernel slows the container's allocations down.
pub(super) const MEMORY_HIGH: usize = 16 << 20;

/// A running container; dropping it ends its load and removes it.
pub(super) struct Container {
    load: Child,
}

impl Container {
    /// Makes the cgroup, and starts the load in it.
    pub(super) fn start(cpuset: &str) -> Result<Self> {
        write(ROOT_CONTROL, "+cpuset +memory")?;
        fs::create_dir_all(CGROUP).with_context(|| format!("cannot make {CGROUP}"))?;
        write(&path("cpuset.cpus"), cpuset)?;
        write(&path("memory.high"), &MEMORY_HIGH.to_string())?;
        let load = Command::new("/proc/self/exe")
            .args(["demo", "--load"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the load")?;
        let mut container = Self { load };
        write(&path("cgroup.procs"), &container.pid().to_string())?;
        container.begin()?;
        Ok(container)
    }

    /// The process of the load; its first thread may use all CPUs of the container.
    pub(super) fn pid(&self) -> u32 {
        self.load.id()
    }

    /// Only now: threads that started before the move would be outside of the container.
    fn begin(&mut self) -> Result<()> {
        let input = self.load.stdin.as_mut().context("the load has no input")?;
        writeln!(input, "{GO}")?;
        let output = self
            .load
            .stdout
            .as_mut()
            .context("the load has no output")?;
        let mut answer = String::new();
        BufReader::new(output).read_line(&mut answer)?;
        ensure!(answer.trim_end() == READY, "the load did not start");
        Ok(())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // What was measured is measured; a cgroup left behind ends with the guest.
        let _ = self.load.kill();
        let _ = self.load.wait();
        let _ = fs::remove_dir(CGROUP);
    }
}

/// A file of the container's cgroup.
pub(super) fn path(file: &str) -> String {
    format!("{CGROUP}/{file}")
}

fn write(path: &str, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {text:?} to {path}"))
}
