// SPDX-License-Identifier: GPL-2.0-only
//! The `shell` verb: a busybox shell on the guest's second serial line.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::init::BUSYBOX;

/// Becomes a shell with job control, on a terminal made fit for a person.
pub(crate) fn run() -> Result<ExitCode> {
    busybox(&["--install", "-s", "/bin"])?;
    // Init left the line raw; a person wants echo, line editing and Ctrl-C.
    busybox(&["stty", "sane"])?;
    let error = Command::new(BUSYBOX)
        .args(["setsid", "-c", BUSYBOX, "sh", "-l"])
        .env("PATH", "/bin")
        .env("HOME", "/")
        .env("PS1", "guest# ")
        .exec();
    Err(error).with_context(|| format!("cannot run {BUSYBOX}"))
}

fn busybox(args: &[&str]) -> Result<()> {
    let status = Command::new(BUSYBOX).args(args).status();
    let status = status.with_context(|| format!("cannot run {BUSYBOX}"))?;
    anyhow::ensure!(status.success(), "busybox {}: {status}", args.join(" "));
    Ok(())
}
