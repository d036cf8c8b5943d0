// SPDX-License-Identifier: GPL-2.0-only
//! `check` on all cores says what it says on one.

use std::process::{Command, Output};

const OBJECTS: [&str; 5] = [
    "tests/explain/objects.elf",
    "tests/explain/iterators.elf",
    "tests/explain/stack.elf",
    "tests/explain/memory.elf",
    "tests/explain/calls.elf",
];

/// What is said with this many threads.
fn said(threads: &str, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verifier-model"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command.env("RAYON_NUM_THREADS", threads);
    let args = [&["check"], &OBJECTS[..], args].concat();
    command.args(args).output().expect("the command runs")
}

#[test]
fn what_is_said_hangs_on_no_number_of_cores() {
    let asked: [&[&str]; 4] = [
        &["-o", "csv", "-e", "file,prog,verdict,insns,states,message"],
        &["-o", "sarif"],
        &["--kernels", "6.12,7.3"],
        // These are no objects: they are named in the order in which they were given.
        &["-e", "file,prog", "tests/face.txt", "tests/tower.rs"],
    ];
    for args in asked {
        let one = said("1", args);
        for threads in ["2", "7"] {
            assert_eq!(said(threads, args), one, "{args:?} on {threads}");
        }
    }
}
