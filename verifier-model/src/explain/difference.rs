// SPDX-License-Identifier: GPL-2.0-only
//! In what two states differ that were compared and found unequal.

use bpf::insn::MAX_BPF_REG;

use crate::env::Env;
use crate::explain::words::{reg_words, slot_words};
use crate::facts::limits::BPF_REG_SIZE;
use crate::state::VerifierState;
use crate::state::reg::RegState;
use crate::state::slot::{Slot, StackSlot};
use crate::walk::equal::{ExactLevel, regsafe};

/// Where states differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// A register of a frame.
    Reg(usize, usize),
    /// A stack slot of a frame, by index.
    Slot(usize, usize),
    /// References, locks and sections that are held.
    Held,
    /// The calls that lead there.
    Calls,
}

impl Place {
    /// As in `R3` or `fp-16`; a frame other than the outermost is named.
    pub(crate) fn name(&self) -> String {
        let in_frame = |frame: usize, name: String| match frame {
            0 => name,
            n => format!("{name} of frame {n}"),
        };
        match *self {
            Self::Reg(frame, reg) => in_frame(frame, format!("R{reg}")),
            Self::Slot(frame, spi) => in_frame(frame, format!("fp-{}", (spi + 1) * BPF_REG_SIZE)),
            Self::Held => "what is held".into(),
            Self::Calls => "the calls that lead there".into(),
        }
    }
}

/// One place in which two states differ, and what each has there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Difference {
    pub place: Place,
    sides: Sides,
}

/// The kept state's, then the current one's. There can be many differences, so what they are in words
/// is only asked of those that are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sides {
    Regs(RegState, RegState),
    Slots(StackSlot, StackSlot),
    /// More than can be told.
    Whole,
}

/// A difference in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// What the kept state has there.
    pub old: String,
    /// What the current one has.
    pub new: String,
    /// The kept one is a scalar whose value matters.
    pub precise: bool,
}

impl Difference {
    pub(crate) fn words(&self, env: &Env<'_>) -> Words {
        match &self.sides {
            Sides::Regs(old, new) => of_regs(env, old, new),
            Sides::Slots(old, new) => Words {
                old: slot_words(env, old),
                new: slot_words(env, new),
                precise: false,
            },
            Sides::Whole => Words::default(),
        }
    }
}

/// The first place in which the current state is not as safe as `old`: of ranges, where the two are
/// on one path through a loop; of what is precise, otherwise.
pub(crate) fn first_difference(env: &Env<'_>, old: &VerifierState) -> Option<Difference> {
    let cur = &env.path.cur;
    let at = |place| Difference {
        place,
        sides: Sides::Whole,
    };
    if old.frames.len() != cur.frames.len() || !old.same_callsites(cur) {
        return Some(at(Place::Calls));
    }
    let aux = &env.code.aux[env.path.insn_idx];
    let in_progress = old.branches != 0;
    let may_goto = env.code.insns[env.path.insn_idx].is_may_goto();
    let by_range =
        env.marks.insns[env.path.insn_idx].is_iter_next || aux.calls_callback || may_goto;
    let level = match (in_progress, by_range) {
        (false, _) => ExactLevel::NotExact,
        (true, true) => ExactLevel::RangeWithin,
        (true, false) => ExactLevel::Exact,
    };
    let mut ids = env.id_map();
    for (i, (fo, fc)) in old.frames.iter().zip(&cur.frames).enumerate() {
        let live = env.code.aux[old.frame_insn_idx(i)].live_regs_before;
        for r in (0..MAX_BPF_REG).filter(|r| live >> r & 1 != 0) {
            let (o, c) = (&fo.regs[r], &fc.regs[r]);
            if !regsafe(o, c, &mut ids, level) {
                let (place, sides) = (Place::Reg(i, r), Sides::Regs(*o, *c));
                return Some(Difference { place, sides });
            }
        }
        for (spi, o) in fo.stack.iter().enumerate() {
            let none = StackSlot::default();
            let c = fc.stack.get(spi).unwrap_or(&none);
            let same = match (o.is_spilled_reg(), c.is_spilled_reg()) {
                (true, true) => regsafe(&o.reg, &c.reg, &mut ids, level),
                _ => o.typ == c.typ && o.reg.about == c.reg.about || !matters(o),
            };
            if !same {
                let place = Place::Slot(i, spi);
                let sides = match o.is_spilled_reg() && c.is_spilled_reg() {
                    true => Sides::Regs(o.reg, c.reg),
                    false => Sides::Slots(*o, *c),
                };
                return Some(Difference { place, sides });
            }
        }
    }
    (old.refs != cur.refs || old.active_rcu_locks != cur.active_rcu_locks).then(|| at(Place::Held))
}

fn of_regs(env: &Env<'_>, old: &RegState, new: &RegState) -> Words {
    let was = reg_words(env, old);
    let mut is = reg_words(env, new);
    let precise = old.is_scalar() && old.precise && was != is;
    if was == is {
        is = match (old.id == 0, new.id == 0) {
            (true, false) => "the same, but known to equal another register".into(),
            (false, true) => "the same, but no longer known to equal another register".into(),
            _ if old.precise != new.precise => "the same".into(),
            _ => "the same, but its bits or its links to other registers differ".into(),
        };
    }
    Words {
        old: was,
        new: is,
        precise,
    }
}

/// Bytes that a privileged program may find anything in are not compared.
fn matters(slot: &StackSlot) -> bool {
    let plain = |t: &Slot| matches!(t, Slot::Invalid | Slot::Poison | Slot::Misc);
    !slot.typ.iter().all(plain)
}
