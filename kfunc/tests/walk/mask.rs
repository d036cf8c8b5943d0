// SPDX-License-Identifier: GPL-2.0-only
//! Masks of every size and filling.

use kfunc::walk::{self, Walk};
use proptest::{prelude::*, test_runner::TestCaseError};

pub(crate) const BITS: u32 = usize::BITS;

/// One CPU; both sides of a word's end, and of the most that a snapshot has room for in place; the
/// most that 64 words hold; stock Debian's `NR_CPUS`.
pub(crate) const NR_CPU_IDS: [u32; 8] = [1, 63, 64, 65, 256, 257, 4096, 8192];

/// A mask that counts as memory: reading beyond its words panics.
#[derive(Clone, Debug)]
pub(crate) struct Mask {
    pub(crate) nr_cpu_ids: u32,
    pub(crate) words: Vec<usize>,
}

impl Mask {
    pub(crate) fn step(&self, walk: &mut Walk) -> Option<u32> {
        walk.next(self.nr_cpu_ids, |i| self.words[i])
            .map(|&cpu| cpu as u32)
    }

    /// The CPUs from `from` on and below `nr_cpu_ids`, in ascending order, the obvious way.
    pub(crate) fn cpus_from(&self, from: u32) -> impl Iterator<Item = u32> {
        (from..self.nr_cpu_ids)
            .filter(|cpu| self.words[(cpu / BITS) as usize] & (1 << (cpu % BITS)) != 0)
    }
}

/// Words with no, one, some or all bits set, so that empty runs and full words are both common.
pub(crate) fn word() -> impl Strategy<Value = usize> {
    prop_oneof![
        4 => Just(0),
        2 => (0..BITS).prop_map(|bit| 1 << bit),
        2 => any::<usize>(),
        1 => Just(usize::MAX),
    ]
}

/// A mask with stray bits above `nr_cpu_ids` in its last word.
pub(crate) fn mask() -> impl Strategy<Value = Mask> {
    prop::sample::select(&NR_CPU_IDS).prop_flat_map(mask_of)
}

/// The same of a given size.
pub(crate) fn mask_of(nr_cpu_ids: u32) -> impl Strategy<Value = Mask> {
    prop::collection::vec(word(), walk::words(nr_cpu_ids))
        .prop_map(move |words| Mask { nr_cpu_ids, words })
}

/// What a walk promises however its words change: `read` gives any at each read, and `steps` steps
/// are made. CPUs come in ascending order and below `nr_cpu_ids`, and the end is the end.
pub(crate) fn keeps_its_promises(
    nr_cpu_ids: u32,
    steps: usize,
    read: impl Fn() -> usize,
) -> Result<(), TestCaseError> {
    let mut walk = Walk::new();
    let mut last = None;
    let mut ended = false;

    for _ in 0..steps {
        let cpu = walk
            .next(nr_cpu_ids, |i| {
                assert!(i < walk::words(nr_cpu_ids), "word {i} is beyond the mask");
                read()
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
    Ok(())
}
