// SPDX-License-Identifier: GPL-2.0-only
//! What is said of objects as people have them: each file of tests/loading has commands and what they
//! say, see the README there.

#[expect(dead_code, reason = "a kernel for other objects")]
mod run;

use std::fs;
use std::path::Path;

use run::{run, text};

/// Where the cases are, as the command is run.
const CASES: &str = "command/tests/loading";

#[test]
fn cases() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/loading");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(dir).expect("the cases") {
        let path = entry.expect("a case").path();
        if path.extension().is_none_or(|end| end != "txt") {
            continue;
        }
        count += 1;
        let want = fs::read_to_string(&path).expect("a case");
        let commands = want.lines().filter_map(|line| line.strip_prefix("$ "));
        let said: String = commands.map(said).collect();
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, said).expect("a file to write");
        } else if said != want {
            wrong.push(format!("=== {}\n{said}", path.display()));
        }
    }
    assert!(count > 10, "there are cases");
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
}

/// A command, what it says, and its exit status if that is not 0.
fn said(command: &str) -> String {
    let args: Vec<String> = words(command)
        .into_iter()
        .map(|word| match word.split_once('~') {
            Some((before, file)) => format!("{before}{CASES}/{file}"),
            None => word,
        })
        .collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let out = run(&args);
    let mut said = format!("$ {command}\n{}{}", text(&out.stdout), text(&out.stderr));
    match out.status.code() {
        Some(0) => {}
        code => said += &format!("exit {}\n", code.expect("it ends by itself")),
    }
    said.replace(&format!("{CASES}/"), "~")
}

/// Words as a shell has them, with `'…'` for those with spaces.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().expect("one is there").push(c),
        }
    }
    words
}
