// SPDX-License-Identifier: GPL-2.0-only

//! A copy of a CPU mask, to be walked whatever becomes of the mask.
//!
//! This file knows neither the kernel nor its pointers: the caller provides the memory, and a
//! closure that reads one word of the mask. Kbuild and Cargo both compile it as it stands.

/// Up to so many CPUs, a copy takes no memory but the iterator's own.
pub const INLINE_CPUS: u32 = 256;

/// The same in words.
pub const INLINE_WORDS: usize = len(INLINE_CPUS);

/// How many words of a mask hold a CPU below `nr_cpu_ids`: so many make a copy.
#[inline(always)]
pub const fn len(nr_cpu_ids: u32) -> usize {
    nr_cpu_ids.div_ceil(usize::BITS) as usize
}

/// Copies a mask into as many words as it takes.
///
/// `word(i)` reads word `i` of the mask, as for `Walk::next`. It is asked once for each word of
/// `copy`, in ascending order.
#[inline(always)]
pub fn take(copy: &mut [usize], word: impl Fn(usize) -> usize) {
    for (i, to) in copy.iter_mut().enumerate() {
        *to = word(i);
    }
}
