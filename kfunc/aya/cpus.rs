// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! Walks over CPUs in programs written with aya, on every kernel from 5.10 on: this one file, as `mod cpus;`.
//!
//! ```ignore
//! for cpu in Mask::online().cpus() { … }
//! for cpu in Mask::possible().and_not(Mask::online()) { … }
//! for cpu in Mask::online().copied().cpus() { … }
//! ```
//!
//! aya loads no program that calls a kfunc of a module, so a mask is read by `bpf_probe_read_kernel()`. Where the
//! kernel's own masks are, user space says with `EbpfLoader::override_global()`:
//!
//! | global | what |
//! |---|---|
//! | `NR_CPU_IDS`, a `u32` | one more than the last of /sys/devices/system/cpu/possible |
//! | `CPU_POSSIBLE_MASK`, `CPU_PRESENT_MASK`, `CPU_ONLINE_MASK`, `u64` | the addresses of `__cpu_possible_mask` and so on in /proc/kallsyms; of what is used |
//!
//! With more CPUs than [`MAX`], or a mask that cannot be read, a walk is empty, and the map `CPUS_LEFT_OUT` counts it.

use core::ffi::c_void;
use core::ptr::read_volatile;

use aya_ebpf::helpers::{bpf_probe_read_kernel, generated};
use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;

/// The most CPUs that a walk can have, a multiple of 64: each is a step for the verifier.
pub const MAX: u32 = 512;
const WORDS: usize = MAX as usize / 64;

#[unsafe(no_mangle)]
static NR_CPU_IDS: u32 = 0;
#[unsafe(no_mangle)]
static CPU_POSSIBLE_MASK: u64 = 0;
#[unsafe(no_mangle)]
static CPU_PRESENT_MASK: u64 = 0;
#[unsafe(no_mangle)]
static CPU_ONLINE_MASK: u64 = 0;

/// How many walks did nothing though there was something to walk over; for user space.
#[map]
static CPUS_LEFT_OUT: Array<u64> = Array::with_max_entries(1, 0);

/// Where a mask is.
#[derive(Clone, Copy)]
pub struct Mask(u64);

impl Mask {
    /// The CPUs that may ever be there.
    #[inline(always)]
    pub fn possible() -> Self {
        Self(unsafe { read_volatile(&raw const CPU_POSSIBLE_MASK) })
    }

    /// Those that are there.
    #[inline(always)]
    pub fn present() -> Self {
        Self(unsafe { read_volatile(&raw const CPU_PRESENT_MASK) })
    }

    /// Those that run.
    #[inline(always)]
    pub fn online() -> Self {
        Self(unsafe { read_volatile(&raw const CPU_ONLINE_MASK) })
    }

    /// Any other `struct cpumask` of the kernel's, such as what a task's `cpus_ptr` points to.
    #[inline(always)]
    pub fn at(mask: *const c_void) -> Self {
        // A global function takes no pointer: read back from memory it is a number for the verifier.
        let number = unsafe { bpf_probe_read_kernel((&raw const mask).cast::<u64>()) };
        Self(number.unwrap_or(0))
    }

    /// Its CPUs, in ascending order, as they are when a word of the mask is read.
    #[inline(always)]
    pub fn cpus(self) -> Cpus {
        Cpus::new(self, self, FIRST)
    }

    /// The CPUs in both.
    #[inline(always)]
    pub fn and(self, other: Self) -> Cpus {
        Cpus::new(self, other, BOTH)
    }

    /// The CPUs in this one and not in the other.
    #[inline(always)]
    pub fn and_not(self, other: Self) -> Cpus {
        Cpus::new(self, other, FIRST_ALONE)
    }

    /// A copy, which stays as it is.
    #[inline(always)]
    pub fn copied(self) -> Copied {
        let mut words = [0; WORDS];
        let bytes = nr_cpu_ids().div_ceil(64) * 8;
        if bytes <= MAX / 8 {
            let (to, from) = (words.as_mut_ptr().cast(), self.0 as *const c_void);
            if unsafe { generated::bpf_probe_read_kernel(to, bytes, from) } != 0 {
                leave_out();
            }
        }
        Copied { words }
    }
}

