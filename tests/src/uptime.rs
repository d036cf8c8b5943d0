// SPDX-License-Identifier: GPL-2.0-only
//! The `uptime` verb: how long it took the kernel to get here.

use std::process::ExitCode;

use anyhow::Result;
use nix::time::{ClockId, clock_gettime};

/// Prints the time since the kernel started its clock, in nanoseconds. Under QEMU's `-icount` these
/// are instructions.
pub(crate) fn run() -> Result<ExitCode> {
    let up = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    println!("{}", up.tv_sec() * 1_000_000_000 + up.tv_nsec());
    Ok(ExitCode::SUCCESS)
}
