// SPDX-License-Identifier: GPL-2.0-only
//! What a kernel said of maps: a line each, packed, as the lines are much alike.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// Reads the lines.
pub fn read_maps(path: &Path) -> Result<String> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = String::new();
    let unpacked = GzDecoder::new(file).read_to_string(&mut lines);
    unpacked.with_context(|| path.display().to_string())?;
    Ok(lines)
}

/// Writes them.
pub fn write_maps(path: &Path, lines: &str) -> Result<()> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(lines.as_bytes())?;
    fs::write(path, packed.finish()?).with_context(|| format!("cannot write {}", path.display()))
}
