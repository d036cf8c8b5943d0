// SPDX-License-Identifier: GPL-2.0-only
//! `src/walk.rs` with words of 4, 32 and 64 bits, and the narrowest with each of the bugs.

#![expect(dead_code, reason = "of each walk only some is used")]
#![expect(unreachable_pub, reason = "it is public in the library")]

/// Steps as `Walk` has them. A word lies in the low bits of a `usize`.
pub(crate) trait Steps {
    /// The CPUs that a word holds.
    const BITS: u32;

    /// Before CPU 0.
    fn new() -> Self;

    /// Where the walk stands.
    fn state(&self) -> (i32, u32);

    /// A walk that stands there.
    fn at(state: (i32, u32)) -> Self;

    /// The next CPU.
    fn step(&mut self, nr_cpu_ids: u32, word: impl Fn(usize) -> usize) -> Option<u32>;
}

macro_rules! steps {
    ($($walk:ident)*) => {
        $(impl Steps for $walk::Walk {
            const BITS: u32 = $walk::BITS_PER_WORD;

            fn new() -> Self {
                Self::new()
            }

            fn state(&self) -> (i32, u32) {
                (self.cpu, self.word)
            }

            fn at((cpu, word): (i32, u32)) -> Self {
                Self { cpu, word }
            }

            fn step(&mut self, nr_cpu_ids: u32, word: impl Fn(usize) -> usize) -> Option<u32> {
                self.next(nr_cpu_ids, word).map(|&cpu| cpu as u32)
            }
        })*
    };
}

include!(concat!(env!("OUT_DIR"), "/walks.rs"));
steps! { bits_4 bits_32 bits_64 }
bugs!(steps);
pub(crate) use bugs;
