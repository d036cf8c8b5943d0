// SPDX-License-Identifier: GPL-2.0-only
//! Where the walk is, and where it has to go yet.

use crate::state::wanted::Backtrack;
use crate::state::{FuncState, StackElem, VerifierState};

/// The path that is walked, and those that wait.
#[derive(Debug)]
pub(crate) struct Path {
    /// Current instruction.
    pub(crate) insn_idx: usize,
    /// The one before, -1 at the start.
    pub(crate) prev_insn_idx: i32,
    /// Current state.
    pub(crate) cur: VerifierState,
    /// History entry of the current instruction, by index.
    pub(crate) cur_hist_ent: Option<usize>,
    /// Paths that wait, last one first.
    pub(crate) waiting: Vec<StackElem>,
    /// What backtracking looks for.
    pub(crate) bt: Backtrack,
    /// The callback that a call is about to enter, where callbacks are walked into once.
    pub(crate) callback_once: Option<FuncState>,
    /// References that the arguments of a struct_ops program hold, 0 for none; by argument as in
    /// [`crate::input::Input::ctx_args`].
    pub(crate) ctx_refs: Vec<u32>,
    /// Last id given out.
    pub(crate) id_gen: u32,
    /// Scalars are compared strictly, so that all paths to masked arithmetic are walked.
    pub(crate) explore_alu_limits: bool,
}

impl Path {
    /// Before the first instruction.
    pub(crate) fn new(ctx_args: usize) -> Self {
        Self {
            insn_idx: 0,
            prev_insn_idx: -1,
            cur: VerifierState::default(),
            cur_hist_ent: None,
            waiting: Vec::new(),
            bt: Backtrack::default(),
            callback_once: None,
            ctx_refs: vec![0; ctx_args],
            id_gen: 0,
            explore_alu_limits: false,
        }
    }
}
