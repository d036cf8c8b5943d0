// SPDX-License-Identifier: GPL-2.0-only
//! What the host must have: two Debian packages and some space. The rest lives in the toolchain.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workshop::project::Project;

/// Programs taken from the host, each with the Debian package that brings it.
pub(crate) const PROGRAMS: [(&str, &str); 3] = [
    ("mmdebstrap", "mmdebstrap"),
    ("bwrap", "bubblewrap"),
    ("tar", "tar"),
];

/// Free space, in GiB, that toolchain, kernel sources and kernels need together.
pub(crate) const SPACE_GIB: u64 = 12;

/// The packages that are missing here.
pub(crate) fn missing() -> Vec<&'static str> {
    let mut packages: Vec<_> = PROGRAMS
        .iter()
        .filter(|(program, _)| which::which(program).is_err())
        .map(|(_, package)| *package)
        .collect();
    // Without root, mmdebstrap maps a range of user ids.
    if !is_root() && which::which("newuidmap").is_err() {
        packages.push("uidmap");
    }
    packages
}

/// Installs what is missing if this is root, else names it.
pub(crate) fn ensure(project: &Project) -> Result<()> {
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !is_root() {
        bail!(
            "missing on this machine: {list}; as root: {}",
            install_line(&packages)
        );
    }
    if which::which("apt-get").is_err() {
        bail!("missing on this machine: {list}; install them with your package manager");
    }
    let mut update = Command::new("apt-get");
    update.arg("update");
    project.runner.run("host package lists", update)?;
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    install
        .args(["install", "--yes", "--no-install-recommends"])
        .args(&packages);
    project
        .runner
        .run(&format!("host packages {list}"), install)
}

/// The command that installs `packages`.
pub(crate) fn install_line(packages: &[&str]) -> String {
    format!(
        "apt-get install --no-install-recommends {}",
        packages.join(" ")
    )
}

/// Fails early, and clearly, when `dir` has less than `gib` GiB left.
pub(crate) fn ensure_space(dir: &Path, gib: u64) -> Result<()> {
    let free = free_gib(dir)?;
    if free < gib {
        bail!(
            "{free} GiB free at {}, {gib} needed; free some, or set XDG_CACHE_HOME to a larger place",
            dir.display()
        );
    }
    Ok(())
}

/// The space left at `dir`, in GiB.
pub(crate) fn free_gib(dir: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(dir)
        .with_context(|| format!("cannot ask for the free space of {}", dir.display()))?;
    Ok((stat.f_bavail * stat.f_frsize) >> 30)
}

/// Whether this process may install packages and change roots by itself.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
