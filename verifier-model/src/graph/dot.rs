// SPDX-License-Identifier: GPL-2.0-only
//! A graph in the language of Graphviz.

use std::fmt::Write;

use crate::graph::{Graph, Kind, Node};

/// The graph as DOT.
pub(super) fn dot(graph: &Graph) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "digraph states {{");
    let title = match &graph.note {
        Some(note) => format!("{}\n{note}", graph.title),
        None => graph.title.clone(),
    };
    let _ = writeln!(out, "    label={}; labelloc=t;", quote(&title));
    let _ = writeln!(
        out,
        "    node [shape=box, fontname=monospace, fontsize=10];"
    );
    let _ = writeln!(out, "    edge [fontname=monospace, fontsize=9];");
    for (i, node) in graph.nodes.iter().enumerate() {
        let mut label = String::new();
        for line in &node.lines {
            // Lines end in \l, which aligns them to the left.
            label += &escape(line);
            label += "\\l";
        }
        let _ = writeln!(out, "    n{i} [label=\"{label}\", {}];", style(node));
    }
    for (i, node) in graph.nodes.iter().enumerate() {
        if let Some((parent, branch)) = &node.parent {
            let failed = if node.failed {
                ", color=red, penwidth=2"
            } else {
                ""
            };
            let _ = writeln!(
                out,
                "    n{parent} -> n{i} [label={}{failed}];",
                quote(branch)
            );
        }
    }
    for arc in &graph.arcs {
        let (colour, label) = match arc.converged {
            true => ("darkgoldenrod", "converged"),
            false => ("gray50", "pruned by"),
        };
        let _ = writeln!(
            out,
            "    n{} -> n{} [style=dashed, constraint=false, color={colour}, label=\"{label}\"];",
            arc.from, arc.to
        );
    }
    out.push_str("}\n");
    out
}

fn style(node: &Node) -> String {
    let fill = match node.kind {
        Kind::Run => "white",
        Kind::State => "lightblue1",
        Kind::Pruned => "gray90",
        Kind::Converged => "lightgoldenrod1",
        Kind::Folded => "white",
    };
    let line = match (node.failed, node.kind) {
        (true, _) => ", color=red, penwidth=2",
        (_, Kind::Folded) => ", color=gray60",
        _ => "",
    };
    let shape = match node.kind {
        Kind::Folded => "filled,dashed",
        Kind::Pruned | Kind::Converged => "filled,rounded",
        _ => "filled",
    };
    format!("style=\"{shape}\", fillcolor={fill}{line}")
}

fn quote(text: &str) -> String {
    format!("\"{}\"", escape(text))
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
