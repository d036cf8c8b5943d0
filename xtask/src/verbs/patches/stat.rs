// SPDX-License-Identifier: GPL-2.0-only
//! The table of changed files in a cover letter: what the patches change by now.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use crate::linux::patches::series::Patch;

/// Holds the table of `cover` against `patches`. A file that several of them touch is not looked
/// at, nor is one whose path is cut short: git alone knows what these come to.
pub(super) fn check(cover: &Patch, patches: &[Patch]) -> Result<()> {
    let mut changed: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (path, lines) in patches.iter().flat_map(changes) {
        changed.entry(path).or_default().push(lines);
    }
    for line in cover.text.lines() {
        let Some((path, count)) = row(line) else {
            continue;
        };
        let said = &changed.get(path);
        ensure!(said.is_some(), "{}: no patch touches {path}", cover.name);
        if let Some([lines]) = said.map(Vec::as_slice) {
            ensure!(
                *lines == count,
                "{}: {path} has {count} changed lines, and {lines} in the patch",
                cover.name
            );
        }
    }
    let files = changed.len();
    ensure!(
        files == 0 || cover.text.contains(&format!(" {files} files changed, ")),
        "{}: the patches touch {files} files",
        cover.name
    );
    Ok(())
}

/// A row ` path | 12 ++--`, unless the path is cut short.
fn row(line: &str) -> Option<(&str, usize)> {
    let (path, count) = line.strip_prefix(' ')?.split_once(" | ")?;
    let (path, count) = (path.trim(), count.split_whitespace().next()?);
    (!path.starts_with("...")).then_some((path, count.parse().ok()?))
}

/// The files of a patch, and how many lines it takes from or adds to each.
fn changes(patch: &Patch) -> Vec<(&str, usize)> {
    let mut files: Vec<(&str, usize)> = Vec::new();
    let mut in_hunk = false;
    // The mail's signature comes behind.
    for line in patch.text.lines().take_while(|line| *line != "-- ") {
        if let Some(rest) = line.strip_prefix("diff --git a/") {
            let path = rest.split_once(" b/").map_or(rest, |(path, _)| path);
            files.push((path, 0));
            in_hunk = false;
        } else if line.starts_with("@@ ") {
            in_hunk = true;
        } else if in_hunk && line.starts_with(['+', '-']) {
            files
                .iter_mut()
                .last()
                .into_iter()
                .for_each(|file| file.1 += 1);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(text: &str) -> Patch {
        Patch {
            name: "n".to_owned(),
            path: "n".into(),
            text: text.to_owned(),
        }
    }

    const ONE: &str = "diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1 +1,2 @@\n-a\n+b\n+c\n\
                       diff --git a/b.c b/b.c\n--- /dev/null\n+++ b/b.c\n@@ -0,0 +1 @@\n+++ b;\n-- \n2.47.3\n";
    const TWO: &str =
        "diff --git a/b.c b/b.c\n--- a/b.c\n+++ b/b.c\n@@ -1 +1 @@\n-x\n+y\n-- \n2.47.3\n";

    fn said(rows: &str, patches: &[&str]) -> String {
        let patches: Vec<Patch> = patches.iter().map(|text| mail(text)).collect();
        let said = check(&mail(rows), &patches);
        said.err().map_or(String::new(), |error| error.to_string())
    }

    #[test]
    fn a_table_is_what_the_patches_change() {
        let rows =
            " a.c   | 3 ++-\n b.c   | 1 +\n .../c | 7 +\n 2 files changed, 3 insertions(+)\n";
        assert_eq!(said(rows, &[ONE]), "");
        let b_is_twice = rows.replace("| 1 +", "| 9 +");
        assert_eq!(said(&b_is_twice, &[ONE, TWO]), "");
        for (from, to, wanted) in [
            ("| 3", "| 4", "a.c has 4 changed lines, and 3 in the patch"),
            ("b.c", "d.c", "no patch touches d.c"),
            (" 2 files", " 3 files", "touch 2 files"),
        ] {
            let said = said(&rows.replace(from, to), &[ONE]);
            assert!(said.contains(wanted), "{said}, not {wanted}");
        }
    }
}
