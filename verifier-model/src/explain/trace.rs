// SPDX-License-Identifier: GPL-2.0-only
//! What was explored, as a tree of straight runs of instructions.
//!
//! ```text
//!   0..5 ─┬─ 6..9 ── exit            a run ends where a path forks, jumps, enters another function,
//!         └─ 12..14 ┄┄ pruned        or arrives where its state is kept
//! ```
//!
//! A run takes some forty bytes, so that a program that runs into the instruction limit is traced in
//! well under 100 MB.

use std::collections::{BTreeMap, HashMap};

use bpf::insn::MAX_BPF_REG;

use crate::env::Env;
use crate::env::observe::{Event, Observer};
use crate::explain::difference::{Difference, Place, first_difference};
use crate::explain::words::{reg_words, slots_words};
use crate::facts::rejection::Checked;
use crate::state::StateId;

/// Comparisons whose outcome is looked into. There can be many millions.
const MAX_COMPARED: u32 = 50_000;

/// Index of a run.
pub(crate) type RunId = u32;

/// A straight run of instructions on one path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// The run before, none at the start of a function that is verified on its own.
    pub parent: Option<RunId>,
    /// First instruction.
    pub first: u32,
    /// Last instruction; equals `first` when there is one, and when there is none.
    pub last: u32,
    /// How many instructions had been walked when it began, itself the last.
    pub step: u32,
    /// How many instructions, 0 for a path that was pruned on arrival.
    pub insns: u32,
    /// Frame it is in, 0 for the outermost.
    pub frame: u8,
    /// Walked after going back, not right after its parent.
    pub resumed: bool,
    /// State kept at its start.
    pub state: Option<StateId>,
    /// How it ends.
    pub end: End,
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Other runs follow.
    Goes,
    /// The path ends.
    Exit,
    /// The path is as safe as the one from this run on.
    Pruned(RunId, Pruning),
    /// The verifier stops here.
    Rejected,
}

/// Why a path is as safe as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pruning {
    /// The other was explored to its end.
    Explored,
    /// The other is earlier on the same path: a loop converged.
    Converged,
}

/// A kept state, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptState {
    /// As the log at level 2 has it.
    pub text: String,
    /// Its iterators and the numbers in live registers, each as in
    /// `fp-8: iterator num, active, 1 element so far`.
    pub holds: Vec<String>,
}

impl KeptState {
    fn new(env: &Env<'_>) -> Self {
        let text = env.state_text(&env.path.cur, env.path.cur.curframe(), true);
        let slots = env.path.cur.frames.iter().flat_map(|f| slots_words(env, f));
        let iterators = slots.filter(|(_, holds)| holds.starts_with("iterator "));
        let frame = env.path.cur.frame();
        let live = env.code.aux[env.path.insn_idx].live_regs_before;
        let live = (0..MAX_BPF_REG).filter(|r| live >> r & 1 != 0 && frame.regs[*r].is_scalar());
        let numbers = live.map(|r| (format!("R{r}"), reg_words(env, &frame.regs[r])));
        Self {
            text: text.trim().to_owned(),
            holds: iterators
                .chain(numbers)
                .map(|(at, holds)| format!("{at}: {holds}"))
                .collect(),
        }
    }
}

/// Times that states at an instruction were compared and differed in one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Miss {
    /// How many times.
    pub count: u32,
    /// The last time.
    pub last: Difference,
}

/// An observer that writes down all that was explored.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// All runs; parents come before their children.
    pub runs: Vec<Run>,
    /// Times that each instruction was processed.
    pub visits: Vec<u32>,
    /// Why states did not equal others: by instruction and place.
    pub misses: BTreeMap<(usize, Place), Miss>,
    /// Instructions that needed a register precise, and how many times.
    pub precise: BTreeMap<(usize, usize), u32>,
    /// For "infinite loop": the run at whose start the state was the same.
    pub looped: Option<RunId>,
    /// Instructions processed.
    pub steps: u32,
    /// The last event was [`Event::Step`]: verification stopped inside an instruction.
    pub in_step: bool,
    /// Kept states by run, when asked for.
    pub kept_states: Option<HashMap<RunId, KeptState>>,
    cur: Option<RunId>,
    forks: Vec<RunId>,
    split: bool,
    resumed: bool,
    kept: Option<StateId>,
    run_of: HashMap<StateId, RunId>,
    pending: Option<KeptState>,
    compared: u32,
}

impl Trace {
    /// A trace that also has the states as text.
    pub(crate) fn with_states() -> Self {
        Self {
            kept_states: Some(HashMap::new()),
            ..Self::default()
        }
    }

    /// The run that the walk is in.
    pub(crate) fn current(&self) -> Option<RunId> {
        self.cur
    }

