// SPDX-License-Identifier: GPL-2.0-only
//! The program beside a walk: instructions, the source lines that they come from, and loops.

use std::collections::{BTreeMap, BTreeSet};

use bpf::uapi::Insn;
use serde::Serialize;

use crate::env::Env;
use crate::explain::loops::Loop;
use crate::explain::origin::{Made, Thing, effect};
use crate::explain::path::function_name;
use crate::explain::source::{Site, line_as_written};
use crate::explain::trace::Trace;
use crate::replay::way::Way;

/// Of a larger program only the instructions that were walked are told.
const MAX_INSNS: usize = 5000;

/// The program's text.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Program {
    /// Instructions, ascending.
    insns: Vec<Row>,
    /// Source lines by file and number.
    lines: Vec<SourceLine>,
    /// Loops, the larger before those inside them.
    loops: Vec<Span>,
    /// Where each function starts, and its name.
    functions: Vec<(usize, String)>,
}

/// An instruction.
#[derive(Debug, Clone, Serialize)]
struct Row {
    insn: usize,
    text: String,
    /// Index of its source line.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// Instructions that it takes the room of.
    #[serde(skip_serializing_if = "is_one")]
    slots: usize,
    /// How often it was walked, on all paths.
    visits: u32,
    /// What it writes, whatever is in there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    writes: Vec<Write>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_one(n: &usize) -> bool {
    *n == 1
}

/// Place, how it is made, and the place that it is made from.
type Write = (String, String, Option<String>);

/// A source line: file, number, text.
type SourceLine = (String, u32, String);

/// A loop: where each round begins, and all its instructions.
#[derive(Debug, Clone, Serialize)]
struct Span {
    header: usize,
    body: Vec<usize>,
}

impl Program {
    pub(super) fn of(env: &Env<'_>, trace: &Trace, loops: &[Loop], ways: &[Way]) -> Self {
        let shown = shown(env, trace, ways);
        let lines: BTreeMap<usize, SourceLine> = shown
            .iter()
            .filter_map(|&i| Some((i, line_as_written(env, i)?)))
            .collect();
        let known: BTreeSet<&SourceLine> = lines.values().collect();
        let number: BTreeMap<&SourceLine, usize> =
            known.iter().enumerate().map(|(n, l)| (*l, n)).collect();
        let insns = shown.iter().map(|&insn| Row {
            insn,
            text: Site::new(env, insn).text,
            line: lines.get(&insn).map(|line| number[line]),
            slots: env.code.insns[insn].slots(),
            visits: trace.visits.get(insn).copied().unwrap_or(0),
            writes: writes(env, insn),
        });
        let starts = (0..env.code.subprog_cnt()).map(|s| env.code.subprogs[s].start);
        let loops = loops.iter().filter(|l| shown.contains(&l.header));
        Self {
            insns: insns.collect(),
            loops: loops
                .map(|l| Span {
                    header: l.header,
                    body: l.body.clone(),
                })
                .collect(),
            functions: starts.map(|s| (s, function_name(env, s))).collect(),
            lines: known.into_iter().cloned().collect(),
        }
    }
}

/// The instructions that are told.
fn shown(env: &Env<'_>, trace: &Trace, ways: &[Way]) -> BTreeSet<usize> {
    let n = env.code.insns.len();
    let mut all = BTreeSet::new();
    let mut insn = 0;
    while insn < n && n <= MAX_INSNS {
        all.insert(insn);
        insn += env.code.insns[insn].slots();
    }
    for way in ways {
        all.extend(way.insns(|insn| env.code.insns[insn].slots()));
    }
    let hottest = (0..trace.visits.len()).filter(|&i| trace.visits[i] > 0);
    let mut hottest: Vec<usize> = hottest.collect();
    hottest.sort_by_key(|&i| std::cmp::Reverse(trace.visits[i]));
    let room = MAX_INSNS.saturating_sub(all.len());
    all.extend(hottest.into_iter().take(room));
    all
}

/// What an instruction writes of the frame that it runs in.
fn writes(env: &Env<'_>, at: usize) -> Vec<Write> {
    let insn = &env.code.insns[at];
    let registers = (0..10).map(Thing::Reg);
    let things = registers.chain(slot(insn));
    let told = |thing: Thing| match effect(env, at, insn, thing) {
        Made::No => None,
        Made::New(what) if what.starts_with("lost in") => None,
        Made::New(what) => Some((name(thing), what, None)),
        Made::Copy(from, what) => Some((name(thing), what, Some(name(from)))),
        Made::Changed(what, with) => {
            let from = with.map(|reg| name(Thing::Reg(reg)));
            Some((name(thing), what, from))
        }
    };
    things.filter_map(told).collect()
}

/// The slot that an instruction may store to, if it stores the whole of it.
fn slot(insn: &Insn) -> Option<Thing> {
    (insn.off < 0 && insn.off % 8 == 0).then_some(Thing::Slot(insn.off))
}

fn name(thing: Thing) -> String {
    match thing {
        Thing::Reg(reg) => format!("R{reg}"),
        // A slot is named by where it begins.
        Thing::Slot(off) => format!("fp{}", off.div_euclid(8) * 8),
    }
}
