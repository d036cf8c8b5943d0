// SPDX-License-Identifier: GPL-2.0-only
//! Whether the folders of a crate stand on each other: each imports only what stands below it, and no
//! files import each other in a circle. A crate's test brings the table.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use walkdir::WalkDir;

/// A crate's folders.
pub(crate) struct Tower<'a> {
    /// The folder of its sources.
    pub(crate) src: &'a str,
    /// Each folder, or file beside the folders, from the lowest up, and what it may import. What has
    /// no line of its own belongs to the folder it lies in; the crate's root, on top, may import all.
    pub(crate) storeys: &'a [(&'a str, &'a str)],
    /// Files that import each other on purpose.
    pub(crate) circles: &'a [(&'a str, &'a str)],
}

impl Tower<'_> {
    /// What imports what stands above it, or nothing of the table.
    pub(crate) fn imports_upwards(&self) -> String {
        let folders: Vec<&str> = self.storeys.iter().map(|(folder, _)| *folder).collect();
        let mut wrong = String::new();
        for (at, (folder, below)) in self.storeys.iter().enumerate() {
            let mut below = below.split_whitespace();
            if let Some(name) = below.find(|name| !folders[..at].contains(name)) {
                wrong += &format!("\nthe table has no {name} below {folder}");
            }
        }
        for (module, file) in files(self.src).iter().filter(|(m, _)| !m.is_empty()) {
            let mine = owner(module, folders.iter().copied());
            let Some((home, below)) = self.storeys.iter().find(|(f, _)| mine == Some(f)) else {
                wrong += &format!("\nthe table has no {module}");
                continue;
            };
            for (to, line) in imports(module, file) {
                // What is no module is an item of the crate's root, such as a macro.
                let from = owner(&to, folders.iter().copied()).unwrap_or("the crate's root");
                if from != *home && !below.split_whitespace().any(|name| name == from) {
                    let place = format!("{}:{line}", file.display());
                    wrong += &format!("\n{place}: {home} imports from {from}: {to}");
                }
            }
        }
        wrong
    }

    /// Files that import each other in a circle, and are not said to.
    pub(crate) fn unknown_circles(&self) -> Vec<(String, String)> {
        let files = files(self.src);
        let mut left: BTreeSet<(&str, &str)> = BTreeSet::new();
        for (module, file) in &files {
            for to in imports(module, file).keys() {
                let other = owner(to, files.keys().map(String::as_str));
                left.extend(other.iter().map(|other| (module.as_str(), *other)));
            }
        }
        left.retain(|(from, to)| from != to && !self.circles.contains(&(*from, *to)));
        // Only what imports, and is imported itself, can be in a circle.
        let mut before = 0;
        while left.len() != before {
            before = left.len();
            let (importing, imported): (BTreeSet<_>, BTreeSet<_>) = left.iter().copied().unzip();
            left.retain(|(from, to)| importing.contains(to) && imported.contains(from));
        }
        let owned = |(from, to): (&str, &str)| (from.to_owned(), to.to_owned());
        left.into_iter().map(owned).collect()
    }
}

/// The longest of `names` that is `path` or what it lies in.
fn owner<'a>(path: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let is = |name: &&str| Path::new(path).starts_with(name);
    names.into_iter().filter(is).max_by_key(|name| name.len())
}

/// The files of `src`, by their modules, such as `linux/stock`.
fn files(src: &str) -> BTreeMap<String, PathBuf> {
    let files = WalkDir::new(src)
        .into_iter()
        .map(|entry| entry.unwrap().into_path());
    let named = files.filter_map(|file| {
        let mut module = file.strip_prefix(src).unwrap().with_extension("");
        if ["mod", "main", "lib"]
            .iter()
            .any(|name| module.ends_with(name))
        {
            module.pop();
        }
        let is_rust = file.extension().is_some_and(|extension| extension == "rs");
        is_rust.then(|| (module.display().to_string(), file))
    });
    named.collect()
}

/// The modules and items that `file` names, and in which line first.
fn imports(module: &str, file: &Path) -> BTreeMap<String, usize> {
    let tokens = fs::read_to_string(file).unwrap().parse().unwrap();
    let mut found = BTreeMap::new();
    scan(tokens, Path::new(module), &mut found);
    found
}

/// Finds the paths that begin with `crate`, `super`, `self` or a module declared beside them, in `use`
/// and anywhere else.
fn scan(tokens: TokenStream, module: &Path, found: &mut BTreeMap<String, usize>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let text: Vec<String> = tokens.iter().map(TokenTree::to_string).collect();
    let children = text.windows(2).filter(|pair| pair[0] == "mod");
    let mut starts: BTreeSet<&str> = children.map(|pair| &*pair[1]).collect();
    starts.extend(["crate", "super", "self"]);
    let colons = |at: usize| text.get(at..at + 2).is_some_and(|pair| pair == [":", ":"]);
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            let inline = at > 1 && text[at - 2] == "mod";
            // Tests may look at what stands above.
            if inline && text[at - 1] == "tests" {
                continue;
            }
            let inner = if inline {
                module.join(&text[at - 1])
            } else {
                module.to_path_buf()
            };
            scan(group.stream(), &inner, found);
        } else if starts.contains(&*text[at]) && colons(at + 1) && !(at > 1 && colons(at - 2)) {
            ends(&tokens[at..], module.to_path_buf(), found);
        }
    }
}

/// Follows a path from the module `at` to its ends, of which one with braces has many.
fn ends(tokens: &[TokenTree], mut at: PathBuf, found: &mut BTreeMap<String, usize>) {
    let is = |token: &TokenTree, char| matches!(token, TokenTree::Punct(p) if p.as_char() == char);
    match &tokens[0] {
        TokenTree::Group(group) => {
            let items: Vec<TokenTree> = group.stream().into_iter().collect();
            let items = items
                .split(|token| is(token, ','))
                .filter(|item| !item.is_empty());
            return items.for_each(|item| ends(item, at.clone(), found));
        }
        TokenTree::Ident(name) if name == "crate" => at.clear(),
        TokenTree::Ident(name) if name == "super" => drop(at.pop()),
        TokenTree::Ident(name) if name != "self" => at.push(name.to_string()),
        _ => {}
    }
    match &tokens[1..] {
        [one, two, rest @ ..] if is(one, ':') && is(two, ':') => ends(rest, at, found),
        _ => drop(
            found
                .entry(at.display().to_string())
                .or_insert(tokens[0].span().start().line),
        ),
    }
}
