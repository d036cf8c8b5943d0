// SPDX-License-Identifier: GPL-2.0-only
//! Runs the command on the small object of bpf/tests/load.

mod run;

use std::path::PathBuf;

use run::{KERNEL, run, text};
use serde_json::json;
use verifier_model::Kind;

#[test]
fn a_verdict_for_one_program() {
    let out = run(&[
        &["bpf/tests/load/prog.elf", "-p", "start_prog"][..],
        &KERNEL,
    ]
    .concat());
    let words: Vec<&str> = text(&out.stdout).split_whitespace().collect();
    assert_eq!(words[..3], ["File", "Program", "Verdict"], "{out:?}");
    assert!(words.contains(&"start_prog"), "{out:?}");
    // struct_ops of the little kernel are registered nowhere.
    assert!(out.status.code().is_some_and(|code| code < 4), "{out:?}");
}

/// `r0 = 0; exit`, and the same without a value.
const RAW: [(&str, [u8; 16]); 2] = [
    (
        "good",
        [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0],
    ),
    (
        "bad",
        [0xb7, 1, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0],
    ),
];

/// The raw programs as files in a directory of their own.
fn raw(name: &str) -> (PathBuf, [String; 2]) {
    let dir = std::env::temp_dir().join(format!("verifier-model-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let paths = RAW.map(|(name, insns)| {
        let path = dir.join(name);
        std::fs::write(&path, insns).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    });
    (dir, paths)
}

#[test]
fn no_option_is_the_kernel_that_comes_along() {
    let (dir, [good, bad]) = raw("default");
    let out = run(&["check", &good, "--raw", "tc"]);
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    let out = run(&["check", &good, &bad, "--raw", "tc"]);
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    let last = text(&out.stdout).lines().last();
    assert_eq!(last, Some("bad/bad at insn 1: R0 !read_ok"));
    std::fs::remove_dir_all(dir).expect("it is gone");
}

#[test]
fn results_are_kept_and_compared() {
    let (dir, [good, bad]) = raw("results");
    let fields = "file,prog,verdict,insns,kind,msg";
    let csv = run(&[
        "check", &good, &bad, "--raw", "tc", "-o", "csv", "-e", fields,
    ]);
    let want = "file_name,prog_name,verdict,total_insns,kind,message\n\
        bad,bad,failure,2,unwritten-register,R0 !read_ok\n\
        good,good,success,2,N/A,N/A\n";
    assert_eq!(text(&csv.stdout), want);
    let json = run(&[
        "check",
        &good,
        "--raw",
        "tc",
        "-o",
        "json",
        "-e",
        "prog,insns",
    ]);
    let want = "[\n  {\n    \"prog_name\": \"good\",\n    \"total_insns\": 2\n  }\n]\n";
    assert_eq!(text(&json.stdout), want);

    let (a, b) = (dir.join("a.csv"), dir.join("b.csv"));
    std::fs::write(&a, &csv.stdout).expect("a file");
    let other = text(&csv.stdout).replace("failure,2", "success,3");
    std::fs::write(&b, other).expect("a file");
    let paths = [a.to_str().expect("UTF-8"), b.to_str().expect("UTF-8")];
    let args = [
        "check",
        "-C",
        paths[0],
        paths[1],
        "-e",
        "prog,verdict,insns",
        "-o",
        "csv",
    ];
    let want = "prog_name,verdict_base,verdict_comp,verdict_diff,\
        total_insns_base,total_insns_comp,total_insns_diff\n\
        bad,failure,success,MISMATCH,2,3,1\n";
    let out = run(&[&args[..], &["-f", "verdict_diff=mismatch"]].concat());
    assert_eq!(text(&out.stdout), want, "{out:?}");
    std::fs::remove_dir_all(dir).expect("it is gone");
}

