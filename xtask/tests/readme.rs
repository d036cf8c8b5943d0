// SPDX-License-Identifier: GPL-2.0-only
//! The program that the README shows is the one that the guest's tests run.

use std::fs;
use std::path::Path;

#[test]
fn the_program_is_the_tested_one() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = fs::read_to_string(top.join("README.md")).unwrap();
    let source = fs::read_to_string(top.join("tests/programs/readme.bpf.c")).unwrap();
    let (_, program) = source.split_once('\n').unwrap();
    assert!(
        readme.contains(&format!("```c\n{program}```\n")),
        "README.md does not show tests/programs/readme.bpf.c as it is"
    );
}
