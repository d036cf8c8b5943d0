// SPDX-License-Identifier: GPL-2.0-only
//! Walks over a copy: what was read is what is walked, however the mask goes on.

use std::cell::RefCell;

use kfunc::{
    snapshot::{self, INLINE_CPUS, INLINE_WORDS},
    walk::Walk,
};
use proptest::prelude::*;

use crate::mask::*;

/// Memory for a copy, and no more.
fn room(nr_cpu_ids: u32) -> Vec<usize> {
    vec![0; snapshot::len(nr_cpu_ids)]
}

/// The CPUs of a copy; a step that asks for a word that it lacks panics.
fn walked(nr_cpu_ids: u32, copy: &[usize]) -> Vec<u32> {
    let mut walk = Walk::new();
    let mut step = || walk.next(nr_cpu_ids, |i| copy[i]).map(|&cpu| cpu as u32);
    let walked = std::iter::from_fn(&mut step).collect();
    assert_eq!(step(), None, "a CPU after the end");
    walked
}

#[test]
fn room_in_place_is_for_as_many_cpus_as_promised() {
    assert_eq!(INLINE_WORDS * BITS as usize, INLINE_CPUS as usize);
    assert_eq!(snapshot::len(INLINE_CPUS), INLINE_WORDS);
    assert_eq!(snapshot::len(INLINE_CPUS + 1), INLINE_WORDS + 1);
}

proptest! {
    #[test]
    fn copy_is_walked_exactly(mask in mask()) {
        let mut copy = room(mask.nr_cpu_ids);
        snapshot::take(&mut copy, |i| mask.words[i]);

        prop_assert_eq!(walked(mask.nr_cpu_ids, &copy), mask.cpus_from(0).collect::<Vec<_>>());
    }

    /// Another CPU may write to any word between two reads. What was read counts: each word is
    /// read once, and none that holds no CPU.
    #[test]
    fn mask_may_change_while_it_is_copied(
        nr_cpu_ids in prop::sample::select(&NR_CPU_IDS),
        reads in prop::collection::vec(word(), 1..200),
    ) {
        let reads = RefCell::new(reads.into_iter().cycle());
        let read = RefCell::new(Vec::new());
        let mut copy = room(nr_cpu_ids);
        snapshot::take(&mut copy, |i| {
            let word = reads.borrow_mut().next().unwrap_or(0);
            read.borrow_mut().push((i, word));
            word
        });

        let read = read.into_inner();
        let words: Vec<usize> = read.iter().map(|&(_, word)| word).collect();
        prop_assert!(read.iter().map(|&(i, _)| i).eq(0..snapshot::len(nr_cpu_ids)));
        let seen = Mask { nr_cpu_ids, words };
        prop_assert_eq!(walked(nr_cpu_ids, &copy), seen.cpus_from(0).collect::<Vec<_>>());
    }
}