#[test]
fn a_rejection_has_a_kind() {
    let (dir, [good, bad]) = raw("kinds");
    let check = ["check", &good, &bad, "--raw", "tc"];
    let out = run(&[&check[..], &["-e", "prog,kind", "-o", "json"]].concat());
    let rows: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let of = |prog: &str, kind: serde_json::Value| json!({"prog_name": prog, "kind": kind});
    let want = [
        of("bad", "unwritten-register".into()),
        of("good", json!(null)),
    ];
    assert_eq!(rows, json!(want));

    // A field of text, as others: filtered by, and compared with another result.
    let lines = |filter: &str| {
        let out = run(&[&check[..], &["-e", "prog", "-o", "csv", "-f", filter]].concat());
        text(&out.stdout).to_owned()
    };
    assert_eq!(lines("kind=unwritten-register"), "prog_name\nbad\n");
    assert_eq!(lines("kind=reference-leak"), "prog_name\n");
    let (a, b) = (dir.join("a.json"), dir.join("b.json"));
    let row = |kind: &str| json!([{"file_name": "f", "prog_name": "p", "kind": kind}]).to_string();
    std::fs::write(&a, row("length")).expect("a file");
    std::fs::write(&b, row("dynptr")).expect("a file");
    let [a, b] = [&a, &b].map(|path| path.to_str().expect("UTF-8"));
    let out = run(&["check", "-C", a, b, "-e", "prog,kind", "-o", "csv"]);
    let want = "prog_name,kind_base,kind_comp,kind_diff\np,length,dynptr,MISMATCH\n";
    assert_eq!(text(&out.stdout), want);
    std::fs::remove_dir_all(dir).expect("it is gone");
}

#[test]
fn every_kind_is_listed_with_what_it_is() {
    let out = run(&["kinds"]);
    let lines: Vec<&str> = text(&out.stdout).lines().collect();
    assert_eq!(lines.len(), Kind::ALL.len());
    for (line, kind) in lines.iter().zip(Kind::ALL) {
        let (name, what) = line.split_once(' ').expect("two columns");
        assert_eq!((name, what.trim()), (kind.name(), kind.what()));
    }
}

#[test]
fn the_same_with_the_verb() {
    let args = [
        "check",
        "bpf/tests/load/prog.elf",
        "--prog",
        "fields",
        "--dump",
    ];
    let out = run(&[&args[..], &KERNEL].concat());
    let text = text(&out.stdout);
    assert!(out.status.success(), "{out:?}");
    assert!(text.contains("fields: BPF_PROG_TYPE_SOCKET_FILTER, 4 instructions"));
    assert!(text.contains("0: (79) r2 = *(u64 *)(r1 +24)"), "{text}");
}

#[test]
fn a_rejection_is_explained() {
    let args = ["explain", "tests/explain/iterators.elf", "leak_on_return"];
    let out = run(&args);
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    assert!(text(&out.stdout).starts_with("leak_on_return: rejected, error 22 [reference-leak]\n"));
    let out = run(&[&args[..], &["-o", "json"]].concat());
    assert!(text(&out.stdout).contains("\"kind\": \"reference-leak\""));
}

#[test]
fn without_a_program_all_that_are_rejected_are_explained() {
    let out = run(&["explain", "tests/explain/iterators.elf"]);
    let said = text(&out.stdout);
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    assert_eq!(said.matches(": rejected, error ").count(), 8, "{said}");
    assert!(said.ends_with("\n\n\n8 programs: 0 accepted, 8 rejected\n"));

    // One that is accepted has no part in it, and the array is one of all that are left.
    let object = "tests/explain/loops.elf";
    let out = run(&["explain", object, "-o", "json"]);
    let told: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let check = run(&["check", object, "-o", "json"]);
    let rows: serde_json::Value = serde_json::from_slice(&check.stdout).expect("JSON");
    let rows = rows.as_array().expect("rows");
    let left: Vec<_> = rows.iter().filter(|r| r["verdict"] != "success").collect();
    assert!(left.len() < rows.len() && told.as_array().is_some_and(|t| t.len() == left.len()));
    assert_eq!(out.status.code(), check.status.code());
}

/// Each kind of rejection, from the log of the program alone.
#[test]
fn a_log_is_explained() {
    let object = "tests/explain/iterators.elf";
    let check = run(&["check", object, "-l", "1"]);
    let log = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("iterators.log");
    std::fs::write(&log, &check.stdout).expect("a file");
    let log = log.to_str().expect("UTF-8");
    let out = run(&["explain", "--log", log, "-o", "json"]);
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    let told: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let rows = run(&["check", object, "-e", "prog,kind", "-o", "json"]);
    let rows: serde_json::Value = serde_json::from_slice(&rows.stdout).expect("JSON");
    let pairs = |all: &serde_json::Value, name: &str| {
        let all = all.as_array().expect("an array").iter();
        let mut pairs: Vec<_> = all
            .map(|one| (one[name].to_string(), one["kind"].to_string()))
            .collect();
        pairs.sort();
        pairs
    };
    assert_eq!(pairs(&told, "program"), pairs(&rows, "prog_name"));

    let out = run(&["explain", "--log", log]);
    assert!(text(&out.stdout).contains("\nWhat to do\n"), "{out:?}");
}

