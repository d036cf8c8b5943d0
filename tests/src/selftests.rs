// SPDX-License-Identifier: GPL-2.0-only
//! The `selftests` verb: the kernel's own `test_progs`, as `cargo xtask selftests` built it.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

/// Where the initramfs has it.
const DIR: &str = "/selftests";

/// Runs `test_progs` with `args`; its status is the verb's.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let status = Command::new(format!("{DIR}/test_progs"))
        .current_dir(DIR)
        .args(args)
        .status()
        .context("cannot run test_progs")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
