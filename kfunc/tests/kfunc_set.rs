// SPDX-License-Identifier: GPL-2.0-only
//! What `kfunc_set!` takes and what it refuses, with a kernel that has no more than the macro uses.

use std::io::Write;
use std::process::{Command, Stdio};

const SOURCE: &str = include_str!("../src/kfunc.rs");

/// The crate `kernel`, two kfuncs, and their prototypes. The macro and an invocation follow.
const KERNEL: &str = r#"
#![no_std]
#![allow(dead_code, non_camel_case_types, non_upper_case_globals)]
extern crate self as kernel;
pub mod bindings {
    #[repr(C)]
    pub struct btf_id_set8(u32);
    pub const BTF_SET8_KFUNCS: u32 = 1;
    pub const KF_ACQUIRE: u32 = 1;
    pub const KF_RELEASE: u32 = 2;
}
pub mod kfunc {
    pub struct KfuncSet(*const super::bindings::btf_id_set8);
    unsafe impl Sync for KfuncSet {}
    impl KfuncSet {
        pub const unsafe fn from_raw(set: *const super::bindings::btf_id_set8) -> Self { Self(set) }
    }
}
mod prototypes {
    unsafe extern "C" {
        pub safe fn bpf_gcd(a: u64, b: u64) -> u64;
        pub fn bpf_release(leader: *mut u64);
    }
}
pub extern "C" fn bpf_gcd(a: u64, _: u64) -> u64 { a }
pub unsafe extern "C" fn bpf_release(_: *mut u64) {}
"#;

/// What the compiler says of a set with these entries; empty if it takes them.
fn said(entries: &str) -> String {
    said_of(KERNEL, entries)
}

fn said_of(kernel: &str, entries: &str) -> String {
    let from = SOURCE.find("#[macro_export]").expect("a macro");
    let to = from + SOURCE[from..].find("\n}\n").expect("its end") + 3;
    let set = format!("kfunc_set! {{ static SET: prototypes {{ {entries} }} }}");
    let source = [kernel, &SOURCE[from..to], &set].concat();

    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2021", "--crate-type=lib", "--crate-name=entries"]);
    rustc.args([
        "--emit=metadata",
        "-o",
        concat!(env!("CARGO_TARGET_TMPDIR"), "/entries.rmeta"),
        "-",
    ]);
    let pipes = rustc.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut rustc = pipes.spawn().expect("rustc, which built this test");
    let mut stdin = rustc.stdin.take().expect("a pipe");
    stdin.write_all(source.as_bytes()).expect("rustc reads");
    drop(stdin);
    let ended = rustc.wait_with_output().expect("rustc ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.success(), said.is_empty(), "{said}");
    said
}

#[test]
fn unsafe_entries_are_taken() {
    assert_eq!(said("unsafe bpf_gcd, unsafe bpf_release: KF_RELEASE,"), "");
    assert_eq!(said("unsafe bpf_release: KF_ACQUIRE | KF_RELEASE"), "");
}

#[test]
fn an_entry_without_unsafe_does_not_build() {
    for entries in [
        "bpf_release: KF_RELEASE",
        "unsafe bpf_gcd, bpf_release: KF_RELEASE",
        "bpf_gcd",
    ] {
        let said = said(entries);
        assert!(
            said.contains("error: no rules expected"),
            "{entries}: {said}"
        );
    }
}

#[test]
fn an_entry_is_compared_with_its_prototype() {
    let other = KERNEL.replace("fn bpf_release(_: *mut u64)", "fn bpf_release(_: *mut u32)");
    assert_ne!(other, KERNEL);
    let said = said_of(&other, "unsafe bpf_release: KF_RELEASE");
    assert!(
        said.contains("`if` and `else` have incompatible types"),
        "{said}"
    );
}

#[test]
fn every_entry_says_why() {
    for source in [
        include_str!("../src/bpf_iter_cpumask_main.rs"),
        include_str!("../../tests/example-kfunc/src/example_kfunc_main.rs"),
    ] {
        let mut entries = 0;
        let mut comment = String::new();
        for line in source.lines().map(str::trim) {
            if line.starts_with("unsafe bpf_") {
                entries += 1;
                assert!(
                    comment.starts_with("// SAFETY: "),
                    "{line} has no SAFETY comment"
                );
            }
            match line.starts_with("//") {
                true => comment += line,
                false => comment.clear(),
            }
        }
        assert!(entries > 0, "no set");
    }
}
