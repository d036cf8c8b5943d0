// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask patches`: the series of linux-patches/.

mod kunit;
mod measure;
mod prefix;
mod repository;
mod shared;
mod style;
mod tree;
mod warnings;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Subcommand;

use crate::test_kernel;
use crate::workshop::files::read;
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;
use prefix::Prefix;
use repository::Repository;
use style::Explained;

pub(crate) use tree::{copy, tree};

/// Where the series lies in the checkout.
pub(crate) const DIR: &str = "linux-patches";
/// Where the kernel's tree has its BPF selftests.
pub(crate) const SELFTESTS: &str = "tools/testing/selftests/bpf";

/// `cargo xtask patches`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Check the series patch by patch: that it applies, its style, and that each prefix builds.
    Check {
        /// Build nothing: only whether it applies, checkpatch and rustfmt.
        #[arg(long)]
        no_build: bool,
    },
    /// Build a kernel that tests itself: the doctests of the Rust that the series adds, memory left behind.
    Kunit,
    /// Measure what the series adds: sizes, and instructions to boot.
    Measure,
    /// Write the files that the series shares with kfunc/ into the patches again.
    Refresh,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let series = Series::open(project)?;
    match args.verb {
        Verb::Check { no_build } => check(project, &series, no_build),
        Verb::Kunit => kunit::run(project, &series),
        Verb::Measure => measure::run(project),
        Verb::Refresh => shared::refresh(project, &series),
    }
}

fn check(project: &Project, series: &Series, no_build: bool) -> Result<()> {
    let mut toolchain = Toolchain::ensure(project)?;
    let (base, _) = test_kernel::base(project, &mut toolchain)?;
    check_style(project, &toolchain, &base, series)?;
    if no_build {
        return Ok(());
    }
    let repository = Repository::new(&base, series)?;
    let prefix = Prefix::open(project, &mut toolchain, &base, series)?;
    for (count, patch) in (1..).zip(&series.patches) {
        let checked = repository
            .apply(patch)
            .and_then(|()| prefix.check(count, &repository));
        checked.with_context(|| patch.name.clone())?;
    }
    Ok(())
}

/// What can be checked without a build, on the sources `base`.
pub(crate) fn check_style(
    project: &Project,
    toolchain: &Toolchain,
    base: &Path,
    series: &Series,
) -> Result<()> {
    let repository = Repository::new(base, series)?;
    let mut explained = Explained::open(project)?;
    for patch in &series.patches {
        let applied = repository.apply(patch);
        applied
            .and_then(|()| style::check(toolchain, base, &repository, patch, &mut explained))
            .with_context(|| patch.name.clone())?;
        println!("{}: applies, in style", patch.name);
    }
    shared::check(project, repository.tree())?;
    explained.finish()
}

/// The patches, in their order.
pub(crate) struct Series {
    patches: Vec<Patch>,
}

/// A patch as `git format-patch` writes it.
#[derive(Clone)]
struct Patch {
    name: String,
    path: PathBuf,
    text: String,
}

impl Series {
    /// Reads the patches that the file `series` names. The cover letter is none of them.
    pub(crate) fn open(project: &Project) -> Result<Self> {
        let dir = project.checkout.join(DIR);
        let mut patches = Vec::new();
        for name in read(&dir.join("series"))?.lines() {
            let path = dir.join(name);
            patches.push(Patch {
                name: name.to_owned(),
                text: read(&path)?,
                path,
            });
        }
        if patches.is_empty() {
            bail!("{DIR}/series names no patch");
        }
        Ok(Self { patches })
    }

    /// Whether there is a patch `name`, without its number and `.patch`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.patches.iter().any(|patch| {
            let numbered = patch.name.strip_suffix(".patch").unwrap_or_default();
            numbered
                .split_once('-')
                .is_some_and(|(_, rest)| rest == name)
        })
    }

    /// The first `count` patches.
    fn first(&self, count: usize) -> Self {
        Self {
            patches: self.patches.iter().take(count).cloned().collect(),
        }
    }

    /// The files of the tree that are no longer the same.
    fn touched(&self) -> BTreeSet<String> {
        let paths = self.patches.iter().flat_map(Patch::touched);
        paths.map(str::to_owned).collect()
    }

    /// Whether a patch adds the file `path` of the tree.
    pub(crate) fn adds(&self, path: &str) -> bool {
        let line = format!("diff --git a/{path} b/{path}\nnew file mode");
        self.patches.iter().any(|patch| patch.text.contains(&line))
    }

    /// The files that patches add to the `kernel` crate, by their paths in `rust/kernel/`.
    fn kernel_crate(&self) -> Vec<String> {
        let added = self.touched().into_iter().filter(|path| self.adds(path));
        let files = added.filter_map(|path| {
            let file = path.strip_prefix("rust/kernel/")?;
            file.ends_with(".rs").then(|| file.to_owned())
        });
        files.collect()
    }

    /// All that is applied, as one text: the patches without who wrote them, when and why.
    pub(crate) fn text(&self) -> String {
        let diffs = self.patches.iter().filter_map(|patch| {
            let at = patch.text.find("\ndiff --git ")?;
            patch.text.get(at..)
        });
        diffs.collect()
    }

    /// What of it a kernel is built from, as one text: documentation and tests are not.
    pub(crate) fn code(&self) -> String {
        let diffs = self.patches.iter().flat_map(|patch| {
            let diffs = patch.text.split("\ndiff --git a/").skip(1);
            diffs.map(|diff| diff.split("\n-- \n").next().unwrap_or_default())
        });
        diffs
            .filter(|diff| {
                ["Documentation/", "MAINTAINERS ", "tools/testing/"]
                    .iter()
                    .all(|path| !diff.starts_with(path))
            })
            .collect()
    }
}

impl Patch {
    /// The files of the tree that it adds, changes or removes.
    fn touched(&self) -> impl Iterator<Item = &str> {
        let lines = self.text.lines();
        let paths = lines.filter_map(|line| line.strip_prefix("diff --git a/"));
        paths.filter_map(|both| both.split_once(" b/").map(|(path, _)| path))
    }

    fn write(&self, text: &str) -> Result<()> {
        fs::write(&self.path, text).with_context(|| format!("cannot write {}", self.path.display()))
    }
}
