// SPDX-License-Identifier: GPL-2.0-only
//! A cgroup of one's own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const ROOT: &str = "/sys/fs/cgroup";

/// A child of the root cgroup, removed when this goes.
pub(super) struct Cgroup(PathBuf);

impl Cgroup {
    pub(super) fn new(name: &str) -> Result<Self> {
        let path = Path::new(ROOT).join(name);
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    /// Lets the root hand a controller to its children.
    pub(super) fn enable(controller: &str) -> Result<()> {
        write(
            &Path::new(ROOT).join("cgroup.subtree_control"),
            &format!("+{controller}"),
        )
    }

    /// Writes one of the cgroup's files.
    pub(super) fn write(&self, file: &str, value: &str) -> Result<()> {
        write(&self.0.join(file), value)
    }

    /// The cgroup's directory.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // It stays for as long as a task is in it; the guest goes soon, too.
        let _ = fs::remove_dir(&self.0);
    }
}

fn write(path: &Path, value: &str) -> Result<()> {
    fs::write(path, value).with_context(|| format!("cannot write {value} to {}", path.display()))
}
