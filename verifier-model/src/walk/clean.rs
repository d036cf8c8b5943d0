// SPDX-License-Identifier: GPL-2.0-only
//! Forgets what is dead, so that states differ only in what matters.
//!
//! Source: `clean_verifier_state()`, `clean_func_state()`, `cleanup_func_state()` in
//! `kernel/bpf/states.c`.

use bpf::insn::REG_FP;

use crate::analysis::liveness::instance::Spis;
use crate::env::Env;
use crate::env::live_stack::Slots;
use crate::facts::limits::BPF_REG_SIZE;
use crate::facts::rule::Rule;
use crate::facts::types::RegType;
use crate::state::StateId;
use crate::state::reg::RegState;
use crate::state::slot::{Slot, StackSlot};

/// Which halves of a slot may still be read.
#[derive(Clone, Copy)]
struct LiveHalves {
    lo: bool,
    hi: bool,
}

impl Env<'_> {
    /// Forgets what is dead before the current state is compared with those kept in `bucket`: of itself,
    /// or of those of them all paths from which were walked.
    pub(crate) fn clean_states(&mut self, insn_idx: usize, bucket: usize) {
        if self.input.profile.has(Rule::DEAD_PARTS_CLEANED) {
            return self.clean_cur_state();
        }
        for i in 0..self.explored.by_insn[bucket].len() {
            let id = self.explored.by_insn[bucket][i];
            if self.state(id).is_none_or(|st| st.branches != 0) || self.is_in_open_loop(id) {
                continue;
            }
            let node = self.explored.states[id.0].as_ref();
            let dirty = node.is_some_and(|node| {
                let st = &node.state;
                !node.cleaned && st.insn_idx == insn_idx && st.same_callsites(&self.path.cur)
            });
            if !dirty {
                continue;
            }
            match self.marks_reads() {
                true => self.clean_unread(id),
                false => self.clean_dead(id),
            }
            if let Some(node) = self.explored.states[id.0].as_mut() {
                node.cleaned = true;
            }
        }
    }

    /// Forgets registers and stack of a kept state that are dead.
    fn clean_dead(&mut self, id: StateId) {
        let not_init = self.not_init();
        let Some(mut node) = self.explored.states[id.0].take() else {
            return;
        };
        let st = &mut node.state;
        for i in 0..st.frames.len() {
            let live_regs = self.code.aux[st.frame_insn_idx(i)].live_regs_before;
            let live_stack = match self.finds_live_stack() {
                true => self.slots_found_live(st, i),
                false => whole_slots(self.live_stack(st, i)),
            };
            let frame = &mut st.frames[i];
            for r in (0..usize::from(REG_FP)).filter(|r| live_regs >> r & 1 == 0) {
                frame.regs[r] = not_init;
            }
            frame.stack.change(
                |spi, _| live_stack >> spi & 1 == 0,
                |_, slot| *slot = StackSlot::unwritten(not_init),
            );
        }
        self.explored.states[id.0] = Some(node);
    }

    /// Forgets registers and stack that are dead (`clean_verifier_state`).
    fn clean_cur_state(&mut self) {
        let zeros_kept = self.input.profile.has(Rule::SPILLED_ZEROS_KEPT);
        for i in 0..self.path.cur.frames.len() {
            let live_regs = self.code.aux[self.path.cur.frame_insn_idx(i)].live_regs_before;
            let live_stack = self.live_stack(&self.path.cur, i);
            let not_init = self.not_init();
            let frame = &mut self.path.cur.frames[i];
            for r in (0..usize::from(REG_FP)).filter(|r| live_regs >> r & 1 == 0) {
                frame.regs[r] = not_init;
            }
            let wanted = |slot: &StackSlot| {
                let gone = slot.typ == [Slot::Poison; BPF_REG_SIZE];
                // Overwriting these must still be noticed.
                let special = matches!(slot.typ[7], Slot::Dynptr | Slot::Iter | Slot::IrqFlag);
                !gone && !special
            };
            let live = |spi: usize| LiveHalves {
                lo: live_stack >> (2 * spi) & 1 != 0,
                hi: live_stack >> (2 * spi) & 2 != 0,
            };
            let stack = &mut frame.stack;
            let slots = stack.len();
            for spi in partly_dead(live_stack).take_while(|spi| *spi < slots) {
                if stack.get(spi).is_some_and(wanted)
                    && let Some(slot) = stack.get_mut(spi)
                {
                    clean_slot(slot, live(spi), not_init, zeros_kept);
                }
            }
        }
    }
}

/// The slots of which a half is live.
fn whole_slots(halves: Spis) -> Slots {
    (0..u64::BITS).fold(0, |slots, spi| {
        slots | u64::from(halves >> (2 * spi) & 3 != 0) << spi
    })
}

/// The slots of which not both halves are live, ascending.
fn partly_dead(live_stack: Spis) -> impl Iterator<Item = usize> {
    const LOWER: Spis = Spis::MAX / 3;
    let mut dead = !(live_stack & live_stack >> 1) & LOWER;
    std::iter::from_fn(move || {
        let spi = dead.trailing_zeros() as usize / 2;
        dead &= dead.checked_sub(1)?;
        Some(spi)
    })
}

fn clean_slot(slot: &mut StackSlot, live: LiveHalves, not_init: RegState, zeros_kept: bool) {
    let kind = slot.typ[7];
    if !live.hi {
        if live.lo && kind == Slot::Spill {
            let zero = slot.reg.is_null();
            if slot.reg.typ != RegType::SCALAR_VALUE || zero && zeros_kept {
                return;
            }
            for t in &mut slot.typ[..4] {
                if *t == Slot::Spill {
                    *t = if zero { Slot::Zero } else { Slot::Misc };
                }
            }
        }
        slot.reg = not_init;
    }
    if !live.lo {
        slot.typ[..4].fill(Slot::Poison);
    }
    if !live.hi {
        slot.typ[4..].fill(Slot::Poison);
    }
}
