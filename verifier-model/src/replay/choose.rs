// SPDX-License-Identifier: GPL-2.0-only
//! Which paths are written down: the one on which the program is rejected, then as many as there is
//! room for, in the order of exploration.

use crate::explain::trace::{End, RunId, Trace};

/// The runs that are written down.
#[derive(Debug)]
pub(super) struct Chosen {
    /// By run: how many of its first instructions are left out, if it is chosen.
    skipped: Vec<Option<u32>>,
    /// The run that the path to look at first ends with.
    pub first: Option<RunId>,
    /// Instructions of that path before the first one that is written down.
    pub before: u32,
    /// Paths that are not chosen.
    pub left_out: usize,
}

impl Chosen {
    /// Chooses paths of together at most `room` steps. A path that has more by itself loses its
    /// beginning.
    pub(super) fn of(trace: &Trace, room: u32) -> Self {
        let mut chosen = Self {
            skipped: vec![None; trace.runs.len()],
            first: None,
            before: 0,
            left_out: 0,
        };
        let mut left = room;
        for leaf in leaves(trace) {
            let piece = chosen.piece(trace, leaf, left);
            match piece {
                Piece::Whole(runs, steps) => {
                    runs.iter()
                        .for_each(|&r| chosen.skipped[r as usize] = Some(0));
                    left -= steps;
                }
                Piece::End(runs, skipped) if chosen.first.is_none() => {
                    for &r in &runs {
                        chosen.skipped[r as usize] = Some(0);
                    }
                    if let Some(&first) = runs.last() {
                        chosen.skipped[first as usize] = Some(skipped);
                        let above = std::iter::successors(trace.run(first).parent, |&r| {
                            trace.run(r).parent
                        });
                        let above: u32 = above.map(|r| trace.run(r).insns).sum();
                        chosen.before = above + skipped;
                    }
                    left = 0;
                }
                Piece::End(..) => {
                    chosen.left_out += 1;
                    continue;
                }
            }
            chosen.first.get_or_insert(leaf);
        }
        chosen
    }

    /// How many first instructions of a run are left out; none if all are.
    pub(super) fn skipped(&self, run: RunId) -> Option<u32> {
        self.skipped.get(run as usize).copied().flatten()
    }

    /// What a path adds to those that are chosen, its last run first.
    fn piece(&self, trace: &Trace, leaf: RunId, room: u32) -> Piece {
        let (mut runs, mut steps) = (Vec::new(), 0);
        let mut at = Some(leaf);
        while let Some(run) = at.filter(|&r| self.skipped(r).is_none()) {
            // An arrival is a step as well.
            let more = trace.run(run).insns.max(1);
            runs.push(run);
            if steps + more > room {
                return Piece::End(runs, steps + more - room);
            }
            steps += more;
            at = trace.run(run).parent;
        }
        Piece::Whole(runs, steps)
    }
}

enum Piece {
    /// Runs, and their steps.
    Whole(Vec<RunId>, u32),
    /// Runs, and how many steps of the last one are too many.
    End(Vec<RunId>, u32),
}

/// Where paths end: on which the program is rejected first.
fn leaves(trace: &Trace) -> Vec<RunId> {
    let mut is_leaf = vec![true; trace.runs.len()];
    for parent in trace.runs.iter().filter_map(|run| run.parent) {
        is_leaf[parent as usize] = false;
    }
    let ids = 0..trace.runs.len() as RunId;
    let mut leaves: Vec<RunId> = ids.filter(|&r| is_leaf[r as usize]).collect();
    leaves.sort_by_key(|&r| trace.run(r).end != End::Rejected);
    leaves
}
