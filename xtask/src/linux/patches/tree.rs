// SPDX-License-Identifier: GPL-2.0-only
//! The base's sources with the series applied.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::series::Series;
use super::shared;
use crate::workshop::cache::Partial;
use crate::workshop::project::Project;
use crate::workshop::run;

/// The tree `base` with `series` applied, beside it. What no patch touches is the same file.
pub(crate) fn patched(project: &Project, base: &Path, series: &Series) -> Result<PathBuf> {
    let name = base.file_name().unwrap_or_default().display().to_string();
    let place = base.display().to_string();
    let path = project
        .cache
        .path("patched", &name, &[&place, &series.text()]);
    let tree = project.cache.entry(path, Partial::Discard, |dir| {
        copy(base, dir)?;
        for patch in &series.patches {
            apply(dir, &patch.path, &[])
                .with_context(|| format!("{} does not apply to {name}", patch.name))?;
        }
        Ok(())
    })?;
    shared::check(project, &tree, series)?;
    Ok(tree)
}

/// Copies the tree `from` to the empty directory `to`, by links where they share a file system:
/// `git apply` writes a file anew, it never writes into one.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    let copy = |how: &str| {
        let mut cp = Command::new("cp");
        cp.args(["--archive", how]).arg(from.join(".")).arg(to);
        run::output(&mut cp).map(drop)
    };
    copy("--link").or_else(|_| {
        fs::remove_dir_all(to)?;
        fs::create_dir(to)?;
        copy("--reflink=auto")
    })
}

/// Applies a patch as `git am` does: at its place or moved, but never with fuzz.
fn apply(tree: &Path, patch: &Path, options: &[&str]) -> Result<()> {
    let mut git = Command::new("git");
    // A repository that the tree happens to lie in is none of its business.
    git.env("GIT_CEILING_DIRECTORIES", tree.parent().unwrap_or(tree));
    git.current_dir(tree).args(["apply", "--whitespace=error"]);
    git.args(options).arg(patch);
    run::output(&mut git).map(drop)
}
