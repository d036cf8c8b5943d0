// SPDX-License-Identifier: GPL-2.0-only
//! The second walk: what was known before each step of the paths that are written down.

use std::collections::HashMap;

use crate::env::Env;
use crate::env::observe::{Event, Observer};
use crate::explain::convergence::{Cost, cost};
use crate::explain::loops::find_loops;
use crate::explain::state_before::reference_words;
use crate::explain::trace::{End, Pruning, RunId, Trace};
use crate::explain::words::{reg_words, slots_words};
use crate::facts::rejection::Checked;
use crate::facts::types::RegType;
use crate::replay::choose::Chosen;
use crate::replay::program::Program;
use crate::replay::way::Way;

/// Registers that are told: all but the frame pointer, which is always that.
const REGISTERS: usize = 10;

/// A place holds nothing any more.
const NOTHING: i32 = -1;

/// Texts by number, each once.
#[derive(Debug, Default)]
pub(super) struct Texts {
    numbers: HashMap<String, i32>,
    texts: Vec<String>,
}

impl Texts {
    fn number(&mut self, text: String) -> i32 {
        *self.numbers.entry(text).or_insert_with_key(|text| {
            self.texts.push(text.clone());
            self.texts.len() as i32 - 1
        })
    }

    pub(super) fn into_texts(self) -> Vec<String> {
        self.texts
    }
}

/// What was written down.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    pub program: Program,
    pub ways: Vec<Way>,
    pub places: Texts,
    pub words: Texts,
    pub cost: Option<Cost>,
    of_run: HashMap<RunId, usize>,
}

impl Recorded {
    /// The piece that a run is.
    pub(super) fn way_of(&self, run: RunId) -> Option<usize> {
        self.of_run.get(&run).copied()
    }
}

/// What all places hold: place and words by number, ascending.
type State = Vec<(i32, i32)>;

/// An observer that writes states down.
#[derive(Debug)]
pub(super) struct Recorder<'c> {
    chosen: &'c Chosen,
    /// Tells where the walk is.
    trace: Trace,
    pub recorded: Recorded,
    /// The last state of each piece.
    last: Vec<State>,
}

impl<'c> Recorder<'c> {
    pub(super) fn new(chosen: &'c Chosen) -> Self {
        Self {
            chosen,
            trace: Trace::default(),
            recorded: Recorded::default(),
            last: Vec::new(),
        }
    }

    /// Writes down the state before the step, or the arrival, that the trace has just seen.
    fn write(&mut self, env: &Env<'_>) {
        let Some(run) = self.trace.current() else {
            return;
        };
        let Some(skipped) = self.chosen.skipped(run) else {
            return;
        };
        let at = self.trace.run(run);
        if at.insns.max(1) <= skipped {
            return;
        }
        let way = match self.recorded.way_of(run) {
            Some(way) => way,
            None => self.begin(run, skipped),
        };
        let state = self.state(env);
        let differences = differences(&self.last[way], &state);
        self.last[way] = state;
        self.recorded.ways[way].steps.push(differences);
    }

    fn begin(&mut self, run: RunId, skipped: u32) -> usize {
        let at = *self.trace.run(run);
        let parent = at.parent.and_then(|parent| self.recorded.way_of(parent));
        let way = self.recorded.ways.len();
        // Of a run that is not whole the first step is the last so far.
        let first = if skipped > 0 { at.last } else { at.first };
        self.recorded.ways.push(Way {
            parent,
            first,
            frame: at.frame,
            before: match parent.is_none() && at.parent.is_some() || skipped > 0 {
                true => self.chosen.before,
                false => 0,
            },
            kept: at.state.is_some() && skipped == 0,
            arrives: at.insns == 0,
            steps: Vec::new(),
            end: "goes",
            like: None,
        });
        let before = parent.map(|parent| self.last[parent].clone());
        self.last.push(before.unwrap_or_default());
        self.recorded.of_run.insert(run, way);
        way
    }

    /// All that is known, as numbers.
    fn state(&mut self, env: &Env<'_>) -> State {
        let Recorded { places, words, .. } = &mut self.recorded;
        let mut state: State = told(env)
            .into_iter()
            .map(|(place, holds)| (places.number(place), words.number(holds)))
            .collect();
        state.sort_unstable();
        state
    }

    /// How each piece ends.
    fn ends(&mut self) {
        for (run, way) in self.recorded.of_run.clone() {
            let (end, like) = match self.trace.run(run).end {
                End::Goes => ("goes", None),
                End::Exit => ("exit", None),
                End::Rejected => ("rejected", None),
                End::Pruned(like, Pruning::Explored) => ("pruned", Some(like)),
                End::Pruned(like, Pruning::Converged) => ("converged", Some(like)),
            };
            let like = like.and_then(|run| self.recorded.way_of(run));
            let way = &mut self.recorded.ways[way];
            (way.end, way.like) = (end, like);
        }
    }
}

impl Observer for Recorder<'_> {
    fn event(&mut self, env: &Env<'_>, event: Event) {
        self.trace.event(env, event);
        if matches!(event, Event::Step | Event::Pruned(_)) {
            self.write(env);
        }
    }

    fn finished(&mut self, env: &Env<'_>, result: &Checked) {
        let runs = self.trace.runs.len();
        self.trace.finished(env, result);
        if self.trace.runs.len() > runs {
            // It was rejected on arrival.
            self.write(env);
        }
        self.ends();
        let loops = find_loops(env);
        self.recorded.cost = Some(cost(env, &self.trace, &loops));
        self.recorded.program = Program::of(env, &self.trace, &loops, &self.recorded.ways);
    }
}

/// What registers, stack slots and references hold, each with its place.
fn told(env: &Env<'_>) -> Vec<(String, String)> {
    let state = &env.path.cur;
    let mut told = Vec::new();
    for (n, frame) in state.frames.iter().enumerate() {
        let known = (0..REGISTERS).filter(|&r| frame.regs[r].typ != RegType::NOT_INIT);
        told.extend(known.map(|r| (format!("{n}:R{r}"), reg_words(env, &frame.regs[r]))));
        let slots = slots_words(env, frame).into_iter();
        told.extend(slots.map(|(slot, holds)| (format!("{n}:{slot}"), holds)));
    }
    for r in &state.refs {
        let what = reference_words(env, state, r);
        told.push((
            format!("held:{}", r.id),
            format!("{what}, acquired at insn {}", r.insn_idx),
        ));
    }
    let sections = [
        ("RCU", state.active_rcu_locks),
        ("preemption off", state.active_preempt_locks),
    ];
    for (section, depth) in sections.into_iter().filter(|(_, depth)| *depth > 0) {
        told.push((format!("held:{section}"), format!("{depth} deep")));
    }
    told
}

/// What to change in `old` to have `new`.
fn differences(old: &[(i32, i32)], new: &[(i32, i32)]) -> Vec<i32> {
    let held: HashMap<i32, i32> = old.iter().copied().collect();
    let holds: HashMap<i32, i32> = new.iter().copied().collect();
    let gone = old.iter().filter(|(place, _)| !holds.contains_key(place));
    let gone = gone.map(|(place, _)| (*place, NOTHING));
    let changed = new.iter().copied();
    let changed = changed.filter(|(place, words)| held.get(place) != Some(words));
    gone.chain(changed).flat_map(|(p, w)| [p, w]).collect()
}