    /// The runs from the start to where verification stopped.
    pub(crate) fn last_path(&self) -> Vec<RunId> {
        let mut path: Vec<_> = std::iter::successors(self.cur, |&r| self.run(r).parent).collect();
        path.reverse();
        path
    }

    pub(crate) fn run(&self, id: RunId) -> &Run {
        &self.runs[id as usize]
    }

    /// Notes which paths wait since the last event.
    fn note_forks(&mut self, waiting: usize) {
        if let Some(cur) = self.cur
            && self.forks.len() < waiting
        {
            self.forks.resize(waiting, cur);
            self.split = true;
        }
    }

    fn begin_run(&mut self, env: &Env<'_>, idx: usize, insns: u32, end: End) {
        let id = self.runs.len() as RunId;
        self.runs.push(Run {
            parent: self.cur,
            first: idx as u32,
            last: idx as u32,
            step: self.steps,
            insns,
            frame: env.path.cur.curframe() as u8,
            resumed: self.resumed,
            state: self.kept.take(),
            end,
        });
        if let Some(state) = self.runs[id as usize].state {
            self.run_of.insert(state, id);
        }
        if let (Some(states), Some(state)) = (&mut self.kept_states, self.pending.take()) {
            states.insert(id, state);
        }
        self.cur = Some(id);
        self.split = false;
        self.resumed = false;
    }

    fn step(&mut self, env: &Env<'_>) {
        let idx = env.path.insn_idx;
        self.steps += 1;
        self.visits[idx] += 1;
        let frame = env.path.cur.curframe() as u8;
        let next = self.cur.filter(|_| !self.split && !self.resumed);
        if let Some(run) = next.map(|r| &mut self.runs[r as usize])
            && run.frame == frame
            && run.last as usize + env.code.insns[run.last as usize].slots() == idx
        {
            run.last = idx as u32;
            run.insns += 1;
        } else {
            self.begin_run(env, idx, 1, End::Goes);
        }
    }

    fn end_path(&mut self, end: End) {
        if let Some(run) = self.cur.map(|r| &mut self.runs[r as usize])
            && run.end == End::Goes
        {
            run.end = end;
        }
    }

    fn differs(&mut self, env: &Env<'_>, id: StateId) {
        self.compared += 1;
        if self.compared > MAX_COMPARED {
            return;
        }
        let Some(old) = env.state(id) else { return };
        if let Some(diff) = first_difference(env, old) {
            let miss = self.misses.entry((env.path.insn_idx, diff.place));
            let miss = miss.or_insert(Miss {
                count: 0,
                last: diff,
            });
            miss.count += 1;
            miss.last = diff;
        }
    }
}

impl Observer for Trace {
    fn event(&mut self, env: &Env<'_>, event: Event) {
        let waiting = env.path.waiting.len();
        self.in_step = event == Event::Step || self.in_step && matches!(event, Event::Precise(_));
        match event {
            Event::Started => {
                self.end_path(End::Exit);
                self.visits.resize(env.code.insns.len(), 0);
                self.forks.clear();
                self.run_of.clear();
                (self.cur, self.split, self.resumed) = (None, true, false);
            }
            Event::Step => {
                self.note_forks(waiting);
                self.step(env);
            }
            Event::Resumed => {
                self.note_forks(waiting + 1);
                self.end_path(End::Exit);
                self.cur = self.forks.pop();
                self.resumed = true;
            }
            Event::Kept(id) => {
                self.note_forks(waiting);
                self.split = true;
                self.kept = Some(id);
                if self.kept_states.is_some() {
                    self.pending = Some(KeptState::new(env));
                }
            }
            Event::Pruned(id) => {
                self.note_forks(waiting);
                let open = env.state(id).is_some_and(|st| st.branches != 0);
                let why = if open {
                    Pruning::Converged
                } else {
                    Pruning::Explored
                };
                let end = match self.run_of.get(&id) {
                    Some(&run) => End::Pruned(run, why),
                    None => End::Exit,
                };
                self.begin_run(env, env.path.insn_idx, 0, end);
            }
            Event::Differs(id) => self.differs(env, id),
            Event::InfiniteLoop(id) => {
                self.note_forks(waiting);
                self.looped = self.run_of.get(&id).copied();
            }
            Event::Precise(reg) => *self.precise.entry((env.path.insn_idx, reg)).or_default() += 1,
        }
    }

    fn finished(&mut self, env: &Env<'_>, result: &Checked) {
        if result.is_ok() {
            self.end_path(End::Exit);
            return;
        }
        if !self.in_step && !env.path.cur.frames.is_empty() && self.cur.is_some() {
            // It stopped on arrival.
            self.begin_run(
                env,
                env.path.insn_idx.min(env.code.insns.len() - 1),
                0,
                End::Rejected,
            );
        }
        self.end_path(End::Rejected);
    }
}
