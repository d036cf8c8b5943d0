// SPDX-License-Identifier: GPL-2.0-only
//! The states that were kept, and the loops that are open.
//!
//! Source: `struct bpf_verifier_state_list`, `struct bpf_scc_visit` in `include/linux/bpf_verifier.h`.

use std::collections::BTreeMap;

use crate::state::{StateId, VerifierState};

/// The states that were kept.
#[derive(Debug)]
pub(crate) struct Explored {
    /// All of them; [`StateId`] is an index.
    pub(crate) states: Vec<Option<Box<StateListNode>>>,
    /// Their ids by instruction and call site; the last in a bucket is the newest.
    pub(crate) by_insn: Vec<Vec<StateId>>,
    /// States that are no longer compared but still needed.
    pub(crate) free_list_size: u32,
    /// States that are compared.
    pub(crate) explored_states_size: u32,
    /// Loop ends waiting for their loop to be done.
    pub(crate) num_backedges: u32,
    /// Visits of loops.
    pub(crate) scc_visits: Vec<SccVisit>,
    /// Their indices by call chain.
    pub(crate) scc_index: BTreeMap<Vec<usize>, usize>,
    /// Instructions processed when a state was last kept.
    pub(crate) prev_insn_processed: u32,
    /// Jumps processed when a state was last kept.
    pub(crate) prev_jmps_processed: u32,
}

impl Explored {
    /// Nothing yet, of a program with this many instructions.
    pub(crate) fn new(insns: usize) -> Self {
        Self {
            states: Vec::new(),
            by_insn: vec![Vec::new(); insns.max(1)],
            free_list_size: 0,
            explored_states_size: 0,
            num_backedges: 0,
            scc_visits: Vec::new(),
            scc_index: BTreeMap::new(),
            prev_insn_processed: 0,
            prev_jmps_processed: 0,
        }
    }

    /// A kept state; None once it is freed.
    pub(crate) fn state(&self, id: StateId) -> Option<&VerifierState> {
        self.states.get(id.0)?.as_ref().map(|node| &node.state)
    }
}

/// One visit of a loop, told apart by the calls that lead there.
#[derive(Debug, Default)]
pub(crate) struct SccVisit {
    /// First state of the path in the loop, while the loop is being explored.
    pub entry_state: Option<StateId>,
    /// Ends of the loop, oldest first.
    pub backedges: Vec<VerifierState>,
}

/// A kept state and how useful it was.
#[derive(Debug)]
pub(crate) struct StateListNode {
    pub state: VerifierState,
    /// Comparisons that failed.
    pub miss_cnt: u32,
    /// Comparisons that ended a path.
    pub hit_cnt: u32,
    /// No longer compared.
    pub in_free_list: bool,
    /// All its paths were walked, and what they did not need is forgotten.
    pub cleaned: bool,
    /// Another state came back to it, where the walk finds loops.
    pub is_loop_entry: bool,
}
