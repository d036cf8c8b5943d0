// SPDX-License-Identifier: GPL-2.0-only
//! Masks as user space writes them, and what is in them.

/// A mask of `size` bytes with the bits for which `is_set`.
pub(super) fn filled(size: usize, mut is_set: impl FnMut(u32) -> bool) -> Vec<u8> {
    let mut mask = vec![0u8; size];
    for bit in 0..size as u32 * 8 {
        if is_set(bit) {
            mask[bit as usize / 8] |= 1 << (bit % 8);
        }
    }
    mask
}

/// The CPUs in `mask`: its bits below `bound`.
pub(super) fn cpus(mask: &[u8], bound: u32) -> Vec<u32> {
    let is_set = |cpu: &u32| mask[*cpu as usize / 8] & 1 << (cpu % 8) != 0;
    (0..bound).filter(is_set).collect()
}

/// Bits at random, by xorshift64; the same ones each time.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// In one round more of them are set than in another, from one in 64 to all but one in 64.
    pub(super) fn is_set(&mut self, round: usize) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 58 < [1, 8, 32, 56, 63][round % 5]
    }
}
