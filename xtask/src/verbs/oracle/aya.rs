// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask oracle --aya`: what the kernel says of programs that aya loads, written down for the
//! model's test.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::build::initramfs;
use crate::corpus::ask;
use crate::linux::target::Target;
use crate::workshop::files::{read, write};

/// The objects, and where they come from.
const OBJECTS: &str = "verifier-model/tests/inputs/aya";

/// Asks, and writes the answers to a file in `directory`, or compares with what is written.
pub(super) fn run(target: &Target<'_>, directory: &Path, check: bool) -> Result<()> {
    let base = initramfs::build(target)?;
    let said = ask::ask_aya(target, &base, &target.project.checkout.join(OBJECTS))?;
    print!("{said}");
    let path = directory.join("aya.txt");
    if check {
        ensure!(read(&path)? == said, "answers differ from the written ones");
        return Ok(());
    }
    write(&path, said)?;
    println!("written to {}", path.display());
    Ok(())
}
