// SPDX-License-Identifier: GPL-2.0-only
//! The patches of linux-patches/, one after the other, and what they touch.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;

use crate::workshop::files::write;

/// Where the patches lie in the checkout.
pub(crate) const DIR: &str = "linux-patches";
/// Where the kernel's tree has its BPF selftests.
pub(crate) const SELFTESTS: &str = "tools/testing/selftests/bpf";

/// Where the patched tree has the iterator.
pub(crate) const IN_TREE: &str = "kernel/bpf/iter_cpumask";

/// The patches, in their order.
pub(crate) struct Series {
    /// Each of them.
    pub(crate) patches: Vec<Patch>,
}

/// A patch as `git format-patch` writes it.
#[derive(Clone)]
pub(crate) struct Patch {
    /// Its series and its file's name, such as `iterator/0001-rust-kfuncs.patch`.
    pub(crate) name: String,
    /// The file.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) text: String,
}

impl Series {
    /// Whether there is a patch `name`, without its series, its number and `.patch`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.patches.iter().any(|patch| {
            let file = patch.name.rsplit('/').next().unwrap_or_default();
            let numbered = file.strip_suffix(".patch").unwrap_or_default();
            numbered
                .split_once('-')
                .is_some_and(|(_, rest)| rest == name)
        })
    }

    /// The first `count` patches.
    pub(crate) fn first(&self, count: usize) -> Self {
        Self {
            patches: self.patches.iter().take(count).cloned().collect(),
        }
    }

    /// The files of the tree that are no longer the same.
    pub(crate) fn touched(&self) -> BTreeSet<String> {
        let paths = self.patches.iter().flat_map(Patch::touched);
        paths.map(str::to_owned).collect()
    }

    /// Whether a patch adds the file `path` of the tree.
    pub(crate) fn adds(&self, path: &str) -> bool {
        let line = format!("diff --git a/{path} b/{path}\nnew file mode");
        self.patches.iter().any(|patch| patch.text.contains(&line))
    }

    /// The files that patches add to the `kernel` crate, by their paths in `rust/kernel/`.
    pub(crate) fn kernel_crate(&self) -> Vec<String> {
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
    pub(crate) fn touched(&self) -> impl Iterator<Item = &str> {
        let lines = self.text.lines();
        let paths = lines.filter_map(|line| line.strip_prefix("diff --git a/"));
        paths.filter_map(|both| both.split_once(" b/").map(|(path, _)| path))
    }

    /// Writes it anew.
    pub(super) fn write(&self, text: &str) -> Result<()> {
        write(&self.path, text)
    }
}
