// SPDX-License-Identifier: GPL-2.0-only
//! The guest's only program, the `guest` package of `tests/`: static, built in the toolchain.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::foreign::Foreign;
use crate::linux::archive::BACKPORTS;
use crate::workshop::arch::Arch;
use crate::workshop::cache::Partial;
use crate::workshop::debian::Suite;
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// Builds the static program in the toolchain, with the crates that the host fetches.
pub(crate) fn build(project: &Project, toolchain: &Toolchain) -> Result<PathBuf> {
    let mut fetch = Command::new("cargo");
    fetch
        .current_dir(&project.checkout)
        .args(["fetch", "--locked", "--quiet"]);
    project.runner.run("crates", fetch)?;
    let target = target_dir(project, toolchain.arch())?;
    let build = cargo(project, toolchain, &target, "build")?;
    project.runner.run("guest program", build)?;
    let made = target.join(toolchain.arch().rust());
    Ok(made.join("release/guest"))
}

/// Clippy over the guest's program, where its libraries are.
pub(crate) fn lint(project: &Project, toolchain: &Toolchain) -> Result<()> {
    let target = target_dir(project, toolchain.arch())?;
    let mut clippy = cargo(project, toolchain, &target, "clippy")?;
    clippy.args(["--all-targets", "--", "-Dwarnings"]);
    project.runner.run("clippy of the guest program", clippy)
}

/// A static libelf that is whole: the one of the toolchain's release lacks the objects with
/// `eu_search_tree_init()`, the one of its backports suite has them.
fn libelf(project: &Project, toolchain: &Toolchain) -> Result<PathBuf> {
    let path = project.cache.path("libelf", "libelf", &["1"]);
    let dir = project.cache.entry(path, Partial::Discard, |dir| {
        let suite = Suite::fetch(project, toolchain, BACKPORTS)?;
        let found = suite.find("^libelf-dev$")?.into_iter().next();
        let package = found.with_context(|| format!("{} has no libelf-dev", BACKPORTS))?;
        suite.unpack(&[package], dir)
    })?;
    Ok(dir.join("usr/lib/x86_64-linux-gnu"))
}

/// Cargo's directory for what it builds. Another compiler has another one.
fn target_dir(project: &Project, arch: Arch) -> Result<PathBuf> {
    match arch {
        Arch::Amd64 => project.products("guest"),
        Arch::Arm64 => project.products("guest-arm64"),
    }
}

fn cargo(project: &Project, toolchain: &Toolchain, target: &Path, verb: &str) -> Result<Command> {
    let mut environment = vec![
        ("CARGO_TARGET_DIR", target.display().to_string()),
        ("RUSTFLAGS", "-Ctarget-feature=+crt-static".to_owned()),
    ];
    let arch = toolchain.arch();
    match arch {
        Arch::Amd64 => {
            let libelf = libelf(project, toolchain)?;
            let libraries = format!("{}:/usr/lib/{}", libelf.display(), arch.triplet());
            environment.push(("LIBBPF_SYS_LIBRARY_PATH", libraries));
        }
        Arch::Arm64 => environment.extend(Foreign::ensure(project, toolchain)?.environment()),
    }
    let mut command = toolchain.cargo(&environment)?;
    // `cargo clippy` would look for rustup's wrapper first, which has no toolchain inside.
    match verb {
        "clippy" => command.arg("cargo-clippy"),
        _ => command.arg("cargo"),
    };
    command
        .arg(verb)
        .arg("--manifest-path")
        .arg(project.checkout.join("Cargo.toml"));
    command.args(["--release", "--frozen", "--package", "guest"]);
    command.args(["--target", arch.rust()]);
    Ok(command)
}
