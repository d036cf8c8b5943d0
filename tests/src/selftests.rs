// SPDX-License-Identifier: GPL-2.0-only
//! The `selftests` and `sched-ext` verbs: the kernel's own `test_progs`, and the `runner` of its tests
//! of schedulers, as `cargo xtask selftests` built them.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

/// Where the initramfs has it.
const DIR: &str = "/selftests";

/// Runs `program` with `args`; its status is the verb's.
pub(crate) fn run(program: &str, args: &[String]) -> Result<ExitCode> {
    let status = Command::new(format!("{DIR}/{program}"))
        .current_dir(DIR)
        .args(args)
        .status()
        .with_context(|| format!("cannot run {program}"))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
