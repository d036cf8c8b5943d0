// SPDX-License-Identifier: GPL-2.0-only
//! The path to a failure, with what repeats folded.
//!
//! ```text
//!   0 1 2 | 3 4 5 6 | 3 4 5 6 | 3 4 9        executed
//!   0 1 2   loop at 3, third round: 3 4 9     told
//! ```

use serde::Serialize;

use crate::env::Env;
use crate::explain::loops::Loop;
use crate::explain::source::Site;
use crate::explain::trace::{RunId, Trace};

/// Most events told; of a longer path the last ones.
const MAX_EVENTS: usize = 24;

/// Calls that are told, because they change what may be done after them.
pub(crate) const SECTIONS: [(&str, &str); 4] = [
    ("bpf_rcu_read_lock", "an RCU section begins"),
    ("bpf_rcu_read_unlock", "an RCU section ends"),
    ("bpf_preempt_disable", "preemption is disabled"),
    ("bpf_preempt_enable", "preemption is enabled"),
];

/// One executed instruction of a path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub insn: usize,
    /// Frame it is in.
    pub frame: usize,
    /// Walked after going back, so that the jump before it went the other way.
    pub resumed: bool,
    /// The how manieth instruction of the whole walk.
    pub number: u32,
}

/// Something worth telling about a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PathEvent {
    pub site: Site,
    /// What happens there.
    pub what: String,
    /// It is a branch: `what` is the outcome.
    pub branch: bool,
    /// Depth of indentation: one for each loop or function around it.
    pub depth: usize,
}

/// The instructions of some runs, one after another.
pub(crate) fn steps(env: &Env<'_>, trace: &Trace, runs: &[RunId]) -> Vec<Step> {
    let mut steps = Vec::new();
    for run in runs.iter().map(|&r| trace.run(r)) {
        let mut insn = run.first as usize;
        for n in 0..run.insns {
            steps.push(Step {
                insn,
                frame: run.frame.into(),
                resumed: n == 0 && run.resumed,
                number: run.step + n,
            });
            insn += env.code.insns[insn].slots();
        }
    }
    steps
}

/// Tells a path: branches, rounds of loops, calls. Of a loop that is left only the number of rounds
/// is told, of one that the path ends in the last round.
pub(crate) fn tell(env: &Env<'_>, loops: &[Loop], steps: &[Step]) -> (usize, Vec<PathEvent>) {
    let mut teller = Teller {
        env,
        loops,
        steps,
        events: Vec::new(),
    };
    if let Some(first) = steps.first() {
        let name = function_name(env, first.insn);
        teller.event(0, 0, format!("{name} starts"));
        teller.fold(0, steps.len(), 1, &mut Vec::new());
    }
    keep_last(teller.events)
}

/// The events that are told, and before them how many are not.
pub(crate) fn keep_last(mut events: Vec<PathEvent>) -> (usize, Vec<PathEvent>) {
    let left_out = events.len().saturating_sub(MAX_EVENTS);
    if left_out > 0 {
        events.drain(1..=left_out);
    }
    (left_out, events)
}

/// Name of the function that an instruction is in.
pub(crate) fn function_name(env: &Env<'_>, insn: usize) -> String {
    let sub = env.code.find_containing_subprog(insn).unwrap_or(0);
    match env.input.subprog_name(sub) {
        "" if sub == 0 => format!("{}()", env.input.prog.name),
        "" => format!("function {sub}"),
        name => format!("{name}()"),
    }
}

/// As in *1st*, *2nd*.
pub(crate) fn ordinal(n: usize) -> String {
    let suffix = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}

struct Teller<'a, 'e> {
    env: &'a Env<'e>,
    loops: &'a [Loop],
    steps: &'a [Step],
    events: Vec<PathEvent>,
}

impl Teller<'_, '_> {
    fn event(&mut self, at: usize, depth: usize, what: String) {
        let site = Site::new(self.env, self.steps[at].insn);
        self.events.push(PathEvent {
            site,
            what,
            branch: false,
            depth,
        });
    }

    /// Tells `steps[from..to]`, all in the frame of the first or below it. `inside` are the headers
    /// of loops whose last round this is.
    fn fold(&mut self, from: usize, to: usize, depth: usize, inside: &mut Vec<usize>) {
        let Some(frame) = self.steps.get(from).map(|s| s.frame) else {
            return;
        };
        let mut i = from;
        while i < to {
            let step = self.steps[i];
            if step.frame > frame {
                i = self.call(i, to, frame, depth);
                continue;
            }
            let header = self.loops.iter().find(|l| l.header == step.insn);
            match header {
                Some(l) if !inside.contains(&l.header) => {
                    i = self.rounds(l, i, to, frame, depth, inside);
                }
                _ => {
                    self.branch(i, depth);
                    i += 1;
                }
            }
        }
    }

    /// A function that is called at the step before `at`; where it has returned.
    fn call(&mut self, at: usize, to: usize, frame: usize, depth: usize) -> usize {
        let steps = &self.steps[at..to];
        let back = steps.iter().position(|s| s.frame <= frame);
        let name = function_name(self.env, self.steps[at].insn);
        match back {
            Some(n) => {
                self.event(at, depth, format!("{name} is called and returns"));
                at + n
            }
            None => {
                self.event(at, depth, format!("into {name}"));
                self.fold(at, to, depth + 1, &mut Vec::new());
                to
            }
        }
    }

