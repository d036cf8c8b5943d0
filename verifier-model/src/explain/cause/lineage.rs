// SPDX-License-Identifier: GPL-2.0-only
//! How a value came about, with what was known of it at each step: the instructions that made it, and
//! those that changed what is known of it without writing it.
//!
//! ```text
//! 3: r1 = *(u32 *)(r6 +8)     New: any number
//! 4: if r1 > 0x8 goto …       Learned: 0 to 8
//! 5: r1 <<= 2                 Computed: 0 to 32
//! 6: r0 += r1                 here the value is looked at
//! ```

use bpf::insn::{REG_FP, class, mode};

use crate::env::Env;
use crate::explain::cause::history::History;
use crate::explain::origin::{Made, Thing, effect};
use crate::explain::path::Step;
use crate::state::reg::RegState;
use crate::state::slot::get_spi;

/// Changes that are followed.
const MAX_CHANGES: usize = 64;

/// What an instruction did to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Copied, spilled, filled, passed or returned, as a whole or in part.
    Copied,
    /// Computed from itself, and maybe another register.
    Computed(Option<usize>),
    /// Made.
    New,
    /// Not written: more or less is known of it.
    Learned,
}

/// A change of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'h> {
    /// Index of the step.
    pub step: usize,
    pub how: How,
    /// What was known before; of a copy, of what was copied.
    pub before: Option<&'h RegState>,
    pub after: Option<&'h RegState>,
}

/// The path, and what was known on it.
#[derive(Clone, Copy)]
pub(super) struct Walked<'a, 'e> {
    pub env: &'a Env<'e>,
    pub steps: &'a [Step],
    pub history: &'a History,
}

impl<'a> Walked<'a, '_> {
    /// What is known of a register or slot before a step.
    pub(super) fn value(&self, step: usize, thing: Thing) -> Option<&'a RegState> {
        let frame = self.history.before(self.steps.get(step)?)?;
        match thing {
            Thing::Reg(reg) => frame.regs.get(reg),
            Thing::Slot(off) => {
                let slot = frame.stack.get(get_spi(off.into()))?;
                slot.is_spilled_reg().then_some(&slot.reg)
            }
        }
    }

    /// The changes of a register before a step, the last one first.
    pub(super) fn lineage(&self, end: usize, reg: usize) -> Vec<Change<'a>> {
        let mut changes = Vec::new();
        let Some(mut frame) = self.steps.get(end).map(|s| s.frame) else {
            return changes;
        };
        let mut thing = Thing::Reg(reg);
        for i in (0..end).rev() {
            // What lies farther back was not kept.
            if self.history.before(&self.steps[i]).is_none() {
                break;
            }
            let Some((how, from, frame_before)) = self.made(i, frame, thing) else {
                continue;
            };
            changes.push(Change {
                step: i,
                how,
                before: self.value(i, from),
                after: self.value(i + 1, thing),
            });
            (thing, frame) = (from, frame_before);
            if how == How::New || changes.len() == MAX_CHANGES {
                break;
            }
        }
        changes
    }

    /// What a step did to a value; what it was before, and in which frame.
    fn made(&self, i: usize, frame: usize, thing: Thing) -> Option<(How, Thing, usize)> {
        let step = self.steps[i];
        let insn = &self.env.code.insns[step.insn];
        let next = self.steps[i + 1].frame;
        if next == frame && step.frame != frame {
            return match thing {
                Thing::Reg(1..=5) if step.frame < next && insn.is_pseudo_call() => {
                    Some((How::Copied, thing, step.frame))
                }
                Thing::Reg(0) if step.frame > next => Some((How::Copied, thing, step.frame)),
                Thing::Reg(1..=5) => Some((How::New, thing, frame)),
                _ if step.frame < next => Some((How::New, thing, frame)),
                _ => None,
            };
        }
        if step.frame != frame {
            return None;
        }
        if let Some(made) = self.overwritten(i, thing) {
            return Some((made, thing, frame));
        }
        match effect(self.env, step.insn, insn, thing) {
            Made::Copy(from, _) => Some((How::Copied, from, frame)),
            Made::Changed(_, with) => Some((How::Computed(with), thing, frame)),
            Made::New(_) => Some((How::New, thing, frame)),
            Made::No => {
                let (before, after) = (self.value(i, thing)?, self.value(i + 1, thing)?);
                let known = |r: &RegState| (r.typ, r.about, r.var_off, r.ranges.arcs().0);
                (known(before) != known(after)).then_some((How::Learned, thing, frame))
            }
        }
    }

    /// Whether a step writes over a part of a slot.
    fn overwritten(&self, i: usize, thing: Thing) -> Option<How> {
        let Thing::Slot(off) = thing else { return None };
        let insn = &self.env.code.insns[self.steps[i].insn];
        let stores = matches!(insn.class(), class::ST | class::STX) && insn.mode() == mode::MEM;
        let overlaps = i32::from(insn.off) < i32::from(off) + 8
            && i32::from(insn.off) + insn.size() > i32::from(off);
        let whole = |r: &RegState| !r.is_scalar() && insn.size() < 8;
        let part = insn.off != off || self.value(i, thing).is_some_and(whole);
        (stores && insn.dst_reg == REG_FP && overlaps && part).then_some(How::New)
    }
}
