// SPDX-License-Identifier: GPL-2.0-only
//! Input that cannot be used is one line, which says what is wrong and what to do, and exit status 2.
//! Nothing is written then.

mod run;
mod small;

use std::path::{Path, PathBuf};
use std::process::Command;

use run::{run, text};
use small::KERNEL;

/// A file of this test alone.
fn file(name: &str, data: impl AsRef<[u8]>) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, data).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

/// Asserts that the command says this one line of a file, and nothing else.
fn says(args: &[&str], file: &str, want: &str) {
    let out = run(args);
    let said = text(&out.stderr);
    assert_eq!(
        said,
        format!("verifier-model: {file}: {want}\n"),
        "{args:?}"
    );
    assert_eq!(
        (out.status.code(), text(&out.stdout)),
        (Some(2), ""),
        "{args:?}"
    );
}

const ELF: &str =
    "objects are made by `clang -target bpf -g -O2 -c`, and --raw takes instructions alone";

#[test]
fn what_is_no_object() {
    let object = std::fs::read("../tests/explain/iterators.elf").expect("the object");
    let mut of_x86 = object.clone();
    of_x86[18] = 62;
    let mut big_endian = object.clone();
    big_endian[5] = 2;
    big_endian[16..20].copy_from_slice(&[0, 1, 0, 247]);
    let mut bitcode = object.clone();
    bitcode[..4].copy_from_slice(b"BC\xc0\xde");
    let made = "objects are made by `clang -target bpf -g -O2 -c`";
    for (name, data, want) in [
        ("text.o", &b"no object"[..], format!("this is text, not an object; {made}")),
        ("empty.o", &[], format!("this is an empty file; {made}")),
        (
            "cut.o",
            &object[..300],
            format!("ELF: Invalid ELF section header offset/size/alignment; {ELF}"),
        ),
        (
            "x86.o",
            &of_x86,
            format!("this is an ELF file for x86-64, not for BPF; {made}"),
        ),
        (
            "big.o",
            &big_endian,
            "this is a big-endian BPF object, and the kernel is little-endian; compile it with \
             `-target bpfel`"
                .to_owned(),
        ),
        (
            "bitcode.o",
            &bitcode,
            "this is LLVM bitcode; compile it without -flto and -emit-llvm, or make an object of it \
             by `llc -march=bpf -filetype=obj`"
                .to_owned(),
        ),
        (
            "program",
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0",
            "this is an ELF file for AArch64, and no BPF object is in it that is not compressed; \
             give the object that it loads"
                .to_owned(),
        ),
        (
            "package.deb",
            b"!<arch>\ndebian-binary   ",
            "this is a Debian package; unpack it by `dpkg-deb -x`".to_owned(),
        ),
        (
            "bytes",
            &[0; 64],
            "this is no ELF file, and there is none in it; --raw takes instructions alone".to_owned(),
        ),
    ] {
        let path = file(name, data);
        for command in ["check", "explain", "graph"] {
            says(&[command, &path], &path, &want);
        }
    }
    let want = "No such file or directory (os error 2)";
    says(&["explain", "none.o"], "none.o", want);
    says(&["none.o"], "none.o", want);
    says(&["check", "src"], "src", "Is a directory (os error 21)");
}

#[test]
fn a_program_that_is_not_there() {
    let object = "bpf/tests/load/prog.elf";
    let has = "it has fields, existence, subprogs, externs, fentry, iter, start_prog, stop_prog";
    let want = format!("the object has no program 'none'; {has}");
    says(
        &[&["check", object, "-p", "none"], &KERNEL[..]].concat(),
        object,
        &want,
    );
    says(
        &[&["explain", object, "none"], &KERNEL[..]].concat(),
        object,
        &want,
    );
    says(
        &[&["graph", object, "none"], &KERNEL[..]].concat(),
        object,
        &want,
    );
    let want = has.replace("it has", "say which program:");
    says(&[&["graph", object], &KERNEL[..]].concat(), object, &want);
}

#[test]
fn raw_instructions() {
    let insns = file("insns", [0u8; 16]);
    let odd = file("odd", [0u8; 15]);
    let hint = "write it as in SEC(\"…\"), such as tc or fentry/FUNCTION";
    for (path, section, want) in [
        (
            &insns,
            "none",
            format!("--raw none: section 'none' tells no program type; {hint}"),
        ),
        (
            &insns,
            "fentry",
            format!("--raw fentry: the section names no target: SEC(\"…/target\"); {hint}"),
        ),
        (
            &odd,
            "tc",
            "--raw takes whole instructions of 8 bytes each, and the file has 15 bytes".into(),
        ),
    ] {
        for command in ["check", "explain", "graph"] {
            says(&[command, path, "--raw", section], path, &want);
        }
    }
    let object = "tests/explain/loops.elf";
    let want = "this is an object, not instructions alone: leave --raw out";
    says(&["check", object, "--raw", "tc"], object, want);
}

#[test]
fn a_target_that_is_none() {
    let object = "bpf/tests/load/prog.elf";
    for (target, want) in [
        ("start_prog=bpf/tests/load/none.elf:x", "No such file"),
        (
            "start_prog=bpf/tests/load/prog.elf:none",
            "no program 'none'; it has fields",
        ),
        ("start_prog=bpf/tests/load/prog.elf", "OBJECT:PROGRAM"),
        (
            "none=bpf/tests/load/prog.elf:iter",
            "no program 'none'; it has fields",
        ),
    ] {
        let out = run(&[&["check", object, "--target", target], &KERNEL[..]].concat());
        assert_eq!(out.status.code(), Some(2), "{out:?}");
        assert!(text(&out.stderr).contains(want), "{out:?}");
        assert!(out.stdout.is_empty(), "{out:?}");
    }
}