    /// The loop that is entered at `at`; where it was left.
    fn rounds(
        &mut self,
        l: &Loop,
        at: usize,
        to: usize,
        frame: usize,
        depth: usize,
        inside: &mut Vec<usize>,
    ) -> usize {
        let leaves = |s: &Step| s.frame < frame || s.frame == frame && !l.has(s.insn);
        let end = self.steps[at..to].iter().position(leaves);
        let end = end.map_or(to, |n| at + n);
        let begins = |i: &usize| {
            let s = self.steps[*i];
            s.frame == frame && s.insn == l.header
        };
        let heads: Vec<_> = (at..end).filter(begins).collect();
        let last = heads.last().copied().unwrap_or(at);
        let calls_back = self.env.code.aux[l.header].calls_callback;
        let kind = if calls_back { "callback loop" } else { "loop" };
        if end < to {
            let what = match heads.len() {
                1 => format!("{kind}: left in its first round"),
                2 => format!("{kind}: left after one round"),
                n => format!("{kind}: left after {} rounds", n - 1),
            };
            self.event(at, depth, what);
            if heads.len() == 1 {
                inside.push(l.header);
                self.fold(last, end, depth + 1, inside);
                inside.pop();
            } else {
                self.leaving(last, end, depth + 1);
            }
            return end;
        }
        if calls_back && heads.len() == 1 && self.steps[last..end].iter().all(|s| s.frame == frame)
        {
            // The call itself is at fault.
            return end;
        }
        let n = ordinal(heads.len());
        self.event(at, depth, format!("{kind}: in its {n} round"));
        inside.push(l.header);
        self.fold(last, end, depth + 1, inside);
        inside.pop();
        end
    }

    /// The jump by which a loop is left.
    fn leaving(&mut self, from: usize, to: usize, depth: usize) {
        let jump = (from..to).rev().find(|&i| self.branch_words(i).is_some());
        if let Some(i) = jump {
            self.branch(i, depth);
        }
    }

    fn branch(&mut self, at: usize, depth: usize) {
        let kfunc = self
            .env
            .input
            .kfunc_quiet(&self.env.code.insns[self.steps[at].insn]);
        let section = kfunc.and_then(|k| SECTIONS.iter().find(|s| s.0 == k.name));
        if let Some((_, what)) = section
            && at + 1 < self.steps.len()
        {
            self.event(at, depth, (*what).to_owned());
        }
        if let Some(words) = self.branch_words(at) {
            self.event(at, depth, words);
            if let Some(event) = self.events.last_mut() {
                event.branch = true;
            }
        }
    }

    fn branch_words(&self, at: usize) -> Option<String> {
        let insn = self.steps[at].insn;
        // That an element is not NULL was told at the call.
        let before = at.checked_sub(1).map(|i| self.steps[i]);
        let of_next = before.is_some_and(|s| self.env.marks.insns[s.insn].is_iter_next);
        if of_next && self.env.code.insns[insn].dst() == 0 {
            return None;
        }
        outcome(self.env, insn, *self.steps.get(at + 1)?)
    }
}

/// Which way the path goes after a branch: a jump on a condition, or a call of an iterator's `next`.
pub(crate) fn outcome(env: &Env<'_>, at: usize, next: Step) -> Option<String> {
    let insn = &env.code.insns[at];
    let taken = next.insn != at + 1;
    if insn.is_may_goto() {
        return Some(match taken {
            false => "may_goto: another round".into(),
            true => "may_goto: no more rounds".into(),
        });
    }
    if insn.is_cond_jump() {
        return Some(condition(env, at, taken));
    }
    if env.marks.insns[at].is_iter_next {
        return Some(match next.resumed {
            true => "next gives an element".into(),
            false => "next gives NULL".into(),
        });
    }
    None
}

/// What holds after a jump, as in `r1 s< 0x5`.
fn condition(env: &Env<'_>, insn: usize, taken: bool) -> String {
    branch_of(&Site::new(env, insn).text, taken)
}

/// The same by the instruction's text.
pub(crate) fn branch_of(text: &str, taken: bool) -> String {
    let condition = text.strip_prefix("if ").unwrap_or(text);
    let condition = decimal(condition.split(" goto").next().unwrap_or(condition));
    if taken {
        return condition;
    }
    const OPPOSITE: [(&str, &str); 10] = [
        (" == ", " != "),
        (" != ", " == "),
        (" s> ", " s<= "),
        (" s>= ", " s< "),
        (" s< ", " s>= "),
        (" s<= ", " s> "),
        (" > ", " <= "),
        (" >= ", " < "),
        (" < ", " >= "),
        (" <= ", " > "),
    ];
    match OPPOSITE.iter().find(|(op, _)| condition.contains(op)) {
        Some((op, not)) => condition.replacen(op, not, 1),
        None => format!("not {condition}"),
    }
}

/// The same with a small number on the right in decimal.
fn decimal(condition: &str) -> String {
    let hex = condition.rsplit_once(" 0x");
    let number = hex.and_then(|(left, n)| Some((left, u64::from_str_radix(n, 16).ok()?)));
    match number {
        Some((left, n)) if n < 65536 => format!("{left} {n}"),
        _ => condition.to_owned(),
    }
}
