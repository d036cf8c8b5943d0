// SPDX-License-Identifier: GPL-2.0-only
//! Why a walk does not come to an end: what stays the same in a loop without progress, and what
//! differs in one whose states do not converge.

use std::collections::HashMap;

use bpf::insn::MAX_BPF_REG;
use bpf::uapi::Insn;
use serde::Serialize;

use crate::env::Env;
use crate::explain::difference::{Place, Words};
use crate::explain::loops::Loop;
use crate::explain::origin::callee;
use crate::explain::path::Step;
use crate::explain::source::{Site, line};
use crate::explain::trace::Trace;
use crate::explain::words::{reg_words, slots_words};
use crate::facts::types::RegType;

/// Most entries of a list.
const MAX_ENTRIES: usize = 6;

/// A loop without progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NoProgress {
    /// Instructions of one round.
    pub round: usize,
    /// What decides whether the loop goes on, and why that does not change.
    pub conditions: Vec<Condition>,
    /// What is the same before and after the round: place, and what it holds.
    pub same: Vec<(String, String)>,
}

/// A way out of a loop that is never taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Condition {
    /// The jump.
    pub site: Site,
    /// Why it does not change.
    pub why: String,
}

/// Explains "infinite loop detected": `round` are the steps from the first state to its like.
pub(crate) fn no_progress(env: &Env<'_>, round: &[Step]) -> NoProgress {
    let frame = env.path.cur.curframe();
    let here = |i: usize| round.iter().any(|s| s.insn == i && s.frame == frame);
    let mut conditions: Vec<Condition> = Vec::new();
    for step in round.iter().filter(|s| s.frame == frame) {
        let insn = &env.code.insns[step.insn];
        let leaves = env
            .code
            .successors(step.insn)
            .as_slice()
            .iter()
            .any(|&to| !here(to));
        let known = conditions.iter().any(|c| c.site.insn == step.insn);
        if !insn.is_cond_jump() || !leaves || known {
            continue;
        }
        conditions.push(Condition {
            site: Site::new(env, step.insn),
            why: why_unchanged(env, insn, round, frame),
        });
    }
    if conditions.is_empty() {
        let at = round.last().map_or(env.path.insn_idx, |s| s.insn);
        conditions.push(Condition {
            site: Site::new(env, at),
            why: "no branch of the loop leads out of it".into(),
        });
    }
    let state = env.path.cur.frame();
    let live = env.code.aux[env.path.insn_idx].live_regs_before;
    let mut same: Vec<_> = (0..MAX_BPF_REG - 1)
        .filter(|r| live >> r & 1 != 0)
        .map(|r| (format!("R{r}"), reg_words(env, &state.regs[r])))
        .collect();
    same.extend(slots_words(env, state));
    NoProgress {
        round: round.len(),
        conditions,
        same,
    }
}

fn why_unchanged(env: &Env<'_>, jump: &Insn, round: &[Step], frame: usize) -> String {
    let mut regs = vec![jump.dst()];
    if jump.src_is_reg() {
        regs.push(jump.src());
    }
    let mut whys = Vec::new();
    for reg in regs {
        let writer = round.iter().rev().find(|s| {
            let insn = &env.code.insns[s.insn];
            s.frame == frame && writes(insn, reg)
        });
        let now = &env.path.cur.frame().regs[reg];
        let value = reg_words(env, now);
        whys.push(match writer {
            None => format!("nothing in the loop changes R{reg}, which is {value}"),
            Some(s) => {
                let insn = &env.code.insns[s.insn];
                let by = match insn.is_any_call() {
                    true => format!("returned by {}", callee(env, s.insn)),
                    false => Site::new(env, s.insn).text,
                };
                let at = format!("insn {}: {by}", s.insn);
                match now.typ == RegType::NOT_INIT {
                    true => format!(
                        "R{reg} is made anew in each round ({at}), and nothing of a round is \
                         left in the next one"
                    ),
                    false => format!(
                        "R{reg} is written in the round ({at}), but what is known of it is the \
                         same again: {value}"
                    ),
                }
            }
        });
    }
    whys.join("; ")
}

/// Whether an instruction writes a register.
pub(crate) fn writes(insn: &Insn, reg: usize) -> bool {
    use bpf::insn::class;
    if insn.is_any_call() {
        return reg < crate::facts::limits::CALLER_SAVED_REGS;
    }
    match insn.class() {
        class::ALU | class::ALU64 | class::LDX | class::LD => insn.dst() == reg,
        _ => insn.atomic_load_reg() == Some(reg),
    }
}

