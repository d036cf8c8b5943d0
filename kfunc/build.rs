// SPDX-License-Identifier: GPL-2.0-only
//! For the tests: the walk with words of other widths, and with bugs.
//!
//! A narrow word lies in the low bits of a `usize`. So the one line of `src/walk.rs` that says how
//! many bits a word has makes a walk over narrow words of it, and the kernel's source takes no
//! parameter that the kernel has no use for. A bug is a change of a few words, made to the walk over
//! the narrowest ones: `tests/proof/bugs.txt` has them.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

/// The line that is another for each width.
const WIDTH: &str = "const BITS_PER_WORD: u32 = usize::BITS;";
const BUGS: &str = "tests/proof/bugs.txt";
const WALK: &str = "src/walk.rs";
/// The width that everything can be tried with.
const NARROWEST: u32 = 4;

fn main() {
    println!("cargo:rerun-if-changed={WALK}");
    println!("cargo:rerun-if-changed={BUGS}");
    let walk = read(WALK);
    let mut made = String::new();
    for bits in [NARROWEST, 32, 64] {
        module(&mut made, &format!("bits_{bits}"), &with_bits(&walk, bits));
    }
    let narrow = with_bits(&walk, NARROWEST);
    let bugs = read(BUGS);
    let mut names = Vec::new();
    for bug in bugs.split("\n\n").filter(|bug| !bug.starts_with('#')) {
        let mut lines = bug.lines();
        let name = lines.next().unwrap_or_default();
        let (old, new) = change(lines);
        let source = replaced(&narrow, &old, &new, name);
        module(&mut made, name, &source);
        names.push(name);
    }
    let names = names.join(" ");
    writeln!(
        made,
        "macro_rules! bugs {{ ($each:ident) => {{ $each! {{ {names} }} }} }}"
    )
    .expect("memory can be written to");
    let out = env::var_os("OUT_DIR").expect("cargo names a directory");
    fs::write(Path::new(&out).join("walks.rs"), made).expect("it can be written to");
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("kfunc/{path}: {error}"))
}

fn with_bits(walk: &str, bits: u32) -> String {
    let line = format!("pub(crate) const BITS_PER_WORD: u32 = {bits};");
    replaced(walk, WIDTH, &line, "a narrow word")
}

/// The lines that a bug takes out and those that it puts in.
fn change<'a>(lines: impl Iterator<Item = &'a str>) -> (String, String) {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for line in lines {
        match line.split_at_checked(1) {
            Some(("-", line)) => old.push(line),
            Some(("+", line)) => new.push(line),
            _ => panic!("kfunc/{BUGS}: a line of a change begins with - or +, not as `{line}`"),
        }
    }
    (old.join("\n"), new.join("\n"))
}

fn replaced(walk: &str, old: &str, new: &str, what: &str) -> String {
    let found = walk.matches(old).count();
    assert_eq!(
        found, 1,
        "kfunc/{WALK} has this {found} times, for {what}: {old}"
    );
    walk.replace(old, new)
}

/// Adds the source as a module. What the file says of itself is no documentation there, and what it
/// expects of lints is of a library.
fn module(made: &mut String, name: &str, source: &str) {
    let of_library = |line: &&str| !line.trim_start().starts_with("#[expect(clippy::");
    let lines = source.lines().filter(of_library);
    let source = lines.collect::<Vec<_>>().join("\n").replace("//!", "//");
    write!(made, "pub(crate) mod {name} {{\n{source}}}\n").expect("memory can be written to");
}
