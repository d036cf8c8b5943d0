// SPDX-License-Identifier: GPL-2.0-only
//! Which targets of the kernel's make compile the files that a patch touches.

use std::collections::BTreeSet;

/// Of a kernel's tree, what has a build of its own or none; `make FILE.o` does not know it.
const APART: [&str; 4] = ["Documentation/", "samples/", "scripts/", "tools/"];

/// C files that another one includes, by their directory, and the object that comes of it.
const INCLUDED: [(&str, &str); 1] = [("kernel/sched/ext/", "kernel/sched/build_policy.o")];

/// What `make` is to be told so that it compiles `files`: objects in C, directories with Rust. The
/// `rust/` of the tree is made before anything else.
pub(super) fn of(files: &[&str]) -> BTreeSet<String> {
    let built = |file: &&&str| APART.iter().all(|dir| !file.starts_with(dir));
    let dir = |file: &str| file.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned();
    let rust: BTreeSet<String> = files
        .iter()
        .filter(built)
        .filter(|file| file.ends_with(".rs"))
        .map(|file| match file.starts_with("rust/") {
            true => "prepare".to_owned(),
            false => dir(file) + "/",
        })
        .collect();
    let objects = files.iter().filter(built).filter_map(|file| {
        let name = file.strip_suffix(".c")?;
        if let Some((_, object)) = INCLUDED.iter().find(|(dir, _)| file.starts_with(dir)) {
            return Some((*object).to_owned());
        }
        (!rust.contains(&(dir(file) + "/"))).then(|| format!("{name}.o"))
    });
    objects.chain(rust.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_rust_is_built_whole() {
        let files = [
            "MAINTAINERS",
            "kernel/bpf/verifier.c",
            "kernel/bpf/iter_cpumask/prototypes.c",
            "kernel/bpf/iter_cpumask/walk.rs",
            "rust/kernel/kfunc.rs",
            "kernel/sched/ext/idle.c",
            "tools/bpf/resolve_btfids/main.c",
        ];
        let wanted = [
            "kernel/bpf/iter_cpumask/",
            "kernel/bpf/verifier.o",
            "kernel/sched/build_policy.o",
            "prepare",
        ];
        assert_eq!(Vec::from_iter(of(&files)), wanted);
        assert!(of(&["scripts/gen-btf.sh"]).is_empty());
    }
}
