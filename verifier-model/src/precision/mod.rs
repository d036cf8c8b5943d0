// SPDX-License-Identifier: GPL-2.0-only
//! Precision: which scalars' values made the program safe.
//!
//! Scalars start out imprecise: two states may differ in them and still be equal. When a value
//! matters (as an offset, in a branch whose outcome is known, as a size), the instructions behind
//! are walked backwards to find what it was computed from, and every kept state on the way has those
//! registers and slots marked precise.
//!
//! ```text
//!   5: r2 = r1        r1 ◀─┐ then r1 is looked for
//!   6: r2 <<= 3       r2   │ still
//!   7: r3 += r2       r2 ──┘ looked for from here: r3 is a pointer
//! ```
//!
//! Source: `kernel/bpf/backtrack.c`.

pub(crate) mod insn;
pub(crate) mod linked;

use bpf::insn::REG_FP;

use crate::env::Env;
use crate::env::observe::Event;
use crate::facts::errno::Errno;
use crate::facts::rejection::{Checked, Stop};
use crate::facts::rule::Rule;
use crate::log::verbose;
use crate::state::history::JmpHistory;
use crate::state::reg::RegState;
use crate::state::wanted::Backtrack;
use crate::state::{BPF_MAIN_FUNC, StateId, VerifierState};

/// Registers R1 to R5.
pub(crate) const REGMASK_ARGS: u32 = 0b11_1110;

/// Registers as in `r0,r2`.
pub(crate) fn fmt_regs(mask: u32) -> String {
    let regs: Vec<_> = (0..32)
        .filter(|i| mask >> i & 1 != 0)
        .map(|i| format!("r{i}"))
        .collect();
    regs.join(",")
}

/// Slots as in `-8,-24`.
pub(crate) fn fmt_slots(mask: u64) -> String {
    let slots: Vec<_> = (0..64)
        .filter(|i| mask >> i & 1 != 0)
        .map(|i| format!("{}", -(i + 1) * 8))
        .collect();
    slots.join(",")
}

/// Why one step back is not possible.
pub(crate) enum Step {
    /// Fall back to making everything precise.
    NotSupported,
    Stop(Stop),
}

impl From<Stop> for Step {
    fn from(s: Stop) -> Self {
        Self::Stop(s)
    }
}

/// The numbers of the bits that are set, ascending.
pub(crate) fn ones(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = mask.trailing_zeros() as usize;
        mask &= mask.checked_sub(1)?;
        Some(lowest)
    })
}

/// Where the walk back is.
struct WalkBack<'a> {
    /// The state that it began in.
    start: &'a VerifierState,
    /// The kept state that it is in; none while in the one that it began in.
    st: Option<StateId>,
    first_idx: i32,
    last_idx: i32,
    subseq_idx: i32,
    skip_first: bool,
    /// Whether some mark is new.
    changed: bool,
}

