// SPDX-License-Identifier: GPL-2.0-only
//! From a trace to a graph.

use std::collections::HashMap;

use crate::env::Env;
use crate::explain::path::{Step, outcome};
use crate::explain::trace::{End, Pruning, RunId, Trace};
use crate::graph::fold::{Block, blocks, choose};
use crate::graph::{Arc, Graph, Kind, Node, label};

/// Draws a trace in at most about `limit` boxes.
pub(super) fn build(env: &Env<'_>, trace: &Trace, limit: usize) -> Graph {
    let blocks = blocks(trace);
    let shown = choose(&blocks, limit.max(4));
    let mut builder = Builder {
        env,
        trace,
        blocks: &blocks,
        shown: &shown,
        numbers: numbers(trace, &blocks),
        node_of: vec![None; blocks.len()],
        fold_of: HashMap::new(),
        folded: HashMap::new(),
        graph: Graph::default(),
    };
    for (b, &is_shown) in shown.iter().enumerate() {
        match is_shown {
            true => builder.show(b),
            false => builder.hide(b),
        }
    }
    builder.finish()
}

/// States by number, in the order in which they were kept.
fn numbers(trace: &Trace, blocks: &[Block]) -> HashMap<RunId, usize> {
    let firsts = blocks.iter().map(|b| b.runs[0]);
    let kept = firsts.filter(|&r| trace.run(r).state.is_some());
    kept.enumerate().map(|(n, r)| (r, n + 1)).collect()
}

struct Builder<'a, 'e> {
    env: &'a Env<'e>,
    trace: &'a Trace,
    blocks: &'a [Block],
    shown: &'a [bool],
    numbers: HashMap<RunId, usize>,
    node_of: Vec<Option<usize>>,
    /// The box for what is left out below a block, by the block's node.
    fold_of: HashMap<Option<usize>, usize>,
    /// What is left out in such a box: blocks, instructions.
    folded: HashMap<usize, (usize, u64)>,
    graph: Graph,
}

impl Builder<'_, '_> {
    fn show(&mut self, b: usize) {
        let block = &self.blocks[b];
        let first = self.trace.run(block.runs[0]);
        let number = self.numbers.get(&block.runs[0]).copied();
        let (kind, lines) = match first.end {
            End::Pruned(to, why) => self.pruned(first.first as usize, to, why),
            _ => {
                let kind = match first.state {
                    Some(_) => Kind::State,
                    None => Kind::Run,
                };
                let lines = label::block(self.env, self.trace, &block.runs, number);
                (kind, lines)
            }
        };
        let states = self.trace.kept_states.as_ref();
        let details = states.and_then(|s| Some(s.get(&block.runs[0])?.text.clone()));
        let parent = block.parent.and_then(|p| {
            let node = self.node_of[p]?;
            Some((node, self.branch(p, b)))
        });
        self.node_of[b] = Some(self.graph.nodes.len());
        self.graph.nodes.push(Node {
            kind,
            lines,
            details: details.unwrap_or_default(),
            parent,
            failed: block.failed,
        });
    }

    fn pruned(&self, insn: usize, to: RunId, why: Pruning) -> (Kind, Vec<String>) {
        let n = self.numbers.get(&to).copied().unwrap_or(0);
        match why {
            Pruning::Explored => (
                Kind::Pruned,
                vec![format!("insn {insn}: as safe as state {n}")],
            ),
            Pruning::Converged => (
                Kind::Converged,
                vec![format!("insn {insn}: converged with state {n}")],
            ),
        }
    }

    /// A block that is left out goes into the box below the nearest block that is shown.
    fn hide(&mut self, b: usize) {
        let parent = self.blocks[b].parent;
        let above = parent.and_then(|p| self.node_of[p]);
        let inside = parent.is_some_and(|p| !self.shown[p]);
        let node = match (above, inside) {
            (Some(node), true) => node,
            _ => self.fold_below(above),
        };
        let insns: u64 = self.blocks[b]
            .runs
            .iter()
            .map(|&r| u64::from(self.trace.run(r).insns))
            .sum();
        let sum = self.folded.entry(node).or_default();
        *sum = (sum.0 + 1, sum.1 + insns);
        self.graph.nodes[node].failed |= self.blocks[b].failed;
        self.node_of[b] = Some(node);
    }

    fn fold_below(&mut self, above: Option<usize>) -> usize {
        let graph = &mut self.graph;
        *self.fold_of.entry(above).or_insert_with(|| {
            graph.nodes.push(Node {
                kind: Kind::Folded,
                lines: Vec::new(),
                details: String::new(),
                parent: above.map(|a| (a, String::new())),
                failed: false,
            });
            graph.nodes.len() - 1
        })
    }

    /// Which way the branch at the end of block `p` goes to block `b`.
    fn branch(&self, p: usize, b: usize) -> String {
        if !self.shown[p] {
            return String::new();
        }
        let last = self.blocks[p].runs.last().map(|&r| self.trace.run(r));
        let first = self.trace.run(self.blocks[b].runs[0]);
        let next = Step {
            insn: first.first as usize,
            frame: first.frame.into(),
            resumed: first.resumed,
            number: first.step,
        };
        let words = last.and_then(|run| outcome(self.env, run.last as usize, next));
        words.unwrap_or_default()
    }

    fn finish(mut self) -> Graph {
        for (&node, &(blocks, insns)) in &self.folded {
            self.graph.nodes[node].lines = vec![format!("… {blocks} more, {insns} instructions")];
        }
        let runs = &self.trace.runs;
        let mut block_of: HashMap<RunId, usize> = HashMap::new();
        for (b, block) in self.blocks.iter().enumerate() {
            block_of.insert(block.runs[0], b);
        }
        for (b, block) in self
            .blocks
            .iter()
            .enumerate()
            .filter(|(b, _)| self.shown[*b])
        {
            let End::Pruned(to, why) = runs[block.runs[0] as usize].end else {
                continue;
            };
            let target = block_of.get(&to).and_then(|&t| self.node_of[t]);
            if let (Some(from), Some(to)) = (self.node_of[b], target) {
                self.graph.arcs.push(Arc {
                    from,
                    to,
                    converged: why == Pruning::Converged,
                });
            }
        }
        let shown = self.shown.iter().filter(|s| **s).count();
        if shown < self.blocks.len() {
            self.graph.note = Some(format!(
                "{shown} of {} boxes are shown, the others folded; --limit shows more",
                self.blocks.len()
            ));
        }
        self.graph
    }
}
