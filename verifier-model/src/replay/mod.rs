// SPDX-License-Identifier: GPL-2.0-only
//! A verification to go through again, a step at a time: what each instruction did to registers and
//! stack, in words.
//!
//! ```text
//!   trace ──▶ choose ──▶ record          the first walk tells which paths there are, the second one
//!                                        writes down what was known along those that are shown
//! ```
//!
//! States are written as differences from the step before, and words once: some forty bytes a step.

mod choose;
mod program;
mod record;
mod way;

use bpf::kernel::Kernel;
use bpf::program::ProgLoad;
use serde::Serialize;

use crate::explain::convergence::Cost;
use crate::explain::trace::Trace;
use crate::explain::{Explanation, Witness};
use crate::options::Options;
use crate::replay::choose::Chosen;
use crate::replay::program::Program;
use crate::replay::record::Recorder;
use crate::replay::way::Way;
use crate::verdict::Verdict;
use crate::verify::verify_observed;

/// Most steps that are written down.
const MAX_STEPS: u32 = 5000;

/// What was walked, to be shown to people; its JSON is what `verifier-model`'s page is made of.
#[derive(Debug, Clone, Serialize)]
pub struct Replay {
    explanation: Explanation,
    /// Instructions, source lines, loops.
    program: Program,
    /// Pieces of paths, parents before their children.
    ways: Vec<Way>,
    /// The piece that the path to look at first ends with.
    shown: Option<usize>,
    /// Registers and stack slots, as in `0:R1` and `1:fp-8`: frame, then name.
    places: Vec<String>,
    /// What a place may hold.
    words: Vec<String>,
    /// Where instructions went.
    cost: Option<Cost>,
    /// Instructions that were walked, on all paths.
    insns: u32,
    /// States that were kept.
    states: u32,
    /// Paths that are not among the pieces.
    left_out: usize,
}

impl Replay {
    /// Verifies a program and writes down the walk: of a rejected one the path that leads there, and of
    /// all paths as many as there is room for.
    pub fn of(prog: &ProgLoad, kernel: &Kernel, opts: &Options) -> (Verdict, Self) {
        let mut trace = Trace::default();
        verify_observed(prog, kernel, opts, &mut trace);
        let chosen = Chosen::of(&trace, MAX_STEPS);
        let mut both = (Witness::new(&trace), Recorder::new(&chosen));
        let verdict = verify_observed(prog, kernel, opts, &mut both);
        let (witness, recorder) = both;
        let explanation = witness.explained(prog, &verdict);
        let recorded = recorder.recorded;
        let shown = chosen.first.and_then(|run| recorded.way_of(run));
        let replay = Self {
            explanation,
            program: recorded.program,
            shown,
            ways: recorded.ways,
            places: recorded.places.into_texts(),
            words: recorded.words.into_texts(),
            cost: recorded.cost,
            insns: verdict.stats.insns_processed,
            states: verdict.stats.total_states,
            left_out: chosen.left_out,
        };
        (verdict, replay)
    }

    /// The program's name.
    pub fn program(&self) -> &str {
        &self.explanation.program
    }

    /// Why it is rejected, or what it costs.
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }
}