#[test]
fn a_kernel_that_is_none() {
    let path = file("letter", "Dear kernel,\n");
    for (option, want) in [
        (
            "--btf",
            "--btf takes a vmlinux, or raw BTF as in /sys/kernel/btf: ",
        ),
        ("--kconfig", "--kconfig takes a kernel's .config"),
        ("--ksyms", "--ksyms takes a System.map or /proc/kallsyms"),
        ("--kfuncs", "kfunc table, line 1: "),
    ] {
        let out = run(&["check", "tests/explain/loops.elf", option, &path]);
        let said = text(&out.stderr);
        assert!(said.contains(&path) && said.contains(want), "{said}");
        assert_eq!(
            (out.status.code(), said.lines().count()),
            (Some(2), 1),
            "{said}"
        );
    }
}

#[test]
fn results_that_are_none() {
    let none = "these are no results of -o csv, -o json or veristat: ";
    for (name, data, want) in [
        (
            "letter.csv",
            "Dear kernel,\n",
            "the first line does not name file_name",
        ),
        (
            "word.csv",
            "file,prog,insns\na,b,many\n",
            "insns: many: invalid digit found in string",
        ),
    ] {
        let path = file(name, data);
        says(
            &["check", "-C", &path, &path],
            &path,
            &format!("{none}{want}"),
        );
    }
}

/// An empty directory.
fn empty(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir(&dir).expect("a directory");
    dir
}

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir)
        .expect("a directory")
        .next()
        .is_none()
}

const GRAPH: [&str; 3] = ["graph", "tests/explain/loops.elf", "accepted"];

#[test]
fn a_graph_that_cannot_be_written() {
    let dir = empty("graphs");
    let path = |name: &str| dir.join(name).to_str().expect("UTF-8").to_owned();
    let (good, bad) = (path("a.svg"), path("none/b.svg"));
    for (outputs, want) in [
        (
            vec!["-o", "graph.png"],
            "graph.png: the name must end in .svg or .dot".to_owned(),
        ),
        (
            vec!["-o", &good, "-o", &bad],
            format!("cannot write {bad}: No such file or directory (os error 2)"),
        ),
    ] {
        let out = run(&[&GRAPH[..], &outputs].concat());
        assert_eq!(text(&out.stderr), format!("verifier-model: {want}\n"));
        assert_eq!((out.status.code(), text(&out.stdout)), (Some(2), ""));
        assert!(is_empty(&dir), "something is left");
    }
}

#[test]
fn a_graph_that_the_disk_has_no_room_for() {
    let dir = empty("full");
    // A file of more than a block cannot be written; the signal that says so is not wanted.
    let out = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_verifier-model"))
        .args(GRAPH)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .arg("-o")
        .arg(dir.join("graph.svg"))
        .output()
        .expect("a shell");
    assert_eq!(out.status.code(), Some(2), "{out:?}");
    assert!(text(&out.stderr).contains("cannot write"), "{out:?}");
    assert!(is_empty(&dir), "half a graph is left");
}

#[test]
fn a_program_type_that_is_none() {
    let hint = "write it as in SEC(\"…\"), such as tc, cgroup/connect4 or fentry/FUNCTION";
    let typed = |name: &str, what: &str| format!("the program type '{name}': {what}");
    for (args, want) in [
        (
            &["nothing"][..],
            typed(
                "nothing",
                &format!("section 'nothing' tells no program type; {hint}"),
            ),
        ),
        (
            &["tracing"],
            typed(
                "tracing",
                &format!("programs of this type attach in several ways; {hint}"),
            ),
        ),
        (
            &["struct_ops"],
            typed(
                "struct_ops",
                "say which member, as struct_ops/STRUCT.MEMBER",
            ),
        ),
        (
            &["struct_ops/a.b"],
            typed("struct_ops/a.b", "this kernel has no struct 'a'"),
        ),
        (
            &["fentry/no_such_function"],
            typed(
                "fentry/no_such_function",
                &format!("the kernel's BTF has no attach target 'no_such_function'; {hint}"),
            ),
        ),
        (
            &["xdp", "nothing"],
            "this kernel has no helper or kfunc 'nothing'".to_owned(),
        ),
        (
            &["xdp", "--caps", "none"],
            "'xdp': the loader lacks CAP_NET_ADMIN, CAP_BPF".to_owned(),
        ),
    ] {
        let out = run(&[&["can"], args].concat());
        assert_eq!(
            text(&out.stderr),
            format!("verifier-model: {want}\n"),
            "{args:?}"
        );
        assert_eq!((out.status.code(), text(&out.stdout)), (Some(2), ""));
    }
}

#[test]
fn a_log_that_is_none() {
    let log = file("no.log", "processed 1 insns\n");
    let want = "this has no message of the verifier; --log takes what a loader prints of its log";
    says(&["explain", "--log", &log], &log, want);
    let want = "No such file or directory (os error 2)";
    says(&["explain", "--log", "none.log"], "none.log", want);
}
