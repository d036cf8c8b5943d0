// SPDX-License-Identifier: GPL-2.0-only
//! The `show` verb: files of the running kernel, such as `/proc/kallsyms`.
//!
//! Each is a line `file PATH` and then the file, packed by gzip and written in base 64: the serial
//! line is slow, and carries lines.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::init::BUSYBOX;

/// Prints `files`; one that this kernel does not have is empty.
pub(crate) fn run(files: &[String]) -> Result<ExitCode> {
    for file in files {
        println!("file {file}");
        let pack = "if [ -r \"$0\" ]; then gzip -c \"$0\" | base64; fi";
        let status = Command::new(BUSYBOX)
            .args(["sh", "-c", pack, file])
            .status();
        let status = status.with_context(|| format!("cannot run {BUSYBOX}"))?;
        ensure!(status.success(), "cannot read {file}: {status}");
    }
    Ok(ExitCode::SUCCESS)
}