/// Where instructions went and why states were not equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cost {
    pub insns: u32,
    /// Loops, by instructions spent in them, the most first.
    pub loops: Vec<LoopCost>,
    /// Source lines, by instructions, the most first.
    pub lines: Vec<LineCost>,
    /// Why states differed, the most frequent first.
    pub differences: Vec<DifferenceCost>,
}

/// Instructions spent in a loop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LoopCost {
    /// Where it starts.
    pub site: Site,
    /// Instructions processed in it, on all paths, inner loops included, callees not.
    pub insns: u32,
    /// Times its start was processed.
    pub rounds: u32,
}

/// Instructions of a source line, or without line information of an instruction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LineCost {
    /// Its first instruction.
    pub site: Site,
    pub insns: u32,
}

/// States that were not equal for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DifferenceCost {
    /// Where states were compared.
    pub site: Site,
    /// Times, of those that were looked into.
    pub count: u32,
    /// In what they differed.
    pub place: String,
    /// In the kept state, the last time.
    pub old: String,
    /// In the current one.
    pub new: String,
    /// It is a number whose value matters.
    pub precise: bool,
    /// What made it matter, when it is a register.
    pub needed_by: Vec<Site>,
}

/// Sums up where instructions went.
pub(crate) fn cost(env: &Env<'_>, trace: &Trace, loops: &[Loop]) -> Cost {
    let visits = |i: usize| trace.visits.get(i).copied().unwrap_or(0);
    let mut by_loop: Vec<_> = loops
        .iter()
        .map(|l| LoopCost {
            site: Site::new(env, l.header),
            insns: l.body.iter().map(|&i| visits(i)).sum(),
            rounds: visits(l.header),
        })
        .filter(|l| l.insns > 0)
        .collect();
    by_loop.sort_by_key(|l| std::cmp::Reverse(l.insns));
    by_loop.truncate(MAX_ENTRIES);

    Cost {
        insns: env.counts.insn_processed,
        loops: by_loop,
        lines: lines(env, &visits),
        differences: differences(env, trace),
    }
}

/// The source lines that took most.
fn lines(env: &Env<'_>, visits: &dyn Fn(usize) -> u32) -> Vec<LineCost> {
    // Of each line its first instruction and their number; an instruction without a line is alone.
    let mut lines: Vec<(usize, u32)> = Vec::new();
    let mut known = HashMap::new();
    for i in (0..env.code.insns.len()).filter(|&i| visits(i) > 0) {
        let place = line(env, i).map(|line| (line.file, line.number));
        let at = match place {
            Some(place) => *known.entry(place).or_insert(lines.len()),
            None => lines.len(),
        };
        match lines.get_mut(at) {
            Some((_, insns)) => *insns += visits(i),
            None => lines.push((i, visits(i))),
        }
    }
    lines.sort_by_key(|(_, insns)| std::cmp::Reverse(*insns));
    let most = lines.into_iter().take(MAX_ENTRIES);
    most.map(|(first, insns)| LineCost {
        site: Site::new(env, first),
        insns,
    })
    .collect()
}

/// The differences that were met most often.
fn differences(env: &Env<'_>, trace: &Trace) -> Vec<DifferenceCost> {
    let mut misses: Vec<_> = trace.misses.iter().collect();
    misses.sort_by_key(|(_, miss)| std::cmp::Reverse(miss.count));
    let most = misses.into_iter().take(MAX_ENTRIES);
    most.map(|(&(insn, place), miss)| {
        let Words { old, new, precise } = miss.last.words(env);
        DifferenceCost {
            site: Site::new(env, insn),
            count: miss.count,
            place: place.name(),
            old,
            new,
            precise,
            needed_by: match (place, precise) {
                (Place::Reg(_, reg), true) => needed_by(env, trace, reg),
                _ => Vec::new(),
            },
        }
    })
    .collect()
}

/// Instructions that asked for a register's exact value, the most frequent first.
fn needed_by(env: &Env<'_>, trace: &Trace, reg: usize) -> Vec<Site> {
    let mut all: Vec<_> = trace.precise.iter().filter(|(k, _)| k.1 == reg).collect();
    all.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    all.iter()
        .take(2)
        .map(|((i, _), _)| Site::new(env, *i))
        .collect()
}
