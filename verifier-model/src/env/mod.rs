// SPDX-License-Identifier: GPL-2.0-only
//! Everything one verification carries along.
//!
//! Source: `struct bpf_verifier_env` in `include/linux/bpf_verifier.h`.

pub(crate) mod call_args;
pub(crate) mod explored;
pub(crate) mod flow;
pub(crate) mod held;
pub(crate) mod leaving;
pub(crate) mod live_stack;
pub(crate) mod lookup;
pub(crate) mod marks;
pub(crate) mod observe;
pub(crate) mod path;
pub(crate) mod paths;
pub(crate) mod print;
pub(crate) mod read_marks;
pub(crate) mod regs;
pub(crate) mod spin_lock;
pub(crate) mod stack_marks;
pub(crate) mod widen;

use std::ops::Deref;

use crate::analysis::Known;
use crate::env::explored::Explored;
use crate::env::live_stack::LiveStack;
use crate::env::marks::Marks;
use crate::env::observe::Observer;
use crate::env::path::Path;
use crate::facts::rejection::Checked;
use crate::facts::types::RegType;
use crate::state::reg::RegState;
use crate::state::{FuncState, StateId, VerifierState};

/// The walk through one program: what is known of it, which does not change any more, and beside it,
/// each in a part of its own, all that the walk changes.
#[derive(Debug)]
pub(crate) struct Env<'a> {
    /// What was given, what the code tells, the log.
    pub(crate) known: &'a Known<'a>,
    /// What was written down about instructions and functions.
    pub(crate) marks: Marks,
    /// Where the walk is, and where it has to go yet.
    pub(crate) path: Path,
    /// Where it was.
    pub(crate) explored: Explored,
    /// What it read and wrote of the stack, where that is not known beforehand.
    pub(crate) live_stack: LiveStack,
    /// What it took.
    pub(crate) counts: Counts,
    /// Who is told how verification goes.
    pub(crate) observer: Option<&'a mut dyn Observer>,
}

/// What is known can be read of the walk itself: `env.code.insns` is `env.known.code.insns`.
impl<'a> Deref for Env<'a> {
    type Target = Known<'a>;

    fn deref(&self) -> &Known<'a> {
        self.known
    }
}

/// What the walk took.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) insn_processed: u32,
    pub(crate) jmps_processed: u32,
    /// Most states compared at one instruction.
    pub(crate) max_states_per_insn: u32,
    /// States kept in all.
    pub(crate) total_states: u32,
    /// Most states kept at a time.
    pub(crate) peak_states: u32,
    /// Deepest stack of all functions together.
    pub(crate) max_stack_depth: i32,
}

impl<'a> Env<'a> {
    /// At the program's first instruction.
    pub(crate) fn new(known: &'a Known<'a>) -> Self {
        let n = known.code.insns.len();
        Self {
            known,
            marks: Marks::new(&known.code),
            path: Path::new(known.input.ctx_args.len()),
            explored: Explored::new(n),
            live_stack: LiveStack::default(),
            counts: Counts::default(),
            observer: None,
        }
    }
}

impl<'a> Env<'a> {
    /// The instruction that the walk is at.
    pub(crate) fn place(&self) -> Option<u32> {
        (self.counts.insn_processed > 0).then_some(self.path.insn_idx as u32)
    }

    /// The next id.
    pub(crate) fn new_id(&mut self) -> u32 {
        self.path.id_gen += 1;
        self.path.id_gen
    }

    /// A frame with only the frame pointer set.
    pub(crate) fn new_frame(&self, callsite: i32, frameno: usize, subprogno: usize) -> FuncState {
        let mut frame = FuncState::new(self.input.bpf_capable, callsite, frameno, subprogno);
        frame.instance = self.known.instance_of(&frame);
        frame
    }

    /// The frame that a stack pointer points into.
    pub(crate) fn stack_frame(&self, reg: &RegState) -> Option<&FuncState> {
        (reg.typ == RegType::PTR_TO_STACK)
            .then(|| self.path.cur.frames.get(reg.frameno()))
            .flatten()
    }

    /// A kept state.
    pub(crate) fn state(&self, id: StateId) -> Option<&VerifierState> {
        self.explored.state(id)
    }

    /// A kept state.
    pub(crate) fn state_mut(&mut self, id: StateId) -> Option<&mut VerifierState> {
        self.explored
            .states
            .get_mut(id.0)?
            .as_mut()
            .map(|n| &mut n.state)
    }
}

impl Env<'_> {
    pub(crate) fn bucket(&self, insn_idx: usize) -> usize {
        let callsite = self.path.cur.frame().callsite as u32;
        ((insn_idx as u32 ^ callsite) as usize) % self.code.insns.len().max(1)
    }

    /// An earlier state at the same place on the same path (`find_prev_entry`).
    pub(crate) fn find_prev_entry(&self, at: &VerifierState, insn_idx: usize) -> Option<StateId> {
        let bucket = &self.explored.by_insn[self.bucket(insn_idx)];
        bucket.iter().rev().copied().find(|&id| {
            self.state(id).is_some_and(|st| {
                st.insn_idx == insn_idx
                    && st.branches != 0
                    && st.same_callsites(at)
                    && st.dfs_depth < at.dfs_depth
            })
        })
    }
}

impl Env<'_> {
    /// Finds out what a function takes, once.
    pub(crate) fn prepare_func_args(&mut self, subprog: usize) -> Checked {
        let func = &mut self.marks.funcs[subprog];
        self.known
            .prepare_func_args(subprog, func.unreliable, &mut func.args)
    }
}
