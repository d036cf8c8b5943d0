// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask lint`: formatting, clippy and documentation, of the host's code with the host's
//! tools and of the kernel's code with the kernel's own; links between documents; and packages.

mod links;
mod packages;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use walkdir::WalkDir;

use super::patches;
use crate::build::guest_program;
use crate::build::module;
use crate::linux::release::Release;
use crate::linux::target::Target;
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// The stock kernel whose tools look at the kernel's code.
const RELEASE: Release = Release { major: 7, minor: 3 };

/// What is compiled into the kernel or by clang for BPF.
const KERNEL_DIRS: [&str; 4] = [
    "bench/c-port",
    "kfunc",
    "tests/example-kfunc",
    "tests/programs",
];

/// What checkpatch says of any BPF program: externs and volatile are how one talks to the loader
/// and to the compiler, a message to be matched has one line, a loop's macro is the head of a loop
/// and sets what it is given, and the kernel's types have their own names.
const BPF_HABITS: &str = "AVOID_EXTERNS,VOLATILE,PREFER_DEFINED_ATTRIBUTE_MACRO,SPLIT_STRING,\
    MACRO_ARG_REUSE,MULTISTATEMENT_MACRO_USE_DO_WHILE,ASSIGN_IN_IF,CAMELCASE";

/// Runs the verb.
pub(crate) fn run(project: &Project) -> Result<()> {
    let cargo = |name: &str, args: &[&str]| {
        let mut command = Command::new("cargo");
        command.current_dir(&project.checkout).args(args);
        project.runner.run(name, command)
    };
    links::check(&project.checkout)?;
    cargo("rustfmt", &["fmt", "--all", "--check"])?;
    cargo(
        "clippy",
        &["clippy", "--locked", "--all-targets", "--", "-Dwarnings"],
    )?;
    let mut doc = Command::new("cargo");
    doc.current_dir(&project.checkout)
        .env("RUSTDOCFLAGS", "-Dwarnings");
    doc.args(["doc", "--locked", "--no-deps"]);
    project.runner.run("documentation", doc)?;
    packages::check(project)?;

    guest_program::lint(project, &Toolchain::ensure(project)?)?;
    kernel_code(&Target::stock(project, RELEASE)?)
}

/// The kernel's clippy and rustfmt settings, and checkpatch.
fn kernel_code(target: &Target<'_>) -> Result<()> {
    let Target {
        project,
        toolchain,
        kernel,
    } = target;
    let source = kernel.build.join("source").canonicalize();
    let source = source.with_context(|| format!("{} names no source", kernel.build.display()))?;

    module::clippy(target)?;

    let mut rustfmt = toolchain.command("rustfmt");
    rustfmt
        .args(["--check", "--config-path"])
        .arg(source.join(".rustfmt.toml"));
    rustfmt.args(files(project, &["rs"]));
    project.runner.run("kernel rustfmt", rustfmt)?;

    let mut checkpatch = toolchain.command("perl");
    checkpatch.arg(source.join("scripts/checkpatch.pl"));
    // FILE_PATH_CHANGES and the like speak of patches, not of files.
    checkpatch.args(["--no-tree", "--strict", "--terse", "--show-types", "--file"]);
    checkpatch.args(["--ignore", BPF_HABITS]);
    checkpatch.args(files(project, &["c", "h"]));
    // It keeps the names that it has met in a file where it is started.
    checkpatch.current_dir(project.products("checkpatch")?);
    project.runner.run("checkpatch", checkpatch)?;

    patches::check_style(project, toolchain, &source)
}

fn files(project: &Project, extensions: &[&str]) -> Vec<PathBuf> {
    let dirs = KERNEL_DIRS.iter().map(|dir| project.checkout.join(dir));
    dirs.flat_map(|dir| WalkDir::new(dir).sort_by_file_name())
        .flatten()
        .map(walkdir::DirEntry::into_path)
        .filter(|path| {
            path.extension()
                .is_some_and(|found| extensions.iter().any(|e| found == *e))
        })
        .collect()
}
