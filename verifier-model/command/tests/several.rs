// SPDX-License-Identifier: GPL-2.0-only
//! Of several files, one that cannot be used is named, and the others are checked as if it were not there.

mod run;

use run::{run, text};

const GOOD: [&str; 2] = ["tests/explain/iterators.elf", "tests/explain/loops.elf"];
const NO_OBJECT: &str = "verifier-model: Cargo.toml: this is text, not an object; objects are made by \
                         `clang -target bpf -g -O2 -c`\n";

/// Output and exit status of `args` with the good files, and of the same with the bad one in their midst.
fn with_and_without(args: &[&str]) -> [(String, Option<i32>, String); 2] {
    [&GOOD[..], &[GOOD[0], "Cargo.toml", GOOD[1]][..]].map(|files| {
        let out = run(&[args, files].concat());
        let said = [&out.stdout, &out.stderr].map(|said| text(said).to_owned());
        let [stdout, stderr] = said;
        (stdout, out.status.code(), stderr)
    })
}

#[test]
fn the_others_are_checked() {
    let fields = "file,prog,verdict,insns";
    for args in [
        &["check", "-e", fields][..],
        &["check", "-e", fields, "-o", "csv"],
        &["check", "-e", fields, "-o", "json"],
        &["check", "-e", fields, "-l", "1"],
        &["check", "--kernels", "6.12,7.3"],
        &["check", "--kernels", "6.12,7.3", "-o", "csv"],
    ] {
        let [without, with] = with_and_without(args);
        // A log ends with the time that it took.
        let lines = |said: &str| -> Vec<String> {
            let timed = |line: &&str| !line.starts_with("verification time");
            said.lines().filter(timed).map(str::to_owned).collect()
        };
        assert!(!without.0.is_empty(), "{args:?}");
        assert_eq!(lines(&with.0), lines(&without.0), "{args:?}");
        assert_eq!((without.1, &*without.2), (Some(1), ""), "{args:?}");
        assert_eq!((with.1, &*with.2), (Some(2), NO_OBJECT), "{args:?}");
    }
}

#[test]
fn reports_tell_of_the_others() {
    for format in ["sarif", "junit"] {
        let [without, with] = with_and_without(&["check", "-o", format]);
        assert_eq!((with.1, &*with.2), (Some(2), NO_OBJECT), "{format}");
        let failures = |said: &str| said.matches("R1 expected pointer to an iterator").count();
        assert!(failures(&with.0) > 0, "{format}");
        assert_eq!(failures(&with.0), failures(&without.0), "{format}");
    }
}

#[test]
fn each_is_named() {
    let out = run(&["check", "Cargo.toml", "README.md"]);
    let said = NO_OBJECT.to_owned() + &NO_OBJECT.replace("Cargo.toml", "README.md");
    assert_eq!(text(&out.stderr), said);
    assert_eq!((out.status.code(), text(&out.stdout)), (Some(2), ""));
}
