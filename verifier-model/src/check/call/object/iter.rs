// SPDX-License-Identifier: GPL-2.0-only
//! Objects that live in stack slots: iterators, dynptrs and saved IRQ flags.
//!
//! Where an object may be: at a constant offset, in whole slots, within the frame. How an iterator
//! changes is the business of [`crate::state::iter`].
//!
//! Source: `stack_slot_obj_get_spi()`, `process_iter_arg()` in `kernel/bpf/verifier.c`.

use bpf::insn::DW;
use bpf::kernel::BtfRef;
use bpf::kernel::kfuncs::KfuncFlags;

use crate::check::access::MemAccess;
use crate::env::Env;
use crate::env::call_args::CallMeta;
use crate::facts::access::Access;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::input::kfunc::{Kfunc, arg_name};
use crate::log::{reject, verbose};
use crate::state::iter::{Iter, IterError, IterSlot, IterState, Trust};
use crate::state::reg::{Meta, RegState};
use crate::state::slot::{Slot, StackSlot, get_spi};

/// Where an object on the stack would be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// In the slots that end with this one.
    Spi(usize),
    /// In slots that were never touched (`-ERANGE`).
    Untouched,
    /// Nowhere; the log says why.
    Bad,
}

impl Env<'_> {
    /// Where an object of `n` slots is that a register points to.
    pub(crate) fn stack_object_place(&mut self, reg: &RegState, kind: &str, n: usize) -> Place {
        if !reg.var_off.is_const() {
            verbose!(self, "{kind} has to be at a constant offset\n");
            return Place::Bad;
        }
        let off = reg.var_off.value as i32;
        if off >= 0 || off % 8 != 0 || get_spi(off) + 1 < n {
            verbose!(self, "cannot pass in {kind} at an offset={off}\n");
            return Place::Bad;
        }
        let spi = get_spi(off);
        let frame = self.path.cur.frames.get(reg.frameno());
        let slots = frame.map_or(0, |f| f.stack.len());
        if spi < slots {
            Place::Spi(spi)
        } else {
            Place::Untouched
        }
    }

    pub(crate) fn slots_of(&self, reg: &RegState, spi: usize, n: usize) -> &[StackSlot] {
        let frame = self.path.cur.frames.get(reg.frameno());
        let stack = frame.map_or(&[][..], |f| &f.stack);
        stack
            .get((spi + 1).saturating_sub(n)..=spi)
            .unwrap_or_default()
    }

    pub(crate) fn slots_of_mut(
        &mut self,
        reg: &RegState,
        spi: usize,
        n: usize,
    ) -> &mut [StackSlot] {
        let stack = match self.path.cur.frames.get_mut(reg.frameno()) {
            Some(f) => &mut f.stack[..],
            None => &mut [],
        };
        stack
            .get_mut((spi + 1).saturating_sub(n)..=spi)
            .unwrap_or_default()
    }

    pub(crate) fn write_slot(&mut self, reg: &RegState, name: &str, off: usize) -> Checked {
        self.check_mem_access(&MemAccess {
            insn_idx: self.path.insn_idx,
            reg: *reg,
            argname: name,
            off: off as i32,
            size_field: DW,
            access: Access::Write,
            value: None,
            strict: false,
            is_ldsx: false,
        })
    }

    /// An iterator passed to `new`, `next` or `destroy` (`process_iter_arg`).
    pub(crate) fn process_iter_arg(
        &mut self,
        reg: &RegState,
        i: usize,
        k: &Kfunc<'_>,
        meta: &mut CallMeta,
    ) -> Checked {
        let name = arg_name(i);
        if reg.typ != RegType::PTR_TO_STACK && self.input.profile.has(Rule::ITER_ARG_ON_STACK) {
            return reject!(
                self,
                IterNotOnStack,
                EINVAL,
                "{name} expected pointer to an iterator on stack"
            );
        }
        let Some(t) = k.iter_struct(i) else {
            return reject!(
                self,
                IterNotOnStack,
                EINVAL,
                "expected valid iter pointer as {name}"
            );
        };
        let (id, n) = (t.id(), (t.size() / 8) as usize);
        let place = self.stack_object_place(reg, "iter", n);
        let found = match place {
            Place::Spi(spi) => self.iter_at(reg, spi, n, k.bref, id),
            Place::Untouched => Some(Iter::Uninit),
            Place::Bad => None,
        };
        if k.flags.contains(KfuncFlags::ITER_NEW) {
            return self.new_iter(reg, &name, place, n, k, id);
        }
        let next = k.flags.contains(KfuncFlags::ITER_NEXT);
        let what = match found {
            Some(it) if next => it.next().err(),
            // A kfunc that only looks at an iterator asks for what `destroy` does.
            Some(it) => it.destroy().err(),
            None => Some(IterError::ExpectedInitialized),
        };
        match (what, place) {
            (None, Place::Spi(spi)) => {
                for s in 0..n {
                    self.log.scratch_slot(spi - s);
                }
                meta.iter = Some((reg.frameno(), spi));
                let ref_id = self.slots_of(reg, spi, n).last().map_or(0, |s| s.reg.id);
                meta.ref_obj = (ref_id, 0, meta.ref_obj.2 + 1);
                if k.flags.contains(KfuncFlags::ITER_DESTROY) {
                    self.destroy_iter(reg, spi, n)?;
                }
                Ok(())
            }
            (Some(IterError::ExpectedRcuCs), _) => {
                reject!(
                    self,
                    IterOutsideRcu,
                    EPROTO,
                    "expected an RCU CS when using {}",
                    k.name
                )
            }
            _ => {
                let kind = self.input.iter_type_str(k.bref, id).to_owned();
                reject!(
                    self,
                    IterNotInitialised,
                    EINVAL,
                    "expected an initialized iter_{kind} as {name}"
                )
            }
        }
    }

    /// The iterator in some slots: all of it must be there, and of the kind asked for.
    fn iter_at(&self, reg: &RegState, spi: usize, n: usize, btf: BtfRef, id: u32) -> Option<Iter> {
        let slots = self.slots_of(reg, spi, n);
        let mut live = None;
        for (i, s) in slots.iter().rev().enumerate() {
            // Each slot is looked at before the next, as the kernel does: an untrusted one first.
            let untrusted = s.reg.typ.has(Flag::PTR_UNTRUSTED);
            let it = s.reg.iter();
            let trust = if untrusted {
                Trust::Untrusted
            } else if s.reg.typ.has(Flag::MEM_RCU) {
                Trust::Rcu
            } else {
                Trust::Plain
            };
            if untrusted {
                let state = it.map_or(IterState::Active, |i| i.state);
                return Some(Iter::Live {
                    state,
                    trust,
                    depth: 0,
                });
            }
            let of_kind = it.is_some_and(|it| it.btf == btf && it.btf_id == id);
            let first = (i == 0) == (s.reg.id != 0);
            if !of_kind || !first || s.typ != [Slot::Iter; 8] {
                return None;
            }
            if let (0, Some(it)) = (i, it) {
                live = Some(Iter::Live {
                    state: it.state,
                    trust,
                    depth: it.depth,
                });
            }
        }
        live
    }

    fn new_iter(
        &mut self,
        reg: &RegState,
        name: &str,
        place: Place,
        n: usize,
        k: &Kfunc<'_>,
        id: u32,
    ) -> Checked {
        let free = match place {
            Place::Spi(spi) => self
                .slots_of(reg, spi, n)
                .iter()
                .all(|s| !s.typ.contains(&Slot::Iter)),
            Place::Untouched => true,
            Place::Bad => false,
        };
        if !free {
            let kind = self.input.iter_type_str(k.bref, id).to_owned();
            return reject!(
                self,
                IterAlreadyInitialised,
                EINVAL,
                "expected uninitialized iter_{kind} as {name}"
            );
        }
        for s in 0..n {
            self.write_slot(reg, name, s * 8)?;
        }
        let Place::Spi(spi) = self.stack_object_place(reg, "iter", n) else {
            return Err(Errno::EINVAL.into());
        };
        let ref_id = self.acquire_reference(self.path.insn_idx, 0);
        let protected = k.flags.contains(KfuncFlags::RCU_PROTECTED);
        let typ = match Trust::of_new(protected, self.in_rcu_cs()) {
            Trust::Plain => RegType::PTR_TO_STACK,
            Trust::Rcu => RegType::PTR_TO_STACK | Flag::MEM_RCU,
            Trust::Untrusted => RegType::PTR_TO_STACK | Flag::PTR_UNTRUSTED,
        };
        let slot = IterSlot {
            btf: k.bref,
            btf_id: id,
            state: IterState::Active,
            depth: 0,
        };
        for (i, s) in self.slots_of_mut(reg, spi, n).iter_mut().rev().enumerate() {
            s.reg.mark_known(0);
            s.reg.typ = typ;
            s.reg.id = if i == 0 { ref_id } else { 0 };
            s.reg.meta = Meta::Iter(slot);
            s.typ = [Slot::Iter; 8];
        }
        for s in 0..n {
            self.log.scratch_slot(spi - s);
        }
        Ok(())
    }

    fn destroy_iter(&mut self, reg: &RegState, spi: usize, n: usize) -> Checked {
        let id = self.slots_of(reg, spi, n).last().map_or(0, |s| s.reg.id);
        self.release_reference(id)?;
        let not_init = self.not_init();
        for s in self.slots_of_mut(reg, spi, n) {
            s.reg = not_init;
            s.typ = [Slot::Invalid; 8];
        }
        for s in 0..n {
            self.log.scratch_slot(spi - s);
        }
        Ok(())
    }

    /// `next`: one path on which it gives an element waits, and this one goes on with NULL
    /// (`process_iter_next_call`).
    pub(crate) fn process_iter_next_call(&mut self, meta: &CallMeta) -> Checked {
        let Some((frame, spi)) = meta.iter else {
            return Err(Errno::EFAULT.into());
        };
        let idx = self.path.insn_idx;
        let it = self
            .path
            .cur
            .frames
            .get(frame)
            .and_then(|f| f.stack.get(spi))
            .and_then(|s| s.reg.iter());
        let Some(it) = it else {
            return Err(Errno::EFAULT.into());
        };
        if it.state == IterState::Active {
            let parent = self.path.cur.parent.and_then(|p| self.state(p));
            let Some(parent) =
                parent.filter(|p| p.insn_idx == idx && p.same_callsites(&self.path.cur))
            else {
                return self
                    .log
                    .verifier_bug(format_args!("bad parent state for iter next call"));
            };
            let prev = self.find_prev_entry(parent, idx);
            let queued = self.push_stack(idx + 1, idx, false)?;
            if let Some(s) = queued
                .frames
                .get_mut(frame)
                .and_then(|f| f.stack.get_mut(spi))
            {
                let depth = it.depth.saturating_add(1);
                s.reg.meta = Meta::Iter(IterSlot {
                    state: IterState::Active,
                    depth,
                    ..it
                });
            }
            if let Some(prev) = prev {
                self.widen_queued(prev);
            }
            if let Some(e) = self.path.waiting.last_mut() {
                let r0 = &mut e.st.frame_mut().regs[0];
                r0.typ = r0.typ.without(Flag::PTR_MAYBE_NULL);
            }
        }
        if let Some(s) = self
            .path
            .cur
            .frames
            .get_mut(frame)
            .and_then(|f| f.stack.get_mut(spi))
        {
            s.reg.meta = Meta::Iter(IterSlot {
                state: IterState::Drained,
                ..it
            });
        }
        let zero = self.const_zero();
        self.regs()[0] = zero;
        Ok(())
    }
}
