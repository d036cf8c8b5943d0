// SPDX-License-Identifier: GPL-2.0-only

//! A walk over the set bits of a CPU mask that others may change meanwhile.
//!
//! This file knows neither the kernel nor its pointers: the caller hands in a closure that reads
//! one word of the mask. Kbuild and Cargo both compile it as it stands.

const BITS_PER_WORD: u32 = usize::BITS;

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
/// `cpu` is -1 before the first step, then the CPU that the last step returned, and at least
/// `nr_cpu_ids` once a step found no more. It never goes down:
///
/// ```text
/// -1 ──► 0 ..= nr_cpu_ids - 1 ──► nr_cpu_ids ..
/// └──────────────────────────────────▲
/// ```
#[repr(transparent)]
pub struct Walk {
    cpu: i32,
}

impl Walk {
    /// Starts before CPU 0.
    #[inline(always)]
    #[expect(clippy::new_without_default, reason = "a walk starts in one way only")]
    pub const fn new() -> Self {
        // INVARIANT: No step was made.
        Self { cpu: -1 }
    }

    /// Steps to the next CPU in the mask; `None` at its end.
    ///
    /// `nr_cpu_ids` is the kernel's: one more than the highest possible CPU number, the same at
    /// each step and far below `i32::MAX`. `word(i)` reads word `i` of the mask, which holds the
    /// CPUs from `i * usize::BITS` on, the first one in the least significant bit. It is asked
    /// only for words that hold a CPU below `nr_cpu_ids`.
    ///
    /// The reference leads into the walk itself: a BPF iterator's `next` returns just that.
    #[inline(always)]
    pub fn next(&mut self, nr_cpu_ids: u32, word: impl Fn(usize) -> usize) -> Option<&i32> {
        // Nothing below overflows, apart from -1 becoming 0. The wrapping operations tell the
        // compiler so: it leaves out the check and the panic behind it.
        let mut cpu = self.cpu.wrapping_add(1) as u32;
        if cpu >= nr_cpu_ids {
            return None;
        }

        // `cpu` and those after it, `cpu` in the least significant bit.
        let mut bits = word((cpu / BITS_PER_WORD) as usize) >> (cpu % BITS_PER_WORD);
        while bits == 0 {
            // To the first CPU of the next word.
            cpu = (cpu | (BITS_PER_WORD - 1)).wrapping_add(1);
            if cpu >= nr_cpu_ids {
                // INVARIANT: There are no more, and `cpu` went up.
                self.cpu = cpu as i32;
                return None;
            }
            bits = word((cpu / BITS_PER_WORD) as usize);
        }

        // INVARIANT: Either this is the CPU to return, or a stray bit at or above `nr_cpu_ids`
        // (the last word may hold anything there), and then there are no more.
        cpu = cpu.wrapping_add(bits.trailing_zeros());
        self.cpu = cpu as i32;
        if cpu < nr_cpu_ids {
            Some(&self.cpu)
        } else {
            None
        }
    }
}
