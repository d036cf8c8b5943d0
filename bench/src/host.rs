// SPDX-License-Identifier: GPL-2.0-only
//! What `cargo bench` measures on the host: ways to visit the set bits of an array of words.

use serde::{Deserialize, Serialize};

/// The lengths of the arrays, in bits.
pub const BITS: [usize; 3] = [64, 512, 8192];

/// How many bits are set: one in so many.
pub const ONE_IN: [usize; 5] = [1, 2, 8, 64, 1024];

/// One measurement.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Cell {
    /// The way.
    pub method: String,
    /// Bits of the array.
    pub bits: usize,
    /// One bit in so many is set.
    pub one_in: usize,
    /// Nanoseconds of a whole walk: criterion's estimate of the median.
    pub nanoseconds: f64,
}

/// What `cargo bench` measured on one machine.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Results {
    /// `model name` in `/proc/cpuinfo`.
    pub cpu_model: String,
    /// `rustc --version`.
    pub compiler: String,
    /// The operating system's kernel and its version.
    pub kernel: String,
    /// What was run.
    pub command: String,
    /// The measurements.
    pub cells: Vec<Cell>,
}
