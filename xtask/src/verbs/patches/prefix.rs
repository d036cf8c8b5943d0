// SPDX-License-Identifier: GPL-2.0-only
//! Kernels of a series' first patch, of its first two, and so on, each built from the one before.
//!
//! ```text
//! <cache>/prefix/<base>-<key>/tree       the base's sources and the patches so far
//!                            /build      a copy of the test kernel's build, brought up to date
//!                            /written    the files of `tree` that may not be the base's
//!                            /checked    a key for each prefix that is as it should be
//! ```
//!
//! Only files that a patch touches get a new time, so `make` does no more than the patch takes.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::objects;
use super::warnings;
use crate::guest::test_progs;
use crate::linux::patches::repository::Repository;
use crate::linux::patches::series::{Patch, SELFTESTS, Series};
use crate::linux::patches::tree::copy;
use crate::linux::target::Target;
use crate::linux::test_kernel::{self, Form};
use crate::workshop::cache::{self, Partial};
use crate::workshop::files::{make_dir, read, remove_dir};
use crate::workshop::project::Project;
use crate::workshop::run;
use crate::workshop::toolchain::Toolchain;

/// The kernel of as many patches as were checked last.
pub(super) struct Prefix<'a> {
    project: &'a Project,
    toolchain: Toolchain,
    base: &'a Path,
    dir: PathBuf,
    _lock: File,
}

impl<'a> Prefix<'a> {
    /// Opens what is there of an earlier run, or begins with the kernel without patches.
    pub(super) fn open(
        project: &'a Project,
        mut toolchain: Toolchain,
        base: &'a Path,
    ) -> Result<Self> {
        let plain = test_kernel::ensure(project, &mut toolchain, Form::Plain)?;
        let name = base.file_name().unwrap_or_default().display().to_string();
        let inputs = [
            &*base.display().to_string(),
            &*test_kernel::version(base)?,
            &*toolchain.rustc_version()?,
            &*Form::Prefix.config(base),
        ];
        let path = project.cache.path("prefix", &name, &inputs);
        if Project::tree_from_env("KERNEL_SRC")?.is_some() && path.exists() {
            // It may have been worked on since.
            remove_dir(&path)?;
        }
        let dir = project.cache.entry(path, Partial::Discard, |dir| {
            let (tree, build) = (dir.join("tree"), dir.join("build"));
            fs::create_dir(&tree)?;
            copy(base, &tree)?;
            let mut cp = Command::new("cp");
            cp.args(["--archive", "--reflink=auto"]);
            run::output(cp.arg(&plain.build).arg(&build)).map(drop)
        })?;
        toolchain.bind_over(&dir.join("tree"), base);
        Ok(Self {
            project,
            toolchain,
            base,
            _lock: cache::lock(&dir.join("lock"))?,
            dir,
        })
    }

    /// Checks `first`, all of which `repository` has applied; its last `new` patches have not been
    /// looked at.
    pub(super) fn check(&self, first: &Series, new: usize, repository: &Repository) -> Result<()> {
        let before = first.patches.len().saturating_sub(new);
        let patch = first.patches.last().context("the series is empty")?;
        let key = cache::key(&[&first.text()]);
        let checked = self.dir.join("checked");
        let done = fs::read_to_string(&checked).unwrap_or_default();
        if done.lines().any(|line| line == key) {
            println!("{}: checked before", patch.name);
            return Ok(());
        }
        let step = |what: &str| format!("{}: {what}", patch.name.replace('/', "-"));
        let patches = first.patches.iter().skip(before);
        let files: BTreeSet<&str> = patches.flat_map(Patch::touched).collect();
        let files: Vec<&str> = files.into_iter().collect();

        self.stage(first, repository)?;
        let said = self.warnings(&step("W=1 and clippy"), &files)?;
        if !said.is_empty() {
            // Some of them may have been there before.
            self.stage(first, &Repository::with(self.base, first, before)?)?;
            let before = self.warnings(&step("W=1 and clippy before"), &files)?;
            self.stage(first, repository)?;
            if let Some(warning) = warnings::added(&before, said).first() {
                bail!("W=1 or clippy warns of {warning}");
            }
        }
        self.build(&step("build"), &files)?;
        if files.iter().any(|file| file.starts_with(SELFTESTS)) {
            let target = Target {
                project: self.project,
                toolchain: self.toolchain.clone(),
                kernel: test_kernel::open(self.dir.join("build"))?,
            };
            test_progs::run(&target, &self.tree(), first, test_progs::SMP, &[])?;
        }
        let mut file = File::options().create(true).append(true).open(&checked)?;
        writeln!(file, "{key}")?;
        println!("{}: builds without a new warning", patch.name);
        Ok(())
    }

