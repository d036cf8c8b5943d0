// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel would say of a program.

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
    /// The program is accepted.
    pub accepted: bool,
    /// Positive error number; 0 when accepted.
    pub errno: i32,
    /// The last line that says why; empty when accepted.
    pub message: String,
    /// Instruction at which it was rejected, when it was during the walk.
    pub insn: Option<u32>,
    /// The log.
    pub log: String,
    /// Counts.
    pub stats: Stats,
    /// No verdict: the program needs something that is not modelled, named here.
    pub not_modelled: Option<String>,
}
