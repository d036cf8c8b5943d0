// SPDX-License-Identifier: GPL-2.0-only
//! Whether links in Markdown lead somewhere: to a file of the repository, and to a heading of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use walkdir::{DirEntry, WalkDir};

use crate::workshop::files::read;

/// Checks all relative links of the Markdown files below `top`, and says which are broken.
pub(super) fn check(top: &Path) -> Result<()> {
    let broken = broken(top)?;
    for line in &broken {
        println!("{line}");
    }
    if !broken.is_empty() {
        bail!("{} links lead nowhere", broken.len());
    }
    Ok(())
}

/// The broken ones, each as `file:line: what`.
fn broken(top: &Path) -> Result<Vec<String>> {
    let top = top.canonicalize()?;
    let mut pages = BTreeMap::new();
    for path in markdown(&top) {
        let page = Page::parse(&read(&path)?);
        pages.insert(path, page);
    }
    let mut broken = Vec::new();
    for (path, page) in &pages {
        let name = path.strip_prefix(&top)?.display();
        for (line, to) in &page.links {
            if let Some(why) = wrong(&top, &pages, path, to) {
                broken.push(format!("{name}:{line}: {to}: {why}"));
            }
        }
    }
    Ok(broken)
}

/// The Markdown files below `top`, but for what is built and what is hidden.
fn markdown(top: &Path) -> impl Iterator<Item = PathBuf> {
    let ours = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name == "target" || name.starts_with('.'))
    };
    let entries = WalkDir::new(top).into_iter().filter_entry(ours).flatten();
    let paths = entries.map(DirEntry::into_path);
    paths.filter(|path| path.extension().is_some_and(|found| found == "md"))
}

/// Why the link `to` on the page `from` leads nowhere, if it does.
fn wrong(
    top: &Path,
    pages: &BTreeMap<PathBuf, Page>,
    from: &Path,
    to: &str,
) -> Option<&'static str> {
    let (path, heading) = match to.split_once('#') {
        Some((path, heading)) => (path, Some(heading)),
        None => (to, None),
    };
    // From the repository's top on, if it begins with a slash.
    let base = match path.strip_prefix('/') {
        Some(_) => top,
        None => from.parent()?,
    };
    let file = match path.trim_start_matches('/') {
        "" if !path.starts_with('/') => from.to_path_buf(),
        path => match base.join(path).canonicalize() {
            Ok(file) => file,
            Err(_) => return Some("there is no such file"),
        },
    };
    if !file.starts_with(top) {
        return Some("that is outside the repository");
    }
    let headings = &pages.get(&file)?.headings;
    let known = heading.is_none_or(|heading| headings.contains(heading));
    (!known).then_some("the file has no such heading")
}

/// What of a page takes part in links.
#[derive(Default)]
struct Page {
    /// What follows the `#` in a link to each of its headings.
    headings: BTreeSet<String>,
    /// Its relative links, each with its line.
    links: Vec<(usize, String)>,
}

impl Page {
    fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let mut heading: Option<String> = None;
        for (event, at) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. })
                    if !is_absolute(&dest_url) =>
                {
                    let line = 1 + text[..at.start].matches('\n').count();
                    page.links.push((line, dest_url.into_string()));
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    page.add(&slug(&heading.take().unwrap_or_default()))
                }
                Event::Text(words) | Event::Code(words) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&words);
                    }
                }
                _ => {}
            }
        }
        page
    }

    /// A heading; those of the same words are told apart by numbers.
    fn add(&mut self, slug: &str) {
        let numbered = (1..).map(|number| format!("{slug}-{number}"));
        let mut names = std::iter::once(slug.to_owned()).chain(numbered);
        let free = names.find(|name| !self.headings.contains(name));
        self.headings.extend(free);
    }
}

/// Whether it begins with a scheme, such as `https:`.
fn is_absolute(link: &str) -> bool {
    let scheme = link.split_once(':').map_or("", |(scheme, _)| scheme);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// A heading as links have it: in small letters, with `-` for spaces and without punctuation.
fn slug(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
    let kept = heading.trim().chars().filter(kept);
    kept.flat_map(char::to_lowercase)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn broken_links_are_told_by_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("repository");
        fs::create_dir_all(top.join("docs")).unwrap();
        fs::create_dir_all(top.join("target")).unwrap();
        fs::write(dir.path().join("outside.md"), "").unwrap();
        fs::write(top.join("target/built.md"), "[gone](gone.md)").unwrap();
        let page = "# The `one`, twice\n\n## The one, twice\n\n[up](../README.md#top_1) [x](#the-one-twice-1)\n";
        fs::write(top.join("docs/page.md"), page).unwrap();
        let readme = "# Top_1!\n\n[a](docs/page.md#the-one-twice) [b](https://c.example/d#e) [f](/docs)\n\n\
            ```text\n[g](in-a-block.md)\n```\n\n| [h](gone.md) |\n|---|\n\n![i](docs/page.md#one) [j](#top)\n\
            [k](../outside.md) [l](docs/page.md#the-one-twice-2)\n";
        fs::write(top.join("README.md"), readme).unwrap();
        let wanted = [
            "README.md:9: gone.md: there is no such file",
            "README.md:12: docs/page.md#one: the file has no such heading",
            "README.md:12: #top: the file has no such heading",
            "README.md:13: ../outside.md: that is outside the repository",
            "README.md:13: docs/page.md#the-one-twice-2: the file has no such heading",
        ];
        assert_eq!(broken(&top).unwrap(), wanted);
    }
}
