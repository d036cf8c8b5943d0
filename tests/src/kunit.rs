// SPDX-License-Identifier: GPL-2.0-only
//! The `kunit` verb: how the kernel's own tests ended, which ran while it booted.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

/// Where KUnit keeps its results, a directory for each suite; `CONFIG_KUNIT_DEBUGFS`.
const RESULTS: &str = "/sys/kernel/debug/kunit";

/// Prints the results of `suite`, in KTAP.
pub(crate) fn run(suite: &str) -> Result<ExitCode> {
    let path = Path::new(RESULTS).join(suite).join("results");
    let results =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(!results.trim().is_empty(), "{suite} has not run");
    print!("{results}");
    Ok(ExitCode::SUCCESS)
}
