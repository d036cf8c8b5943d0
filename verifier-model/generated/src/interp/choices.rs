// SPDX-License-Identifier: GPL-2.0-only
//! What a program cannot know: inputs, other CPUs, allocations that fail.

use bpf::uapi::Insn;

/// Makes each choice at random, with a liking for the numbers that the program itself has.
pub struct Choices {
    random: fastrand::Rng,
    dictionary: Vec<u64>,
}

impl Choices {
    /// Choices for a program of these instructions; the same for the same seed.
    pub fn new(seed: u64, insns: &[Insn]) -> Self {
        let mut dictionary = vec![0, 1, 2, 15, 16, u64::MAX];
        for insn in insns {
            let imm = i64::from(insn.imm) as u64;
            dictionary.extend([imm, imm.wrapping_add(1), imm.wrapping_sub(1)]);
        }
        dictionary.sort_unstable();
        dictionary.dedup();
        Self {
            random: fastrand::Rng::with_seed(seed),
            dictionary,
        }
    }

    /// Any number.
    pub(super) fn number(&mut self) -> u64 {
        match self.random.u8(..8) {
            0 => self.random.u64(..),
            1 => self.random.u64(..256),
            2 => self.random.u64(..16),
            3 => self.below(2),
            _ => self.dictionary[self.random.usize(..self.dictionary.len())],
        }
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.random.u64(..bound)
    }

    /// Whether something happens that happens once in `n` times.
    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}
