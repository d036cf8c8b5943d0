// SPDX-License-Identifier: GPL-2.0-only
//! The guest's only program, the `guest` package of `tests/`: static, built in the toolchain.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::linux::archive::BACKPORTS;
use crate::workshop::cache::Partial;
use crate::workshop::debian::Suite;
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds the static program in the toolchain, with the crates that the host fetches.
pub(crate) fn build(project: &Project, toolchain: &Toolchain) -> Result<PathBuf> {
    let mut fetch = Command::new("cargo");
    fetch
        .current_dir(&project.checkout)
        .args(["fetch", "--locked", "--quiet"]);
    project.runner.run("crates", fetch)?;
    let target = project.products("guest")?;
    let mut build = cargo(project, toolchain, &target, "build")?;
    build.args([
        "--release",
        "--frozen",
        "--package",
        "guest",
        "--target",
        TARGET,
    ]);
    project.runner.run("guest program", build)?;
    Ok(target.join(TARGET).join("release/guest"))
}

/// Clippy over the guest's program, where its libraries are.
pub(crate) fn lint(project: &Project, toolchain: &Toolchain) -> Result<()> {
    let target = project.products("guest")?;
    let mut clippy = cargo(project, toolchain, &target, "clippy")?;
    clippy.args([
        "--release",
        "--frozen",
        "--package",
        "guest",
        "--target",
        TARGET,
        "--all-targets",
        "--",
        "-Dwarnings",
    ]);
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

fn cargo(project: &Project, toolchain: &Toolchain, target: &Path, verb: &str) -> Result<Command> {
    let libraries = format!(
        "{}:/usr/lib/x86_64-linux-gnu",
        libelf(project, toolchain)?.display()
    );
    let mut command = toolchain.cargo(&[
        ("CARGO_TARGET_DIR", target.display().to_string()),
        ("RUSTFLAGS", "-Ctarget-feature=+crt-static".to_owned()),
        ("LIBBPF_SYS_LIBRARY_PATH", libraries),
    ])?;
    // `cargo clippy` would look for rustup's wrapper first, which has no toolchain inside.
    match verb {
        "clippy" => command.arg("cargo-clippy"),
        _ => command.arg("cargo"),
    };
    command
        .arg(verb)
        .arg("--manifest-path")
        .arg(project.checkout.join("Cargo.toml"));
    Ok(command)
}
