// SPDX-License-Identifier: GPL-2.0-only
//! Why a program is rejected, or what it costs, for people.
//!
//! A program is verified with a [`trace::Trace`] that writes down every path. If it is rejected for what
//! was known at an instruction, it is verified once more, to have the states of the path that leads
//! there. The verifier is deterministic, so the second walk is the same as the first.
//!
//! The kind of a rejection decides which advice there is; path, state and origins of values are told
//! for every rejection, whether its kind has advice or not.

pub(crate) mod advice;
pub(crate) mod cause;
pub(crate) mod convergence;
pub(crate) mod difference;
pub(crate) mod loops;
pub(crate) mod origin;
pub(crate) mod pasted;
pub(crate) mod path;
pub(crate) mod report;
pub(crate) mod source;
pub(crate) mod stack;
pub(crate) mod state_before;
pub(crate) mod text;
pub(crate) mod trace;
pub(crate) mod words;

use bpf::kernel::Kernel;
use bpf::program::ProgLoad;
use serde::Serialize;

use crate::env::Env;
use crate::env::observe::{Event, Observer};
use crate::explain::cause::history::History;
use crate::explain::cause::{Cause, Failure};
use crate::explain::convergence::{Cost, NoProgress};
use crate::explain::path::PathEvent;
use crate::explain::source::Site;
use crate::explain::state_before::{Held, Value};
use crate::explain::trace::Trace;
use crate::facts::kind::Kind;
use crate::facts::rejection::{Checked, Rejection, Stop};
use crate::options::Options;
use crate::state::VerifierState;
use crate::verdict::{Outcome, Verdict};
use crate::verify::verify_observed;

/// What there is to say about a verdict.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The program's name.
    pub(crate) program: String,
    pub(crate) accepted: bool,
    /// Positive error number, 0 when there is none.
    pub(crate) errno: i32,
    /// There is no verdict, because this is not modelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_modelled: Option<String>,
    /// The verifier's words; empty when accepted.
    pub(crate) message: String,
    /// Name of the kind of the rejection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
    /// Function and file of the kernel that says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) check: Option<String>,
    /// The rule that it is, when it is one of `verifier-model rules`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    /// What it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) what: Option<String>,
    /// The instruction at which it is rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) site: Option<Site>,
    /// It, and the instructions next to it.
    pub(crate) around: Vec<Site>,
    /// The instruction that would have to be another one, where that is not the one at which it is
    /// rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<Cause>,
    /// The path that leads there.
    pub(crate) path: Vec<PathEvent>,
    /// Events of the path that are not told.
    pub(crate) path_left_out: usize,
    /// What the instruction works on, and what else is live.
    pub(crate) state: Vec<Value>,
    /// What must be given back, and sections that are open.
    pub(crate) held: Vec<Held>,
    /// For a loop without progress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) no_progress: Option<NoProgress>,
    /// Where instructions went: for accepted programs, and those that hit a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cost: Option<Cost>,
    /// For too many waiting paths: where they wait, and how many.
    pub(crate) waiting: Vec<(Site, usize)>,
    /// For too much stack: the functions that add up.
    pub(crate) stack: Vec<stack::Link>,
    /// What to change.
    pub(crate) advice: Vec<String>,
    /// The same in the form of the kernel's reports; empty when accepted.
    #[serde(skip)]
    pub(crate) report: String,
}

impl Explanation {
    /// With what the verdict adds.
    fn of(mut self, verdict: &Verdict) -> Self {
        self.accepted = verdict.accepted();
        self.errno = verdict.rejection().map_or(0, |r| r.errno.0);
        self.not_modelled = match &verdict.outcome {
            Outcome::NotModelled(what) => Some(what.clone()),
            _ => None,
        };
        self
    }

    /// What to change, a sentence or two each.
    pub fn advice(&self) -> &[String] {
        &self.advice
    }

    /// The report that 7.3 would append to its message, in words of our own; empty when the program is
    /// accepted, and of a log.
    pub fn report(&self) -> &str {
        &self.report
    }
}