#[test]
fn what_a_type_may_call() {
    let out = run(&["can", "xdp", "-o", "json"]);
    let all: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let has = |name: &str| {
        let all = all.as_array().expect("an array");
        all.iter().find(|c| c["name"] == name).cloned()
    };
    let adjust = json!({"name": "bpf_xdp_adjust_head", "sort": "helper", "needs": []});
    assert_eq!(has("bpf_xdp_adjust_head"), Some(adjust));
    assert_eq!(
        has("bpf_xdp_metadata_rx_hash").expect("a kfunc")["sort"],
        "kfunc"
    );
    assert_eq!(has("bpf_get_socket_cookie"), None);
    assert_eq!(
        has("bpf_ktime_get_ns").expect("a helper")["needs"],
        json!([])
    );

    for (args, status, says) in [
        (["tc", "bpf_skb_pull_data"], 0, "bpf_skb_pull_data: yes"),
        (
            ["BPF_PROG_TYPE_SCHED_CLS", "skb_pull_data"],
            0,
            "bpf_skb_pull_data: yes",
        ),
        (["cgroup/connect4", "bpf_bind"], 0, "bpf_bind: yes"),
        (
            ["cgroup/bind4", "bpf_bind"],
            1,
            "bpf_bind: no: program of this type cannot use helper bpf_bind#64",
        ),
        (
            ["kprobe", "bpf_probe_read_kernel"],
            0,
            "bpf_probe_read_kernel: yes: a GPL license",
        ),
        (
            ["fentry", "bpf_copy_from_user"],
            0,
            "bpf_copy_from_user: yes: a sleepable program",
        ),
        (
            ["fentry.s", "bpf_copy_from_user"],
            0,
            "bpf_copy_from_user: yes",
        ),
        (
            ["xdp", "bpf_copy_from_user"],
            1,
            "bpf_copy_from_user: no: it may sleep, and this program cannot",
        ),
        (
            ["fentry", "bpf_iter_cpumask_new"],
            0,
            "bpf_iter_cpumask_new: yes: a GPL license",
        ),
        (
            ["tc", "bpf_iter_cpumask_new"],
            1,
            "bpf_iter_cpumask_new: no: calling kernel function bpf_iter_cpumask_new is not allowed",
        ),
        (
            ["xdp", "bpf_cpumask_create"],
            1,
            "bpf_cpumask_create: no: calling kernel function bpf_cpumask_create is not allowed",
        ),
        // What it takes is looked at before whether it may be called.
        (
            ["xdp", "scx_bpf_sub_caps"],
            1,
            "scx_bpf_sub_caps: no: calling kernel function scx_bpf_sub_caps is not allowed",
        ),
        (
            ["struct_ops/tcp_congestion_ops.init", "bpf_tcp_send_ack"],
            0,
            "bpf_tcp_send_ack: yes",
        ),
    ] {
        let out = run(&[&["can"], &args[..]].concat());
        assert_eq!(text(&out.stdout), format!("{says}\n"), "{args:?} {out:?}");
        assert_eq!(out.status.code(), Some(status), "{args:?}");
    }
}

#[test]
fn a_graph_is_written_in_the_form_of_its_name() {
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (svg, dot) = (dir.join("graph.svg"), dir.join("graph.dot"));
    let (svg, dot) = (svg.to_str().expect("UTF-8"), dot.to_str().expect("UTF-8"));
    let object = ["graph", "tests/explain/loops.elf", "accepted"];
    let out = run(&[&object[..], &["-o", svg, "-o", dot]].concat());
    assert!(out.status.success(), "{out:?}");
    let read = |file| std::fs::read_to_string(file).expect("the graph");
    assert!(read(svg).starts_with("<svg ") && read(dot).starts_with("digraph "));
}
