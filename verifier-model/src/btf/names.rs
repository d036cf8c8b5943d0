// SPDX-License-Identifier: GPL-2.0-only
//! Finds types by name: a hash table whose chains run through the type numbers.
//!
//! `heads[hash]` is the first type of a bucket, `next[type]` the one after it. Chains ascend, so
//! that the first hit is the one with the lowest number, as in the kernel.
//!
//! Names are hashed without their flavour, so that CO-RE finds `task_struct___old` and
//! `task_struct` in one bucket.

use std::hash::{BuildHasher, RandomState};

/// A name without its flavour: what is before the last `___` that has no further `_` around it
/// (`bpf_core_essential_name_len()`).
///
/// ```
/// use verifier_model::btf::essential_name;
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

#[derive(Default)]
pub(super) struct NameIndex {
    heads: Vec<u32>,
    next: Vec<u32>,
    /// Keyed, so that nobody can make up names that all fall into one bucket.
    state: RandomState,
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
            state: RandomState::new(),
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
        let present = |i: u32| (i != END).then_some(i);
        let first = self.heads.get(self.bucket(name)).copied();
        std::iter::successors(first.and_then(present), move |&i| {
            present(self.next[i as usize])
        })
    }

    fn bucket(&self, name: &str) -> usize {
        let hash = self.state.hash_one(essential_name(name));
        hash as usize & self.heads.len().wrapping_sub(1)
    }
}
