// SPDX-License-Identifier: GPL-2.0-only
//! What stands in a box.

use crate::env::Env;
use crate::explain::path::function_name;
use crate::explain::source::Site;
use crate::explain::trace::{End, RunId, Trace};

/// Source lines shown of one block.
const MAX_LINES: usize = 5;

/// Values shown of a state.
const MAX_HOLDS: usize = 4;

/// Characters shown of a source line.
const MAX_CHARS: usize = 46;

/// Instructions of some runs.
fn insns(env: &Env<'_>, trace: &Trace, runs: &[RunId]) -> Vec<usize> {
    let mut all = Vec::new();
    for run in runs.iter().map(|&r| trace.run(r)) {
        let mut insn = run.first as usize;
        for _ in 0..run.insns {
            all.push(insn);
            insn += env.code.insns[insn].slots();
        }
    }
    all
}

/// The lines of a block of runs; `number` is that of the state kept at its start.
pub(super) fn block(
    env: &Env<'_>,
    trace: &Trace,
    runs: &[RunId],
    number: Option<usize>,
) -> Vec<String> {
    let mut lines = Vec::new();
    let all = insns(env, trace, runs);
    let first = runs.first().map(|&r| trace.run(r));
    let range = match first {
        Some(run) if all.is_empty() => format!("insn {}", run.first),
        _ if all.len() > 20 => format!("{}: {} instructions", ranges(env, &all), all.len()),
        _ => ranges(env, &all),
    };
    lines.push(match (number, first) {
        (Some(n), _) => format!("state {n}: {range}"),
        (None, Some(run)) if run.parent.is_none() => {
            format!("{}: {range}", function_name(env, run.first as usize))
        }
        _ => range,
    });
    if let Some(states) = &trace.kept_states
        && let Some(state) = runs.first().and_then(|r| states.get(r))
    {
        lines.extend(state.holds.iter().take(MAX_HOLDS).cloned());
    }
    lines.extend(code(env, &all));
    match runs.last().map(|&r| trace.run(r).end) {
        Some(End::Exit) => lines.push("the path ends".into()),
        Some(End::Rejected) => lines.push("REJECTED HERE".into()),
        _ => {}
    }
    lines
}

/// As in `insn 4-9, 2-3`.
fn ranges(env: &Env<'_>, insns: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &insn in insns {
        match ranges.last_mut() {
            Some(last) if last.1 + env.code.insns[last.1].slots() == insn => last.1 = insn,
            _ => ranges.push((insn, insn)),
        }
    }
    let text = |&(a, b): &(usize, usize)| match a == b {
        true => a.to_string(),
        false => format!("{a}-{b}"),
    };
    match &ranges[..] {
        [first, _, _, _, .., last] => format!("insn {}, …, {}", text(first), text(last)),
        few => format!(
            "insn {}",
            few.iter().map(text).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Source lines, each once in a row; instructions where there are none.
fn code(env: &Env<'_>, insns: &[usize]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for &insn in insns {
        let site = Site::new(env, insn);
        let text = match &site.line {
            Some(line) if line.says_something() => format!("{}  {}", line.number, line.text),
            _ => format!("{insn}: {}", site.text),
        };
        let text = shorten(&text);
        if lines.last() != Some(&text) {
            lines.push(text);
        }
    }
    if lines.len() > MAX_LINES {
        let left_out = lines.len() - MAX_LINES + 1;
        let last = lines.split_off(lines.len() - 1);
        lines.truncate(MAX_LINES - 2);
        lines.push(format!("… {left_out} lines"));
        lines.extend(last);
    }
    lines
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
