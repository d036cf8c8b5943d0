// SPDX-License-Identifier: GPL-2.0-only
//! Masks as they lie in memory: words of 32 and 64 bits, the least significant byte first or last.
//!
//! A bit's place within its word is what the kernel's bitmaps go by, on every architecture; a byte's
//! is not. A walk that reads whole words does not see the difference.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::walks::{self, bits_32, bits_64};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

/// A mask in the memory of a machine with words of `bits` bits.
#[derive(Clone, Debug)]
struct Memory {
    bytes: Vec<u8>,
    bits: u32,
    order: Order,
}

impl Memory {
    fn new(nr_cpu_ids: u32, bits: u32, order: Order) -> Self {
        let words = nr_cpu_ids.div_ceil(bits);
        let bytes = vec![0; (words * bits / 8) as usize];
        Self { bytes, bits, order }
    }

    /// As `__set_bit()` and `__clear_bit()` do, by the byte.
    fn write(&mut self, cpu: u32, set: bool) {
        let word = cpu / self.bits * self.bits / 8;
        let within = cpu % self.bits / 8;
        let byte = match self.order {
            Order::Little => word + within,
            Order::Big => word + self.bits / 8 - 1 - within,
        };
        let byte = &mut self.bytes[byte as usize];
        let bit = 1 << (cpu % 8);
        *byte = if set { *byte | bit } else { *byte & !bit };
    }

    /// The word `i`, as the machine loads it.
    fn word(&self, i: usize) -> usize {
        let size = (self.bits / 8) as usize;
        let push = |word: usize, byte: &u8| word << 8 | usize::from(*byte);
        let bytes = self.bytes[i * size..][..size].iter();
        match self.order {
            Order::Little => bytes.rev().fold(0, push),
            Order::Big => bytes.fold(0, push),
        }
    }

    fn walked<W: walks::Steps>(&self, nr_cpu_ids: u32) -> Vec<u32> {
        let mut walk = W::new();
        std::iter::from_fn(|| walk.step(nr_cpu_ids, |i| self.word(i))).collect()
    }
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Little), Just(Order::Big)]
}

/// The last words are full: CPUs at and above `nr_cpu_ids` are stray.
fn cpus() -> impl Strategy<Value = (u32, BTreeSet<u32>)> {
    (1..200_u32).prop_flat_map(|nr_cpu_ids| {
        let all = nr_cpu_ids.next_multiple_of(64);
        let cpus = prop::collection::btree_set(0..all, 0..40);
        (Just(nr_cpu_ids), cpus)
    })
}

fn walks_exactly<W: walks::Steps>(
    (nr_cpu_ids, cpus): &(u32, BTreeSet<u32>),
    order: Order,
) -> Result<(), TestCaseError> {
    let mut memory = Memory::new(*nr_cpu_ids, W::BITS, order);
    let room = nr_cpu_ids.next_multiple_of(W::BITS);
    cpus.range(..room).for_each(|&cpu| memory.write(cpu, true));
    let want: Vec<u32> = cpus.range(..nr_cpu_ids).copied().collect();
    prop_assert_eq!(memory.walked::<W>(*nr_cpu_ids), want);
    Ok(())
}

/// CPUs are written, one before each step.
fn sees_the_mask_of_its_time<W: walks::Steps>(
    (nr_cpu_ids, cpus): &(u32, BTreeSet<u32>),
    order: Order,
    writes: &[(prop::sample::Index, bool)],
) -> Result<(), TestCaseError> {
    let mut memory = Memory::new(*nr_cpu_ids, W::BITS, order);
    let mut cpus: BTreeSet<u32> = cpus.range(..nr_cpu_ids).copied().collect();
    cpus.iter().for_each(|&cpu| memory.write(cpu, true));
    let mut walk = W::new();
    let mut from = 0;
    for &(cpu, set) in writes {
        let cpu = cpu.index(*nr_cpu_ids as usize) as u32;
        memory.write(cpu, set);
        match set {
            true => cpus.insert(cpu),
            false => cpus.remove(&cpu),
        };
        let want = cpus.range(from..).next().copied();
        prop_assert_eq!(walk.step(*nr_cpu_ids, |i| memory.word(i)), want);
        let Some(cpu) = want else { break };
        from = cpu + 1;
    }
    Ok(())
}

proptest! {
    #[test]
    fn words_of_every_width_and_order_are_walked_exactly(cpus in cpus(), order in order()) {
        walks_exactly::<bits_32::Walk>(&cpus, order)?;
        walks_exactly::<bits_64::Walk>(&cpus, order)?;
    }

    #[test]
    fn a_step_sees_the_mask_of_its_time(
        cpus in cpus(),
        order in order(),
        writes in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..100),
    ) {
        sees_the_mask_of_its_time::<bits_32::Walk>(&cpus, order, &writes)?;
        sees_the_mask_of_its_time::<bits_64::Walk>(&cpus, order, &writes)?;
    }
}

/// Why the width has to be the kernel's own: with the least significant byte last, the same memory
/// read as wider words is another mask.
#[test]
fn memory_read_as_wider_words_is_another_mask() {
    for (order, seen) in [(Order::Little, 3), (Order::Big, 35)] {
        let mut memory = Memory::new(64, 32, order);
        memory.write(3, true);
        assert_eq!(memory.walked::<bits_32::Walk>(64), [3]);
        memory.bits = 64;
        assert_eq!(memory.walked::<bits_64::Walk>(64), [seen], "{order:?}");
    }
}
