// SPDX-License-Identifier: GPL-2.0-only
//! Batches of bare instructions for the guest; tests/src/oracle/raw.rs tells their format.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// `BPF_PROG_TYPE_SOCKET_FILTER`.
const SOCKET_FILTER: u32 = 1;
/// `BPF_MAP_TYPE_ARRAY` with one value of 8 bytes: type, key, value, entries, flags.
const ARRAY: [u32; 5] = [2, 4, 8, 1, 0];

/// A batch under construction.
pub(crate) struct Batch(Vec<u8>);

impl Batch {
    /// A batch with these maps: type, key size, value size, entries, flags of each.
    pub(crate) fn new(maps: &[[u32; 5]]) -> Self {
        let mut bytes = b"BPFBATCH".to_vec();
        bytes.extend(u32::try_from(maps.len()).unwrap_or(u32::MAX).to_le_bytes());
        for word in maps.iter().flatten() {
            bytes.extend(word.to_le_bytes());
        }
        Self(bytes)
    }

    /// Adds a program of instructions in the kernel's encoding, 8 bytes each.
    pub(crate) fn push(&mut self, prog_type: u32, insns: &[[u8; 8]]) {
        let count = u32::try_from(insns.len()).unwrap_or(u32::MAX);
        for word in [prog_type, 0, 0, count] {
            self.0.extend(word.to_le_bytes());
        }
        self.0.extend(insns.iter().flatten());
    }

    /// Writes it.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, &self.0).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// `count` programs to measure the way through the guest with: arithmetic, branches and stack
/// accesses at random, the same every time, then a map's value; one in four forgets to look whether
/// there is a value, and is refused.
pub(crate) fn sample(count: u32) -> Batch {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut batch = Batch::new(&[ARRAY]);
    for _ in 0..count {
        let length = 16 + random.below(32);
        let mut insns = Vec::new();
        for register in 0..6 {
            // r<register> = immediate
            insns.push([0xb7, register, 0, 0, random.byte(), 0, 0, 0]);
        }
        for left in (0..length).rev() {
            insns.push(random.insn(left));
        }
        insns.extend([
            // *(u64 *)(r10 - 8) = 0; r2 = r10 - 8
            [0x7a, 10, 0xf8, 0xff, 0, 0, 0, 0],
            [0xbf, 0xa2, 0, 0, 0, 0, 0, 0],
            [0x07, 2, 0, 0, 0xf8, 0xff, 0xff, 0xff],
            // r1 = the batch's first map: BPF_PSEUDO_MAP_IDX
            [0x18, 5 << 4 | 1, 0, 0, 0, 0, 0, 0],
            [0; 8],
            // r0 = bpf_map_lookup_elem(r1, r2)
            [0x85, 0, 0, 0, 1, 0, 0, 0],
        ]);
        if random.below(4) > 0 {
            // if r0 == 0 skip the read
            insns.push([0x15, 0, 1, 0, 0, 0, 0, 0]);
        }
        insns.extend([
            // r0 = *(u64 *)(r0 + 0); r0 = 0; exit
            [0x79, 0, 0, 0, 0, 0, 0, 0],
            [0xb7, 0, 0, 0, 0, 0, 0, 0],
            [0x95, 0, 0, 0, 0, 0, 0, 0],
        ]);
        batch.push(SOCKET_FILTER, &insns);
    }
    batch
}

/// Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u8) -> u8 {
        (self.next() % u64::from(bound)) as u8
    }

    fn byte(&mut self) -> u8 {
        self.below(u8::MAX)
    }

    /// An instruction that `left` others follow.
    fn insn(&mut self, left: u8) -> [u8; 8] {
        const ALU: [u8; 8] = [0x0f, 0x1f, 0x2f, 0x4f, 0x5f, 0xaf, 0xbf, 0x0c];
        const JUMPS: [u8; 6] = [0x15, 0x25, 0x55, 0x65, 0xa5, 0xd5];
        let (to, from) = (self.below(6), self.below(6));
        let slot = (-8 - 8 * i16::from(self.below(8))).to_le_bytes();
        match self.below(8) {
            0 | 1 if left > 0 => {
                let opcode = JUMPS[usize::from(self.below(6))];
                [opcode, to, self.below(left + 1), 0, self.byte(), 0, 0, 0]
            }
            // *(u64 *)(r10 - n) = r<from>
            2 => [0x7b, from << 4 | 10, slot[0], slot[1], 0, 0, 0, 0],
            // r<to> = *(u64 *)(r10 - n), of which most were not written
            3 if self.below(8) == 0 => [0x79, 10 << 4 | to, slot[0], slot[1], 0, 0, 0, 0],
            _ => [
                ALU[usize::from(self.below(8))],
                from << 4 | to,
                0,
                0,
                0,
                0,
                0,
                0,
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_as_long_as_it_says() {
        let Batch(bytes) = sample(5);
        let mut rest = &bytes[12 + 20..];
        let mut programs = 0;
        while !rest.is_empty() {
            let count = u32::from_le_bytes([rest[12], rest[13], rest[14], rest[15]]);
            rest = &rest[16 + 8 * count as usize..];
            programs += 1;
        }
        assert_eq!(programs, 5);
    }
}
