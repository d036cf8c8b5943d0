// SPDX-License-Identifier: GPL-2.0-only
//! Rejections explained from a log alone: the kind is the one that the model gives the program, and
//! whatever the model says has a kind by its words.

use std::path::{Path, PathBuf};

use answers::Answers;
use bpf::load::{Autoload, Object, PrepareOptions};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use verifier_model::Caps;
use verifier_model::{Explanation, Kind, Options, linux_7_3, verify};
use walkdir::WalkDir;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The kind that is found in a log, if one is.
fn kind_of(log: &str) -> Option<String> {
    let all = Explanation::of_logs(log);
    assert!(all.len() <= 1, "{} explanations of one log", all.len());
    let json = serde_json::to_value(all.first()?).expect("JSON");
    Some(json["kind"].as_str()?.to_owned())
}

#[test]
fn the_kind_is_found_in_the_log_alone() {
    let kernel = linux_7_3().expect("it comes along");
    let mut wrong = String::new();
    let mut seen = 0;
    for path in files("tests/explain", "elf").filter(|p| !p.ends_with("vmlinux.elf")) {
        let data = std::fs::read(&path).expect("an object");
        let object = Object::open(&data, "case").expect("an object");
        let all = PrepareOptions {
            autoload: Autoload::All,
            ..PrepareOptions::default()
        };
        for prog in object.prepare(&kernel, &all).expect("programs") {
            let load = prog.load.expect("a program that loads");
            let options = |log_level| Options {
                log_level,
                caps: match load.name.starts_with("unprivileged") {
                    true => Caps::empty(),
                    false => Caps::all(),
                },
                // Where a limit is does not matter.
                max_insns: 50_000,
                ..Options::default()
            };
            let verdict = verify(&load, &kernel, &options(1));
            let Some(why) = verdict.rejection() else {
                continue;
            };
            seen += 1;
            // One message is of two kinds, told apart by whether a section is open.
            let want = match why.kind {
                Kind::NoRcuSection => Kind::NotTrusted,
                kind => kind,
            };
            let want = Some(want.name().to_owned());
            let mut found = vec![kind_of(&verdict.log)];
            if verdict.stats.insns_processed < 10_000 {
                found.push(kind_of(&verify(&load, &kernel, &options(2)).log));
            }
            if found.iter().any(|kind| *kind != want) {
                wrong += &format!("{}: {found:?}, not {want:?}\n", load.name);
            }
        }
    }
    assert!(wrong.is_empty() && seen > 70, "of {seen}:\n{wrong}");
}

/// Messages of the kept logs that say nothing of why: what else these programs were told is in lines
/// before, or in no line at all.
const WITHOUT: [&str; 0] = [];

#[test]
fn kept_logs_of_kernels_have_a_kind() {
    let mut wrong = String::new();
    let mut seen = 0;
    for kernel in ["answers/7.3", "answers/7.3-stock"] {
        for path in files(kernel, "jsonl") {
            let answers = Answers::read(&path).expect("the answers").answers;
            for (answer, log) in answers.iter().filter_map(|a| Some((a, a.log.as_deref()?))) {
                seen += 1;
                let name = answer.name();
                if kind_of(log).is_none() && !WITHOUT.contains(&name.as_str()) {
                    let last = log.lines().last().unwrap_or_default();
                    wrong += &format!("{name}: {last}\n");
                }
            }
        }
    }
    assert!(wrong.is_empty() && seen > 2000, "of {seen}:\n{wrong}");
}

/// Formats of messages that are of two kinds, or that have no words of their own.
const AMBIGUOUS: [&str; 7] = [
    "*",
    "* *",
    "fd * *",
    "* must be a rcu pointer",
    "sleepable helper *#* in *",
    "* map forbidden, value_size=* off=* size=*",
    "* the register * has* should have been in [*, *]",
];

#[test]
fn what_the_model_says_has_its_kind() {
    let mut wrong = String::new();
    let mut seen = 0;
    for path in files("src", "rs").filter(|p| !p.ends_with("src/log.rs")) {
        let text = std::fs::read_to_string(&path).expect("a source");
        let tokens: TokenStream = text.parse().expect("Rust");
        let mut found = Vec::new();
        rejections(tokens, &mut found);
        for (kind, format) in found {
            seen += 1;
            let pattern = pattern(&format);
            if AMBIGUOUS.contains(&pattern.as_str()) {
                continue;
            }
            // Of several lines the first is the one that is known.
            let said = pattern.replace('*', "1");
            let found = kind_of(said.lines().next().unwrap_or_default());
            if found.as_deref() != Some(&kind) {
                wrong += &format!("{}: {pattern}: {found:?}, not {kind}\n", path.display());
            }
        }
    }
    assert!(wrong.is_empty() && seen > 350, "of {seen}:\n{wrong}");
}

/// Kind and format of each `reject!` and `rejection!`.
fn rejections(tokens: TokenStream, found: &mut Vec<(String, String)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (i, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else {
            continue;
        };
        let name = i.checked_sub(2).map(|i| tokens[i].to_string());
        let names = ["reject", "rejection"];
        if name.is_some_and(|n| names.contains(&n.as_str()))
            && group.delimiter() == Delimiter::Parenthesis
        {
            found.extend(rejection(group.stream()));
        }
        rejections(group.stream(), found);
    }
}

/// The first word that begins as a type is the kind, the first string the format.
fn rejection(arguments: TokenStream) -> Option<(String, String)> {
    let mut kind = None;
    for token in arguments {
        match token {
            TokenTree::Ident(ident) if kind.is_none() => {
                let name = ident.to_string();
                let mixed = name.starts_with(char::is_uppercase)
                    && name.contains(|c: char| c.is_lowercase());
                kind = mixed.then_some(name);
            }
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let text = text.strip_prefix('"')?.strip_suffix('"')?;
                let lines = text.split("\\\n").map(str::trim_start);
                let text = lines.collect::<String>();
                let text = text.replace("\\\"", "\"").replace("\\n", "\n");
                return Some((kebab_case(&kind?), text));
            }
            _ => {}
        }
    }
    None
}

fn kebab_case(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            out.push('-');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// A format with a star for each thing that is put in.
fn pattern(format: &str) -> String {
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.peek() == Some(&c) => {
                out.extend(chars.next());
            }
            '{' => {
                chars.by_ref().take_while(|c| *c != '}').for_each(drop);
                out.push('*');
            }
            c => out.push(c),
        }
    }
    out
}

fn files(dir: &str, end: &'static str) -> impl Iterator<Item = PathBuf> {
    let all = WalkDir::new(here().join(dir)).into_iter();
    let paths = all.map(|entry| entry.expect("a file").into_path());
    paths.filter(move |path| path.extension().is_some_and(|e| e == end))
}