/// A copy of a mask, on the program's stack.
pub struct Copied {
    words: [u64; WORDS],
}

impl Copied {
    /// Its CPUs, in ascending order.
    #[inline(always)]
    pub fn cpus(&self) -> Cpus {
        Mask::at(self.words.as_ptr().cast()).cpus()
    }
}

/// What becomes of the words of two masks.
const FIRST: u64 = 0;
const BOTH: u64 = 1;
const FIRST_ALONE: u64 = 2;

/// A walk.
pub struct Cpus {
    first: Mask,
    second: Mask,
    of: u64,
    /// No CPU below it is still to come.
    at: u64,
    /// How many may still come, a number that the verifier knows: so it sees that the walk ends. Kernels
    /// before 6.5 do not see it by `at`, where the compiler has the bound in a register.
    left: u64,
}

impl Cpus {
    #[inline(always)]
    fn new(first: Mask, second: Mask, of: u64) -> Self {
        if nr_cpu_ids() > MAX {
            leave_out();
        }
        Self {
            first,
            second,
            of,
            at: 0,
            left: u64::from(MAX),
        }
    }
}

impl Iterator for Cpus {
    type Item = u32;

    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        self.at += cpus_skipped(self.first.0, self.second.0, self.of, self.at) & 0xffff;
        if self.at >= u64::from(MAX) {
            return None;
        }
        let cpu = self.at;
        self.at += 1;
        Some(cpu as u32)
    }
}

/// How many CPUs are passed over from `cpu` to the next one of the walk. A global function, which the verifier
/// looks at once, and not at each step.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn cpus_skipped(first: u64, second: u64, of: u64, cpu: u64) -> u64 {
    const NONE: u64 = MAX as u64;
    let nr = u64::from(nr_cpu_ids());
    let cpu = cpu & 0xffff;
    if nr > NONE || cpu >= nr {
        return NONE;
    }
    let bit = cpu % 64;
    let base = cpu - bit;
    let mut kept = u64::MAX << bit;
    for at in (0..NONE).step_by(64) {
        if base + at >= nr {
            break;
        }
        let word = word(first, second, of, base + at) & kept;
        if word != 0 {
            let next = at + lowest(word);
            return if base + next < nr { next - bit } else { NONE };
        }
        kept = u64::MAX;
    }
    NONE
}

/// What becomes of the words that `cpu` is the first of.
#[inline(always)]
fn word(first: u64, second: u64, of: u64, cpu: u64) -> u64 {
    let word = read(first + cpu / 8);
    match of {
        BOTH => word & read(second + cpu / 8),
        FIRST_ALONE => word & !read(second + cpu / 8),
        _ => word,
    }
}

#[inline(always)]
fn nr_cpu_ids() -> u32 {
    unsafe { read_volatile(&raw const NR_CPU_IDS) }
}

/// A word of a mask.
#[inline(always)]
fn read(address: u64) -> u64 {
    match unsafe { bpf_probe_read_kernel(address as *const u64) } {
        Ok(word) => word,
        Err(_) => {
            leave_out();
            0
        }
    }
}

#[inline(always)]
fn leave_out() {
    if let Some(left_out) = CPUS_LEFT_OUT.get_ptr_mut(0) {
        unsafe { *left_out += 1 };
    }
}

/// Where the lowest bit is: the product has in its upper bits a number for each of them.
#[inline(always)]
fn lowest(word: u64) -> u64 {
    static BITS: [u8; 64] = [
        0, 1, 48, 2, 57, 49, 28, 3, 61, 58, 50, 42, 38, 29, 17, 4, 62, 55, 59, 36, 53, 51, 43, 22,
        45, 39, 33, 30, 24, 18, 12, 5, 63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21, 44, 32, 23,
        11, 46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9, 13, 8, 7, 6,
    ];
    let product = (word & word.wrapping_neg()).wrapping_mul(0x03f7_9d71_b4cb_0a89);
    u64::from(BITS[(product >> 58) as usize])
}
