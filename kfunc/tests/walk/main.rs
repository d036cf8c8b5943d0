// SPDX-License-Identifier: GPL-2.0-only
//! The walk against a sorted set, with masks that change between steps and within them.

mod mask;
mod pair;

use std::{cell::RefCell, collections::BTreeSet};

use kfunc::walk::{self, Walk};
use proptest::prelude::*;

use crate::mask::*;

/// What happens to the mask before a step: a few words get other values.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, usize)>> {
    prop_oneof![
        2 => Just(vec![]),
        1 => prop::collection::vec((any::<prop::sample::Index>(), word()), 1..8),
    ]
}

#[test]
fn words_are_as_many_as_hold_a_cpu() {
    for (nr_cpu_ids, words) in [
        (1, 1),
        (BITS, 1),
        (BITS + 1, 2),
        (4 * BITS, 4),
        (4 * BITS + 1, 5),
    ] {
        assert_eq!(walk::words(nr_cpu_ids), words, "{nr_cpu_ids} CPUs");
    }
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
        keeps_its_promises(nr_cpu_ids, steps, || reads.borrow_mut().next().unwrap_or(0))?;
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
