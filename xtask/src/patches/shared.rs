// SPDX-License-Identifier: GPL-2.0-only
//! The files that the series shares with kfunc/.
//!
//! They are written there and nowhere else: a patch that adds one is made from it again by
//! `cargo xtask patches refresh`, and a patched tree whose file differs is not used.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Patch, Series};
use crate::kernel::{IN_TREE, read};
use crate::project::Project;
use crate::run;

/// Where a file of kfunc/ lies in the patched tree.
const SHARED: [(&str, &str); 10] = [
    (
        "include/linux/bpf_iter_cpumask.h",
        "include/linux/bpf_iter_cpumask.h",
    ),
    ("include/linux/rust_kfunc.h", "include/linux/rust_kfunc.h"),
    ("scripts/Makefile.kfunc", "scripts/Makefile.kfunc"),
    ("src/kfunc.rs", "rust/kernel/kfunc.rs"),
    (MAIN, "bpf_iter_cpumask_main.rs"),
    ("src/cpumask_iter.rs", "cpumask_iter.rs"),
    ("src/cpumask_masks.rs", "cpumask_masks.rs"),
    ("src/prototypes.c", "prototypes.c"),
    ("src/prototypes.rs", "prototypes.rs"),
    ("src/walk.rs", "walk.rs"),
];

/// The one file with a difference: a module outside the tree brings `kfunc` along, inside it is
/// the kernel crate's.
const MAIN: &str = "src/bpf_iter_cpumask_main.rs";
const OUTSIDE: &str = "use kernel::prelude::*;\n\npub mod kfunc;\n";
const INSIDE: &str = "use kernel::{\n    kfunc,\n    prelude::*, //\n};\n";

/// The shared files, by their paths in the patched tree.
fn files(project: &Project) -> Result<Vec<(String, String)>> {
    let file = |(from, to): (&str, &str)| {
        let mut text = read(&project.checkout.join("kfunc").join(from))?;
        if from == MAIN {
            if text.matches(OUTSIDE).count() != 1 {
                bail!("kfunc/{from} does not bring kfunc along as expected");
            }
            text = text.replace(OUTSIDE, INSIDE);
        }
        let to = match to.contains('/') {
            true => to.to_owned(),
            false => format!("{IN_TREE}/{to}"),
        };
        Ok((to, text))
    };
    SHARED.into_iter().map(file).collect()
}

/// Whether the patched `tree` has the shared files as kfunc/ has them.
pub(super) fn check(project: &Project, tree: &Path) -> Result<()> {
    for (path, text) in files(project)? {
        if read(&tree.join(&path))? != text {
            bail!("the series' {path} is not as in kfunc/: run `cargo xtask patches refresh`");
        }
    }
    Ok(())
}

/// Makes the patches anew from the shared files.
pub(super) fn refresh(project: &Project, series: &Series) -> Result<()> {
    let files = files(project)?;
    for patch in &series.patches {
        let text = refreshed(patch, &files)?;
        if text != patch.text {
            patch.write(&text)?;
            println!("{}", patch.name);
        }
    }
    Ok(())
}

/// The patch with the shared files that it adds as they are now, and its summary.
///
/// ```text
/// mail header, commit message
/// ---
///  summary
///
/// diff --git a/FILE b/FILE
/// …
/// --
/// version of git
/// ```
fn refreshed(patch: &Patch, files: &[(String, String)]) -> Result<String> {
    let cut = || format!("{} is not as git format-patch writes it", patch.name);
    let (message, rest) = patch.text.split_once("\n---\n").with_context(cut)?;
    let (_, diffs) = rest.split_once("\n\ndiff --git ").with_context(cut)?;
    let (diffs, version) = diffs.rsplit_once("\n-- \n").with_context(cut)?;
    let mut body = String::new();
    for diff in diffs.split("\ndiff --git ") {
        let added = files
            .iter()
            .find(|(path, _)| diff.starts_with(&format!("a/{path} b/{path}\nnew file mode")));
        match added {
            Some((path, text)) => body += &addition(path, text)?,
            None => body += &format!("diff --git {diff}\n"),
        }
    }
    let mut git = Command::new("git");
    // In a repository git would leave out what is not below the current directory.
    git.current_dir(std::env::temp_dir());
    git.args(["apply", "--stat", "--summary", "-"]);
    let summary = run::output_of(&mut git, &body)?;
    Ok(format!("{message}\n---\n{summary}\n{body}-- \n{version}"))
}

/// A diff that adds the file `path` with `text`.
fn addition(path: &str, text: &str) -> Result<String> {
    let mut git = Command::new("git");
    let hash = run::output_of(git.args(["hash-object", "--stdin"]), text)?;
    let hash = hash.get(..12).context("git gives no hash")?;
    let count = text.lines().count();
    let lines: String = text.lines().map(|line| format!("+{line}\n")).collect();
    Ok(format!(
        "diff --git a/{path} b/{path}\nnew file mode 100644\nindex 000000000000..{hash}\n\
         --- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{count} @@\n{lines}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_made_anew_of_the_same_files_is_the_same() {
        let text = "From 0 Mon Sep 17 00:00:00 2001\nSubject: [PATCH 1/1] a: b\n\nWhy.\n---\n \
             a |    2 ++\n b |    2 +-\n 2 files changed, 3 insertions(+), 1 deletion(-)\n create mode 100644 a\n\n\
             diff --git a/a b/a\nnew file mode 100644\nindex 000000000000..94954abda49d\n\
             --- /dev/null\n+++ b/a\n@@ -0,0 +1,2 @@\n+hello\n+world\n\
             diff --git a/b b/b\nindex 1..2 100644\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-x\n+y\n-- \n2.47.3\n\n";
        let patch = Patch {
            name: "0001-a-b.patch".to_owned(),
            path: "0001-a-b.patch".into(),
            text: text.to_owned(),
        };
        let files = |text: &str| vec![("a".to_owned(), text.to_owned())];
        assert_eq!(refreshed(&patch, &files("hello\nworld\n")).unwrap(), text);
        let other = refreshed(&patch, &files("hello\n")).unwrap();
        assert!(other.contains("@@ -0,0 +1,1 @@\n+hello\ndiff"), "{other}");
        assert!(
            other.contains(" 2 files changed, 2 insertions(+), 1 deletion(-)"),
            "{other}"
        );
    }
}
