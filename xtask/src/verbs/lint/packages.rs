// SPDX-License-Identifier: GPL-2.0-only
//! What `cargo package` makes of the crates that users need: a registry takes ten megabytes.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::workshop::project::Project;

/// What `verifier-model` is made of.
const PACKAGES: [&str; 5] = ["bpf", "verifier-model", "answers", "generated", "command"];

/// Most that a package may weigh.
const MOST_BYTES: u64 = 10_000_000;

/// Packs them all.
pub(super) fn check(project: &Project) -> Result<()> {
    let out = project.products("package")?;
    let mut package = Command::new("cargo");
    package.current_dir(&project.checkout);
    // That they compile is for the other steps, which have fetched all that is needed, too.
    package.args(["package", "--locked", "--offline"]);
    package.args(["--allow-dirty", "--no-verify"]);
    package.arg("--target-dir").arg(&out);
    for name in PACKAGES {
        package.args(["-p", name]);
    }
    project.runner.run("packages", package)?;
    let (packed, too_heavy) = weigh(&out.join("package"), MOST_BYTES)?;
    ensure!(
        packed >= PACKAGES.len(),
        "{packed} packages in {}",
        out.display()
    );
    if !too_heavy.is_empty() {
        bail!("over {MOST_BYTES} bytes: {}", too_heavy.join(", "));
    }
    Ok(())
}

/// How many packages there are in `dir`, and those of more than `most` bytes.
fn weigh(dir: &Path, most: u64) -> Result<(usize, Vec<String>)> {
    let (mut packed, mut too_heavy) = (0, Vec::new());
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".crate") {
            let bytes = entry.metadata()?.len();
            packed += 1;
            too_heavy.extend((bytes > most).then(|| format!("{name} ({bytes} bytes)")));
        }
    }
    Ok((packed, too_heavy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_heavy_is_named() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in [("a-1.crate", 10), ("b-1.crate", 11), ("c-1.tar", 12)] {
            fs::write(dir.path().join(name), vec![0; bytes]).unwrap();
        }
        let (packed, too_heavy) = weigh(dir.path(), 10).unwrap();
        assert_eq!(
            (packed, too_heavy.join(",")),
            (2, "b-1.crate (11 bytes)".to_owned())
        );
    }
}
