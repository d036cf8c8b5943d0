// SPDX-License-Identifier: GPL-2.0-only
//! What was explored, as a picture: states, the paths between them, and where paths ended because
//! another was as safe.
//!
//! ```text
//!   prog() ──▶ state 1 ──▶ state 2 ──▶ exit         boxes are runs of instructions
//!                 ▲           │                     solid: explored
//!                 └ ┄ ┄ ┄ ┄ ( = 1 )                 dashed: pruned, or converged
//! ```
//!
//! Without its dashed edges the graph is a tree, because every path is explored from one place on.
//! That is why it is laid out by a few lines of its own ([`layout`]) and not by a general library,
//! which would have to find that out.

mod build;
mod dot;
mod fold;
mod label;
mod layout;
mod svg;
#[cfg(test)]
mod tests;

use bpf::kernel::Kernel;
use bpf::program::ProgLoad;

use crate::env::Env;
use crate::env::observe::{Event, Observer};
use crate::explain::trace::Trace;
use crate::facts::rejection::Checked;
use crate::options::Options;
use crate::verdict::{Outcome, Verdict};
use crate::verify::verify_observed;

/// The explored states of a program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    /// What it is of, and the verdict.
    pub(crate) title: String,
    /// What is left out, if something is.
    pub(crate) note: Option<String>,
    /// Parents come before their children, and children are in the order of exploration.
    pub(crate) nodes: Vec<Node>,
    /// Edges that do not belong to the tree.
    pub(crate) arcs: Vec<Arc>,
}

/// A box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// What it is.
    pub kind: Kind,
    /// Its text, a line each.
    pub lines: Vec<String>,
    /// More about it, for those who point at it.
    pub details: String,
    /// Where it comes from, and which way the branch there went.
    pub parent: Option<(usize, String)>,
    /// It is on the path on which the program is rejected.
    pub failed: bool,
}

/// What a box stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Instructions, at whose start no state was kept.
    Run,
    /// Instructions, at whose start a state was kept.
    State,
    /// The end of a path that was pruned.
    Pruned,
    /// The end of a path on which a loop converged.
    Converged,
    /// What is left out.
    Folded,
}

/// A dashed edge: the path that ends at `from` is as safe as the one from `to` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arc {
    /// Index of the node where a path ends.
    pub from: usize,
    /// Index of the state's node.
    pub to: usize,
    pub converged: bool,
}

/// Verifies a program and draws what was explored, in at most about `limit` boxes.
pub fn graph(prog: &ProgLoad, kernel: &Kernel, opts: &Options, limit: usize) -> (Verdict, Graph) {
    let mut watch = Watch {
        trace: Trace::with_states(),
        limit,
        graph: Graph::default(),
    };
    let verdict = verify_observed(prog, kernel, opts, &mut watch);
    let mut graph = watch.graph;
    graph.title = title(&prog.name, &verdict);
    (verdict, graph)
}

fn title(name: &str, verdict: &Verdict) -> String {
    let (insns, states) = (verdict.stats.insns_processed, verdict.stats.total_states);
    let outcome = match &verdict.outcome {
        Outcome::NotModelled(what) => format!("not modelled: {what}"),
        Outcome::Accepted => "accepted".to_owned(),
        Outcome::Rejected(why) => format!("rejected, error {}", why.errno.0),
    };
    format!("{name}: {outcome}; {insns} instructions, {states} states")
}

#[derive(Debug)]
struct Watch {
    trace: Trace,
    limit: usize,
    graph: Graph,
}

impl Graph {
    /// As SVG, to look at.
    pub fn svg(&self) -> String {
        svg::svg(self)
    }

    /// As Graphviz reads it.
    pub fn dot(&self) -> String {
        dot::dot(self)
    }

    /// What it is of, and the verdict.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What is left out, if something is.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// How many boxes it has.
    pub fn boxes(&self) -> usize {
        self.nodes.len()
    }
}

impl Observer for Watch {
    fn event(&mut self, env: &Env<'_>, event: Event) {
        self.trace.event(env, event);
    }

    fn finished(&mut self, env: &Env<'_>, result: &Checked) {
        self.trace.finished(env, result);
        self.graph = build::build(env, &self.trace, self.limit);
    }
}
