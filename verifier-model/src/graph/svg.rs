// SPDX-License-Identifier: GPL-2.0-only
//! A graph as SVG, drawn without the help of other programs.

use std::fmt::Write;

use crate::graph::layout::{Rect, layout};
use crate::graph::{Arc, Graph, Kind, Node};

const CHAR: f64 = 6.65;

const LINE: f64 = 14.0;

const PAD: f64 = 8.0;

/// Room around the drawing; arcs swing out into it.
const MARGIN: f64 = 60.0;

/// Room above the drawing, for the title and what the colours mean.
const HEAD: f64 = 74.0;

/// Colours of a kind of box: inside, line.
const fn colours(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Run => ("#ffffff", "#8c959f"),
        Kind::State => ("#ddf4ff", "#54aeff"),
        Kind::Pruned => ("#eff2f5", "#afb8c1"),
        Kind::Converged => ("#fff8c5", "#d4a72c"),
        Kind::Folded => ("#ffffff", "#afb8c1"),
    }
}

const FAILED: &str = "#cf222e";

const CONVERGED: &str = "#bf8700";

const PRUNED: &str = "#8c959f";

const STYLE: &str = "\
text { font: 11px ui-monospace, SFMono-Regular, Menlo, 'DejaVu Sans Mono', monospace; fill: #1f2328 }
.title { font-size: 15px; font-weight: bold }
.quiet { fill: #656d76 }
.first { font-weight: bold }
path { fill: none }
";

/// The graph as SVG.
pub(super) fn svg(graph: &Graph) -> String {
    let sizes: Vec<_> = graph.nodes.iter().map(size).collect();
    let parents: Vec<_> = graph
        .nodes
        .iter()
        .map(|n| Some(n.parent.as_ref()?.0))
        .collect();
    let mut rects = layout(&sizes, &parents);
    for rect in &mut rects {
        rect.x += MARGIN;
        rect.y += HEAD;
    }
    let right = rects.iter().map(|r| r.x + r.w).fold(0.0, f64::max);
    let width = (right + MARGIN)
        .max(graph.title.chars().count() as f64 * 9.5)
        .max(640.0);
    let height = rects.iter().map(Rect::bottom).fold(0.0, f64::max) + MARGIN / 2.0;
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n<style>\n{STYLE}</style>\n<defs>\n"
    );
    for (name, colour) in [
        ("edge", "#57606a"),
        ("failed", FAILED),
        ("converged", CONVERGED),
        ("pruned", PRUNED),
    ] {
        let _ = writeln!(
            out,
            "<marker id=\"{name}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
             markerHeight=\"7\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" \
             style=\"fill:{colour}\"/></marker>"
        );
    }
    out.push_str("</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
    heading(&mut out, graph);
    for (i, node) in graph.nodes.iter().enumerate() {
        if let Some((parent, _)) = &node.parent {
            edge(&mut out, &rects[*parent], &rects[i], node.failed);
        }
    }
    for arc in &graph.arcs {
        dashed(&mut out, arc, &rects);
    }
    for (node, rect) in graph.nodes.iter().zip(&rects) {
        if let Some((_, branch)) = node.parent.as_ref().filter(|p| !p.1.is_empty()) {
            branch_label(&mut out, rect, branch);
        }
    }
    for (node, rect) in graph.nodes.iter().zip(&rects) {
        draw_box(&mut out, node, rect);
    }
    out.push_str("</svg>\n");
    out
}

fn size(node: &Node) -> (f64, f64) {
    let chars = node
        .lines
        .iter()
        .map(|l| l.chars().count())
        .max()
        .unwrap_or(0);
    let width = chars as f64 * CHAR + 2.0 * PAD;
    (width, node.lines.len() as f64 * LINE + PAD)
}

fn heading(out: &mut String, graph: &Graph) {
    let _ = writeln!(
        out,
        "<text class=\"title\" x=\"16\" y=\"26\">{}</text>",
        escape(&graph.title)
    );
    let mut x = 16.0;
    for (kind, text) in [
        (Kind::State, "a state is kept here"),
        (Kind::Run, "none is"),
        (Kind::Pruned, "pruned: as safe as another state"),
        (Kind::Converged, "a loop has converged"),
    ] {
        let (fill, line) = colours(kind);
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"38\" width=\"12\" height=\"12\" rx=\"3\" fill=\"{fill}\" \
             stroke=\"{line}\"/><text class=\"quiet\" x=\"{:.1}\" y=\"48\">{text}</text>",
            x + 17.0
        );
        x += 17.0 + text.len() as f64 * CHAR + 18.0;
    }
    if let Some(note) = &graph.note {
        let _ = writeln!(
            out,
            "<text class=\"quiet\" x=\"16\" y=\"64\">{}</text>",
            escape(note)
        );
    }
}

