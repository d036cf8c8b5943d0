// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask patches`: the series of linux-patches/.

mod shared;
mod tree;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Subcommand;

use crate::kernel::read;
use crate::project::Project;

pub(crate) use tree::{copy, tree};

/// Where the series lies in the checkout.
const DIR: &str = "linux-patches";
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
    /// Write the files that the series shares with kfunc/ into the patches again.
    Refresh,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    match args.verb {
        Verb::Refresh => shared::refresh(project, &Series::open(project)?),
    }
}

/// The patches, in their order.
pub(crate) struct Series {
    patches: Vec<Patch>,
}

/// A patch as `git format-patch` writes it.
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

    /// Whether a patch adds the file `path` of the tree.
    pub(crate) fn adds(&self, path: &str) -> bool {
        let line = format!("diff --git a/{path} b/{path}\nnew file mode");
        self.patches.iter().any(|patch| patch.text.contains(&line))
    }

    /// All that is applied, as one text.
    pub(crate) fn text(&self) -> String {
        self.patches
            .iter()
            .map(|patch| patch.text.as_str())
            .collect()
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
    fn write(&self, text: &str) -> Result<()> {
        fs::write(&self.path, text).with_context(|| format!("cannot write {}", self.path.display()))
    }
}
