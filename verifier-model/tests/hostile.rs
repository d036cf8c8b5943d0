// SPDX-License-Identifier: GPL-2.0-only
//! Bytes that nobody checked: what the fuzzers in `fuzz/` have found, and objects that were damaged.
//!
//! A finding is a file in `tests/hostile`, under the target that takes it. It fails here by a panic,
//! or by not coming to an end.

#[path = "hostile/harness.rs"]
mod harness;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn files(dir: &str, ends: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(dir);
    let entries = fs::read_dir(dir).expect("the directory is there");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    paths
        .filter(|path| path.to_string_lossy().ends_with(ends))
        .collect()
}

fn replay(target: &str, run: fn(&[u8])) {
    let found = files(&format!("hostile/{target}"), "");
    assert!(!found.is_empty());
    for path in found {
        eprintln!("{}", path.display());
        run(&fs::read(path).expect("it can be read"));
    }
}

#[test]
fn objects_that_were_found() {
    replay("object", harness::object);
}

#[test]
fn btf_that_was_found() {
    replay("btf", harness::btf);
}

#[test]
fn instructions_that_were_found() {
    replay("insns", harness::insns);
}

/// What happens to a file on its way.
#[derive(Debug, Clone)]
enum Damage {
    /// The rest is lost.
    Truncate(Index),
    /// One bit is another.
    Flip(Index, u8),
    /// Four bytes are another number, one that is often too much.
    Number(Index, u32),
    /// Bytes from one place are at another too.
    Splice(Index, Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    const NUMBERS: &[u32] = &[0, 1, 8, 64, 0xff_ffff, i32::MAX as u32, 1 << 31, u32::MAX];
    prop_oneof![
        1 => any::<Index>().prop_map(Damage::Truncate),
        6 => (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        3 => (any::<Index>(), select(NUMBERS)).prop_map(|(at, n)| Damage::Number(at, n)),
        2 => (any::<Index>(), any::<Index>(), 1..64usize)
            .prop_map(|(from, to, len)| Damage::Splice(from, to, len)),
    ]
}

impl Damage {
    fn apply(&self, data: &mut Vec<u8>) {
        let size = data.len();
        if size < 64 {
            return;
        }
        match self {
            Self::Truncate(at) => data.truncate(at.index(size)),
            Self::Flip(at, bit) => data[at.index(size)] ^= 1 << bit,
            Self::Number(at, number) => {
                let at = at.index(size / 4) * 4;
                data[at..at + 4].copy_from_slice(&number.to_le_bytes());
            }
            Self::Splice(from, to, len) => {
                let (from, to) = (from.index(size - len), to.index(size - len));
                data.copy_within(from..from + len, to);
            }
        }
    }
}

fn objects() -> Vec<Vec<u8>> {
    let paths = files("explain", ".elf")
        .into_iter()
        .chain(files("../bpf/tests/load", ".elf"));
    paths
        .map(|path| fs::read(path).expect("it can be read"))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn damaged_objects(object in select(objects()), all in vec(damage(), 1..6)) {
        let mut data = object;
        all.iter().for_each(|damage| damage.apply(&mut data));
        harness::object(&data);
    }

    #[test]
    fn damaged_btf(all in vec(damage(), 1..6)) {
        let mut data = include_bytes!("../bpf/tests/load/kernel.elf").to_vec();
        all.iter().for_each(|damage| damage.apply(&mut data));
        harness::btf(&data);
    }
}
