// SPDX-License-Identifier: GPL-2.0-only
//! Files, with errors that name them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The text of the file `path`.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
