// SPDX-License-Identifier: GPL-2.0-only
//! What a program holds and must give back: references, locks, RCU, preemption and IRQ sections.
//!
//! Source: `acquire_reference()`, `release_reference()`, `check_resource_leak()`,
//! `invalidate_rcu_protected_refs()` in `kernel/bpf/verifier.c`.

use bpf::uapi::ProgType;

use crate::env::Env;
use crate::env::leaving::Leaving;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::log::reject;
use crate::state::iter_slots::{read_slot, write_slot};
use crate::state::reference::{RefKind, Reference};
use crate::state::reg::{About, RegState};
use crate::state::slot::{Slot, StackSlot};

impl Env<'_> {
    /// A new reference; returns its id.
    pub(crate) fn acquire_reference(&mut self, insn_idx: usize, parent_id: u32) -> u32 {
        let id = self.new_id();
        self.path.cur.refs.push(Reference {
            kind: RefKind::Ptr { parent_id },
            id,
            insn_idx,
        });
        id
    }

    /// Gives back a reference without looking at registers; false if it is not held.
    pub(crate) fn release_reference_nomark(&mut self, id: u32) -> bool {
        let held = |r: &Reference| r.id == id && matches!(r.kind, RefKind::Ptr { .. });
        match self.path.cur.refs.iter().position(held) {
            Some(i) => {
                self.path.cur.refs.remove(i);
                true
            }
            None => false,
        }
    }

    /// Gives back an object: what carries it or was derived from it becomes unusable, and what was
    /// derived from that. Another reference that depends on it must be given back first.
    pub(crate) fn release_reference(&mut self, id: u32) -> Checked {
        self.check_owned_by_callback(id)?;
        self.release_reference_nomark(id);
        let mut todo = vec![id];
        let mut done = vec![id];
        while let Some(id) = todo.pop().filter(|id| *id != 0) {
            let dependent = self
                .path
                .cur
                .refs
                .iter()
                .find(|r| matches!(r.kind, RefKind::Ptr { parent_id } if parent_id == id));
            if let Some(r) = dependent.copied() {
                return reject!(
                    self,
                    ReferenceLeak,
                    EINVAL,
                    "Leaking reference id={} alloc_insn={}. Release it first.",
                    r.id,
                    r.insn_idx
                );
            }
            let (invalid, not_init) = (self.invalid_reg(), self.not_init());
            let mut found = Vec::new();
            let hit = |r: &RegState| r.id == id || r.parent_id == id;
            for frame in &mut self.path.cur.frames {
                for r in frame.regs.iter_mut().filter(|r| hit(r)) {
                    if r.parent_id == id {
                        found.push(r.id);
                    }
                    *r = invalid;
                }
                for spi in 0..frame.stack.len() {
                    let Some(slot) = frame.stack.get(spi).copied() else {
                        break;
                    };
                    if !matches!(slot.typ[7], Slot::Spill | Slot::Dynptr) || !hit(&slot.reg) {
                        continue;
                    }
                    if slot.reg.parent_id == id {
                        found.push(slot.reg.id);
                    }
                    if slot.typ[7] == Slot::Spill {
                        frame.stack.change(|i, _| i == spi, |_, s| s.reg = invalid);
                        continue;
                    }
                    // The first slot of a dynptr is the farther one.
                    let first = matches!(slot.reg.about, About::Dynptr(_, true));
                    let base = if first { spi.saturating_sub(1) } else { spi };
                    for s in [base, base + 1] {
                        if let Some(s) = frame.stack.get_mut(s) {
                            *s = StackSlot::unwritten(not_init);
                        }
                    }
                }
                for r in frame.stack_arg_regs.iter_mut() {
                    if r.typ != RegType::NOT_INIT && hit(r) {
                        if r.parent_id == id {
                            found.push(r.id);
                        }
                        *r = invalid;
                    }
                }
            }
            for f in found {
                if f != 0 && !done.contains(&f) {
                    done.push(f);
                    todo.push(f);
                }
            }
        }
        Ok(())
    }

    /// A callback that is walked into once must not give back what its caller acquired.
    fn check_owned_by_callback(&self, id: u32) -> Checked {
        let once = !self.input.profile.has(Rule::CALLBACK_ANY_COUNT)
            && self.input.profile.has(Rule::CALLBACK_REFS);
        let frame = self.path.cur.frame();
        let callers = self.path.cur.holds_reference(id) && id < frame.first_own_id;
        if once && frame.in_callback_fn && callers {
            return Err(Errno::EINVAL.into());
        }
        Ok(())
    }

    /// How many dynptrs share a reference.
    pub(crate) fn dynptr_ref_cnt(&self, parent_id: u32) -> usize {
        let slots = self.path.cur.frames.iter().flat_map(|f| f.stack.iter());
        slots
            .filter(|s| {
                s.typ[0] == Slot::Dynptr
                    && matches!(s.reg.about, About::Dynptr(_, true))
                    && s.reg.parent_id == parent_id
            })
            .count()
    }

    /// Whether the register carries a reference that is held.
    pub(crate) fn reg_is_referenced(&self, reg: &RegState) -> bool {
        self.path.cur.holds_reference(reg.id)
    }

    /// Whether RCU-protected objects stay valid here (`in_rcu_cs`).
    pub(crate) fn in_rcu_cs(&self) -> bool {
        let c = &self.path.cur;
        match self.input.profile.has(Rule::PREEMPTION_IS_RCU) {
            true => !self.in_sleepable_context(),
            false => c.active_rcu_locks != 0 || c.active_locks != 0 || !c.in_sleepable,
        }
    }

    /// Whether nothing stands against sleeping here (`in_sleepable_context`).
    pub(crate) fn in_sleepable_context(&self) -> bool {
        let c = &self.path.cur;
        c.active_rcu_locks == 0
            && c.active_preempt_locks == 0
            && c.active_locks == 0
            && c.active_irq_id == 0
            && c.in_sleepable
    }

    /// Why sleeping is not possible here.
    pub(crate) fn non_sleepable_context(&self) -> &'static str {
        let c = &self.path.cur;
        if c.active_rcu_locks != 0 {
            "rcu_read_lock region"
        } else if c.active_preempt_locks != 0 {
            "non-preemptible region"
        } else if c.active_irq_id != 0 {
            "IRQ-disabled region"
        } else if c.active_locks != 0 {
            "lock region"
        } else {
            "non-sleepable prog"
        }
    }

    /// The last RCU section ended: RCU pointers are untrusted, iterators bound to it as well.
    pub(crate) fn invalidate_rcu_protected_refs(&mut self) {
        let mut gone = Flag::MEM_RCU | Flag::PTR_MAYBE_NULL;
        if self.input.profile.has(Rule::UNTRUSTED_OBJECTS) {
            gone |= Flag::NON_OWN_REF;
        }
        self.path.cur.change_regs(
            |r| r.typ.has(Flag::MEM_RCU),
            |r| r.typ = r.typ.without(gone).with(Flag::PTR_UNTRUSTED),
        );
        for frame in &mut self.path.cur.frames {
            frame.stack.change(
                |_, slot| slot.typ[7] == Slot::Iter,
                |_, slot| write_slot(slot, read_slot(slot).rcu_unlock()),
            );
        }
    }

    /// A section ended in which RCU-protected objects stayed valid.
    pub(crate) fn end_of_section(&mut self) {
        if !self.in_rcu_cs() {
            self.invalidate_rcu_protected_refs();
        }
    }

    /// A lock was given back; `protected` says whether RCU-protected objects were valid until then.
    pub(crate) fn end_of_lock(&mut self, protected: bool) {
        if self.input.profile.has(Rule::PREEMPTION_IS_RCU) {
            self.invalidate_non_owning_refs();
            self.end_of_section();
            return;
        }
        // What RCU protected is no reference to a node any more when those are looked for.
        if protected && self.input.profile.has(Rule::LOCKS_END_RCU) {
            self.end_of_section();
        }
        self.invalidate_non_owning_refs();
    }

    /// A lock was given back: references to nodes that their collection owns are lost.
    pub(crate) fn invalidate_non_owning_refs(&mut self) {
        let invalid = self.invalid_reg();
        let known = self.known;
        let cur = &mut self.path.cur;
        cur.change_regs(|r| known.is_non_owning_ref(r.typ), |r| *r = invalid);
    }

    /// Packet data may have moved.
    pub(crate) fn clear_all_pkt_pointers(&mut self) {
        let invalid = self.invalid_reg();
        let slice = Flag::DYNPTR_TYPE_SKB | Flag::DYNPTR_TYPE_XDP | Flag::DYNPTR_TYPE_SKB_META;
        let of_packet = |r: &RegState| {
            let pkt = r.typ.is_pkt_pointer() || r.typ == RegType::PTR_TO_PACKET_END;
            pkt || r.typ.base() == RegType::PTR_TO_MEM && r.typ.has(slice)
        };
        self.path.cur.change_regs(of_packet, |r| *r = invalid);
    }

    fn check_reference_leak(&mut self, exception_exit: bool) -> Checked {
        if !exception_exit && self.path.cur.curframe() != 0 {
            return Ok(());
        }
        let struct_ops = self.input.prog.prog_type == ProgType::StructOps;
        let r0 = self.reg(0).id;
        let mut stop = Ok(());
        for r in self.path.cur.refs.clone() {
            let returned = struct_ops && !exception_exit && r0 == r.id;
            if !matches!(r.kind, RefKind::Ptr { .. }) || returned {
                continue;
            }
            let (id, at) = (r.id, r.insn_idx);
            stop = reject!(
                self,
                ReferenceLeak,
                EINVAL,
                "Unreleased reference id={id} alloc_insn={at}"
            );
        }
        stop
    }

    /// Nothing may be held where the program ends or the function is left.
    pub(crate) fn check_resource_leak(
        &mut self,
        leaving: Leaving,
        check_sections: bool,
    ) -> Checked {
        let told_apart = self.input.profile.has(Rule::THROW_CHECKS_RESOURCES);
        let what = match leaving {
            Leaving::Throw if !told_apart => Leaving::Exit.words(),
            leaving => leaving.words(),
        };
        if check_sections && self.path.cur.active_locks != 0 {
            return reject!(
                self,
                SectionLeftOpen,
                EINVAL,
                "{what} cannot be used inside bpf_spin_lock-ed region"
            );
        }
        let thrown = leaving == Leaving::Throw;
        self.check_reference_leak(thrown).map_err(|stop| {
            let line = format_args!("{what} would lead to reference leak");
            self.log.sum_up(stop, None, line)
        })?;
        let tail_call = leaving == Leaving::TailCall
            && !self.input.profile.has(Rule::TAIL_CALL_CHECKS_SECTIONS);
        if !check_sections || tail_call {
            return Ok(());
        }
        let counted = !self.input.profile.has(Rule::HELD_TOLD_ALIKE);
        let held = if self.path.cur.active_irq_id != 0 {
            "bpf_local_irq_save-ed"
        } else if self.path.cur.active_rcu_locks != 0 {
            "bpf_rcu_read_lock-ed"
        } else if self.path.cur.active_preempt_locks != 0 && counted {
            let n = self.path.cur.active_preempt_locks;
            let are = if n == 1 { " is" } else { "(s) are" };
            return reject!(
                self,
                SectionLeftOpen,
                EINVAL,
                "{n} bpf_preempt_enable{are} missing"
            );
        } else if self.path.cur.active_preempt_locks != 0 {
            "bpf_preempt_disable-ed"
        } else {
            return Ok(());
        };
        reject!(
            self,
            SectionLeftOpen,
            EINVAL,
            "{what} cannot be used inside {held} region"
        )
    }

    /// A saved IRQ flag.
    pub(crate) fn acquire_irq_state(&mut self, insn_idx: usize) -> u32 {
        let id = self.new_id();
        self.path.cur.refs.push(Reference {
            kind: RefKind::Irq,
            id,
            insn_idx,
        });
        self.path.cur.active_irq_id = id;
        id
    }

    /// Restores the innermost IRQ flag; false if `id` is not it.
    pub(crate) fn release_irq_state(&mut self, id: u32) -> bool {
        if id != self.path.cur.active_irq_id {
            return false;
        }
        let mut prev = 0;
        for i in 0..self.path.cur.refs.len() {
            let r = self.path.cur.refs[i];
            if r.kind != RefKind::Irq {
                continue;
            }
            if r.id == id {
                self.path.cur.refs.remove(i);
                self.path.cur.active_irq_id = prev;
                return true;
            }
            prev = r.id;
        }
        false
    }
}
