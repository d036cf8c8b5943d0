// SPDX-License-Identifier: GPL-2.0-only
//! `--kernel` and `--kernels`: which kernel is asked, and what is said where one refuses.

mod run;

use run::{run, text};
use serde_json::{Value, json};

const LOOPS: &str = "tests/explain/loops.elf";

/// Runs a check of one program and gives what `-o json` writes.
fn rows(args: &[&str]) -> Vec<Value> {
    let out = run(&[&["check", LOOPS, "-p", "converges", "-o", "json"], args].concat());
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"))
}

#[test]
fn a_kernel_has_its_own_verdict() {
    // There is no open-coded iterator in 6.1.
    assert_eq!(rows(&["--kernel", "6.1"])[0]["verdict"], "failure");
    for kernel in ["6.12", "6.18", "7.1", "7.2", "debian-7.3", "7.3"] {
        assert_eq!(
            rows(&["--kernel", kernel])[0]["verdict"],
            "success",
            "{kernel}"
        );
    }
}

#[test]
fn programs_by_kernels() {
    let rows = rows(&["--kernels", "6.1,6.12,7.3"]);
    let verdicts = rows.iter().map(|row| (&row["kernel"], &row["verdict"]));
    let want = [("6.1", "failure"), ("6.12", "success"), ("7.3", "success")];
    let want: Vec<(Value, Value)> = want.map(|(k, v)| (json!(k), json!(v))).into();
    assert!(verdicts.eq(want.iter().map(|(k, v)| (k, v))), "{rows:?}");

    let args = [
        "check",
        LOOPS,
        "-p",
        "converges",
        "--kernels",
        "6.1,6.12,7.3",
    ];
    let out = run(&args);
    let said = text(&out.stdout);
    let [head, _, line] = said.lines().take(3).collect::<Vec<_>>()[..] else {
        panic!("{said}")
    };
    let words = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(head), ["File", "Program", "6.1", "6.12", "7.3"]);
    assert_eq!(
        words(line),
        ["loops.elf", "converges", "failure", "74", "74"]
    );
    let why = "\n  6.1: insn 5: kfunc 'bpf_iter_num_new' is referenced but wasn't resolved";
    assert!(said.contains(why), "{said}");
    assert!(said.contains("\n    * Ask before you call"), "{said}");
    assert_eq!(out.status.code(), Some(1));
}

#[test]
fn what_does_not_come_along_is_the_nearest_and_says_so() {
    let out = run(&["check", LOOPS, "-p", "converges", "--kernel", "7.0.3-arch1"]);
    assert_eq!(
        text(&out.stderr),
        "note: Linux 7.0.3-arch1 does not come along; this is 7.1.13, the nearest\n"
    );
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    let out = run(&["check", LOOPS, "--kernel", "4.19"]);
    assert!(
        text(&out.stderr).contains("no kernel is called 4.19"),
        "{out:?}"
    );
    assert_eq!(out.status.code(), Some(2));
}

#[test]
fn a_directory_is_a_kernel() {
    let root = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernel");
    let path = root.to_str().expect("UTF-8");
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir(&root).expect("a folder");
    let says = |want: &str| {
        let out = run(&["check", LOOPS, "-p", "converges", "--kernel", path]);
        assert!(text(&out.stderr).contains(want), "{out:?}");
        assert_eq!(out.status.code(), Some(2), "{out:?}");
    };
    says("config: ");
    std::fs::write(root.join("config"), "CONFIG_BPF=y\n").expect("a file");
    says("no line `# Linux RELEASE`");
    std::fs::write(root.join("config"), "# Linux 6.12.99-mine\nCONFIG_BPF=y\n").expect("a file");
    says("no types in it");
    std::fs::write(root.join("vmlinux.btf.lzma"), "no types\n").expect("a file");
    says("vmlinux.btf.lzma: this is not packed BTF");
    let types = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../data/linux-6.12/vmlinux.btf.lzma"
    );
    std::fs::copy(types, root.join("vmlinux.btf.lzma")).expect("a copy");
    let rows = rows(&["--kernel", path]);
    assert_eq!(rows[0]["verdict"], "success");
}
