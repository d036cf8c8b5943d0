// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel would say of a program.

use crate::facts::rejection::Rejection;

/// Counts, as the last line of the log has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Instructions processed, on all paths.
    pub insns_processed: u32,
    /// Most states kept for one instruction.
    pub max_states_per_insn: u32,
    /// States kept in all.
    pub total_states: u32,
    /// Most states kept at a time.
    pub peak_states: u32,
    /// Stack of all functions that can be active at a time.
    pub max_stack_depth: i32,
}

/// What the kernel would say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the program loads, and why not.
    pub outcome: Outcome,
    /// The verifier's log, at [`Options::log_level`](crate::Options::log_level).
    pub log: String,
    /// What verification took.
    pub stats: Stats,
}

/// Whether a program loads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It does.
    Accepted,
    /// It does not.
    Rejected(Rejection),
    /// Nobody knows: the program needs something that is not modelled, named here.
    NotModelled(String),
}

impl Verdict {
    /// Whether the program is accepted.
    pub fn accepted(&self) -> bool {
        self.outcome == Outcome::Accepted
    }

    /// Why it is rejected, if it is.
    pub fn rejection(&self) -> Option<&Rejection> {
        match &self.outcome {
            Outcome::Rejected(rejection) => Some(rejection),
            _ => None,
        }
    }
}