/// From the middle of the parent's lower edge to the middle of the child's upper edge.
fn edge(out: &mut String, from: &Rect, to: &Rect, failed: bool) {
    let (x1, y1) = (from.middle(), from.bottom());
    let (x2, y2) = (to.middle(), to.y);
    let bend = (y2 - y1) * 0.6;
    let (colour, marker, width) = match failed {
        true => (FAILED, "failed", 2.0),
        false => ("#57606a", "edge", 1.0),
    };
    let _ = writeln!(
        out,
        "<path d=\"M{x1:.1} {y1:.1} C{x1:.1} {:.1} {x2:.1} {:.1} {x2:.1} {:.1}\" \
         stroke=\"{colour}\" stroke-width=\"{width}\" marker-end=\"url(#{marker})\"/>",
        y1 + bend,
        y2 - bend,
        y2 - 1.0
    );
}

/// Which way a branch went, above the box that it leads to.
fn branch_label(out: &mut String, to: &Rect, branch: &str) {
    let width = branch.chars().count() as f64 * CHAR + 6.0;
    let (x, y) = (to.middle(), to.y - 24.0);
    let _ = writeln!(
        out,
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"14\" fill=\"#ffffff\"/>\
         <text class=\"quiet\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        x - width / 2.0,
        y - 4.0,
        y + 7.0,
        escape(branch)
    );
}

/// Swings out to the side, so that it does not run along the tree's edges.
fn dashed(out: &mut String, arc: &Arc, rects: &[Rect]) {
    let (from, to) = (&rects[arc.from], &rects[arc.to]);
    let (colour, marker) = match arc.converged {
        true => (CONVERGED, "converged"),
        false => (PRUNED, "pruned"),
    };
    let to_right = to.middle() < from.middle();
    let y1 = from.y + from.h / 2.0;
    let y2 = to.y + to.h / 2.0;
    let reach = 24.0 + (y2 - y1).abs().min(320.0) * 0.12;
    let (x1, x2) = match to_right {
        // Out of the left side, and into the right side of what is to the left.
        true => (from.x, to.x + to.w),
        false => (from.x + from.w, to.x),
    };
    let same_column = (x1 - x2).abs() < 40.0 || to_right == (x1 < x2);
    let (x1, x2, c1, c2) = match same_column {
        true => {
            let (x1, x2) = (from.x, to.x);
            let left = x1.min(x2) - reach;
            (x1, x2, left, left)
        }
        false if to_right => (x1, x2, x1 - reach, x2 + reach),
        false => (x1, x2, x1 + reach, x2 - reach),
    };
    let _ = writeln!(
        out,
        "<path d=\"M{x1:.1} {y1:.1} C{c1:.1} {y1:.1} {c2:.1} {y2:.1} {x2:.1} {y2:.1}\" \
         stroke=\"{colour}\" stroke-width=\"1.3\" stroke-dasharray=\"5 4\" \
         marker-end=\"url(#{marker})\"/>"
    );
}

fn draw_box(out: &mut String, node: &Node, rect: &Rect) {
    let (fill, line) = colours(node.kind);
    let (line, width) = match node.failed {
        true => (FAILED, 2.0),
        false => (line, 1.0),
    };
    let round = match node.kind {
        Kind::Pruned | Kind::Converged => rect.h / 2.0,
        _ => 5.0,
    };
    let dash = match node.kind {
        Kind::Folded => " stroke-dasharray=\"3 3\"",
        _ => "",
    };
    out.push_str("<g>");
    if !node.details.is_empty() {
        let _ = write!(out, "<title>{}</title>", escape(&node.details));
    }
    let _ = writeln!(
        out,
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{round:.1}\" \
         fill=\"{fill}\" stroke=\"{line}\" stroke-width=\"{width}\"{dash}/>",
        rect.x, rect.y, rect.w, rect.h
    );
    let many = node.lines.len() > 1;
    for (i, text) in node.lines.iter().enumerate() {
        let class = if i == 0 && many {
            " class=\"first\""
        } else {
            ""
        };
        let colour = match text.as_str() {
            "REJECTED HERE" => format!(" style=\"fill:{FAILED};font-weight:bold\""),
            "the path ends" => " style=\"fill:#1a7f37\"".to_owned(),
            _ => String::new(),
        };
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\"{class}{colour} xml:space=\"preserve\">{}</text>",
            rect.x + PAD,
            rect.y + PAD / 2.0 + (i as f64 + 0.78) * LINE,
            escape(text)
        );
    }
    out.push_str("</g>\n");
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            // XML has no other control characters.
            c if c.is_control() && c != '\n' && c != '\t' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
