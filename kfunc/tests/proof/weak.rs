// SPDX-License-Identifier: GPL-2.0-only
//! Masks that other CPUs write to while they are walked, on a machine that orders nothing.
//!
//! `loom` runs each of these once for every order that relaxed reads and writes may come in, which is
//! what `READ_ONCE()`, `set_bit()` and `clear_bit()` are: no barrier, and each word by itself.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use crate::walks::{self, bits_4, looks_once_and_believes, reads_a_word_twice};

/// A mask of three words.
struct Mask([AtomicUsize; 3]);

const NR_CPU_IDS: u32 = 12;

impl Mask {
    fn new(words: [usize; 3]) -> Arc<Self> {
        Arc::new(Self(words.map(AtomicUsize::new)))
    }

    fn read(&self, i: usize) -> usize {
        self.0[i].load(Ordering::Relaxed)
    }

    fn set(&self, cpu: u32) {
        self.0[(cpu / 4) as usize].fetch_or(1 << (cpu % 4), Ordering::Relaxed);
    }

    fn clear(&self, cpu: u32) {
        self.0[(cpu / 4) as usize].fetch_and(!(1 << (cpu % 4)), Ordering::Relaxed);
    }

    /// As `cpumask_copy()`.
    fn copy(&self, words: [usize; 3]) {
        for (to, word) in self.0.iter().zip(words) {
            to.store(word, Ordering::Relaxed);
        }
    }

    fn walk<W: walks::Steps>(&self) -> Vec<u32> {
        walked::<W>(|i| self.read(i))
    }
}

fn walked<W: walks::Steps>(word: impl Fn(usize) -> usize) -> Vec<u32> {
    let mut walk = W::new();
    // One more than there are CPUs: a walk that does not end is seen by what it returns.
    let steps = (0..=NR_CPU_IDS).map_while(|_| walk.step(NR_CPU_IDS, &word));
    steps.collect()
}

/// CPU 1 and CPU 9 stay, four are never there, the others come and go.
fn promises<W: walks::Steps>() {
    loom::model(|| {
        let mask = Mask::new([0b0110, 0b0001, 0b0010]);
        let writer = thread::spawn({
            let mask = Arc::clone(&mask);
            move || {
                mask.clear(2);
                mask.clear(4);
                mask.set(10);
            }
        });
        let cpus = mask.walk::<W>();
        assert!(cpus.is_sorted_by(|a, b| a < b), "not in order: {cpus:?}");
        for stays in [1, 9] {
            assert!(cpus.contains(&stays), "{stays} is missed: {cpus:?}");
        }
        for never in [0, 3, 7, 11] {
            assert!(!cpus.contains(&never), "{never} was never set: {cpus:?}");
        }
        writer.join().unwrap();
        // Who has waited for the writer sees what it wrote.
        assert_eq!(mask.walk::<W>(), [1, 9, 10]);
    });
}

#[test]
fn writers_break_no_promise() {
    promises::<bits_4::Walk>();
}

/// A walk is as good as its reads: whoever knows of a change by an acquire sees it.
fn known_change(publish: Ordering) {
    loom::model(move || {
        let mask = Mask::new([0, 0b0001, 0]);
        let told = Arc::new(AtomicBool::new(false));
        let writer = thread::spawn({
            let (mask, told) = (Arc::clone(&mask), Arc::clone(&told));
            move || {
                mask.set(6);
                told.store(true, publish);
            }
        });
        if told.load(Ordering::Acquire) {
            assert_eq!(mask.walk::<bits_4::Walk>(), [4, 6]);
        }
        writer.join().unwrap();
    });
}

#[test]
fn a_change_that_is_known_is_seen() {
    known_change(Ordering::Release);
    // Without the barrier it may not be.
    assert!(catch_unwind(|| known_change(Ordering::Relaxed)).is_err());
}

/// The CPUs that walks see of one that moves from `old` to `new`, the new one set first.
fn moving(old: u32, new: u32) -> BTreeSet<Vec<u32>> {
    let all = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&all);
    loom::model(move || {
        let mask = Mask::new([0; 3]);
        mask.set(old);
        let mover = thread::spawn({
            let mask = Arc::clone(&mask);
            move || {
                mask.set(new);
                mask.clear(old);
            }
        });
        let cpus = mask.walk::<bits_4::Walk>();
        mover.join().unwrap();
        seen.lock().unwrap().insert(cpus);
    });
    Arc::try_unwrap(all).unwrap().into_inner().unwrap()
}

/// Nothing is promised of two CPUs in two words. Upwards, a machine that keeps the order of writes and
/// of reads, as x86 does, never shows neither of the two; arm64 may.
#[test]
fn a_cpu_that_moves_to_another_word_may_be_seen_nowhere() {
    let outcomes = [vec![], vec![1], vec![1, 5], vec![5]];
    assert_eq!(moving(1, 5), BTreeSet::from(outcomes.clone()));
    assert_eq!(moving(5, 1), BTreeSet::from(outcomes));
}

/// A step reads a word once: within a word, what it saw is of one time.
#[test]
fn a_cpu_that_moves_within_a_word_is_seen() {
    let outcomes = [vec![1], vec![1, 2], vec![2]];
    assert_eq!(moving(1, 2), BTreeSet::from(outcomes));
}

/// A copy as `bpf_iter_cpumask_snapshot_new()` takes it, and a walk over what `word` reads of it and of
/// the mask.
fn snapshot(word: fn(&Mask, &[usize; 3], usize) -> usize) {
    loom::model(move || {
        let mask = Mask::new([0b0011, 0b0011, 0]);
        let writer = thread::spawn({
            let mask = Arc::clone(&mask);
            move || mask.copy([0b1100, 0b1100, 0])
        });
        let copy = [0, 1, 2].map(|i| mask.read(i));
        assert!(copy[..2].iter().all(|word| [0b0011, 0b1100].contains(word)));
        let first = walked::<bits_4::Walk>(|i| word(&mask, &copy, i));
        thread::yield_now();
        let cpus = (0..NR_CPU_IDS).filter(|cpu| copy[(cpu / 4) as usize] >> (cpu % 4) & 1 == 1);
        assert!(first.iter().copied().eq(cpus), "{first:?} of {copy:?}");
        writer.join().unwrap();
        assert_eq!(walked::<bits_4::Walk>(|i| word(&mask, &copy, i)), first);
    });
}

#[test]
fn a_snapshot_is_walked_exactly_whatever_becomes_of_the_mask() {
    snapshot(|_, copy, i| copy[i]);
    // One that reads the mask again is found out.
    assert!(catch_unwind(|| snapshot(|mask, _, i| mask.read(i))).is_err());
    let half = |mask: &Mask, copy: &[usize; 3], i: usize| [copy[0], mask.read(1), copy[2]][i];
    assert!(catch_unwind(move || snapshot(half)).is_err());
}

/// Those that show only when a word is another at the second read.
#[test]
fn bugs_of_two_reads_are_found() {
    assert!(catch_unwind(promises::<reads_a_word_twice::Walk>).is_err());
    assert!(catch_unwind(promises::<looks_once_and_believes::Walk>).is_err());
}
