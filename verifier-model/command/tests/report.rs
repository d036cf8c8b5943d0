// SPDX-License-Identifier: GPL-2.0-only
//! `check -l 1 --report`: the form of the report that 7.3 appends to its messages.

mod run;

use run::{run, text};

fn log(object: &str, prog: &str) -> String {
    let out = run(&["check", object, "-p", prog, "-l", "1", "--report"]);
    text(&out.stdout).to_owned()
}

/// The headings of a report, which those who read reports look for.
fn headings(log: &str) -> Vec<&str> {
    const KNOWN: [&str; 4] = ["Reason:", "At:", "Causal path:", "Suggestion:"];
    let known = |line: &&str| line.starts_with("Verification failed: ") || KNOWN.contains(line);
    log.lines().filter(known).collect()
}

#[test]
fn it_has_the_sections_in_their_order() {
    let log = log("tests/explain/iterators.elf", "leak_on_return");
    let wanted = [
        "Verification failed: Resource Lifetime Safety: Reference leak",
        "Reason:",
        "At:",
        "Causal path:",
        "Suggestion:",
    ];
    assert_eq!(headings(&log), wanted);
    // Behind the message, before the counts.
    let at = |words: &str| log.find(words).unwrap_or_else(|| panic!("{words}: {log}"));
    assert!(at("would lead to reference leak") < at("Verification failed"));
    assert!(at("Suggestion:") < at("\nprocessed "));
}

#[test]
fn a_place_has_source_and_instructions() {
    let log = log("tests/explain/iterators.elf", "leak_on_return");
    let (_, at) = log.split_once("\nAt:\n").expect("a place");
    let (at, path) = at.split_once("\nCausal path:\n").expect("a path");
    for line in [
        "  leak_on_return @ iterators.c:51:1",
        "  Source context:",
        "  >>> 51 | }",
        "         | ^-- error: BPF_EXIT instruction in main prog would lead to reference leak",
        "  Instruction context:",
        "  >>> 18 | (95) exit",
    ] {
        assert!(at.lines().any(|l| l == line), "{line}\n{at}");
    }
    for label in ["^-- acquired: ", "^-- branch: "] {
        assert!(path.contains(label), "{label}\n{path}");
    }
    let acquired = path.find("acquired: ").expect("it is there");
    let branch = path.find("branch: ").expect("it is there");
    assert!(acquired < branch, "{path}");
}

#[test]
fn classes_are_the_kernel_s_where_it_reports() {
    // What 7.3 says of these, from docs/explain.md and the answers of that kernel.
    for (object, prog, class) in [
        (
            "tests/explain/iterators.elf",
            "unlock_inside",
            "Execution Context Safety",
        ),
        ("tests/explain/memory.elf", "below_zero", "Memory Safety"),
        (
            "tests/explain/memory.elf",
            "null_dereference",
            "Register Type Safety",
        ),
    ] {
        let log = log(object, prog);
        assert!(
            log.contains(&format!("Verification failed: {class}: ")),
            "{prog}\n{log}"
        );
    }
}

#[test]
fn what_is_accepted_has_none() {
    let log = log("tests/explain/loops.elf", "accepted");
    assert!(
        log.contains("processed ") && headings(&log).is_empty(),
        "{log}"
    );
}

#[test]
fn without_a_log_there_is_no_place_for_it() {
    let out = run(&[
        "check",
        "tests/explain/loops.elf",
        "-p",
        "accepted",
        "--report",
    ]);
    assert_eq!(out.status.code(), Some(2));
    let said = text(&out.stderr);
    assert!(
        said.contains("add -l 1 or -l 2") && said.lines().count() == 1,
        "{said}"
    );
}
