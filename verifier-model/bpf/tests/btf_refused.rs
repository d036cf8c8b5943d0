// SPDX-License-Identifier: GPL-2.0-only
//! Which BTF the kernel takes: an object whose BTF has a type of every kind, with one word of it
//! changed at a time, held against what a running kernel said of each (btf/answers.txt).
//!
//! `BTF_MUTANTS=DIR cargo test -p bpf --test btf_refused` writes the objects, to ask anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use bpf::btf::{Btf, Kind};
use bpf::kernel::Kernel;
use bpf::load::{Object, PrepareOptions};
use object::{Object as _, ObjectSection as _};

const KINDS: &[u8] = include_bytes!("btf/kinds.elf");

/// `TYPE.WORD.VALUE ANSWER`: `taken`, `refused`, or what libbpf makes of it before: `unopened`.
const ANSWERS: &str = include_str!("btf/answers.txt");

/// A word of BTF, changed.
struct Mutant {
    name: String,
    elf: Vec<u8>,
}

#[test]
fn as_the_kernel_does() {
    if let Some(dir) = std::env::var_os("BTF_MUTANTS") {
        for mutant in mutants() {
            let path = std::path::Path::new(&dir).join(format!("{}.bpf.o", mutant.name));
            std::fs::write(path, mutant.elf).unwrap();
        }
        return;
    }
    let answers = ANSWERS.lines().filter(|line| !line.starts_with('#'));
    let answers: BTreeMap<&str, &str> = answers.filter_map(|l| l.split_once(' ')).collect();
    let empty = bpf::btf::BtfBuilder::default().build();
    let kernel = Kernel::new(Arc::new(Btf::parse(&empty, None).unwrap()));
    let mut wrong = Vec::new();
    let mut counts = BTreeMap::new();
    for mutant in mutants() {
        let Some(&answer) = answers.get(mutant.name.as_str()) else {
            panic!("{}: the kernel was not asked", mutant.name);
        };
        *counts.entry(answer).or_insert(0) += 1;
        let said = said(&mutant.elf, &kernel);
        // What libbpf cannot read it leaves out, and the kernel sees none.
        let left_out = Object::open(&mutant.elf, "kinds").is_ok_and(|o| o.btf().is_none());
        if answer != "unopened" && said != answer && !left_out {
            wrong.push(format!("{}: the kernel {answer}, we {said}", mutant.name));
        }
    }
    assert!(
        counts["taken"] > 100 && counts["refused"] > 100,
        "{counts:?}"
    );
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

fn said(elf: &[u8], kernel: &Kernel) -> &'static str {
    let Ok(object) = Object::open(elf, "kinds") else {
        return "unopened";
    };
    let options = PrepareOptions::default();
    let mut programs = object.prepare(kernel, &options).unwrap();
    match programs.next().unwrap().load {
        Ok(load) if load.btf.is_some() => "taken",
        Ok(_) => "refused",
        Err(_) => "unopened",
    }
}

fn mutants() -> Vec<Mutant> {
    let file = object::File::parse(KINDS).unwrap();
    let (start, _) = file.section_by_name(".BTF").unwrap().file_range().unwrap();
    let start = start as usize;
    let word_at = |at: usize| u32::from_le_bytes(*KINDS[at..].first_chunk().unwrap());
    let types = start + word_at(start + 4) as usize + word_at(start + 8) as usize;
    let btf = Btf::from_bytes(KINDS, None).unwrap();
    let id = |kind| btf.types().find(|t| t.kind() == kind).unwrap().id();
    let ids = [
        Kind::Int,
        Kind::Fwd,
        Kind::FuncProto,
        Kind::Func,
        Kind::Var,
        Kind::Struct,
    ]
    .map(id);
    let names = bad_names(&btf);

    let mut mutants = Vec::new();
    let mut at = types;
    for t in btf.types().filter(|t| t.id() != 0) {
        let words = 3 + words_behind(t.kind(), t.vlen());
        for word in 0..words {
            let here = at + word * 4;
            let value = word_at(here);
            let mut values = match word {
                0 => names.clone(),
                1 => vec![value ^ 1 << 31, value + 1, value.wrapping_sub(1), value | 2],
                _ => [
                    0,
                    1,
                    value.wrapping_add(1),
                    value.wrapping_sub(1),
                    t.id(),
                    0x7fff_ffff,
                ]
                .into_iter()
                .chain(ids)
                .collect(),
            };
            // The first word of a member, parameter or enumerator is a name.
            if word > 2 && names_in(t.kind()) && (word - 3) % stride(t.kind()) == 0 {
                values.extend(&names);
            }
            values.sort_unstable();
            values.dedup();
            for new in values.into_iter().filter(|new| *new != value) {
                let mut elf = KINDS.to_vec();
                elf[here..here + 4].copy_from_slice(&new.to_le_bytes());
                let name = format!("{}.{word}.{new:x}", t.id());
                mutants.push(Mutant { name, elf });
            }
        }
        at += words * 4;
    }
    mutants
}

/// Offsets of strings that are no names: empty, a number, with spaces.
fn bad_names(btf: &Btf) -> Vec<u32> {
    let strings = (0..4000).filter_map(|off| Some((off, btf.str_at(off)?)));
    let strings: Vec<(u32, &str)> = strings.collect();
    let first = |is: fn(&str) -> bool| strings.iter().find(|(_, s)| is(s)).unwrap().0;
    vec![
        0,
        first(|s| s.starts_with(|c: char| c.is_ascii_digit())),
        first(|s| s.contains(' ')),
        first(|s| s == ".bss"),
    ]
}

fn stride(kind: Kind) -> usize {
    match kind {
        Kind::Enum | Kind::FuncProto => 2,
        _ => 3,
    }
}

fn names_in(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 | Kind::FuncProto
    )
}

fn words_behind(kind: Kind, vlen: u32) -> usize {
    let vlen = vlen as usize;
    match kind {
        Kind::Int | Kind::Var | Kind::DeclTag => 1,
        Kind::Array => 3,
        Kind::Struct | Kind::Union | Kind::Enum64 | Kind::Datasec => 3 * vlen,
        Kind::Enum | Kind::FuncProto => 2 * vlen,
        _ => 0,
    }
}
