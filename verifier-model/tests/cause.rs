// SPDX-License-Identifier: GPL-2.0-only
//! The cause of a rejection: in each program of tests/cause one line is marked, and `explain` is to
//! name it.

use std::path::Path;

use bpf::load::{Autoload, Object, PrepareOptions};
use verifier_model::{Options, explain, linux_7_3};

/// Programs of which a line that is not marked is named, each with the reason.
const MISSED: [(&str, &str); 0] = [];

#[test]
fn the_line_that_is_marked_is_named() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cause");
    let kernel = linux_7_3().expect("it comes along");
    let (mut programs, mut wrong, mut missed) = (0, String::new(), Vec::new());
    for name in ["bounds", "held", "nulls", "others", "packets", "pointers"] {
        let source = std::fs::read_to_string(dir.join(format!("{name}.c"))).expect("a source");
        let data = std::fs::read(dir.join(format!("{name}.elf"))).expect("an object");
        let object = Object::open(&data, name).expect("an object");
        let all = PrepareOptions {
            autoload: Autoload::All,
            ..PrepareOptions::default()
        };
        for prog in object.prepare(&kernel, &all).expect("programs") {
            programs += 1;
            let load = prog.load.expect("a program that loads");
            let (verdict, explanation) = explain(&load, &kernel, &Options::default());
            assert!(verdict.rejection().is_some(), "{} is accepted", load.name);
            let json = serde_json::to_value(&explanation).expect("JSON");
            let at = match &json["cause"] {
                serde_json::Value::Null => &json["site"],
                cause => &cause["site"],
            };
            let line = at["line"]["number"].as_u64();
            let want = marked(&source, &load.name);
            if line == Some(want) {
                continue;
            }
            missed.push(load.name.clone());
            if !MISSED.iter().any(|(program, _)| *program == load.name) {
                wrong += &format!(
                    "{name}.c:{want}, not {line:?}\n{}\n",
                    explanation.text(false)
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{missed:?}\n{wrong}");
    let found = programs - missed.len();
    assert!(
        programs >= 60 && found * 100 >= programs * 95,
        "{found} of {programs}"
    );
    assert_eq!(
        missed.len(),
        MISSED.len(),
        "the list has some that are found"
    );
}

/// The line of a program's function that is marked.
fn marked(source: &str, program: &str) -> u64 {
    let mut lines = source.lines().zip(1..);
    lines
        .find(|(line, _)| line.starts_with(&format!("int {program}(")))
        .expect("the function");
    let body = lines.take_while(|(line, _)| *line != "}");
    let marks: Vec<u64> = body
        .filter(|(line, _)| line.contains("/* cause */"))
        .map(|(_, number)| number)
        .collect();
    assert_eq!(marks.len(), 1, "{program}");
    marks[0]
}
