// SPDX-License-Identifier: GPL-2.0-only
//! Objects inside programs, libraries and archives.

#[expect(dead_code, reason = "a kernel for other objects")]
mod run;

use std::path::Path;

use run::{run, text};

/// A program with these objects in it.
fn program(name: &str, objects: &[&[u8]]) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut data = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0 code".to_vec();
    for object in objects {
        data.extend(*object);
        data.push(0);
    }
    std::fs::write(&path, data).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

fn object(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("tests/loading").join(name)).expect("an object")
}

#[test]
fn each_is_checked_and_named() {
    let (devmap, sizes) = (object("devmap.elf"), object("sizes.elf"));
    let path = program("tool", &[&devmap, &sizes]);
    let out = run(&["check", &path, "-e", "file,prog,verdict", "-o", "csv"]);
    let rows = "file_name,prog_name,verdict\n\
                tool:devmap,egress,success\n\
                tool:devmap,not_allowed,failure\n\
                tool:sizes,in_one,success\n\
                tool:sizes,in_zero,success\n\
                tool:sizes,unchecked,success\n";
    assert_eq!((text(&out.stdout), text(&out.stderr)), (rows, ""));
    assert_eq!(out.status.code(), Some(1));
}

#[test]
fn one_is_asked_for_by_name() {
    let devmap = object("devmap.elf");
    let path = program("tools", &[&devmap, &object("sizes.elf")]);
    let one = format!("{path}:sizes");
    let out = run(&["check", &one]);
    assert!(text(&out.stdout).contains("tools:sizes"), "{out:?}");
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    let out = run(&["explain", &one, "in_one"]);
    assert!(text(&out.stdout).starts_with("in_one: accepted"), "{out:?}");

    for (args, says) in [
        (
            ["explain", &path, "in_one"],
            "say which one, FILE:OBJECT or a --rodata: tools:devmap, tools:sizes",
        ),
        (
            ["check", &format!("{path}:none"), "-p=in_one"],
            "the file has no object 'none'; it has devmap, sizes",
        ),
    ] {
        let out = run(&args);
        let want = format!("verifier-model: {}: {says}\n", args[1]);
        assert_eq!(text(&out.stderr), want);
        assert_eq!(out.status.code(), Some(2));
    }
}

#[test]
fn the_same_twice_is_told_apart() {
    let devmap = object("devmap.elf");
    let path = program("twice", &[&devmap, &devmap]);
    let out = run(&["check", &path, "-p", "egress", "-e", "file", "-o", "csv"]);
    let first = 25;
    let second = first + devmap.len() + 1;
    let rows = format!("file_name\ntwice:devmap@{first:#x}\ntwice:devmap@{second:#x}\n");
    assert_eq!(text(&out.stdout), rows, "{out:?}");
}
