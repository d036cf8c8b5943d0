// SPDX-License-Identifier: GPL-2.0-only
//! The objects that are asked about, and names that tell them apart.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use object::{Architecture, File, Object as _};

use crate::workshop::files::read_bytes;

/// Each object with its name: the file's, with as many directories before it as it takes.
pub(super) fn named(paths: &[PathBuf]) -> Result<Vec<(String, PathBuf)>> {
    check(paths, "object")?;
    let mut whole: Vec<PathBuf> = Vec::new();
    for path in paths {
        let absolute = path.canonicalize();
        let absolute = absolute.with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            !whole.contains(&absolute),
            "{} is named twice",
            path.display()
        );
        let bytes = read_bytes(&absolute)?;
        let is_bpf = File::parse(&*bytes).is_ok_and(|f| f.architecture() == Architecture::Bpf);
        ensure!(is_bpf, "{} is no BPF object", path.display());
        whole.push(absolute);
    }
    let name = |path: &PathBuf| {
        let names = |length| whole.iter().map(move |other| last(other, length));
        let alone =
            |length: &usize| names(*length).filter(|n| *n == last(path, *length)).count() == 1;
        let length = (1..path.iter().count()).find(alone);
        last(path, length.unwrap_or(usize::MAX))
    };
    Ok(whole
        .iter()
        .map(|path| (name(path), path.clone()))
        .collect())
}

/// One clear line if one of `paths` is no file.
pub(super) fn check(paths: &[PathBuf], what: &str) -> Result<()> {
    match paths.iter().find(|path| !path.is_file()) {
        Some(path) => bail!("{}: there is no such {what}", path.display()),
        None => Ok(()),
    }
}

/// The last `length` parts of `path`.
fn last(path: &Path, length: usize) -> String {
    let parts: Vec<_> = path.iter().collect();
    let from = parts.len().saturating_sub(length);
    parts[from..]
        .iter()
        .collect::<PathBuf>()
        .display()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn two_objects_of_one_file_name_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let bpf = fs::read("../verifier-model/tests/explain/loops.elf").unwrap();
        let paths = ["a/x.bpf.o", "b/x.bpf.o", "b/y.bpf.o"].map(|name| dir.path().join(name));
        for path in &paths {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &bpf).unwrap();
        }
        let named = named(&paths).unwrap();
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a/x.bpf.o", "b/x.bpf.o", "y.bpf.o"]);
    }

    #[test]
    fn what_is_no_object_is_refused_in_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let text = dir.path().join("text.bpf.o");
        fs::write(&text, "no object").unwrap();
        let refused = |paths: &[PathBuf]| named(paths).unwrap_err().to_string();
        assert!(refused(&[dir.path().join("none")]).contains("no such object"));
        assert!(refused(&[dir.path().to_owned()]).contains("no such object"));
        assert!(refused(std::slice::from_ref(&text)).contains("is no BPF object"));
        let bpf = PathBuf::from("../verifier-model/tests/explain/loops.elf");
        assert!(refused(&[bpf.clone(), bpf]).contains("named twice"));
    }
}