/// Verifies a program and explains the verdict.
pub fn explain(prog: &ProgLoad, kernel: &Kernel, opts: &Options) -> (Verdict, Explanation) {
    let mut first = FirstWalk::default();
    let verdict = verify_observed(prog, kernel, opts, &mut first);
    if let Some(told) = first.told {
        let explanation = told.of(&verdict);
        return (verdict, explanation);
    }
    let mut witness = Witness::new(&first.trace);
    let verdict = verify_observed(prog, kernel, opts, &mut witness);
    let explanation = witness.explained(prog, &verdict);
    (verdict, explanation)
}

fn empty(program: String) -> Explanation {
    Explanation {
        program,
        accepted: false,
        errno: 0,
        not_modelled: None,
        message: String::new(),
        kind: None,
        check: None,
        rule: None,
        what: None,
        site: None,
        around: Vec::new(),
        cause: None,
        path: Vec::new(),
        path_left_out: 0,
        state: Vec::new(),
        held: Vec::new(),
        no_progress: None,
        cost: None,
        waiting: Vec::new(),
        stack: Vec::new(),
        advice: Vec::new(),
        report: String::new(),
    }
}

/// Writes the trace of the first walk, and tells the verdict if that is all it takes.
#[derive(Debug, Default)]
struct FirstWalk {
    trace: Trace,
    told: Option<Explanation>,
}

impl Observer for FirstWalk {
    fn event(&mut self, env: &Env<'_>, event: Event) {
        self.trace.event(env, event);
    }

    fn finished(&mut self, env: &Env<'_>, result: &Checked) {
        self.trace.finished(env, result);
        let teller = Teller {
            trace: &self.trace,
            history: &History::default(),
            before: None,
        };
        let asks = matches!(result, Err(Stop::Rejected(why)) if teller.asks_for_values(env, why));
        self.told = (!asks).then(|| teller.tell(env, result));
    }
}

/// Watches the second walk for what was known on the path that ends it.
#[derive(Debug)]
pub(crate) struct Witness<'t> {
    trace: &'t Trace,
    steps: u32,
    history: History,
    before: Option<VerifierState>,
    explanation: Option<Explanation>,
}

impl<'t> Witness<'t> {
    /// Of a walk of which `trace` has been written down already.
    pub(crate) fn new(trace: &'t Trace) -> Self {
        Self {
            trace,
            steps: 0,
            history: History::of_last_path(trace),
            before: None,
            explanation: None,
        }
    }

    /// What it saw.
    pub(crate) fn explained(self, prog: &ProgLoad, verdict: &Verdict) -> Explanation {
        let explanation = self.explanation.unwrap_or_else(|| empty(prog.name.clone()));
        explanation.of(verdict)
    }
}

impl Observer for Witness<'_> {
    fn event(&mut self, env: &Env<'_>, event: Event) {
        if event == Event::Step {
            self.steps += 1;
            self.history.see(self.steps, env);
            if self.steps == self.trace.steps && self.trace.in_step {
                self.before = Some(env.path.cur.clone());
            }
        }
    }

    fn finished(&mut self, env: &Env<'_>, result: &Checked) {
        let teller = Teller {
            trace: self.trace,
            history: &self.history,
            before: self.before.as_ref(),
        };
        self.explanation = Some(teller.tell(env, result));
    }
}

/// Tells the end of a walk by what was seen of it.
struct Teller<'t> {
    trace: &'t Trace,
    /// What was known on the path that ends the walk.
    history: &'t History,
    /// The state before the instruction at which it is rejected.
    before: Option<&'t VerifierState>,
}

