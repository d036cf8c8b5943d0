// SPDX-License-Identifier: GPL-2.0-only
//! The files that the series touches, in a repository of their own, for `git am`.
//!
//! To put all of a kernel's sources into a repository would take minutes, and `git am` does not look
//! at what a patch leaves alone.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::series::{Patch, Series};

/// A patch, beside the files.
const MAIL: &str = ".git/mail";

/// A repository with as many patches applied as [`Repository::apply`] was given.
pub(crate) struct Repository {
    dir: TempDir,
}

impl Repository {
    /// A repository with the files of the tree `base` that `series` touches.
    pub(crate) fn new(base: &Path, series: &Series) -> Result<Self> {
        let this = Self::empty()?;
        for path in series.touched() {
            let (from, to) = (base.join(&path), this.file(&path));
            if from.exists() {
                fs::create_dir_all(to.parent().context("a file lies in a directory")?)?;
                fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
            }
        }
        this.git(["add", "--force", "."])?;
        this.git(["commit", "--quiet", "--allow-empty", "--message=base"])?;
        Ok(this)
    }

    /// One without files.
    fn empty() -> Result<Self> {
        let dir = tempfile::tempdir().context("cannot make a temporary directory")?;
        let this = Self { dir };
        this.git(["init", "--quiet", "--initial-branch=series"])?;
        Ok(this)
    }

    /// The same with the first `count` patches applied.
    pub(crate) fn with(base: &Path, series: &Series, count: usize) -> Result<Self> {
        let this = Self::new(base, series)?;
        let mut patches = series.patches.iter().take(count);
        patches.try_for_each(|patch| this.apply(patch))?;
        Ok(this)
    }

    /// Where the file `path` of the tree is.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// The directory that stands for the tree.
    pub(crate) fn tree(&self) -> &Path {
        self.dir.path()
    }

    /// Applies `patch` as `git am` does, and stricter: at the very lines that it names.
    pub(crate) fn apply(&self, patch: &Patch) -> Result<()> {
        // The text as it was read, whatever becomes of the file meanwhile.
        fs::write(self.file(MAIL), &patch.text)?;
        let said = self.git(["apply", "--check", "--verbose", MAIL])?;
        if let Some(line) = said.lines().find(|line| line.contains("(offset ")) {
            bail!("it applies, but not at its lines: {}", line.trim());
        }
        let am = self.git(["am", "--quiet", "--whitespace=error", MAIL]);
        am.map(drop)
    }

    /// Applies all of `series`, each patch where its lines are found: at their place or moved.
    pub(crate) fn apply_moved(&self, series: &Series) -> Result<()> {
        for patch in &series.patches {
            fs::write(self.file(MAIL), &patch.text)?;
            let am = self.git(["am", "--quiet", "--whitespace=error", MAIL]);
            am.with_context(|| patch.name.clone())?;
        }
        Ok(())
    }

    /// What git says; an error with its own words if it fails. The user's settings are not asked.
    fn git(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<String> {
        let mut git = Command::new("git");
        git.current_dir(&self.dir).args(args).stdin(Stdio::null());
        git.env("GIT_DIR", self.file(".git"));
        git.env("GIT_CONFIG_GLOBAL", "/dev/null");
        git.env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), "xtask");
            git.env(format!("GIT_{who}_EMAIL"), "xtask@localhost");
        }
        let output = git.output().context("cannot run git")?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        if !output.status.success() {
            let mut errors = said.lines().filter_map(|line| line.strip_prefix("error: "));
            // The lines that it did not find come first.
            let error = errors.find(|error| !error.starts_with("while searching"));
            bail!("{}", error.or(said.lines().last()).unwrap_or("git failed"));
        }
        Ok(said)
    }
}

/// The diff that makes the file `path` be `text`, from where `earlier` diffs have left it, of which
/// the first one adds it.
pub(super) fn diff<'a>(
    path: &str,
    earlier: impl Iterator<Item = &'a str>,
    text: &str,
) -> Result<String> {
    let repository = Repository::empty()?;
    for diff in earlier {
        fs::write(repository.file(MAIL), diff)?;
        let apply = repository.git(["apply", "--index", MAIL]);
        apply.with_context(|| format!("an earlier change of {path}"))?;
    }
    let file = repository.file(path);
    fs::create_dir_all(file.parent().context("a file lies in a directory")?)?;
    fs::write(file, text)?;
    repository.git(["add", "--force", "--intent-to-add", path])?;
    repository.git(["diff", "--abbrev=12"])
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";

    /// A patch of `LINES` that says it begins at line `at`, applied to `file`.
    fn applied(file: &str, at: u32) -> Result<String> {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "From 0 Mon Sep 17 00:00:00 2001\nFrom: A <a@b.example>\n\
             Date: Sun, 22 Nov 2026 18:00:00 +0000\nSubject: [PATCH 1/1] a: b\n\nWhy.\n---\n\
             diff --git a/a b/a\n--- a/a\n+++ b/a\n\
             @@ -{at},7 +{at},7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n-- \n2.47.3\n\n"
        );
        let path = dir.path().join("0001-a-b.patch");
        fs::write(&path, &text).unwrap();
        fs::write(dir.path().join("a"), file).unwrap();
        let patches = vec![Patch {
            name: "0001-a-b.patch".to_owned(),
            path,
            text,
        }];
        let series = Series { patches };
        let repository = Repository::new(dir.path(), &series).unwrap();
        repository.apply(&series.patches[0])?;
        Ok(fs::read_to_string(repository.file("a")).unwrap())
    }

    #[test]
    fn a_patch_goes_on_at_its_lines_and_nowhere_else() {
        assert_eq!(applied(LINES, 2).unwrap(), LINES.replace('5', "five"));
        let moved = applied(LINES, 3).unwrap_err().to_string();
        assert!(moved.contains("offset -1 line"), "{moved}");
        let other = applied("other\n", 2).unwrap_err().to_string();
        assert!(other.contains("patch failed: a:"), "{other}");
    }
}