    fn tree(&self) -> PathBuf {
        self.dir.join("tree")
    }

    /// Makes the tree what `repository` has of what `first` touches, and configures the build of it.
    fn stage(&self, first: &Series, repository: &Repository) -> Result<()> {
        let touched = first.touched();
        let ledger = self.dir.join("written");
        let mut written: BTreeSet<String> = fs::read_to_string(&ledger)
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect();
        written.extend(touched.iter().cloned());
        fs::write(
            &ledger,
            written
                .iter()
                .map(|path| format!("{path}\n"))
                .collect::<String>(),
        )?;
        for path in &written {
            let wanted = match touched.contains(path) {
                true => repository.file(path),
                false => self.base.join(path),
            };
            let place = self.tree().join(path);
            let content = |path: &Path| path.exists().then(|| fs::read(path)).transpose();
            if content(&wanted)? == content(&place)? {
                continue;
            }
            match wanted.exists() {
                true => renew(&wanted, &place)?,
                false => fs::remove_file(&place)?,
            }
        }
        let build = self.dir.join("build");
        let config = Form::Prefix.config(&self.tree());
        test_kernel::configure(self.project, &self.toolchain, self.base, &build, &config)
    }

    /// What the compilers and clippy say of `files` when asked for more than usual.
    fn warnings(&self, name: &str, files: &[&str]) -> Result<Vec<String>> {
        let there = |file: &&str| self.tree().join(file).exists();
        let files: Vec<&str> = files.iter().copied().filter(there).collect();
        // They must be compiled, even if an interrupted run has done so.
        for file in &files {
            let path = self.tree().join(file);
            renew(&path, &path)?;
        }
        let targets = objects::of(&files);
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let mut make = self.make()?;
        make.args(["W=1", "--output-sync"]);
        if files.iter().any(|file| file.ends_with(".rs")) {
            make.arg("CLIPPY=1");
        }
        make.args(targets);
        self.project.runner.run(name, make)?;
        Ok(warnings::of(
            &read(&self.project.runner.log(name)?)?,
            &files,
        ))
    }

    /// Builds all of the kernel as the test kernel is built; it must not warn of `files`.
    fn build(&self, name: &str, files: &[&str]) -> Result<()> {
        let mut make = self.make()?;
        make.args(["bzImage", "modules"]);
        self.project.runner.run(name, make)?;
        let said = read(&self.project.runner.log(name)?)?;
        match warnings::of(&said, files).first() {
            Some(warning) => bail!("the build warns of {warning}"),
            None => Ok(()),
        }
    }

    fn make(&self) -> Result<Command> {
        let build = self.dir.join("build");
        test_kernel::make(self.project, &self.toolchain, self.base, &build)
    }
}

/// Writes the file `to` anew, as `from` is: with a time of its own, and not into a file of the
/// base's, whose links the tree consists of.
fn renew(from: &Path, to: &Path) -> Result<()> {
    let dir = to.parent().context("a file lies in a directory")?;
    make_dir(dir)?;
    let partial = dir.join(".renewed");
    fs::copy(from, &partial).with_context(|| format!("cannot copy {}", from.display()))?;
    fs::rename(&partial, to).with_context(|| format!("cannot write {}", to.display()))
}
