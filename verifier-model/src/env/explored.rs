// SPDX-License-Identifier: GPL-2.0-only
//! The states that were kept, and the loops that are open.
//!
//! Source: `struct bpf_verifier_state_list`, `struct bpf_scc_visit` in `include/linux/bpf_verifier.h`.

use crate::state::{StateId, VerifierState};

/// One visit of a loop, told apart by the calls that lead there.
#[derive(Debug, Default)]
pub struct SccVisit {
    /// First state of the path in the loop, while the loop is being explored.
    pub entry_state: Option<StateId>,
    /// Ends of the loop, oldest first.
    pub backedges: Vec<VerifierState>,
}

/// A kept state and how useful it was.
#[derive(Debug)]
pub struct StateListNode {
    /// The state.
    pub state: VerifierState,
    /// Comparisons that failed.
    pub miss_cnt: u32,
    /// Comparisons that ended a path.
    pub hit_cnt: u32,
    /// No longer compared.
    pub in_free_list: bool,
}
