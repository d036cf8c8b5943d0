// SPDX-License-Identifier: GPL-2.0-only
//! What `verifier-model explain` says: cases are the files of tests/explain, see the README there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bpf::btf::Btf;
use bpf::kernel::Kernel;
use bpf::load::Object;
use bpf::load::{Autoload, PrepareOptions, SetMap};
use bpf::program::ProgLoad;
use verifier_model::Caps;
use verifier_model::Options;
use verifier_model::verify;
use verifier_model::{explain, graph};

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explain")
}

fn kernel() -> Kernel {
    let btf = Btf::from_file(dir().join("vmlinux.elf"), None).expect("a kernel");
    let mut kernel = Kernel::new(Arc::new(btf));
    kernel.kfuncs = verifier_model::linux_7_3().expect("it comes along").kfuncs;
    kernel
}

/// All programs of all objects, each with the file of what is said of it.
fn cases(kernel: &Kernel) -> Vec<(PathBuf, ProgLoad)> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(dir()).expect("the cases") {
        let path = entry.expect("a case").path();
        let elf = path.extension().is_some_and(|e| e == "elf");
        if !elf || path.ends_with("vmlinux.elf") {
            continue;
        }
        let data = std::fs::read(&path).expect("an object");
        let mut object = Object::open(&data, "case").expect("an object");
        if object.maps().any(|map| map.name == "left_out") {
            let autocreate = Some(false);
            let left_out = SetMap {
                autocreate,
                ..SetMap::default()
            };
            object.set_map("left_out", left_out).expect("it is there");
        }
        for prog in object.programs().map(|p| p.name.to_owned()) {
            let options = PrepareOptions {
                autoload: Autoload::Only(&prog),
                ..PrepareOptions::default()
            };
            let mut prepared = object.prepare(kernel, &options).expect("a program");
            let load = prepared.next().expect("a program").load;
            let said = path.with_extension(format!("{prog}.txt"));
            cases.push((said, load.expect("a program that loads")));
        }
    }
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    cases
}

#[test]
fn what_is_said_is_what_was_read_and_found_good() {
    let kernel = kernel();
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    let mut covered = Vec::new();
    let mut said_in = Vec::new();
    for (file, load) in cases(&kernel) {
        let opts = Options {
            caps: match load.name.starts_with("unprivileged") {
                true => Caps::empty(),
                false => Caps::all(),
            },
            ..Options::default()
        };
        let (verdict, e) = explain(&load, &kernel, &opts);
        if verdict.stats.insns_processed < 100_000 {
            let plain = verify(&load, &kernel, &opts);
            assert_eq!(verdict, plain, "watching changes {}", file.display());
        }
        let text = e.text(false);
        if bless {
            std::fs::write(&file, &text).expect("a file to write");
        } else if std::fs::read_to_string(&file).ok().as_deref() != Some(&text) {
            wrong.push(format!("=== {}\n{text}", file.display()));
        }
        let json = serde_json::to_value(&e).expect("JSON");
        covered.extend(json["kind"].as_str().map(str::to_owned));
        said_in.push(file);
    }
    assert!(wrong.is_empty(), "not as expected:\n{}", wrong.join("\n"));
    let classes = include_str!("../data/advice.txt").lines();
    let missing: Vec<_> = classes
        .filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'))
        .filter(|name| !covered.iter().any(|c| c == name))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
    for entry in std::fs::read_dir(dir()).expect("the cases") {
        let path = entry.expect("a case").path();
        let stray = path.extension().is_some_and(|e| e == "txt") && !said_in.contains(&path);
        assert!(!stray, "{} is of no program", path.display());
    }
}

#[test]
fn json_has_the_same() {
    let kernel = kernel();
    for (_, load) in cases(&kernel)
        .iter()
        .filter(|(f, _)| f.ends_with("calls.leak.txt"))
    {
        let (_, e) = explain(load, &kernel, &Options::default());
        let json = serde_json::to_value(&e).expect("JSON");
        assert_eq!(json["kind"], "reference-leak");
        assert_eq!(json["site"]["line"]["file"], "calls.c");
        let acquired = &json["held"][0]["site"]["text"];
        assert_eq!(acquired, "call bpf_ringbuf_reserve#131");
    }
}

fn load(name: &str, kernel: &Kernel) -> ProgLoad {
    let mut cases = cases(kernel);
    cases.retain(|(file, _)| file.ends_with(format!("{name}.txt")));
    cases.pop().expect("the case").1
}

/// The picture in docs/verifier-model.md, and the same for Graphviz.
#[test]
fn a_loop_that_converges_is_drawn() {
    let kernel = kernel();
    let load = load("loops.converges", &kernel);
    let (_, drawn) = graph(&load, &kernel, &Options::default(), 150);
    for (file, text) in [
        (dir().join("loops.converges.dot"), drawn.dot()),
        (
            dir().join("../../../docs/verifier-model-loop.svg"),
            drawn.svg(),
        ),
    ] {
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&file, &text).expect("a file to write");
        }
        let want = std::fs::read_to_string(&file).expect("the picture");
        assert_eq!(want, text, "{}", file.display());
    }
}
