// SPDX-License-Identifier: GPL-2.0-only
//! Walks over two masks, against the sets' own intersection and difference.

use std::{cell::RefCell, collections::BTreeSet};

use kfunc::walk::Walk;
use proptest::prelude::*;

use crate::mask::*;

fn and(word1: usize, word2: usize) -> usize {
    word1 & word2
}

fn andnot(word1: usize, word2: usize) -> usize {
    word1 & !word2
}

/// Two masks of the same size.
fn pair() -> impl Strategy<Value = (Mask, Mask)> {
    prop::sample::select(&NR_CPU_IDS)
        .prop_flat_map(|nr_cpu_ids| (mask_of(nr_cpu_ids), mask_of(nr_cpu_ids)))
}

fn step(
    walk: &mut Walk,
    (mask1, mask2): &(Mask, Mask),
    combine: fn(usize, usize) -> usize,
) -> Option<u32> {
    walk.next(mask1.nr_cpu_ids, |i| {
        combine(mask1.words[i], mask2.words[i])
    })
    .map(|&cpu| cpu as u32)
}

fn walked(masks: &(Mask, Mask), combine: fn(usize, usize) -> usize) -> Vec<u32> {
    let mut walk = Walk::new();
    std::iter::from_fn(|| step(&mut walk, masks, combine)).collect()
}

proptest! {
    #[test]
    fn still_masks_are_walked_exactly(masks in pair()) {
        let [cpus1, cpus2] = [&masks.0, &masks.1].map(|mask| mask.cpus_from(0).collect::<BTreeSet<_>>());

        let both: Vec<u32> = cpus1.intersection(&cpus2).copied().collect();
        prop_assert_eq!(walked(&masks, and), both);
        let first_alone: Vec<u32> = cpus1.difference(&cpus2).copied().collect();
        prop_assert_eq!(walked(&masks, andnot), first_alone);
    }

    /// Each step finds the successor in the masks as they are then.
    #[test]
    fn step_sees_both_masks_of_its_time(
        mut masks in pair(),
        before_steps in prop::collection::vec(
            prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), word()), 0..4),
            1..100,
        ),
    ) {
        let mut walk = Walk::new();
        let mut from = 0;
        let mut ended = false;

        for changes in before_steps {
            for (first, index, word) in changes {
                let mask = if first { &mut masks.0 } else { &mut masks.1 };
                *index.get_mut(&mut mask.words) = word;
            }

            let cpus2: BTreeSet<u32> = masks.1.cpus_from(from).collect();
            let expected = masks.0.cpus_from(from).find(|cpu| !cpus2.contains(cpu)).filter(|_| !ended);
            prop_assert_eq!(step(&mut walk, &masks, andnot), expected);
            match expected {
                Some(cpu) => from = cpu + 1,
                None => ended = true,
            }
        }
    }

    /// Either mask may change between any two reads.
    #[test]
    fn both_masks_may_change_within_a_step(
        nr_cpu_ids in prop::sample::select(&NR_CPU_IDS),
        reads in prop::collection::vec(word(), 1..1000),
        combine in prop::sample::select(vec![and as fn(usize, usize) -> usize, andnot]),
    ) {
        let reads = RefCell::new(reads.into_iter().cycle());
        let read = || reads.borrow_mut().next().unwrap_or(0);
        keeps_its_promises(nr_cpu_ids, 1000, || combine(read(), read()))?;
    }
}
