// SPDX-License-Identifier: GPL-2.0-only
//! Finds types by name: a hash table whose chains run through the type numbers.
//!
//! `heads[hash]` is the first type of a bucket, `next[type]` the one after it. Chains ascend, so
//! that the first hit is the one with the lowest number, as in the kernel.

const END: u32 = u32::MAX;

#[derive(Default)]
pub(super) struct NameIndex {
    heads: Vec<u32>,
    next: Vec<u32>,
}

impl NameIndex {
    /// `names[i]` is the name of type `i`; empty names are left out.
    pub(super) fn new<'a>(
        names: impl DoubleEndedIterator<Item = &'a str> + ExactSizeIterator,
    ) -> Self {
        let len = names.len();
        let mut index = Self {
            heads: vec![END; len.next_power_of_two()],
            next: vec![END; len],
        };
        for (i, name) in names.enumerate().rev() {
            if !name.is_empty() {
                let bucket = index.bucket(name);
                index.next[i] = std::mem::replace(&mut index.heads[bucket], i as u32);
            }
        }
        index
    }

    /// Types that may have this name.
    pub(super) fn candidates(&self, name: &str) -> impl Iterator<Item = u32> + '_ {
        let first = match self.heads.is_empty() {
            true => END,
            false => self.heads[self.bucket(name)],
        };
        std::iter::successors(Some(first), |&i| Some(self.next[i as usize]))
            .take_while(|&i| i != END)
    }

    /// FNV-1a.
    fn bucket(&self, name: &str) -> usize {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        (hash ^ hash >> 32) as usize & (self.heads.len() - 1)
    }
}
