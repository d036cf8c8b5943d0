// SPDX-License-Identifier: GPL-2.0-only
//! Small programs that are loaded for what the verifier says of them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use generated::batch::Batch;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::ask::ask_raw;
use crate::linux::target::Target;
use crate::workshop::files::{make_dir, read, write};

/// What became of a probe.
#[derive(Deserialize)]
pub(crate) struct Said {
    /// 0, or why it was refused.
    #[serde(default)]
    pub(crate) errno: i32,
    /// The verifier's last line, if it was refused.
    #[serde(default)]
    pub(crate) message: String,
    /// Its place in the batch; the last line of all has none.
    program: Option<u64>,
}

/// Loads the `count` programs of `batch` in a guest that boots into `base`, with these modules besides.
pub(crate) fn load(
    target: &Target<'_>,
    base: &Path,
    (batch, count): (Batch, usize),
    modules: &[PathBuf],
) -> Result<Vec<Said>> {
    let bytes = batch.into_bytes();
    // A kernel says the same of the same programs; that it has said is kept.
    let name: String = Sha256::digest(&bytes)
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let dir = target.products()?.join("probes");
    make_dir(&dir)?;
    let (path, kept) = (dir.join(&name), dir.join(name + ".jsonl"));
    let said = if kept.exists() && modules.is_empty() {
        read(&kept)?
    } else {
        write(&path, bytes)?;
        let said = ask_raw(target, base, &path, modules)?;
        std::fs::remove_file(&path)?;
        if modules.is_empty() {
            write(&kept, &said)?;
        }
        said
    };
    let lines = said.lines().map(|line| {
        let line: Result<Said, _> = serde_json::from_str(line);
        line.with_context(|| format!("no answer: {}", said.lines().last().unwrap_or_default()))
    });
    let mut lines: Vec<Said> = lines.collect::<Result<_>>()?;
    lines.retain(|line| line.program.is_some());
    let answers = lines.len();
    ensure!(answers == count, "{answers} answers to {count} programs");
    Ok(lines)
}
