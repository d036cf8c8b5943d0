// SPDX-License-Identifier: GPL-2.0-only
//! Whole logs of level 2 of the programs in tests/explain, line by line as a 7.3 kernel has them.
//!
//! tests/log/kernel.jsonl.gz is what `cargo xtask ask --kernel test --log-level 2 -o json OBJECT…` says, the
//! programs without a log left out (it was longer than 256 KiB) and the one into whose log libbpf
//! wrote, which calls a kfunc that is not there. The logs of the whole corpus are held against the
//! model by `verifier-model compare --whole-logs`; this needs no compiled corpus.

use std::path::Path;

use answers::{Answer, Logs, log};
use bpf::load::Object;
use bpf::load::{Autoload, PrepareOptions};
use verifier_model::Options;
use verifier_model::verify;

/// What of a log does not differ from boot to boot, and is the verifier's own.
fn comparable(text: &str) -> String {
    log::without_addresses(&log::without_reports(log::parse(text).body))
}

#[test]
fn every_line_is_the_kernels() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let logs = Logs::read(&tests.join("log/kernel.jsonl.gz")).expect("the kernel's logs");
    let kernel = verifier_model::linux_7_3().expect("the kernel's types");
    let options = Options {
        log_level: 2,
        nr_cpu_ids: 2,
        ..Options::default()
    };
    let mut compared = 0;
    for entry in std::fs::read_dir(tests.join("explain")).expect("the objects") {
        let path = entry.expect("an object").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        if path.extension().is_none_or(|e| e != "elf") || name == "vmlinux" {
            continue;
        }
        let data = std::fs::read(&path).expect("an object");
        let object = Object::open(&data, &format!("{name}.bpf.o")).expect("an object");
        for program in object.programs().map(|p| p.name.to_owned()) {
            let said = logs.get(&Answer {
                object: name.clone().into_owned(),
                program: Some(program.clone()),
                ..Answer::default()
            });
            // The kernel's was not kept.
            let Some(said) = said else { continue };
            let prepare = PrepareOptions {
                autoload: Autoload::Only(&program),
                ..PrepareOptions::default()
            };
            let mut prepared = object.prepare(&kernel, &prepare).expect("a program");
            let load = prepared.next().expect("a program").load;
            let load = load.expect("a program that loads");
            let verdict = verify(&load, &kernel, &options);
            let (said, model) = (comparable(said), comparable(&verdict.log));
            let mut lines = said.lines().zip(model.lines()).enumerate();
            if let Some((at, (kernel, model))) = lines.find(|(_, (k, m))| k != m) {
                panic!("{name}/{program}, line {}:\n{kernel}\n{model}", at + 1);
            }
            let counts = (said.lines().count(), model.lines().count());
            assert_eq!(counts.0, counts.1, "{name}/{program}: lines");
            compared += 1;
        }
    }
    assert_eq!(compared, logs.len(), "logs of programs that are not there");
}