impl Teller<'_> {
    fn tell(&self, env: &Env<'_>, result: &Checked) -> Explanation {
        let mut e = empty(env.input.prog.name.clone());
        match result {
            Ok(()) => e.cost = Some(convergence::cost(env, self.trace, &loops::find_loops(env))),
            Err(Stop::Rejected(why)) => {
                self.reject(env, why, &mut e);
                e.report = report::report(env, why, &e);
            }
            // No verdict, and nothing to explain.
            Err(Stop::NotModelled(_)) => {}
        }
        e
    }

    /// Whether a rejection is of an instruction, by what was known there.
    fn asks_for_values(&self, env: &Env<'_>, why: &Rejection) -> bool {
        self.in_walk(env, why) && !is_of_whole_walk(why.kind)
    }

    /// Whether it is the walk that ended with a rejection, and not what is asked before or after it.
    fn in_walk(&self, env: &Env<'_>, why: &Rejection) -> bool {
        let of_code = matches!(
            why.kind,
            Kind::StackCombined
                | Kind::StackFunction
                | Kind::TailCallStack
                | Kind::ControlFlow
                | Kind::Recursion
        );
        self.trace.steps > 0 && !env.path.cur.frames.is_empty() && !of_code
    }

    fn reject(&self, env: &Env<'_>, why: &Rejection, e: &mut Explanation) {
        advise(why, e);
        if matches!(
            why.kind,
            Kind::StackCombined | Kind::StackFunction | Kind::TailCallStack
        ) {
            e.stack = stack::deepest_chain(env);
        } else if self.in_walk(env, why) {
            self.tell_walk(env, why, e);
        } else {
            let insn = why.insn.map(|i| i as usize);
            let insn = insn.filter(|i| *i < env.code.insns.len());
            e.site = insn.map(|i| Site::new(env, i));
        }
    }

    /// What the walk adds: where it was, how it came there, what it knew.
    fn tell_walk(&self, env: &Env<'_>, why: &Rejection, e: &mut Explanation) {
        let kind = why.kind;
        let at = env.path.insn_idx.min(env.code.insns.len() - 1);
        // The instruction that the last step was at: a jump may have been followed already.
        let runs = self.trace.last_path();
        let mut steps = path::steps(env, self.trace, &runs);
        let at = match (self.trace.in_step, steps.last()) {
            (true, Some(last)) => last.insn,
            _ => at,
        };
        e.site = Some(Site::new(env, at));
        e.around = Site::around(env, at);
        if !self.trace.in_step {
            steps.push(path::Step {
                insn: at,
                frame: env.path.cur.curframe(),
                resumed: false,
                number: self.trace.steps + 1,
            });
        }
        let loops = loops::find_loops(env);
        (e.path_left_out, e.path) = path::tell(env, &loops, &steps);
        let state = self.before.unwrap_or(&env.path.cur);
        if !is_of_whole_walk(kind) {
            e.state = state_before::values(env, state, &steps, at);
        }
        e.held = state_before::held(env, state, &steps);
        let failure = Failure {
            why,
            state,
            env,
            steps: &steps,
            history: self.history,
        };
        e.cause = failure.cause();
        if let Some(looped) = self.trace.looped {
            let from = runs.iter().position(|r| *r == looped).unwrap_or(0);
            let round = path::steps(env, self.trace, &runs[from..]);
            let no_progress = convergence::no_progress(env, &round);
            e.cause = Cause::of_loop(&no_progress);
            e.no_progress = Some(no_progress);
        }
        if matches!(kind, Kind::TooLarge | Kind::TooManyJumps) {
            e.cost = Some(convergence::cost(env, self.trace, &loops));
        }
        if kind == Kind::TooManyJumps {
            e.waiting = waiting(env);
            e.cause = Cause::of_waiting(&e.waiting);
        }
    }
}

/// Whether a rejection is of how the walk went, and not of what was known at its end.
fn is_of_whole_walk(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::InfiniteLoop | Kind::TooLarge | Kind::TooManyJumps
    )
}

/// What the kind and the message alone tell.
fn advise(why: &Rejection, e: &mut Explanation) {
    e.message = why.said().to_owned();
    if why.kind != Kind::Silent {
        e.kind = Some(why.kind.name());
    }
    if let Some(m) = advice::Match::of(why) {
        e.check = Some(m.check.to_owned()).filter(|c| !c.is_empty());
        e.rule = m.advice.rule.map(str::to_owned);
        e.what = m.fill(m.advice.what).or(Some(why.kind.what().to_owned()));
        e.advice = m.advice.advice.iter().filter_map(|a| m.fill(a)).collect();
        e.message = m.message;
    }
}

/// Where paths wait, the most frequent first.
fn waiting(env: &Env<'_>) -> Vec<(Site, usize)> {
    let mut count = std::collections::BTreeMap::new();
    for elem in &env.path.waiting {
        *count.entry(elem.prev_insn_idx.max(0) as usize).or_insert(0) += 1;
    }
    let mut all: Vec<_> = count.into_iter().collect();
    all.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    all.truncate(5);
    all.into_iter()
        .map(|(i, n)| (Site::new(env, i), n))
        .collect()
}
