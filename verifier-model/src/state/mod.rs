// SPDX-License-Identifier: GPL-2.0-only
//! The state of the program at one point of one path: frames, registers, stack, what is held.
//!
//! Source: `struct bpf_verifier_state`, `bpf_func_state`, `bpf_stack_state`,
//! `bpf_reference_state` in `include/linux/bpf_verifier.h`.

pub(crate) mod history;
pub(crate) mod ids;
pub(crate) mod iter;
#[cfg(test)]
mod iter_laws;
pub(crate) mod iter_slots;
pub(crate) mod kept;
pub(crate) mod read_marks;
pub(crate) mod reference;
pub(crate) mod reg;
pub(crate) mod scalar;
pub(crate) mod slot;
pub(crate) mod stack;
pub(crate) mod wanted;

use bpf::insn::{MAX_BPF_REG, REG_FP};

use crate::domain::ranges::Ranges;
use crate::domain::tnum::Tnum;
use crate::facts::limits::BPF_REG_SIZE;
use crate::facts::types::RegType;
use crate::state::history::JmpHistory;
pub(crate) use crate::state::kept::StateId;
use crate::state::read_marks::{FrameMarks, Place};
use crate::state::reference::{LockPtr, RefKind, Reference};
use crate::state::reg::{About, RegState};
use crate::state::stack::Stack;

/// Deepest nesting of calls.
pub(crate) const MAX_CALL_FRAMES: usize = 16;

/// `callsite` of a function that nobody called.
pub(crate) const BPF_MAIN_FUNC: i32 = -1;

/// Return values that are allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct RetvalRange {
    pub minval: i32,
    pub maxval: i32,
    /// Only the low half is looked at.
    pub return_32bit: bool,
}

impl RetvalRange {
    /// Of the whole register.
    pub(crate) const fn new(minval: i32, maxval: i32) -> Self {
        Self {
            minval,
            maxval,
            return_32bit: false,
        }
    }

    /// The bits that are the same in all of it, and the others.
    pub(crate) const fn bits(&self) -> Tnum {
        Tnum::range(self.minval as i64 as u64, self.maxval as i64 as u64)
    }

    /// Whether every value of `reg` is allowed.
    pub(crate) fn allows(&self, reg: &RegState) -> bool {
        if self.return_32bit {
            self.minval <= reg.s32_min() && reg.s32_max() <= self.maxval
        } else {
            i64::from(self.minval) <= reg.smin() && reg.smax() <= i64::from(self.maxval)
        }
    }
}

/// One call frame.
#[derive(Clone, Debug)]
pub(crate) struct FuncState {
    /// R0 to R10.
    pub regs: [RegState; MAX_BPF_REG],
    /// Call instruction in the caller, or [`BPF_MAIN_FUNC`].
    pub callsite: i32,
    /// Depth, 0 for the main function.
    pub frameno: usize,
    pub subprogno: usize,
    /// What is known of its stack's liveness, by number.
    pub instance: Option<usize>,
    /// Tells entries into an asynchronous callback apart.
    pub async_entry_cnt: u32,
    /// What a callback may return.
    pub callback_ret_range: RetvalRange,
    /// A synchronous callback.
    pub in_callback_fn: bool,
    /// An asynchronous callback.
    pub in_async_callback_fn: bool,
    /// The exception callback.
    pub in_exception_callback_fn: bool,
    /// A store through R11 or a call was seen, so incoming stack arguments are gone.
    pub no_stack_arg_load: bool,
    /// Ids below this were given out before the function was entered.
    pub first_own_id: u32,
    /// How often the callback of the frame above was simulated.
    pub callback_depth: u32,
    /// Slots, from the frame pointer down.
    pub stack: Stack,
    /// Outgoing stack arguments.
    pub stack_arg_regs: Vec<RegState>,
    /// Of a kept state: the slots that ask for something, which are compared; a bit each.
    pub asking_slots: u64,
    /// What was read and written, where the walk finds liveness.
    pub marks: Option<Box<FrameMarks>>,
}

impl FuncState {
    /// A frame with only the frame pointer set.
    pub(crate) fn new(bpf_capable: bool, callsite: i32, frameno: usize, subprogno: usize) -> Self {
        let mut regs = [not_init(bpf_capable); MAX_BPF_REG];
        let fp = &mut regs[usize::from(REG_FP)];
        fp.typ = RegType::PTR_TO_STACK;
        fp.mark_known(0);
        fp.about = About::Frame(frameno as u32);
        Self {
            regs,
            callsite,
            frameno,
            subprogno,
            instance: None,
            async_entry_cnt: 0,
            callback_ret_range: RetvalRange::new(0, 0),
            in_callback_fn: false,
            in_async_callback_fn: false,
            in_exception_callback_fn: false,
            no_stack_arg_load: false,
            first_own_id: 0,
            callback_depth: 0,
            stack: Stack::default(),
            stack_arg_regs: Vec::new(),
            asking_slots: u64::MAX,
            marks: None,
        }
    }

    /// Bytes of stack that have slots.
    pub(crate) fn allocated_stack(&self) -> i32 {
        (self.stack.len() * BPF_REG_SIZE) as i32
    }

    /// Whether a place was read since this state was kept.
    pub(crate) fn was_read(&self, place: Place) -> bool {
        self.marks.as_ref().is_some_and(|m| m.read.has(place))
    }

