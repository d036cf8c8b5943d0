// SPDX-License-Identifier: GPL-2.0-only
//! The `demo` verb.

use anyhow::bail;

/// Runs the demo with the words that followed `demo`.
pub(crate) fn run(_args: Vec<String>) -> anyhow::Result<()> {
    bail!("demo: not built yet")
}
