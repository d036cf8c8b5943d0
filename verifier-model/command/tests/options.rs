// SPDX-License-Identifier: GPL-2.0-only
//! An option means the same in every command: `check`, `explain` and `graph` give one verdict.

mod run;
mod small;

use answers::Answers;
use run::{run, text};
use serde_json::{Value, json};
use small::KERNEL;

/// Options that decide a verdict, and those that decide none here.
const VERIFIER: [&[&str]; 5] = [
    &[],
    &["--caps", "none"],
    &["--cpus", "1"],
    &["--without", "iter-arg-on-stack"],
    &["--caps", "none", "--without", "iter-widening"],
];

/// A socket filter with a lock: refused, unless BTF is, which tells of the lock.
const LOCK: &str = "command/tests/objects/unprivileged_lock.elf";

#[test]
fn how_it_is_verified() {
    for object in [LOCK, "tests/explain/iterators.elf"] {
        for options in VERIFIER {
            agree(object, options);
        }
    }
}

#[test]
fn which_kernel_and_what_it_attaches_to() {
    let object = "bpf/tests/load/prog.elf";
    for options in [
        &[][..],
        &["--caps", "none"],
        &["--attach", "iter=none", "--attach", "externs=task_weight"],
        &[
            "--target",
            "fentry=command/tests/objects/unprivileged_lock.elf:prog:prog",
        ],
    ] {
        agree(object, &[options, &KERNEL].concat());
    }
}

