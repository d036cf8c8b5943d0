// SPDX-License-Identifier: GPL-2.0-only
//! Forgets what is dead, so that states differ only in what matters.
//!
//! Source: `clean_verifier_state()`, `clean_func_state()`, `cleanup_func_state()` in
//! `kernel/bpf/states.c`.

use bpf::insn::REG_FP;

use crate::env::Env;
use crate::facts::limits::BPF_REG_SIZE;
use crate::facts::types::RegType;
use crate::state::reg::RegState;
use crate::state::slot::{Slot, StackSlot};

/// Which halves of a slot may still be read.
#[derive(Clone, Copy)]
struct LiveHalves {
    lo: bool,
    hi: bool,
}

impl Env<'_> {
    /// Forgets registers and stack that are dead (`clean_verifier_state`).
    pub(crate) fn clean_cur_state(&mut self) {
        for i in 0..self.path.cur.frames.len() {
            let live_regs = self.code.aux[self.path.cur.frame_insn_idx(i)].live_regs_before;
            let live_stack = self.live_stack(&self.path.cur, i);
            let not_init = self.not_init();
            let frame = &mut self.path.cur.frames[i];
            for r in (0..usize::from(REG_FP)).filter(|r| live_regs >> r & 1 == 0) {
                frame.regs[r] = not_init;
            }
            let mut halves = live_stack;
            for slot in &mut frame.stack {
                let live = LiveHalves {
                    lo: halves & 1 != 0,
                    hi: halves & 2 != 0,
                };
                halves >>= 2;
                let gone = slot.typ == [Slot::Poison; BPF_REG_SIZE];
                if !(live.lo && live.hi || gone) {
                    clean_slot(slot, live, not_init);
                }
            }
        }
    }
}

fn clean_slot(slot: &mut StackSlot, live: LiveHalves, not_init: RegState) {
    let kind = slot.typ[7];
    // Overwriting these must still be noticed.
    if matches!(kind, Slot::Dynptr | Slot::Iter | Slot::IrqFlag) {
        return;
    }
    if !live.hi {
        if live.lo && kind == Slot::Spill {
            if slot.reg.typ != RegType::SCALAR_VALUE || slot.reg.is_null() {
                return;
            }
            for t in &mut slot.typ[..4] {
                if *t == Slot::Spill {
                    *t = Slot::Misc;
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
