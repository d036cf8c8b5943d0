// SPDX-License-Identifier: GPL-2.0-only
//! The files that the series share with kfunc/.
//!
//! They are written there and nowhere else: `cargo xtask patches refresh` makes the patch that adds
//! one from it again, and a patched tree whose file differs is not used.
//!
//! Where several patches touch a file, the last of them is made again: it takes the file from where
//! the others leave it to where kfunc/ has it. The others stand as they are.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::companions;
use super::repository;
use super::series::{IN_TREE, Patch, Series};
use crate::workshop::files::read;
use crate::workshop::project::Project;
use crate::workshop::run;

/// Where a file of kfunc/ lies in the patched tree.
const SHARED: [(&str, &str); 11] = [
    ("include/linux/rust_kfunc.h", "include/linux/rust_kfunc.h"),
    ("scripts/Makefile.kfunc", "scripts/Makefile.kfunc"),
    ("scripts/kfunc_guard.sh", "scripts/kfunc_guard.sh"),
    ("src/kfunc.rs", "rust/kernel/kfunc.rs"),
    (MAIN, "bpf_iter_cpumask_main.rs"),
    ("src/cpumask_iter.h", "cpumask_iter.h"),
    ("src/cpumask_iter.rs", "cpumask_iter.rs"),
    ("src/cpumask_masks.rs", "cpumask_masks.rs"),
    ("src/prototypes.c", "prototypes.c"),
    ("src/prototypes.rs", "prototypes.rs"),
    ("src/walk.rs", "walk.rs"),
];

/// A module outside the tree brings `kfunc` along, inside it is the kernel crate's.
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
        let text = companions::without(&text);
        let to = match to.contains('/') {
            true => to.to_owned(),
            false => format!("{IN_TREE}/{to}"),
        };
        Ok((to, text))
    };
    SHARED.into_iter().map(file).collect()
}

/// Whether the patched `tree` has the shared files that `series` adds as kfunc/ has them.
pub(crate) fn check(project: &Project, tree: &Path, series: &Series) -> Result<()> {
    for (path, text) in files(project)? {
        if series.adds(&path) && read(&tree.join(&path))? != text {
            bail!("the series' {path} is not as in kfunc/: run `cargo xtask patches refresh`");
        }
    }
    Ok(())
}

/// Whether there is a patch in `all` for each shared file.
pub(crate) fn check_all_added(project: &Project, all: &Series) -> Result<()> {
    match files(project)?.iter().find(|(path, _)| !all.adds(path)) {
        Some((path, _)) => bail!("no series adds {path}, which kfunc/ has"),
        None => Ok(()),
    }
}

/// Makes the patches of all series anew from the shared files.
pub(crate) fn refresh(project: &Project, series: &Series) -> Result<()> {
    for (patch, text) in series
        .patches
        .iter()
        .zip(refreshed(series, &files(project)?)?)
    {
        if text != patch.text {
            patch.write(&text)?;
            println!("{}", patch.name);
        }
    }
    Ok(())
}

/// The patches with the shared files as they are now.
fn refreshed(series: &Series, files: &[(String, String)]) -> Result<Vec<String>> {
    let mails = series.patches.iter().map(Mail::of);
    let mut mails = mails.collect::<Result<Vec<_>>>()?;
    for (path, text) in files {
        let of_file = format!("diff --git a/{path} b/{path}\n");
        let mut diffs = mails.iter_mut().flat_map(|mail| &mut mail.diffs);
        let mut diffs: Vec<&mut String> = diffs
            .by_ref()
            .filter(|diff| diff.starts_with(&of_file))
            .collect();
        if let Some(last) = diffs.pop() {
            *last = repository::diff(path, diffs.iter().map(|diff| diff.as_str()), text)?;
        }
    }
    mails.iter().map(Mail::text).collect()
}

/// A patch in its parts.
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
struct Mail<'a> {
    message: &'a str,
    diffs: Vec<String>,
    version: &'a str,
}

impl<'a> Mail<'a> {
    fn of(patch: &'a Patch) -> Result<Self> {
        let cut = || format!("{} is not as git format-patch writes it", patch.name);
        let (message, rest) = patch.text.split_once("\n---\n").with_context(cut)?;
        let (_, diffs) = rest.split_once("\n\ndiff --git ").with_context(cut)?;
        let (diffs, version) = diffs.rsplit_once("\n-- \n").with_context(cut)?;
        let diffs = diffs.split("\ndiff --git ");
        Ok(Self {
            message,
            diffs: diffs.map(|diff| format!("diff --git {diff}\n")).collect(),
            version,
        })
    }

    fn text(&self) -> Result<String> {
        let Self {
            message, version, ..
        } = self;
        let diffs = self.diffs.concat();
        let mut git = Command::new("git");
        // In a repository git would leave out what is not below the current directory.
        git.current_dir(std::env::temp_dir());
        git.args(["apply", "--stat", "--summary", "-"]);
        let summary = run::output_of(&mut git, &diffs)?;
        Ok(format!("{message}\n---\n{summary}\n{diffs}-- \n{version}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A series of one patch that adds `a` and changes `b`, and one that changes `a`.
    fn series() -> Series {
        let patch = |name: &str, diffs: &str| Patch {
            name: name.to_owned(),
            path: name.into(),
            text: format!(
                "From 0 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] {name}\n\nWhy.\n---\n{diffs}-- \n2.47.3\n\n"
            ),
        };
        let first = " a |    2 ++\n b |    2 +-\n 2 files changed, 3 insertions(+), 1 deletion(-)\n \
             create mode 100644 a\n\n\
             diff --git a/a b/a\nnew file mode 100644\nindex 000000000000..94954abda49d\n\
             --- /dev/null\n+++ b/a\n@@ -0,0 +1,2 @@\n+hello\n+world\n\
             diff --git a/b b/b\nindex 1..2 100644\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-x\n+y\n";
        let second = " a |    2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n\n\
             diff --git a/a b/a\nindex 94954abda49d..5762d627e406 100644\n--- a/a\n+++ b/a\n\
             @@ -1,2 +1,2 @@\n hello\n-world\n+moon\n";
        Series {
            patches: vec![patch("0001-a.patch", first), patch("0002-a.patch", second)],
        }
    }

    fn with_a(series: &Series, text: &str) -> Vec<String> {
        refreshed(series, &[("a".to_owned(), text.to_owned())]).unwrap()
    }

    #[test]
    fn patches_made_anew_of_the_same_files_are_the_same() {
        let series = series();
        let texts: Vec<String> = series.patches.iter().map(|p| p.text.clone()).collect();
        assert_eq!(with_a(&series, "hello\nmoon\n"), texts);
        let first = series.first(1);
        assert_eq!(with_a(&first, "hello\nworld\n"), texts[..1]);
    }

    #[test]
    fn the_one_patch_of_a_file_adds_it_as_it_is() {
        let other = &with_a(&series().first(1), "hello\n")[0];
        assert!(other.contains("@@ -0,0 +1 @@\n+hello\ndiff"), "{other}");
        assert!(
            other.contains(" 2 files changed, 2 insertions(+), 1 deletion(-)"),
            "{other}"
        );
    }

    #[test]
    fn the_last_patch_of_a_file_takes_the_change() {
        let series = series();
        let texts = with_a(&series, "hello\nsun\n");
        assert_eq!(texts[0], series.patches[0].text);
        assert!(
            texts[1].contains(" hello\n-world\n+sun\n-- \n"),
            "{}",
            texts[1]
        );
    }
}
