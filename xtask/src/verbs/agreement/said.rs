// SPDX-License-Identifier: GPL-2.0-only
//! Running `verifier-model compare`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workshop::project::Project;

/// What `verifier-model compare` says; that it finds disagreements is no failure.
pub(super) fn say(project: &Project, corpus: &Path, args: &[&str]) -> Result<String> {
    let mut build = Command::new("cargo");
    build.current_dir(&project.checkout).args([
        "build",
        "--locked",
        "--release",
        "--package",
        "command",
        "--bin",
        "verifier-model",
    ]);
    project.runner.run("verifier-model", build)?;
    let program = target(project).join("release/verifier-model");
    let mut command = Command::new(&program);
    command
        .arg("compare")
        .arg(corpus)
        .args(args)
        .stderr(Stdio::inherit());
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    if !matches!(output.status.code(), Some(0 | 1)) {
        bail!("verifier-model compare failed: {}", output.status);
    }
    String::from_utf8(output.stdout).context("verifier-model compare says what is no text")
}

/// Cargo's directory of build products.
fn target(project: &Project) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => project.checkout.join(dir),
        None => project.checkout.join("target"),
    }
}
