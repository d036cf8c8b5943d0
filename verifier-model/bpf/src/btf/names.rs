// SPDX-License-Identifier: GPL-2.0-only
//! Finds types by name: a hash table whose chains run through the type numbers.
//!
//! `heads[hash]` is the first type of a bucket, `next[type]` the one after it. Chains ascend, so
//! that the first hit is the one with the lowest number, as in the kernel.
//!
//! Names are hashed without their flavour, so that CO-RE finds `task_struct___old` and
//! `task_struct` in one bucket.

use std::borrow::Cow;

/// A name without its flavour: what is before the last `___` that has no further `_` around it
/// (`bpf_core_essential_name_len()`).
///
/// ```
/// use bpf::btf::essential_name;
///
/// assert_eq!(essential_name("task_struct___old"), "task_struct");
/// assert_eq!(essential_name("a___b___c"), "a___b");
/// assert_eq!(essential_name("a____b"), "a____b");
/// ```
pub fn essential_name(name: &str) -> &str {
    let flavour = |w: &[u8]| w[0] != b'_' && &w[1..4] == b"___" && w[4] != b'_';
    match name.as_bytes().windows(5).rposition(flavour) {
        Some(at) => name.get(..=at).unwrap_or(name),
        None => name,
    }
}

const END: u32 = u32::MAX;

const FNV_OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

const FNV_PRIME: u64 = 0x100_0000_01b3;

#[derive(Default)]
pub(super) struct NameIndex {
    heads: Cow<'static, [u32]>,
    next: Cow<'static, [u32]>,
}

impl NameIndex {
    /// `names[i]` begins with the name of type `i` and goes on behind its NUL; empty names are left out.
    ///
    /// A kernel has 50,000 names and a command that checks a small object does little else than index
    /// them, so each is read once, up to its end, and hashed on the way.
    pub(super) fn new<'a>(
        names: impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator,
    ) -> Self {
        let len = names.len();
        let mut heads = vec![END; len.next_power_of_two()];
        let mut next = vec![END; len];
        for (i, name) in names.enumerate().rev() {
            if !matches!(name, [] | [0, ..]) {
                let bucket = bucket(name, heads.len());
                next[i] = std::mem::replace(&mut heads[bucket], i as u32);
            }
        }
        Self {
            heads: Cow::Owned(heads),
            next: Cow::Owned(next),
        }
    }

    /// First type of each bucket, next one after each type.
    pub(super) fn tables(&self) -> (&[u32], &[u32]) {
        (&self.heads, &self.next)
    }

    /// What [`NameIndex::tables`] gave, of an index made before.
    pub(super) fn from_tables(heads: &'static [u32], next: &'static [u32]) -> Self {
        Self {
            heads: Cow::Borrowed(heads),
            next: Cow::Borrowed(next),
        }
    }

    /// Types that may have this name.
    pub(super) fn candidates(&self, name: &str) -> impl Iterator<Item = u32> + '_ {
        let present = |i: u32| (i != END).then_some(i);
        let bucket = bucket(name.as_bytes(), self.heads.len());
        let first = self.heads.get(bucket).copied();
        std::iter::successors(first.and_then(present), move |&i| {
            present(*self.next.get(i as usize)?)
        })
    }
}

/// Of `nr_buckets`, which is a power of two or 0.
fn bucket(name: &[u8], nr_buckets: usize) -> usize {
    let hash = essential_hash(name);
    (hash ^ hash >> 32) as usize & nr_buckets.wrapping_sub(1)
}

/// Hash of the essential name (FNV-1a), in one pass over `name`, which ends with the slice or at a NUL.
///
/// It has no key. Whoever makes up names that all fall into one bucket gains what they would by types
/// that all have one name: a search from the first to the last.
fn essential_hash(name: &[u8]) -> u64 {
    let mut hash = FNV_OFFSET_BASIS;
    // The hash of what is before the underscores just read, and how many of them there are.
    let (mut before, mut underscores) = (hash, 0);
    // The hash of what is before the last flavour.
    let mut essential = None;
    for (i, &byte) in name.iter().enumerate() {
        match byte {
            0 => break,
            b'_' => {
                if underscores == 0 {
                    before = hash;
                }
                underscores += 1;
            }
            _ => {
                if underscores == 3 && i > 3 {
                    essential = Some(before);
                }
                underscores = 0;
            }
        }
        hash = (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
    }
    essential.unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fnv_1a(text: &str) -> u64 {
        let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
        text.bytes().fold(FNV_OFFSET_BASIS, step)
    }

    proptest! {
        #[test]
        fn the_hash_is_of_the_essential_name(name in "[ab_]{0,12}") {
            let hash = fnv_1a(essential_name(&name));
            prop_assert_eq!(essential_hash(name.as_bytes()), hash);
            let more = name + "\0more___of_it";
            prop_assert_eq!(essential_hash(more.as_bytes()), hash);
        }
    }
}
