// SPDX-License-Identifier: GPL-2.0-only
//! Text packed by gzip: what a kernel said of maps, or to loaders that lack capabilities. The lines are
//! much alike.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// Reads a packed text.
pub fn read_packed(path: &Path) -> Result<String> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = String::new();
    let unpacked = GzDecoder::new(file).read_to_string(&mut lines);
    unpacked.with_context(|| path.display().to_string())?;
    Ok(lines)
}

/// Writes one.
pub fn write_packed(path: &Path, lines: &str) -> Result<()> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(lines.as_bytes())?;
    fs::write(path, packed.finish()?).with_context(|| format!("cannot write {}", path.display()))
}
