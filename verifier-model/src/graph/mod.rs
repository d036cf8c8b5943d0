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

pub mod build;
pub mod dot;
pub mod fold;
pub mod label;
pub mod layout;
pub mod svg;

use bpf::kernel::Kernel;
use bpf::program::ProgLoad;

use crate::env::Env;
use crate::env::observe::{Event, Observer};
use crate::explain::trace::Trace;
use crate::facts::errno::Check;
use crate::facts::rule::Profile;
use crate::options::Options;
use crate::verdict::Verdict;
use crate::verify::verify_observed;

/// The explored states of a program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    /// What it is of, and the verdict.
    pub title: String,
    /// What is left out, if something is.
    pub note: Option<String>,
    /// Parents come before their children, and children are in the order of exploration.
    pub nodes: Vec<Node>,
    /// Edges that do not belong to the tree.
    pub arcs: Vec<Arc>,
}

/// A box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
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
pub enum Kind {
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
pub struct Arc {
    /// Index of the node where a path ends.
    pub from: usize,
    /// Index of the state's node.
    pub to: usize,
    /// A loop converged.
    pub converged: bool,
}

/// Verifies a program and draws what was explored, in at most about `limit` boxes.
pub fn graph(
    prog: &ProgLoad,
    kernel: &Kernel,
    profile: &Profile,
    opts: &Options,
    limit: usize,
) -> (Verdict, Graph) {
    let mut watch = Watch {
        trace: Trace::with_states(),
        limit,
        graph: Graph::default(),
    };
    let verdict = verify_observed(prog, kernel, profile, opts, &mut watch);
    let mut graph = watch.graph;
    graph.title = title(&prog.name, &verdict);
    (verdict, graph)
}

fn title(name: &str, verdict: &Verdict) -> String {
    let (insns, states) = (verdict.stats.insns_processed, verdict.stats.total_states);
    let outcome = match (&verdict.not_modelled, verdict.accepted) {
        (Some(what), _) => format!("not modelled: {what}"),
        (None, true) => "accepted".to_owned(),
        (None, false) => format!("rejected, error {}", verdict.errno),
    };
    format!("{name}: {outcome}; {insns} instructions, {states} states")
}

#[derive(Debug)]
struct Watch {
    trace: Trace,
    limit: usize,
    graph: Graph,
}

impl Observer for Watch {
    fn event(&mut self, env: &Env<'_>, event: Event) {
        self.trace.event(env, event);
    }

    fn finished(&mut self, env: &Env<'_>, result: &Check) {
        self.trace.finished(env, result);
        self.graph = build::build(env, &self.trace, self.limit);
    }
}
