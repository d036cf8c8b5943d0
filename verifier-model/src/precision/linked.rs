// SPDX-License-Identifier: GPL-2.0-only
//! Scalars known to be equal, or at a distance: what is learnt of one holds for all.
//!
//! Source: `collect_linked_regs()`, `sync_linked_regs()` in `kernel/bpf/verifier.c`.

use bpf::insn::REG_FP;

use crate::env::Env;
use crate::facts::rule::Rule;
use crate::state::VerifierState;
use crate::state::history::{LinkedReg, LinkedRegs};
use crate::state::reg::{ADD_CONST, ADD_CONST32, RegState};
use crate::state::scalar::by_release::add_distance;
use crate::state::slot::Slot;

impl Env<'_> {
    /// Registers and slots with this id, innermost frame first. Those beyond so many lose it, where they
    /// are counted.
    pub(crate) fn collect_linked_regs(&mut self, id: u32, set: &mut LinkedRegs) {
        let Some(max) = self.input.release.limits.linked_regs else {
            return;
        };
        let id = id & !ADD_CONST;
        let all = !self.input.profile.has(Rule::LIVE_LINKS);
        let narrow = self.input.profile.has(Rule::NARROW_FILLS);
        for i in (0..self.path.cur.frames.len()).rev() {
            let live = self.code.aux[self.path.cur.frame_insn_idx(i)].live_regs_before;
            let frame = &mut self.path.cur.frames[i];
            let linked = |reg: &RegState| reg.is_scalar() && reg.id & !ADD_CONST == id;
            for (j, reg) in frame.regs.iter_mut().enumerate().take(usize::from(REG_FP)) {
                let found = (all || live >> j & 1 != 0) && linked(reg);
                if found && !set.push(LinkedReg::Reg(i as u8, j as u8), max) {
                    reg.clear_scalar_id();
                }
            }
            let mut rest = 0u64;
            for (j, slot) in frame.stack.iter().enumerate() {
                let whole = narrow || slot.typ[0] == Slot::Spill;
                let found = slot.is_spilled_reg() && whole && linked(&slot.reg);
                if found && !set.push(LinkedReg::Spi(i as u8, j as u8), max) {
                    rest |= 1 << j;
                }
            }
            frame.stack.change(
                |j, _| rest >> j & 1 != 0,
                |_, slot| slot.reg.clear_scalar_id(),
            );
        }
    }

    /// What is known of one scalar holds for those linked to it, at their distance.
    pub(crate) fn sync_linked_regs(
        &mut self,
        st: &mut VerifierState,
        regno: usize,
        linked: &LinkedRegs,
    ) {
        let curframe = st.curframe();
        let known = st.frames[curframe].regs[regno];
        if self.input.release.limits.linked_regs.is_none() {
            return self.sync_all(st, &known);
        }
        for e in linked.iter() {
            let reg = match e {
                LinkedReg::Reg(f, r) => {
                    let (f, r) = (usize::from(f), usize::from(r));
                    if f == curframe && r == regno {
                        continue;
                    }
                    st.frames.get_mut(f).map(|f| &mut f.regs[r])
                }
                LinkedReg::Spi(f, s) => st
                    .frames
                    .get_mut(usize::from(f))
                    .and_then(|f| f.stack.get_mut(usize::from(s)))
                    .map(|s| &mut s.reg),
            };
            let Some(reg) = reg.filter(|reg| linked_to(reg, &known)) else {
                continue;
            };
            self.learn(reg, &known);
            match e {
                LinkedReg::Reg(_, r) => self.log.scratch_reg(r.into()),
                LinkedReg::Spi(_, s) => self.log.scratch_slot(s.into()),
            }
        }
    }

    /// The same for all that are linked, however many (`find_equal_scalars()` of 6.1).
    fn sync_all(&mut self, st: &mut VerifierState, known: &RegState) {
        let narrow = self.input.profile.has(Rule::NARROW_FILLS);
        for frame in &mut st.frames {
            let regs = frame.regs.iter_mut().enumerate();
            for (i, reg) in regs.filter(|(_, reg)| linked_to(reg, known)) {
                self.learn(reg, known);
                self.log.scratch_reg(i);
            }
            frame.stack.change(
                |_, slot| {
                    let whole = narrow || slot.typ[0] == Slot::Spill;
                    slot.is_spilled_reg() && whole && linked_to(&slot.reg, known)
                },
                |i, slot| {
                    self.learn(&mut slot.reg, known);
                    self.log.scratch_slot(i);
                },
            );
        }
    }

    /// What `known` tells of a register that is linked to it.
    fn learn(&self, reg: &mut RegState, known: &RegState) {
        let plain = reg.id & ADD_CONST == 0 && known.id & ADD_CONST == 0;
        if plain || reg.delta == known.delta {
            *reg = *known;
            return;
        }
        let (delta, id) = (reg.delta, reg.id);
        let dist = i64::from(delta) - i64::from(known.delta);
        let dist = RegState::konst(dist as u64);
        *reg = *known;
        reg.delta = delta;
        reg.id = id;
        let rules = self.input.profile;
        add_distance(reg, &dist, rules);
        if (reg.id | known.id) & ADD_CONST32 != 0 {
            reg.zext_32_to_64(rules);
        }
        if rules.has(Rule::LINKED_BELOW) {
            reg.bounds_sync(rules);
        }
    }
}

/// Whether one number stands for both, in one width.
fn linked_to(reg: &RegState, known: &RegState) -> bool {
    reg.is_scalar()
        && reg.id & !ADD_CONST == known.id & !ADD_CONST
        && (reg.id ^ known.id) & ADD_CONST != ADD_CONST
}
