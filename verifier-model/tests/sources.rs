// SPDX-License-Identifier: GPL-2.0-only
//! The kernel function that a file models is named in its header, behind `Source:`. Each is claimed
//! by one file, so that who looks for a function of the kernel finds one place.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The Rust files below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The functions of a header's `Source:` paragraph: `name()` in backquotes, but for families such as
/// `is_*_kfunc()`.
fn claims(text: &str) -> Vec<&str> {
    let comments = text.lines().map_while(|line| line.strip_prefix("//"));
    let header = comments.filter_map(|line| line.strip_prefix('!').map(str::trim));
    let source = header.skip_while(|line| !line.starts_with("Source:"));
    let lines = source.take_while(|line| !line.is_empty());
    let quoted = lines.flat_map(|line| line.split('`').skip(1).step_by(2));
    let names = quoted.filter_map(|name| name.strip_suffix("()"));
    names.filter(|name| !name.contains('*')).collect()
}

#[test]
fn each_kernel_function_is_claimed_by_one_file() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&top.join("src"), &mut found);
    files(&top.join("bpf/src"), &mut found);
    found.sort();
    let mut claimed = BTreeMap::<String, Vec<String>>::new();
    for path in found {
        let text = fs::read_to_string(&path).unwrap();
        for name in claims(&text) {
            let file = path.strip_prefix(top).unwrap().display().to_string();
            claimed.entry(name.to_owned()).or_default().push(file);
        }
    }
    assert!(claimed.contains_key("bpf_check"), "no claims are found");
    let twice = claimed.iter().filter(|(_, files)| files.len() > 1);
    let twice: Vec<_> = twice
        .map(|(name, files)| format!("{name}(): {}", files.join(", ")))
        .collect();
    assert!(
        twice.is_empty(),
        "claimed more than once:\n{}",
        twice.join("\n")
    );
}