impl Env<'_> {
    /// Makes a register of the current frame precise (`mark_chain_precision`).
    pub(crate) fn mark_chain_precision(&mut self, regno: usize) -> Checked {
        self.tell(Event::Precise(regno));
        self.mark_chain_precision_cur(Some(regno)).map(|_| ())
    }

    /// The same of a number that is taken for NULL.
    pub(crate) fn mark_known_zero_precise(&mut self, regno: usize) -> Checked {
        match self.input.profile.has(Rule::KNOWN_ZEROS_PRECISE) {
            true => self.mark_chain_precision(regno),
            false => Ok(()),
        }
    }

    /// Makes precise what `Path::bt` looks for, and the register; true if some mark is new.
    pub(crate) fn mark_chain_precision_cur(&mut self, regno: Option<usize>) -> Checked<bool> {
        if !self.input.bpf_capable {
            return Ok(false);
        }
        // The walk reads the current state's history and changes only its parents.
        let cur = core::mem::take(&mut self.path.cur);
        let result = self.mark_chain_precision_from(&cur, regno);
        self.path.cur = cur;
        result
    }

    /// As [`Self::mark_chain_precision_cur`], from any state.
    pub(crate) fn mark_chain_precision_from(
        &mut self,
        start: &VerifierState,
        regno: Option<usize>,
    ) -> Checked<bool> {
        self.walk_back_from(start, start.curframe(), regno)
    }

    /// The same in a frame of its: instructions of other frames are taken for that frame's, which
    /// is what releases do that do not walk back through calls.
    pub(crate) fn walk_back_from(
        &mut self,
        start: &VerifierState,
        frame: usize,
        regno: Option<usize>,
    ) -> Checked<bool> {
        if !self.input.bpf_capable {
            return Ok(false);
        }
        self.path.bt.frame = frame;
        if let Some(r) = regno {
            if !start.frame().regs[r].is_scalar() {
                return self.log.verifier_bug(format_args!("backtracking misuse"));
            }
            self.path.bt.set_reg(r);
        }
        if self.path.bt.is_empty() {
            return Ok(false);
        }
        let mut at = WalkBack {
            start,
            st: None,
            first_idx: start.first_insn_idx,
            last_idx: start.insn_idx as i32,
            subseq_idx: -1,
            skip_first: true,
            changed: false,
        };
        loop {
            let taken = at.st.and_then(|id| self.state_mut(id));
            let history = taken.map(|s| core::mem::take(&mut s.jmp_history));
            let walked = self.walk_back(&mut at, history.as_deref().unwrap_or(&start.jmp_history));
            if let (Some(h), Some(s)) = (history, at.st.and_then(|id| self.state_mut(id))) {
                s.jmp_history = h;
            }
            let stepped = match walked {
                Ok(true) => Ok(false),
                Ok(false) => self.step_to_parent(&mut at),
                Err(step) => Err(step),
            };
            match stepped {
                Ok(true) => {}
                Ok(false) => break,
                Err(Step::NotSupported) => {
                    self.give_up(&at);
                    break;
                }
                Err(Step::Stop(s)) => return Err(s),
            }
        }
        Ok(at.changed)
    }

    /// Marks what is still looked for in the state before; false if that was all.
    fn step_to_parent(&mut self, at: &mut WalkBack<'_>) -> Result<bool, Step> {
        at.st = match at.st {
            None => at.start.parent,
            Some(id) => self.state(id).and_then(|s| s.parent),
        };
        let Some(id) = at.st else {
            if self.input.profile.has(Rule::CALLS_WALKED_BACK) {
                return Err(Step::NotSupported);
            }
            self.path.bt = Backtrack::default();
            return Ok(false);
        };
        self.mark_parent(id, &mut at.changed)?;
        let Some(s) = self.state(id) else {
            return Err(Step::NotSupported);
        };
        at.subseq_idx = at.first_idx;
        at.last_idx = s.last_insn_idx;
        at.first_idx = s.first_insn_idx;
        Ok(!self.path.bt.is_empty())
    }

    /// Makes everything precise that lies before: on the whole path, or before the state that was
    /// reached.
    fn give_up(&mut self, at: &WalkBack<'_>) {
        let whole = self.input.profile.has(Rule::CALLS_WALKED_BACK);
        let reached = at.st.filter(|_| !whole).and_then(|id| self.state(id));
        let from = reached.unwrap_or(at.start);
        self.mark_all_scalars_precise(from.parent, from.curframe());
        self.path.bt = Backtrack::default();
    }

    /// Walks the instructions of one state backwards; true when everything was found.
    fn walk_back(&mut self, at: &mut WalkBack<'_>, hist: &[JmpHistory]) -> Result<bool, Step> {
        if self.log.level2() {
            verbose!(
                self,
                "mark_precise: frame{}: last_idx {} first_idx {} subseq_idx {} \n",
                self.path.bt.frame,
                at.last_idx,
                at.first_idx,
                at.subseq_idx
            );
        }
        if at.last_idx < 0 {
            return self.reached_entry(at);
        }
        let mut cnt = hist.len();
        let mut i = at.last_idx;
        loop {
            if at.skip_first {
                at.skip_first = false;
            } else {
                let entry = hist[..cnt].last().filter(|h| h.idx as i32 == i);
                self.backtrack_insn(i as usize, at.subseq_idx, entry)?;
            }
            if self.path.bt.is_empty() {
                return Ok(true);
            }
            at.subseq_idx = i;
            let last = hist[..cnt].last();
            let here = last.is_some_and(|h| h.idx as i32 == i);
            if i == at.first_idx && (cnt == 0 || cnt == 1 && here) {
                return Ok(false);
            }
            i = match last {
                Some(h) if here => {
                    cnt -= 1;
                    h.prev_idx
                }
                _ => i - 1,
            };
            if i < 0 || i as usize >= self.code.insns.len() {
                return Err(self.bug_step(format_args!("backtracking idx {i}")));
            }
        }
    }

    pub(crate) fn bug_step(&mut self, what: core::fmt::Arguments<'_>) -> Step {
        match self.log.verifier_bug::<()>(what) {
            Err(s) => Step::Stop(s),
            Ok(()) => Step::Stop(Errno::EFAULT.into()),
        }
    }

    /// At the entry of a global function only its arguments may still be looked for.
    fn reached_entry(&mut self, at: &mut WalkBack<'_>) -> Result<bool, Step> {
        let (regs, slots) = (
            self.path.bt.frames[self.path.bt.frame].regs,
            self.path.bt.frames[self.path.bt.frame].slots,
        );
        let state = at.st.and_then(|id| self.state(id)).unwrap_or(at.start);
        let (f0, curframe) = (&state.frames[0], state.curframe());
        let subprogno = f0.subprogno;
        if curframe == 0
            && subprogno > 0
            && f0.callsite == BPF_MAIN_FUNC
            && slots == 0
            && regs & !REGMASK_ARGS == 0
        {
            for r in (0..32).filter(|r| regs >> r & 1 != 0) {
                self.path.bt.clear_reg(r);
                if let Some(s) = at.st.and_then(|id| self.state_mut(id))
                    && let Some(reg) = s.frames[0].regs.get_mut(r)
                    && reg.is_scalar()
                {
                    reg.precise = true;
                    at.changed = true;
                }
            }
            return Ok(true);
        }
        Err(self.bug_step(format_args!(
            "backtracking func entry subprog {subprogno} reg_mask {regs:x} stack_mask {slots:x}"
        )))
    }

    /// Marks what is looked for in a kept state; what is precise already was looked for before.
    fn mark_parent(&mut self, id: StateId, changed: &mut bool) -> Result<(), Step> {
        let through_calls = self.input.profile.has(Rule::CALLS_WALKED_BACK);
        for fr in (0..=self.path.bt.frame).rev() {
            let (mut regs, mut slots, mut args) = (
                self.path.bt.frames[fr].regs,
                self.path.bt.frames[fr].slots,
                self.path.bt.frames[fr].stack_args,
            );
            let Some(st) = self.state_mut(id) else {
                return Ok(());
            };
            let Some(func) = st.frames.get_mut(fr) else {
                continue;
            };
            // With uninitialised stack allowed, a slot that was never written is as good as one with
            // an unknown scalar. When that one is precise, a path that was pruned by it looks for
            // the slot in states from before it was there. 7.3 takes that for its own mistake.
            let total = func.stack.len();
            let beyond = slots.checked_shr(total as u32).unwrap_or(0);
            if beyond != 0 && through_calls {
                let slot = total + beyond.trailing_zeros() as usize;
                return Err(self.bug_step(format_args!(
                    "stack slot {slot}, total slots {total} (i >= func->allocated_stack / BPF_REG_SIZE)"
                )));
            }
            let mut mark = |reg: Option<&mut RegState>| match reg {
                Some(r) if r.is_scalar() && !r.precise => {
                    r.precise = true;
                    *changed = true;
                    true
                }
                _ => false,
            };
            for i in ones(regs.into()) {
                if !mark(func.regs.get_mut(i)) {
                    regs &= !(1 << i);
                }
            }
            for i in ones(slots) {
                let spilled = func
                    .stack
                    .get(i)
                    .is_some_and(|s| s.is_spilled_scalar() && !s.reg.precise);
                let slot = if spilled { func.stack.get_mut(i) } else { None };
                if !mark(slot.map(|s| &mut s.reg)) {
                    slots &= !(1 << i);
                }
            }
            for i in ones(args.into()) {
                if i < func.stack_arg_regs.len() && !mark(func.stack_arg_regs.get_mut(i)) {
                    args &= !(1 << i);
                }
            }
            self.path.bt.frames[fr].regs = regs;
            self.path.bt.frames[fr].slots = slots;
            self.path.bt.frames[fr].stack_args = args;
            if self.log.level2() {
                let state = self.state(id).map(|s| self.state_text(s, fr, true));
                verbose!(
                    self,
                    "mark_precise: frame{fr}: parent state regs={} stack={}: {}",
                    fmt_regs(regs),
                    fmt_slots(slots),
                    state.unwrap_or_default()
                );
            }
            if beyond != 0 {
                return Err(Step::NotSupported);
            }
        }
        Ok(())
    }

    /// Makes every scalar of every state on the path precise (`bpf_mark_all_scalars_precise`).
    pub(crate) fn mark_all_scalars_precise(&mut self, parent: Option<StateId>, curframe: usize) {
        if self.log.level2() {
            verbose!(
                self,
                "mark_precise: frame{curframe}: falling back to forcing all scalars precise\n"
            );
        }
        let mut next = parent;
        let level2 = self.log.level2();
        let mut lines = String::new();
        while let Some(st) = next.and_then(|id| self.state_mut(id)) {
            for (i, func) in st.frames.iter_mut().enumerate() {
                let regs = func.regs.iter_mut().take(usize::from(REG_FP)).enumerate();
                for (j, r) in regs.filter(|(_, r)| r.is_scalar() && !r.precise) {
                    r.precise = true;
                    if level2 {
                        lines += &format!("force_precise: frame{i}: forcing r{j} to be precise\n");
                    }
                }
                func.stack.change(
                    |_, s| s.is_spilled_scalar() && !s.reg.precise,
                    |j, s| {
                        s.reg.precise = true;
                        if level2 {
                            let off = -(j as i64 + 1) * 8;
                            lines += &format!(
                                "force_precise: frame{i}: forcing fp{off} to be precise\n"
                            );
                        }
                    },
                );
            }
            next = st.parent;
        }
        if self.log.level2() {
            verbose!(self, "{lines}");
        }
    }
}
