// SPDX-License-Identifier: GPL-2.0-only
//! The walk on the host, against other ways to visit the set bits of an array of words.
//!
//! Each is handed the same words and adds up the positions of the bits that are set. The crates
//! get their set made beforehand. A whole run leaves its results in `bench/results/host.json`;
//! `--quick` and whatever else criterion is told leave that file alone.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use std::{env, fs};

use bench::host::{BITS, Cell, ONE_IN, Results};
use bit_set::BitSet;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use fixedbitset::FixedBitSet;
use kfunc::walk::Walk;

const BITS_PER_WORD: usize = usize::BITS as usize;
/// The ways, by the names under which criterion keeps them.
const METHODS: [&str; 5] = [
    "Walk",
    "test each bit",
    "find_next_bit",
    "fixedbitset",
    "bit-set",
];
const MANIFEST: &str = env!("CARGO_MANIFEST_DIR");

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500))
        .sample_size(30)
        .without_plots()
        .configure_from_args();
    for bits in BITS {
        for one_in in ONE_IN.into_iter().filter(|&one_in| one_in <= bits) {
            let mut group = criterion.benchmark_group(format!("{bits} bits, 1 in {one_in}"));
            all(&mut group, &words(bits, one_in), bits);
            group.finish();
        }
    }
    criterion.final_summary();
    // Cargo itself passes --bench.
    if env::args().skip(1).eq(["--bench".to_owned()]) {
        write_down();
    }
}

/// Every method on one array.
fn all(group: &mut BenchmarkGroup<'_, WallTime>, words: &[usize], bits: usize) {
    let expected = test_each(words, bits);
    let mut add = |name: &str, sum: &dyn Fn() -> usize| {
        assert_eq!(sum(), expected, "{name}");
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| black_box(sum()));
        });
    };
    let live: Vec<AtomicUsize> = words.iter().copied().map(AtomicUsize::new).collect();
    add(METHODS[0], &|| walk(black_box(&live), bits));
    add(METHODS[1], &|| test_each(black_box(words), bits));
    add(METHODS[2], &|| by_find_next_bit(black_box(words), bits));

    let fixed = FixedBitSet::with_capacity_and_blocks(bits, words.iter().copied());
    add(METHODS[3], &|| black_box(&fixed).ones().sum());
    let set: BitSet<u64> = fixed.ones().collect();
    add(METHODS[4], &|| black_box(&set).iter().sum());
}

/// As in the kernel, the words may change at any time: each is read anew.
fn walk(words: &[AtomicUsize], bits: usize) -> usize {
    let mut walk = Walk::new();
    let mut sum = 0;
    while let Some(&cpu) = walk.next(bits as u32, |i| words[i].load(Relaxed)) {
        sum += cpu as usize;
    }
    sum
}

fn test_each(words: &[usize], bits: usize) -> usize {
    (0..bits)
        .filter(|bit| words[bit / BITS_PER_WORD] & (1 << (bit % BITS_PER_WORD)) != 0)
        .sum()
}

/// As `for_each_set_bit()` of include/linux/find.h does: each step starts afresh.
fn by_find_next_bit(words: &[usize], bits: usize) -> usize {
    let mut sum = 0;
    let mut bit = find_next_bit(words, bits, 0);
    while bit < bits {
        sum += bit;
        bit = find_next_bit(words, bits, bit + 1);
    }
    sum
}

fn find_next_bit(words: &[usize], bits: usize, start: usize) -> usize {
    if start >= bits {
        return bits;
    }
    let mut i = start / BITS_PER_WORD;
    let mut word = words[i] & (usize::MAX << (start % BITS_PER_WORD));
    while word == 0 {
        i += 1;
        if i * BITS_PER_WORD >= bits {
            return bits;
        }
        word = words[i];
    }
    bits.min(i * BITS_PER_WORD + word.trailing_zeros() as usize)
}

/// An array with every `one_in`th bit set.
fn words(bits: usize, one_in: usize) -> Vec<usize> {
    let mut words = vec![0; bits.div_ceil(BITS_PER_WORD)];
    for bit in (0..bits).step_by(one_in) {
        words[bit / BITS_PER_WORD] |= 1 << (bit % BITS_PER_WORD);
    }
    words
}

/// Gathers what criterion has estimated, and has the page written.
fn write_down() {
    let target = env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| format!("{MANIFEST}/../target"));
    let mut cells = Vec::new();
    for bits in BITS {
        for one_in in ONE_IN.into_iter().filter(|&one_in| one_in <= bits) {
            for method in METHODS {
                let dir = Path::new(&target).join("criterion");
                let dir = dir.join(format!("{bits} bits, 1 in {one_in}")).join(method);
                let path = dir.join("new/estimates.json");
                let text = fs::read_to_string(&path)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let estimates: serde_json::Value = serde_json::from_str(&text).unwrap();
                let median = &estimates["median"]["point_estimate"];
                cells.push(Cell {
                    method: method.to_owned(),
                    bits,
                    one_in,
                    nanoseconds: median.as_f64().unwrap(),
                });
            }
        }
    }
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": "));
    let rustc = Command::new("rustc").arg("--version").output().unwrap();
    let results = Results {
        cpu_model: model.map_or("unknown", |(_, model)| model).to_owned(),
        compiler: String::from_utf8_lossy(&rustc.stdout).trim().to_owned(),
        kernel: kernel(),
        command: "cargo bench".to_owned(),
        cells,
    };
    let text = serde_json::to_string_pretty(&results).unwrap() + "\n";
    fs::write(format!("{MANIFEST}/results/host.json"), text).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_report")).status().unwrap();
    assert!(status.success(), "the report failed: {status}");
}

/// `Linux 6.12.43` of the system, without what its builder added.
fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let version = release.split('-').next().unwrap_or_default();
    format!("Linux {}", version.trim())
}