    /// Registers become copies of another frame's, pairs of a number here and there.
    pub(crate) fn take_marks(&mut self, from: &Self, regs: &[(usize, usize)]) {
        let Some(other) = &from.marks else { return };
        let marks = self.marks.get_or_insert_default();
        for &(here, there) in regs {
            marks.take_reg(here, other, there);
        }
    }
}

/// A register that was not written.
pub(crate) fn not_init(bpf_capable: bool) -> RegState {
    RegState {
        typ: RegType::NOT_INIT,
        var_off: Tnum::UNKNOWN,
        ranges: Ranges::UNBOUNDED,
        precise: !bpf_capable,
        ..RegState::default()
    }
}

/// Everything known at one point of one path.
#[derive(Clone, Debug, Default)]
pub(crate) struct VerifierState {
    /// Frames, outermost first; the last is the current one.
    pub frames: Vec<FuncState>,
    /// State that this continues.
    pub parent: Option<StateId>,
    /// What is held.
    pub refs: Vec<Reference>,
    /// Paths from here that are not explored yet.
    pub branches: u32,
    /// Instruction about to be executed.
    pub insn_idx: usize,
    /// Held locks.
    pub active_locks: u32,
    /// Nested `bpf_preempt_disable`.
    pub active_preempt_locks: u32,
    /// Innermost saved IRQ flag.
    pub active_irq_id: u32,
    /// Innermost lock's id.
    pub active_lock_id: u32,
    /// Innermost lock.
    pub active_lock_ptr: Option<LockPtr>,
    /// Nested `bpf_rcu_read_lock`.
    pub active_rcu_locks: u32,
    /// Only executed by mispredicting processors.
    pub speculative: bool,
    /// May sleep.
    pub in_sleepable: bool,
    /// First instruction since the parent.
    pub first_insn_idx: i32,
    /// Instruction before the current one.
    pub last_insn_idx: i32,
    /// The state that this came back to, where the walk finds loops.
    pub loop_entry: Option<StateId>,
    /// Of a kept state: the visit of a loop that it is in.
    pub scc_visit: Option<usize>,
    /// For the end of a loop: the kept state that this equals.
    pub equal_state: Option<StateId>,
    /// Jumps since the parent.
    pub jmp_history: Vec<JmpHistory>,
    /// Number of kept states behind.
    pub dfs_depth: u32,
    /// Callback iterations behind.
    pub callback_unroll_depth: u32,
    /// `may_goto` iterations behind.
    pub may_goto_depth: u32,
}

impl VerifierState {
    /// Index of the current frame.
    pub(crate) fn curframe(&self) -> usize {
        self.frames.len().saturating_sub(1)
    }

    /// The current frame.
    pub(crate) fn frame(&self) -> &FuncState {
        &self.frames[self.curframe()]
    }

    /// The current frame.
    pub(crate) fn frame_mut(&mut self) -> &mut FuncState {
        let i = self.curframe();
        &mut self.frames[i]
    }

    /// Where frame `i` stands: the current instruction or the call into the next frame.
    pub(crate) fn frame_insn_idx(&self, i: usize) -> usize {
        match self.frames.get(i + 1) {
            Some(next) => next.callsite.max(0) as usize,
            None => self.insn_idx,
        }
    }

    /// Changes those registers, spilled registers and stack arguments that are `wanted`.
    pub(crate) fn change_regs(
        &mut self,
        wanted: impl Fn(&RegState) -> bool,
        mut change: impl FnMut(&mut RegState),
    ) {
        for frame in &mut self.frames {
            let regs = frame.regs.iter_mut();
            regs.filter(|r| wanted(r)).for_each(&mut change);
            frame.stack.change(
                |_, slot| slot.is_spilled_reg() && wanted(&slot.reg),
                |_, slot| change(&mut slot.reg),
            );
            let args = frame.stack_arg_regs.iter_mut();
            args.filter(|r| r.typ != RegType::NOT_INIT && wanted(r))
                .for_each(&mut change);
        }
    }

    /// Every register, spilled register and stack argument.
    pub(crate) fn all_regs(&self) -> impl Iterator<Item = &RegState> {
        self.frames.iter().flat_map(|frame| {
            let slots = frame.stack.iter().filter(|slot| slot.is_spilled_reg());
            let args = frame.stack_arg_regs.iter();
            let args = args.filter(|r| r.typ != RegType::NOT_INIT);
            frame.regs.iter().chain(slots.map(|s| &s.reg)).chain(args)
        })
    }

    /// Whether the reference `id` is held.
    pub(crate) fn holds_reference(&self, id: u32) -> bool {
        self.refs
            .iter()
            .any(|r| r.id == id && matches!(r.kind, RefKind::Ptr { .. }))
    }

    /// Whether both were reached by the same calls.
    pub(crate) fn same_callsites(&self, o: &Self) -> bool {
        self.frames.len() == o.frames.len()
            && self
                .frames
                .iter()
                .zip(&o.frames)
                .all(|(a, b)| a.callsite == b.callsite)
    }
}

/// A path that waits to be explored.
#[derive(Debug)]
pub(crate) struct StackElem {
    pub st: VerifierState,
    /// Where it goes on.
    pub insn_idx: usize,
    /// Where it comes from.
    pub prev_insn_idx: i32,
    /// End of the log when it was found.
    pub log_pos: usize,
}
