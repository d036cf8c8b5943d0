// SPDX-License-Identifier: GPL-2.0-only

//! A walk over the set bits of a CPU mask that others may change meanwhile.
//!
//! This file knows neither the kernel nor its pointers: the caller hands in a closure that reads
//! one word of the mask. Kbuild and Cargo both compile it as it stands.

const BITS_PER_WORD: u32 = usize::BITS;

/// How many words of a mask hold a CPU below `nr_cpu_ids`.
#[inline(always)]
pub const fn words(nr_cpu_ids: u32) -> usize {
    nr_cpu_ids.div_ceil(BITS_PER_WORD) as usize
}

/// A walk over a CPU mask: where it stands, and nothing else.
///
/// The words are read anew at each step, so a step sees the mask as it is then. Whatever happens
/// to the mask between two steps:
///
/// - the CPUs come in ascending order, so each of them at most once;
/// - all of them are below `nr_cpu_ids`;
/// - after the first `None` there is only `None`.
///
/// A mask that keeps still is walked exactly.
///
/// # Invariants
///
/// `cpu` never goes down. The CPUs up to it are done with. It is -1 before the first step, then
/// the CPU that the last step returned, and once a step found no more the last bit of a word,
/// with no CPU behind it:
///
/// ```text
/// -1 ──► 0 ..= nr_cpu_ids - 1 ──► a multiple of usize::BITS, minus 1, at least nr_cpu_ids - 1
/// └──────────────────────────────────▲
/// ```
///
/// `word` holds a CPU below `nr_cpu_ids`. It is the word of `cpu` if a step returned that one.
/// Otherwise `cpu` counts as the last bit of `word`, behind which a step has to go on: -1 is that,
/// too, modulo `usize::BITS`.
#[repr(C)]
pub struct Walk {
    pub(crate) cpu: i32,
    pub(crate) word: u32,
}

impl Walk {
    /// Starts before CPU 0.
    #[inline(always)]
    #[expect(clippy::new_without_default, reason = "a walk starts in one way only")]
    pub const fn new() -> Self {
        // INVARIANT: No step was made, and there is a CPU 0.
        Self { cpu: -1, word: 0 }
    }

    /// Steps to the next CPU in the mask; `None` at its end.
    ///
    /// `nr_cpu_ids` is the kernel's: one more than the highest possible CPU number, the same at
    /// each step, at least 1 and far below `i32::MAX`. `word(i)` reads word `i` of the mask, which
    /// holds the CPUs from `i * usize::BITS` on, the first one in the least significant bit. It is
    /// asked only for words that hold a CPU below `nr_cpu_ids`.
    ///
    /// The reference leads into the walk itself: a BPF iterator's `next` returns just that.
    #[inline(always)]
    pub fn next(&mut self, nr_cpu_ids: u32, word: impl Fn(usize) -> usize) -> Option<&i32> {
        // Nothing below overflows, apart from -1 becoming 0. The wrapping operations tell the
        // compiler so: it leaves out the check and the panic behind it.
        let mut cpu = self.cpu as u32;

        // `cpu` in the least significant bit and cleared, those after it above. Of a word's last
        // bit that leaves nothing, so neither the start of the walk nor its end takes a test here:
        //
        //      cpu = 2                     cpu = 63, -1, or the end
        //      1 0 1 1 0 1                 x x x x ... x
        //          ▲ └─┴─┴─ and 0           ▲          └─ becomes 0
        let mut bits = word(self.word as usize) >> (cpu % BITS_PER_WORD) & !1;
        if bits == 0 {
            // On to the next word that is not empty.
            loop {
                cpu = (cpu | (BITS_PER_WORD - 1)).wrapping_add(1);
                if cpu >= nr_cpu_ids {
                    return self.end(cpu.wrapping_sub(1));
                }
                bits = word((cpu / BITS_PER_WORD) as usize);
                if bits != 0 {
                    break;
                }
            }
            // INVARIANT: `cpu` is below `nr_cpu_ids`. What is stored next is in this word or the
            // end.
            self.word = cpu / BITS_PER_WORD;
        }

        cpu = cpu.wrapping_add(bits.trailing_zeros());
        if cpu >= nr_cpu_ids {
            // A stray bit: the last word may hold anything at and above `nr_cpu_ids`.
            return self.end(cpu);
        }
        // INVARIANT: This is the CPU to return, and it went up.
        self.cpu = cpu as i32;
        Some(&self.cpu)
    }

    /// Ends the walk, with no CPU behind `cpu`.
    #[cold]
    #[inline(always)]
    fn end(&mut self, cpu: u32) -> Option<&i32> {
        // INVARIANT: A word's last bit, and there is no CPU behind it.
        self.cpu = (cpu | (BITS_PER_WORD - 1)) as i32;
        None
    }
}
