// SPDX-License-Identifier: GPL-2.0-only
//! `scripts/kfunc_guard.sh` on objects built as the kernel builds Rust: it refuses whatever can
//! panic, and a prototype without its body or its entry.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const GUARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/kfunc_guard.sh");

/// One for each family of panics: bodies of a kfunc with `a` and `b` numbers, `words` a slice, `cell`
/// a `RefCell` and `call` a function that is somewhere else.
const PANICS: [(&str, &str); 22] = [
    ("unwrap", "words.first().copied().unwrap()"),
    ("expect", "words.first().copied().expect(\"a word\")"),
    ("unwrap_of_result", "u64::from(u32::try_from(a).unwrap())"),
    (
        "expect_of_result",
        "u64::from(u32::try_from(a).expect(\"few\"))",
    ),
    ("unwrap_err", "u32::try_from(a).map(drop).unwrap_err(); b"),
    ("slice_index", "words[a as usize]"),
    ("array_bounds", "[a, b, 1, 2, 3, 5, 8, 13][b as usize]"),
    ("range", "words[a as usize..b as usize].len() as u64"),
    ("range_from", "words[a as usize..].len() as u64"),
    ("str_range", "\"héllo\"[a as usize..].len() as u64"),
    (
        "copy_from_slice",
        "let mut to = [0; 4]; to.copy_from_slice(words); to[0]",
    ),
    ("split_at", "words.split_at(a as usize).0.len() as u64"),
    ("chunks", "words.chunks(a as usize).len() as u64"),
    ("borrow", "*cell.borrow()"),
    ("borrow_mut", "*cell.borrow_mut() = a; b"),
    ("overflow", "a + b"),
    ("overflow_of_shift", "a << b"),
    ("overflow_of_negation", "(-(a as i64)) as u64"),
    ("division", "a / b"),
    ("remainder", "a % b"),
    ("assert", "assert!(a < b); a"),
    ("unreachable", "if a < b { unreachable!() } a"),
];

/// The same, to a like end, with nothing to go wrong.
const CALM: [&str; 6] = [
    "words.get(a as usize).copied().unwrap_or(0)",
    "words.get(a as usize..).map_or(0, |words| words.len() as u64)",
    "a.wrapping_add(b).checked_div(b).unwrap_or(0)",
    "cell.try_borrow().map_or(a, |cell| *cell)",
    "if b != 0 { a % b } else { a << (b & 63) }",
    "unsafe { in_c(a) }",
];

/// What the guard says of a kfunc with this body; empty if it takes it.
fn said(name: &str, body: &str) -> String {
    let kfunc = format!(
        "extern \"C\" {{ fn in_c(a: u64) -> u64; }}
         #[no_mangle] pub extern \"C\" fn bpf_kfunc(a: u64, b: u64, words: &mut &[u64], \
             cell: &core::cell::RefCell<u64>) -> u64 {{ {body} }}"
    );
    guard(name, &format!("{kfunc}\n{ENTRY}"), &[])
}

const ENTRY: &str = "core::arch::global_asm!(\"__BTF_ID__func__bpf_kfunc__1:\", \".long 0\");";

/// What it says of a crate with these items, where the functions `calls` may be called.
fn guard(name: &str, items: &str, calls: &[&str]) -> String {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&dir).expect("a folder");
    let main = compile(&dir, "main", items);
    let weak = "core::arch::global_asm!(\".weak bpf_kfunc\", \"bpf_kfunc:\");";
    let prototypes = compile(&dir, "prototypes", weak);
    let guard = Command::new("sh")
        .arg(GUARD)
        .args([main, prototypes])
        .args(calls)
        .output();
    let guard = guard.expect("sh");
    let said = String::from_utf8_lossy(&guard.stderr).into_owned();
    assert_eq!(guard.status.success(), said.is_empty(), "{said}");
    said
}

/// Compiles a crate and returns the object's path.
fn compile(dir: &Path, name: &str, items: &str) -> String {
    let object = dir.join(format!("{name}.o")).display().to_string();
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2021", "--crate-type=lib", "--crate-name", name]);
    rustc.args([
        "--cap-lints=allow",
        "-Copt-level=2",
        "-Cpanic=abort",
        "-Coverflow-checks=on",
    ]);
    rustc.args([
        "-Csymbol-mangling-version=v0",
        "-Ccodegen-units=1",
        "--emit=obj",
        "-o",
    ]);
    rustc.arg(&object).arg("-").stdin(Stdio::piped());
    let mut rustc = rustc.spawn().expect("rustc, which built this test");
    let mut stdin = rustc.stdin.take().expect("a pipe");
    write!(stdin, "#![no_std]\n{items}").expect("rustc reads");
    drop(stdin);
    assert!(rustc.wait().expect("rustc ends").success());
    object
}

#[test]
fn panics_are_refused() {
    for (family, body) in PANICS {
        let said = said(family, body);
        assert!(
            said.contains("can panic"),
            "{family}: {body} passes: {said}"
        );
    }
}

#[test]
fn what_cannot_panic_passes() {
    for (i, body) in CALM.into_iter().enumerate() {
        assert_eq!(said(&format!("calm{i}"), body), "", "{body}");
    }
}

#[test]
fn a_prototype_needs_a_body_and_an_entry() {
    let body = "#[no_mangle] pub extern \"C\" fn bpf_kfunc() {}";
    assert_eq!(guard("whole", &format!("{body}\n{ENTRY}"), &[]), "");
    let no_entry = guard("no_entry", body, &[]);
    assert!(
        no_entry.contains("bpf_kfunc is in no kfunc_set!"),
        "{no_entry}"
    );
    let no_body = guard("no_body", ENTRY, &[]);
    assert!(
        no_body.contains("bpf_kfunc has a prototype but no body"),
        "{no_body}"
    );
}

/// Functions of other crates are refused but for those that are named, free or of a type.
#[test]
fn functions_of_rust_are_named_or_refused() {
    let calls = |function: &str, allowed: &[&str]| {
        let items = format!(
            "#[no_mangle] pub extern \"C\" fn bpf_kfunc() {{}} {ENTRY}
             core::arch::global_asm!(\".quad {function}\");"
        );
        guard("calls", &items, allowed)
    };
    let free = "_RNvNtCsb5MLIFMWygY_6kernel5error9to_result";
    let method = "_RNvMs1_NtCsb5MLIFMWygY_6kernel5kfuncNtB5_8KfuncSet8register";
    let allowed = [
        "kernel::error::to_result",
        "kernel::kfunc::KfuncSet::register",
    ];
    for function in [free, method] {
        assert!(calls(function, &[]).contains("can panic"), "{function}");
        assert_eq!(calls(function, &allowed), "");
        let longer = format!("{function}_");
        assert!(calls(&longer, &allowed).contains("can panic"), "{longer}");
    }
    let of_core = "_RNvNtCsb5MLIFMWygY_4core5error9to_result";
    assert!(calls(of_core, &allowed).contains("can panic"));
    // C's are no matter.
    assert_eq!(calls("kfree_nolock", &[]), "");
}
