// SPDX-License-Identifier: GPL-2.0-only

//! A walk over the set bits of a CPU mask that others may change meanwhile.
//!
//! This file knows neither the kernel nor its pointers: the caller hands in a closure that reads
//! one word of the mask. Kbuild and Cargo both compile it as it stands.

/// A walk over a CPU mask: the CPU returned last, and nothing else.
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
/// ```text
/// cpu:       -1    0 ..= nr_cpu_ids - 1    END
///           start ──────► returned ──────► end ─┐
///              └────────────────────────────▲ ▲─┘
/// ```
#[repr(transparent)]
pub struct Walk {
    cpu: i32,
}

/// Where a finished walk stands: its successor is at or above every `nr_cpu_ids`.
const END: i32 = i32::MAX;

const BITS_PER_WORD: u32 = usize::BITS;

impl Walk {
    /// Starts before CPU 0.
    #[inline(always)]
    pub const fn new() -> Self {
        Self { cpu: -1 }
    }

    /// Steps to the next CPU in the mask, or `None` at its end.
    ///
    /// `nr_cpu_ids` is the kernel's: one more than the highest possible CPU number, at most
    /// `i32::MAX`. `word(i)` reads word `i` of the mask, that is the CPUs from
    /// `i * usize::BITS` on, the lowest in the least significant bit; it is only asked for words
    /// that hold a CPU below `nr_cpu_ids`.
    ///
    /// The reference leads to the walk itself, which is what a BPF iterator's `next` returns.
    #[inline(always)]
    pub fn next(&mut self, nr_cpu_ids: u32, word: impl Fn(usize) -> usize) -> Option<&i32> {
        // `-1` wraps to 0; `END` goes to 1 << 31. No step can overflow, the wrapping operations
        // tell the compiler to leave its check (and the panic behind it) out.
        let mut cpu = self.cpu.wrapping_add(1) as u32;

        if cpu < nr_cpu_ids {
            // The bits from `cpu` on, moved down to bit 0.
            let mut bits = word((cpu / BITS_PER_WORD) as usize) >> (cpu % BITS_PER_WORD);

            while bits == 0 {
                // On to the first CPU of the next word.
                cpu = (cpu | (BITS_PER_WORD - 1)).wrapping_add(1);
                if cpu >= nr_cpu_ids {
                    break;
                }
                bits = word((cpu / BITS_PER_WORD) as usize);
            }

            // No bits left count as `BITS_PER_WORD` zeros, which is beyond `nr_cpu_ids` too. So
            // is a stray bit in the last word: masks may have any value there.
            cpu = cpu.wrapping_add(bits.trailing_zeros());
            if cpu < nr_cpu_ids {
                self.cpu = cpu as i32;
                return Some(&self.cpu);
            }
        }

        self.cpu = END;
        None
    }
}
