// SPDX-License-Identifier: GPL-2.0-only
//! The walk against a sorted set, with masks that change between steps and within them.

use std::{cell::RefCell, collections::BTreeSet};

use kfunc::walk::Walk;
use proptest::prelude::*;

const BITS: u32 = usize::BITS;

/// One CPU; both sides of a word's end; the most that 64 words hold; stock Debian's `NR_CPUS`.
const NR_CPU_IDS: [u32; 6] = [1, 63, 64, 65, 4096, 8192];

/// A mask that counts as memory: reading beyond its words panics.
#[derive(Clone, Debug)]
struct Mask {
    nr_cpu_ids: u32,
    words: Vec<usize>,
}

impl Mask {
    fn step(&self, walk: &mut Walk) -> Option<u32> {
        walk.next(self.nr_cpu_ids, |i| self.words[i])
            .map(|&cpu| cpu as u32)
    }

    /// The CPUs from `from` on and below `nr_cpu_ids`, in ascending order, the obvious way.
    fn cpus_from(&self, from: u32) -> impl Iterator<Item = u32> {
        (from..self.nr_cpu_ids)
            .filter(|cpu| self.words[(cpu / BITS) as usize] & (1 << (cpu % BITS)) != 0)
    }
}

/// Words with no, one, some or all bits set, so that empty runs and full words are both common.
fn word() -> impl Strategy<Value = usize> {
    prop_oneof![
        4 => Just(0),
        2 => (0..BITS).prop_map(|bit| 1 << bit),
        2 => any::<usize>(),
        1 => Just(usize::MAX),
    ]
}

/// A mask with stray bits above `nr_cpu_ids` in its last word.
fn mask() -> impl Strategy<Value = Mask> {
    prop::sample::select(&NR_CPU_IDS).prop_flat_map(|nr_cpu_ids| {
        prop::collection::vec(word(), nr_cpu_ids.div_ceil(BITS) as usize)
            .prop_map(move |words| Mask { nr_cpu_ids, words })
    })
}

/// What happens to the mask before a step: a few words get other values.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, usize)>> {
    prop_oneof![
        2 => Just(vec![]),
        1 => prop::collection::vec((any::<prop::sample::Index>(), word()), 1..8),
    ]
}

proptest! {
    #[test]
    fn still_mask_is_walked_exactly(mask in mask()) {
        let mut walk = Walk::new();
        let walked: Vec<u32> = std::iter::from_fn(|| mask.step(&mut walk)).collect();

        let cpus: BTreeSet<u32> = mask.cpus_from(0).collect();
        prop_assert_eq!(walked, cpus.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(mask.step(&mut walk), None);
    }

    /// Each step finds the successor in the mask as it is then, until the first that finds none.
    #[test]
    fn step_sees_the_mask_of_its_time(
        mut mask in mask(),
        before_steps in prop::collection::vec(changes(), 1..200),
    ) {
        let mut walk = Walk::new();
        let mut from = 0;
        let mut ended = false;

        for changes in before_steps {
            for (index, word) in changes {
                *index.get_mut(&mut mask.words) = word;
            }

            let expected = mask.cpus_from(from).next().filter(|_| !ended);
            prop_assert_eq!(mask.step(&mut walk), expected);
            match expected {
                Some(cpu) => from = cpu + 1,
                None => ended = true,
            }
        }
    }

    /// Another CPU may write to any word between two reads of one step.
    #[test]
    fn mask_may_change_within_a_step(
        nr_cpu_ids in prop::sample::select(&NR_CPU_IDS),
        reads in prop::collection::vec(word(), 1..1000),
        steps in 1..1000_usize,
    ) {
        let reads = RefCell::new(reads.into_iter().cycle());
        let mut walk = Walk::new();
        let mut last = None;
        let mut ended = false;

        for _ in 0..steps {
            let cpu = walk
                .next(nr_cpu_ids, |i| {
                    assert!(i < nr_cpu_ids.div_ceil(BITS) as usize, "word {i} is beyond the mask");
                    reads.borrow_mut().next().unwrap_or(0)
                })
                .map(|&cpu| cpu as u32);

            match cpu {
                Some(cpu) => {
                    prop_assert!(!ended, "{} after the end", cpu);
                    prop_assert!(last < Some(cpu), "{} after {:?}", cpu, last);
                    prop_assert!(cpu < nr_cpu_ids);
                    last = Some(cpu);
                }
                None => ended = true,
            }
        }
    }

    /// However the mask fills up afterwards, the end is the end.
    #[test]
    fn end_is_final(mut mask in mask(), later in word()) {
        let mut walk = Walk::new();
        while mask.step(&mut walk).is_some() {}

        mask.words.fill(later);
        for _ in 0..3 {
            prop_assert_eq!(mask.step(&mut walk), None);
        }
    }
}
