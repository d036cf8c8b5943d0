// SPDX-License-Identifier: GPL-2.0-only
//! Runs the command on the small object of tests/load.

use std::process::{Command, Output};

const KERNEL: [&str; 4] = [
    "--btf",
    "tests/load/kernel.elf",
    "--kconfig",
    "tests/load/kconfig",
];

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verifier-model"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.args(args).output().expect("the command runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn a_verdict_for_one_program() {
    let out = run(&[
        &["tests/load/prog.elf", "--prog", "start_prog"][..],
        &KERNEL,
    ]
    .concat());
    assert!(out.status.code().is_some_and(|code| code < 2), "{out:?}");
    assert!(text(&out.stdout).starts_with("start_prog: "), "{out:?}");
}

#[test]
fn the_same_with_the_verb() {
    let args = ["check", "tests/load/prog.elf", "--prog", "fields", "--dump"];
    let out = run(&[&args[..], &KERNEL].concat());
    let text = text(&out.stdout);
    assert!(out.status.success(), "{out:?}");
    assert!(text.contains("fields: BPF_PROG_TYPE_SOCKET_FILTER, 4 instructions"));
    assert!(text.contains("0: (79) r2 = *(u64 *)(r1 +24)"), "{text}");
}

#[test]
fn bad_input_is_one_line() {
    let cases = [
        (
            vec!["Cargo.toml"],
            "verifier-model: Cargo.toml: ELF: this is not an ELF file\n",
        ),
        (
            vec!["none.o"],
            "verifier-model: none.o: No such file or directory (os error 2)\n",
        ),
        (
            vec!["tests/load/prog.elf", "--prog", "none"],
            "verifier-model: tests/load/prog.elf: the object has no program 'none'\n",
        ),
    ];
    for (args, want) in cases {
        let out = run(&[&args[..], &KERNEL].concat());
        assert_eq!((out.status.code(), text(&out.stderr)), (Some(2), want));
    }
}
