// SPDX-License-Identifier: GPL-2.0-only
//! The loop that a state is in, as found by the walk, until 6.16: by the state that it came back to.
//!
//! A state may be in a loop in a loop. The outermost entry is looked for each time, and the way there
//! is cut short for the next time, which counts: entries may be changed later.
//!
//! Source: `get_loop_entry()`, `update_loop_entry()` in `kernel/bpf/verifier.c` of 6.12.

use crate::env::Env;
use crate::state::{StateId, VerifierState};

/// The current state, or a kept one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Of {
    Current,
    Kept(StateId),
}

impl Env<'_> {
    /// Entry of the outermost loop that a state is in.
    pub(crate) fn loop_entry(&mut self, of: Of) -> Option<StateId> {
        let mut topmost = self.nearest_entry(of);
        while let Some(id) = topmost {
            match self.nearest_entry(Of::Kept(id)) {
                Some(next) if next != id => topmost = Some(next),
                _ => break,
            }
        }
        let mut at = Some(of);
        while let Some(here) = at {
            let old = self.nearest_entry(here);
            if old == topmost {
                break;
            }
            self.set_entry(here, topmost);
            at = old.map(Of::Kept);
        }
        topmost
    }

    /// Whether the outermost loop that a kept state is in is still being walked.
    pub(crate) fn in_open_loop(&mut self, id: StateId) -> bool {
        let entry = self.loop_entry(Of::Kept(id));
        let entry = entry.and_then(|entry| self.state(entry));
        entry.is_some_and(|st| st.branches > 0)
    }

    /// The same of a state at an instruction, all paths from which were walked.
    pub(crate) fn is_done_in_open_loop(&mut self, id: StateId, insn_idx: usize) -> bool {
        let done = |st: &VerifierState| st.insn_idx == insn_idx && st.branches == 0;
        self.state(id).is_some_and(done) && self.in_open_loop(id)
    }

    /// The current path ends in state `id`: an earlier one of its own, or one in a loop that is not done.
    pub(crate) fn close_loop(&mut self, id: StateId) {
        let done = self.state(id).is_some_and(|st| st.branches == 0);
        let header = match done {
            true => self.loop_entry(Of::Kept(id)),
            false => Some(id),
        };
        if let Some(header) = header {
            self.update_loop_entry(Of::Current, header);
        }
    }

    /// A state leads back to `header`.
    pub(crate) fn update_loop_entry(&mut self, of: Of, header: StateId) {
        let inner = self.loop_entry(of).map_or(of, Of::Kept);
        let outer = self.loop_entry(Of::Kept(header)).unwrap_or(header);
        let depth = match inner {
            Of::Current => Some(self.path.cur.dfs_depth),
            Of::Kept(id) => self.state(id).map(|st| st.dfs_depth),
        };
        let open = self
            .state(outer)
            .is_some_and(|st| st.branches > 0 && depth.is_some_and(|depth| st.dfs_depth <= depth));
        if open {
            self.set_entry(of, Some(header));
            if let Some(node) = self.explored.states[header.0].as_mut() {
                node.is_loop_entry = true;
            }
        }
    }

    /// All paths from a state were walked: what it came back to, the state behind it does.
    pub(crate) fn hand_on_loop_entry(&mut self, of: Of) {
        let (parent, entry) = match of {
            Of::Current => (self.path.cur.parent, self.path.cur.loop_entry),
            Of::Kept(id) => self
                .state(id)
                .map_or((None, None), |st| (st.parent, st.loop_entry)),
        };
        if let (Some(parent), Some(entry)) = (parent, entry) {
            self.update_loop_entry(Of::Kept(parent), entry);
        }
    }

    fn nearest_entry(&self, of: Of) -> Option<StateId> {
        match of {
            Of::Current => self.path.cur.loop_entry,
            Of::Kept(id) => self.state(id)?.loop_entry,
        }
    }

    fn set_entry(&mut self, of: Of, entry: Option<StateId>) {
        match of {
            Of::Current => self.path.cur.loop_entry = entry,
            Of::Kept(id) => {
                if let Some(st) = self.state_mut(id) {
                    st.loop_entry = entry;
                }
            }
        }
    }
}
