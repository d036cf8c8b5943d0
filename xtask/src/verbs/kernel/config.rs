// SPDX-License-Identifier: GPL-2.0-only
//! A kernel's configuration as the model ships it.

use std::fmt::Write as _;

use anyhow::Result;

use crate::linux::kernel::Kernel;
use crate::workshop::files::read;

/// The options that are set, and what of the file's head is not the usual.
pub(super) fn of(kernel: &Kernel) -> Result<String> {
    let mut config = format!("# Linux {}\n", kernel.release);
    for line in read(&kernel.build.join(".config"))?.lines() {
        // Another kernel's, if the archive has none of this one.
        if line.starts_with("CONFIG_") || line.starts_with("# The archive ") {
            let _ = writeln!(config, "{line}");
        }
    }
    Ok(config)
}
