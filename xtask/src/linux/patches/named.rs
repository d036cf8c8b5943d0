// SPDX-License-Identifier: GPL-2.0-only
//! The small series that linux-patches/ consists of, each of which can be sent by itself.
//!
//! ```text
//! linux-patches/series                the names of all, in an order that one tree takes them in
//!               NAME/0000-…           the cover letter, if the series has more than one patch
//!               NAME/0001-… 0002-…    its patches
//!               NAME/stands-on        the names of the series that it needs, if it needs any
//! ```

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::series::{DIR, Patch, Series};
use crate::workshop::files::read;
use crate::workshop::project::Project;

/// One of them.
pub(crate) struct Named {
    /// Its name.
    pub(crate) name: String,
    /// The patches of the series that it stands on.
    pub(crate) base: Series,
    /// Its own.
    pub(crate) own: Series,
    /// Its cover letter.
    pub(crate) cover: Option<Patch>,
}

impl Named {
    /// What it stands on and itself, as one.
    pub(crate) fn whole(&self) -> Series {
        let patches = [&self.base.patches[..], &self.own.patches[..]].concat();
        Series { patches }
    }
}

/// All of them, in their order.
pub(crate) fn all(project: &Project) -> Result<Vec<Named>> {
    open(&project.checkout.join(DIR))
}

/// All patches of all of them, in the order in which one tree takes them.
pub(crate) fn one_after_another(project: &Project) -> Result<Series> {
    let patches = all(project)?
        .into_iter()
        .flat_map(|series| series.own.patches);
    Ok(Series {
        patches: patches.collect(),
    })
}

fn open(dir: &Path) -> Result<Vec<Named>> {
    let mut all: Vec<Named> = Vec::new();
    for name in read(&dir.join("series"))?.lines() {
        let mut mails = mails(dir, name)?;
        let cover = match mails.first() {
            Some(first) if first.name.contains("/0000-") => Some(mails.remove(0)),
            _ => None,
        };
        ensure!(!mails.is_empty(), "{DIR}/{name} has no patch");
        let mut base = Series {
            patches: Vec::new(),
        };
        for below in lines(&dir.join(name).join("stands-on"))? {
            let Some(below) = all.iter().find(|series| series.name == below) else {
                bail!("{DIR}/{name} stands on {below}, which {DIR}/series does not have before it");
            };
            base.patches.extend_from_slice(&below.own.patches);
        }
        all.push(Named {
            name: name.to_owned(),
            base,
            own: Series { patches: mails },
            cover,
        });
    }
    ensure!(!all.is_empty(), "{DIR}/series names no series");
    Ok(all)
}

/// The lines of a file that need not be there.
fn lines(path: &Path) -> Result<Vec<String>> {
    match path.exists() {
        true => Ok(read(path)?.lines().map(str::to_owned).collect()),
        false => Ok(Vec::new()),
    }
}

/// The cover letter and the patches of the series `name`, by their numbers.
fn mails(dir: &Path, name: &str) -> Result<Vec<Patch>> {
    let place = dir.join(name);
    let entries = fs::read_dir(&place).with_context(|| format!("{DIR}/series names {name}"))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "patch"));
    paths.sort();
    let patch = |path: std::path::PathBuf| {
        let file = path.file_name().unwrap_or_default().display();
        Ok(Patch {
            name: format!("{name}/{file}"),
            text: read(&path)?,
            path,
        })
    };
    paths.into_iter().map(patch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with the file `series` and files of one line.
    fn of(series: &str, files: &[(&str, &str)]) -> Result<Vec<Named>> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("series"), series).unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        open(dir.path())
    }

    #[test]
    fn a_series_has_what_it_stands_on_below_it() {
        let files = [
            ("low/0001-a.patch", "a"),
            ("high/0002-c.patch", "c"),
            ("high/0001-b.patch", "b"),
            ("high/0000-cover-letter.patch", "why"),
            ("high/stands-on", "low\n"),
        ];
        let all = of("low\nhigh\n", &files).unwrap();
        let names = |series: &Series| -> Vec<String> {
            series.patches.iter().map(|p| p.name.clone()).collect()
        };
        assert_eq!(
            names(&all[1].own),
            ["high/0001-b.patch", "high/0002-c.patch"]
        );
        assert_eq!(names(&all[1].base), ["low/0001-a.patch"]);
        assert_eq!(all[1].whole().patches.len(), 3);
        assert!(all[0].cover.is_none() && all[1].cover.is_some());
    }

    #[test]
    fn what_does_not_fit_is_said_in_a_line() {
        let low = ("low/0001-a.patch", "a");
        let said = |series: &str, files: &[(&str, &str)]| match of(series, files) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        assert!(said("", &[]).contains("names no series"));
        assert!(said("low\n", &[]).contains("names low"));
        assert!(said("low\n", &[("low/0000-cover-letter.patch", "")]).contains("no patch"));
        let above = [low, ("low/stands-on", "high\n"), ("high/0001-b.patch", "b")];
        assert!(said("low\nhigh\n", &above).contains("stands on high"));
    }
}
