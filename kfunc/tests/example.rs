// SPDX-License-Identifier: GPL-2.0-only
//! `tests/example-kfunc` is what `docs/writing-a-kfunc.md` says, file by file.
//!
//! A fenced block whose first line names a file after the language is a piece of that file; the
//! pieces follow each other. `BLESS=1` writes the files from the page.

use std::{collections::BTreeMap, env, fs, path::Path};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/writing-a-kfunc.md");
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/example-kfunc");

#[test]
fn example_is_what_the_page_says() {
    let page = fs::read_to_string(PAGE).unwrap();
    let said = files(&page);
    assert!(!said.is_empty(), "no block of the page names a file");

    for (name, text) in &said {
        let path = Path::new(EXAMPLE).join(name);
        if env::var_os("BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == *text,
            "{name} is not as the page says; BLESS=1 writes it from there"
        );
    }

    let mut sources = vec![];
    walk(Path::new(EXAMPLE), &mut sources);
    for source in sources {
        assert!(
            said.contains_key(source.as_str()),
            "the page says nothing of {source}"
        );
    }
}

/// The files that the page's blocks make up, by name.
fn files(page: &str) -> BTreeMap<&str, String> {
    let mut files = BTreeMap::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            continue;
        };
        let block = lines.by_ref().take_while(|line| *line != "```");
        let text: String = block.flat_map(|line| [line, "\n"]).collect();
        if let Some((_, name)) = language.split_once(' ') {
            files
                .entry(name)
                .or_insert_with(String::new)
                .push_str(&text);
        }
    }
    files
}

/// Every source below `dir`. What Kbuild leaves behind has other names.
fn walk(dir: &Path, sources: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, sources);
            continue;
        }
        let name = path.strip_prefix(EXAMPLE).unwrap().to_str().unwrap();
        let kbuild = name.ends_with(".mod.c") || name.ends_with("_generated.rs");
        if !kbuild
            && [".rs", ".c", ".h", "Kbuild"]
                .iter()
                .any(|end| name.ends_with(end))
        {
            sources.push(name.to_owned());
        }
    }
}
