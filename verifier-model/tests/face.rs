// SPDX-License-Identifier: GPL-2.0-only
//! What others see of this crate, held against `tests/face.txt`: whoever changes it does so on
//! purpose. `BLESS=1 cargo test -p verifier-model --test face` writes the file anew.

use std::fs;
use std::path::Path;

use walkdir::WalkDir;

#[test]
fn the_face_is_the_one_that_was_agreed_on() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lib = fs::read_to_string(root.join("src/lib.rs")).expect("the root");
    let mut names = exported(&lib);
    names.sort();
    assert!(
        names.len() <= 34,
        "a face of {} names: {names:?}",
        names.len()
    );
    let sources = ["src", "bpf/src"].map(|dir| WalkDir::new(root.join(dir)));
    let mut sources: Vec<String> = sources
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("a source").into_path())
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| fs::read_to_string(path).expect("a source"))
        .collect();
    sources.sort();
    let shown: Vec<String> = names.iter().map(|name| shown(name, &sources)).collect();
    let shown = shown.join("\n");
    let file = root.join("tests/face.txt");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &shown).expect("a file to write");
    }
    let agreed = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(agreed, shown, "the face has changed; see tests/face.rs");
}

/// Names and, after `as`, the names that they have inside.
fn exported(lib: &str) -> Vec<String> {
    let uses = lib.split("pub use ").skip(1);
    let lists = uses.filter_map(|rest| rest.split_once(';').map(|(list, _)| list));
    let names = lists.flat_map(|list| {
        let list = list.split_once('{').map_or_else(
            || list.rsplit("::").next().unwrap_or(list),
            |(_, names)| names.trim_end_matches('}'),
        );
        list.split(',').map(|name| name.trim().to_owned())
    });
    names.filter(|name| !name.is_empty()).collect()
}

/// The definition of a name as rustfmt writes it: its first line, and the first lines of what it has
/// that is public.
fn shown(name: &str, sources: &[String]) -> String {
    let inside = name.split(" as ").next().unwrap_or(name);
    let defines = |line: &str| {
        let line = line.trim_start_matches("pub ");
        ["struct ", "enum ", "fn ", "type "].iter().any(|kind| {
            let rest = line.strip_prefix(kind).and_then(|l| l.strip_prefix(inside));
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    };
    let mut out = format!("{name}\n");
    for source in sources {
        let lines = source.lines().take_while(|line| *line != "#[cfg(test)]");
        let mut enumerates = false;
        let mut within = false;
        for line in lines {
            if line.starts_with("pub ") && defines(line) {
                out += &format!("  {line}\n");
                enumerates = line.starts_with("pub enum");
                within = line.ends_with('{') && !line.contains("fn ");
            } else if line.starts_with("impl") && implements(line, inside) {
                within = true;
            } else if line.starts_with('}') {
                (within, enumerates) = (false, false);
            } else if let Some(item) = line.strip_prefix("    ")
                && within
            {
                let variant = enumerates && item.starts_with(char::is_uppercase);
                let public = item.starts_with("pub ") || variant;
                if public && !item.starts_with(' ') {
                    out += &format!("    {}\n", item.trim_end_matches(" {"));
                }
            }
        }
    }
    out
}

/// Whether a block is the type's own, not of a trait.
fn implements(line: &str, name: &str) -> bool {
    let of = line
        .trim_end_matches(" {")
        .split_once(' ')
        .map(|(_, of)| of);
    of.is_some_and(|of| of.split('<').next() == Some(name))
}
