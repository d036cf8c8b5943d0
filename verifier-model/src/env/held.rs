// SPDX-License-Identifier: GPL-2.0-only
//! What a program holds and must give back: references, locks, RCU, preemption and IRQ sections.
//!
//! Source: `acquire_reference()`, `release_reference()`, `check_resource_leak()`,
//! `process_spin_lock()`, `invalidate_rcu_protected_refs()` in `kernel/bpf/verifier.c`.

use bpf::uapi::ProgType;

use crate::env::Env;
use crate::env::leaving::Leaving;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::log::reject;
use crate::state::iter_slots::{read_slot, write_slot};
use crate::state::reference::{LockKind, LockPtr, RefKind, Reference};
use crate::state::reg::{Meta, RegState};
use crate::state::slot::Slot;

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
                    let slot = frame.stack[spi];
                    if !matches!(slot.typ[7], Slot::Spill | Slot::Dynptr) || !hit(&slot.reg) {
                        continue;
                    }
                    if slot.reg.parent_id == id {
                        found.push(slot.reg.id);
                    }
                    if slot.typ[7] == Slot::Spill {
                        frame.stack[spi].reg = invalid;
                        continue;
                    }
                    // The first slot of a dynptr is the farther one.
                    let first = matches!(slot.reg.meta, Meta::Dynptr(_, true));
                    let base = if first { spi.saturating_sub(1) } else { spi };
                    for s in frame.stack.iter_mut().skip(base).take(2) {
                        s.typ = [Slot::Invalid; 8];
                        s.reg = not_init;
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
        let slots = self.path.cur.frames.iter().flat_map(|f| &f.stack);
        slots
            .filter(|s| {
                s.typ[0] == Slot::Dynptr
                    && matches!(s.reg.meta, Meta::Dynptr(_, true))
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
        c.active_rcu_locks != 0
            || c.active_preempt_locks != 0
            || c.active_locks != 0
            || c.active_irq_id != 0
            || !c.in_sleepable
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
        let gone = Flag::MEM_RCU | Flag::PTR_MAYBE_NULL | Flag::NON_OWN_REF;
        self.path.cur.for_each_reg(&[Slot::Spill], |r| {
            if r.typ.has(Flag::MEM_RCU) {
                r.typ = r.typ.without(gone).with(Flag::PTR_UNTRUSTED);
            }
        });
        for slot in self.path.cur.frames.iter_mut().flat_map(|f| &mut f.stack) {
            if slot.typ[7] == Slot::Iter {
                write_slot(slot, read_slot(slot).rcu_unlock());
            }
        }
    }

    /// A lock was given back: references to nodes that their collection owns are lost.
    pub(crate) fn invalidate_non_owning_refs(&mut self) {
        let invalid = self.invalid_reg();
        self.path.cur.for_each_reg(&[Slot::Spill], |r| {
            if r.typ.is_non_owning_ref() {
                *r = invalid;
            }
        });
    }

    /// Packet data may have moved.
    pub(crate) fn clear_all_pkt_pointers(&mut self) {
        let invalid = self.invalid_reg();
        let slice = Flag::DYNPTR_TYPE_SKB | Flag::DYNPTR_TYPE_XDP | Flag::DYNPTR_TYPE_SKB_META;
        self.path.cur.for_each_reg(&[Slot::Spill], |r| {
            let pkt = r.typ.is_pkt_pointer() || r.typ == RegType::PTR_TO_PACKET_END;
            if pkt || r.typ.base() == RegType::PTR_TO_MEM && r.typ.has(slice) {
                *r = invalid;
            }
        });
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
        let what = leaving.words();
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
        let held = if self.path.cur.active_irq_id != 0 {
            "bpf_local_irq_save-ed"
        } else if self.path.cur.active_rcu_locks != 0 {
            "bpf_rcu_read_lock-ed"
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

    /// Takes or gives back a lock in a map value or an object (`process_spin_lock`).
    pub(crate) fn process_spin_lock(
        &mut self,
        reg: &RegState,
        argname: &str,
        kind: LockKind,
        take: bool,
    ) -> Checked {
        let res = kind != LockKind::Spin;
        let name = if res { "bpf_res_spin" } else { "bpf_spin" };
        if !reg.var_off.is_const() {
            return reject!(
                self,
                ConstantOffset,
                EINVAL,
                "{argname} doesn't have constant offset. {name}_lock has to be at the constant offset"
            );
        }
        let (ptr, record, what, who) = if reg.typ == RegType::PTR_TO_MAP_VALUE {
            let info = self.code.map_of(reg)?;
            let map_name = info.def.kernel_name().to_owned();
            if info.def.btf.is_none() {
                return reject!(
                    self,
                    MapWithoutBtf,
                    EINVAL,
                    "map '{map_name}' has to have BTF in order to use {name}_lock"
                );
            }
            let ptr = LockPtr::Map(reg.map().unwrap_or_default());
            (ptr, self.code.map_of(reg)?.record.clone(), "map", map_name)
        } else {
            let Some((btf, id)) = reg.btf() else {
                return Err(Errno::EFAULT.into());
            };
            (
                LockPtr::Btf(btf),
                self.input.struct_record(btf, id),
                "local",
                "kptr".to_owned(),
            )
        };
        let off = if res {
            record.res_spin_lock_off()
        } else {
            record.spin_lock_off()
        };
        let Some(off) = off else {
            return reject!(
                self,
                LockField,
                EINVAL,
                "{what} '{who}' has no valid {name}_lock"
            );
        };
        let val = reg.var_off.value;
        if u64::from(off) != val {
            return reject!(
                self,
                WrongField,
                EINVAL,
                "off {} doesn't point to 'struct {name}_lock' that is at {off}",
                val as i64
            );
        }
        let is_res = |k: LockKind| k != LockKind::Spin;
        if take {
            if self.path.cur.active_locks != 0 {
                let held = |r: &&Reference| match r.kind {
                    RefKind::Lock(k, p) if res => is_res(k) && r.id == reg.id && p == ptr,
                    // The kernel looks for a lock with id 0 and no pointer here, which none is
                    // that was taken in a map value; two locks are refused by the call check.
                    _ => false,
                };
                if self.path.cur.refs.iter().any(|r| held(&r)) {
                    return reject!(
                        self,
                        AnotherLock,
                        EINVAL,
                        "Acquiring the same lock again, AA deadlock detected"
                    );
                }
            }
            let insn_idx = self.path.insn_idx;
            self.path.cur.refs.push(Reference {
                kind: RefKind::Lock(kind, ptr),
                id: reg.id,
                insn_idx,
            });
            self.path.cur.active_locks += 1;
            self.path.cur.active_lock_id = reg.id;
            self.path.cur.active_lock_ptr = Some(ptr);
            return Ok(());
        }
        if self.path.cur.active_locks == 0 {
            return reject!(
                self,
                SectionNotOpen,
                EINVAL,
                "{name}_unlock without taking a lock"
            );
        }
        let held = |r: &Reference| r.id == reg.id && r.kind == RefKind::Lock(kind, ptr);
        let Some(i) = self.path.cur.refs.iter().position(held) else {
            return reject!(self, AnotherLock, EINVAL, "{name}_unlock of different lock");
        };
        if reg.id != self.path.cur.active_lock_id || Some(ptr) != self.path.cur.active_lock_ptr {
            return reject!(
                self,
                AnotherLock,
                EINVAL,
                "{name}_unlock cannot be out of order"
            );
        }
        let prev = self.path.cur.refs[..i]
            .iter()
            .rev()
            .find_map(|r| match r.kind {
                RefKind::Lock(_, p) => Some((r.id, p)),
                _ => None,
            });
        self.path.cur.refs.remove(i);
        self.path.cur.active_locks -= 1;
        self.path.cur.active_lock_id = prev.map_or(0, |p| p.0);
        self.path.cur.active_lock_ptr = prev.map(|p| p.1);
        self.invalidate_non_owning_refs();
        if !self.in_rcu_cs() {
            self.invalidate_rcu_protected_refs();
        }
        Ok(())
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
