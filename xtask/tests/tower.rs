// SPDX-License-Identifier: GPL-2.0-only
//! The folders of `src` stand on each other, and no file of the workspace grows without end.

mod layers;

use layers::Tower;

const XTASK: Tower<'_> = Tower {
    src: concat!(env!("CARGO_MANIFEST_DIR"), "/src"),
    storeys: &[
        ("workshop", ""),
        ("linux/patches", "workshop"),
        ("linux", "workshop linux/patches"),
        ("build", "workshop linux"),
        ("guest", "workshop linux/patches linux build"),
        ("corpus", "workshop linux/patches linux build guest"),
        ("verbs", "workshop linux/patches linux build guest corpus"),
    ],
    circles: &[],
};

#[test]
fn a_folder_imports_only_what_stands_below_it() {
    let wrong = XTASK.imports_upwards();
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let circles = XTASK.unknown_circles();
    assert!(circles.is_empty(), "{circles:#?}");
}

/// What does not fit has two concerns.
#[test]
fn no_source_is_longer_than_440_lines() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.');
    let ours = |entry: &walkdir::DirEntry| {
        entry.depth() == 0 || !hidden(entry.file_name()) && entry.file_name() != "target"
    };
    let files = walkdir::WalkDir::new(root).into_iter().filter_entry(ours);
    let sources = files
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|e| e == "rs"));
    let long: Vec<String> = sources
        .filter_map(|path| {
            let lines = std::fs::read_to_string(&path).unwrap().lines().count();
            (lines > 440).then(|| format!("{}: {lines} lines", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}
