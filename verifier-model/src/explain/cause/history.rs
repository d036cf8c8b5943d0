// SPDX-License-Identifier: GPL-2.0-only
//! What was known before each instruction of the path that ends in the rejection.

use crate::env::Env;
use crate::explain::path::Step;
use crate::explain::trace::Trace;
use crate::state::FuncState;

/// Most instructions that are kept, the last ones of the path: some kilobytes each.
const MAX_KEPT: usize = 2048;

/// Frames by the number of the instruction that was walked next.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Ascending.
    wanted: Vec<u32>,
    frames: Vec<FuncState>,
}

impl History {
    /// One that will keep the last path.
    pub(crate) fn of_last_path(trace: &Trace) -> Self {
        let runs = trace.last_path().into_iter().map(|run| trace.run(run));
        let mut wanted: Vec<u32> = runs.flat_map(|r| r.step..r.step + r.insns).collect();
        wanted.drain(..wanted.len().saturating_sub(MAX_KEPT));
        Self {
            wanted,
            frames: Vec::new(),
        }
    }

    /// Keeps the state if it is of the path.
    pub(crate) fn see(&mut self, number: u32, env: &Env<'_>) {
        if self.wanted.get(self.frames.len()) == Some(&number) {
            self.frames.push(env.path.cur.frame().clone());
        }
    }

    /// The frame that a step is in, before it.
    pub(crate) fn before(&self, step: &Step) -> Option<&FuncState> {
        let at = self.wanted.binary_search(&step.number).ok()?;
        self.frames.get(at)
    }
}