#[test]
fn raw_instructions() {
    // r0 = *(u64 *)(r1 +0); exit
    let insns = [0x79, 0x10, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("raw");
    std::fs::write(&path, insns).expect("a file");
    let path = path.to_str().expect("UTF-8");
    for section in ["tc", "kprobe", "raw_tp"] {
        agree(path, &["--raw", section]);
        agree(path, &["--raw", section, "--caps", "none"]);
    }
}

#[test]
fn without_capabilities_there_is_no_btf_and_so_no_lock() {
    let no_lock = ["success".into(), Value::Null, 11.into()];
    let lock = "socket filter progs cannot use bpf_spin_lock yet";
    let lock = ["failure".into(), lock.into(), 0.into()];
    for (options, want) in [(&[][..], lock), (&["--caps", "none"], no_lock)] {
        let rows = check(LOCK, options);
        let got = ["verdict", "message", "total_insns"].map(|field| rows[0][field].clone());
        assert_eq!(got, want, "{options:?}");
    }
}

#[test]
fn the_program_may_be_left_out_where_there_is_one() {
    for command in ["check", "explain"] {
        let out = run(&[command, LOCK, "--attach", "none"]);
        let says = "the kernel's BTF has no attach target 'none'";
        assert_eq!(out.status.code(), Some(1), "{out:?}");
        assert!(text(&out.stdout).contains(says), "{out:?}");
    }
    for (options, says) in [
        (
            &["--attach", "none"][..],
            "say of which program, as PROG=TARGET",
        ),
        (
            &["--attach", "iter=a", "--attach", "iter=b"],
            "'iter' attaches to one thing only",
        ),
        (&["--attach", "none=a"], "the object has no program 'none'"),
    ] {
        let out = run(&[&["check", "bpf/tests/load/prog.elf"], options, &KERNEL].concat());
        assert_eq!(out.status.code(), Some(2), "{out:?}");
        assert!(text(&out.stderr).contains(says), "{out:?}");
    }
}

#[test]
fn compare_leaves_out_the_same_rules() {
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("compare");
    std::fs::create_dir_all(&dir).expect("a directory");
    let object = "tests/explain/iterators.elf";
    let copied = dir.join("iterators.bpf.o");
    std::fs::copy(format!("../{object}"), copied).expect("a copy");
    let said = |options: &[&str]| -> Value {
        let rows = check(object, &[&["-p", "not_on_stack"], options].concat());
        rows[0]["message"].clone()
    };
    let kernel = verifier_model::linux_7_3().expect("a kernel").release;
    let answers = Answers {
        header: serde_json::from_value(json!({"kernel": kernel, "config": "", "cpus": 2,
            "clang": "", "modules": [], "log_level": 1, "objects": {}, "not_compiled": {}}))
        .expect("a header"),
        answers: vec![
            serde_json::from_value(json!({"object": "iterators",
            "program": "not_on_stack", "verdict": "rejected", "errno": 22,
            "message": said(&[])}))
            .expect("an answer"),
        ],
    };
    answers.write(&dir.join("t.jsonl")).expect("a file");

    let path = dir.to_str().expect("UTF-8");
    for options in [&[][..], &["--without", "iter-arg-on-stack"]] {
        let args = ["compare", path, "--answers", path, "-o", "csv"];
        let out = run(&[&args[..], options].concat());
        let message = said(options);
        let want = format!("rejected, 22: {}", message.as_str().expect("a message"));
        assert!(
            text(&out.stdout).contains(&format!(",\"{want}\"\n")),
            "{want}: {out:?}"
        );
    }
    assert_ne!(said(&[]), said(&["--without", "iter-arg-on-stack"]));
}

/// What `check` says of the programs.
fn check(object: &str, options: &[&str]) -> Vec<Value> {
    let out = run(&[&["check", object, "-o", "json"], options].concat());
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"))
}

/// Asserts that the three commands say the same of each program that `check` looks at.
fn agree(object: &str, options: &[&str]) {
    for row in check(object, options) {
        let name = row["prog_name"].as_str().expect("a name");
        // The program of raw instructions has no name to be asked by.
        let asked = match options.contains(&"--raw") {
            true => vec![object],
            false => vec![object, name],
        };
        let asked = [&asked, options].concat();
        same_explanation(&row, &asked);
        same_graph(&row, name, &asked);
    }
}

fn same_explanation(row: &Value, asked: &[&str]) {
    let out = run(&[&["explain", "-o", "json"], asked].concat());
    let said: Value =
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"));
    assert_eq!(said["accepted"], row["verdict"] == "success", "{asked:?}");
    assert_eq!(said["total_insns"], row["total_insns"], "{asked:?}");
    assert_eq!(said["total_states"], row["total_states"], "{asked:?}");
    assert_eq!(
        said["errno"].as_i64().unwrap_or(0),
        row["errno"].as_i64().unwrap_or(0),
        "{asked:?}"
    );
    let message = row["message"].as_str().unwrap_or_default();
    let explained = match said["not_modelled"].as_str() {
        Some(what) => format!("not modelled: {what}"),
        None => said["message"].as_str().unwrap_or_default().to_owned(),
    };
    // Where the last line of the log but sums up, `explain` goes by the one before.
    assert!(
        explained == message || log(asked).contains(&format!("\n{explained}\n{message}\n")),
        "{asked:?}: check says '{message}', explain '{explained}'"
    );
}

/// The log of the one program that is asked about.
fn log(asked: &[&str]) -> String {
    let out = run(&[&["check", asked[0], "-l", "1", "-p"], &asked[1..]].concat());
    text(&out.stdout).to_owned()
}

fn same_graph(row: &Value, name: &str, asked: &[&str]) {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = path.join(format!("{}.dot", std::process::id()));
    let path = path.to_str().expect("UTF-8");
    let out = run(&[&["graph", "-o", path], asked].concat());
    let message = row["message"].as_str().unwrap_or_default();
    if row["total_insns"].is_null() {
        let want = format!("verifier-model: {}: {name}: {message}\n", asked[0]);
        assert_eq!(text(&out.stderr), want);
        return;
    }
    let outcome = match row["verdict"].as_str() {
        Some("success") => "accepted".to_owned(),
        Some("failure") => format!("rejected, error {}", row["errno"]),
        _ => message.to_owned(),
    };
    let (insns, states) = (&row["total_insns"], &row["total_states"]);
    let want = format!("{name}: {outcome}; {insns} instructions, {states} states");
    assert!(
        text(&out.stdout).lines().any(|line| line == want),
        "{want}: {out:?}"
    );
}
