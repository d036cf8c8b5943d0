// SPDX-License-Identifier: GPL-2.0-only
//! Objects that live in stack slots: iterators, dynptrs and saved IRQ flags.
//!
//! Where an object may be: at a constant offset, in whole slots, within the frame. How an iterator
//! changes is the business of [`crate::state::iter`].
//!
//! Source: `stack_slot_obj_get_spi()`, `process_iter_arg()` in `kernel/bpf/verifier.c`.

use core::cmp::Ordering;

use bpf::insn::DW;
use bpf::kernel::kfuncs::KfuncFlags;

use crate::check::access::MemAccess;
use crate::env::Env;
use crate::env::call_args::CallArgs;
use crate::facts::access::Access;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::input::kfunc::{Kfunc, arg_name};
use crate::log::{reject, verbose};
use crate::state::FuncState;
use crate::state::iter::{Iter, IterError, Trust};
use crate::state::iter_slots::IterAt;
use crate::state::reg::RegState;
use crate::state::slot::{StackSlot, get_spi};

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
        // Rounded towards zero, the slot at the frame pointer is the first below it.
        let lowest = match self.input.profile.has(Rule::BELOW_FRAME_POINTER) {
            true => 0,
            false => 1,
        };
        if off >= lowest || off % 8 != 0 || get_spi(off) + 1 < n {
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

    /// The `n` slots of an object on the stack, the first one first.
    pub(crate) fn slots_of<'s>(
        &'s self,
        reg: &RegState,
        spi: usize,
        n: usize,
    ) -> impl Iterator<Item = &'s StackSlot> + Clone + use<'s> {
        let frame = self.path.cur.frames.get(reg.frameno());
        let range = (spi + 1).saturating_sub(n)..=spi;
        let slots = move |f: &'s FuncState| f.stack.range(range.clone()).rev();
        frame.into_iter().flat_map(slots)
    }

    /// Writes the slots of an object on the stack: each with its number.
    pub(crate) fn write_slots_of(
        &mut self,
        reg: &RegState,
        spi: usize,
        n: usize,
        write: impl Fn(usize, &mut StackSlot),
    ) {
        let Some(frame) = self.path.cur.frames.get_mut(reg.frameno()) else {
            return;
        };
        for (i, spi) in ((spi + 1).saturating_sub(n)..=spi).rev().enumerate() {
            match frame.stack.get_mut(spi) {
                Some(slot) => write(i, slot),
                None => return,
            }
        }
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
        meta: &mut CallArgs,
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
        let at = |spi| IterAt {
            frame: reg.frameno(),
            spi,
            len: n,
            btf: k.bref,
            btf_id: id,
        };
        let found = match self.stack_object_place(reg, "iter", n) {
            Place::Spi(spi) => at(spi).read(&self.path.cur),
            Place::Untouched => Iter::Uninit,
            Place::Bad => Iter::Unfit,
        };
        let new = k.flags.contains(KfuncFlags::ITER_NEW);
        let asked = if new {
            found.make(match k.flags.contains(KfuncFlags::RCU_PROTECTED) {
                true => Trust::protected(self.in_rcu_cs()),
                false => Trust::Plain,
            })
        } else if k.flags.contains(KfuncFlags::ITER_NEXT) {
            // On which path it gives what is found out when the call is done.
            found.next().map(|_| found)
        } else if k.flags.contains(KfuncFlags::ITER_DESTROY) {
            found.destroy()
        } else {
            found.passed()
        };
        let becomes = match asked {
            Ok(it) => it,
            Err(why) => return self.refuse_iter(why, k, id, &name),
        };
        if new {
            for s in 0..n {
                self.write_slot(reg, &name, s * 8)?;
            }
        }
        let Place::Spi(spi) = self.stack_object_place(reg, "iter", n) else {
            return Err(Errno::EINVAL.into());
        };
        let at = at(spi);
        for s in 0..n {
            self.log.scratch_slot(spi - s);
        }
        if !new {
            self.mark_slots_read(at.frame, spi, n);
            meta.iter = Some(at);
            meta.ref_obj.update(at.reference_id(&self.path.cur));
        }
        self.replace_iter(&at, found, becomes)
    }

    fn refuse_iter(&mut self, why: IterError, k: &Kfunc<'_>, id: u32, name: &str) -> Checked {
        let kind = self.input.iter_type_str(k.bref, id).to_owned();
        match why {
            IterError::NotFree => reject!(
                self,
                IterAlreadyInitialised,
                EINVAL,
                "expected uninitialized iter_{kind} as {name}"
            ),
            IterError::NotMade => reject!(
                self,
                IterNotInitialised,
                EINVAL,
                "expected an initialized iter_{kind} as {name}"
            ),
            IterError::NoSection => reject!(
                self,
                IterOutsideRcu,
                EPROTO,
                "expected an RCU CS when using {}",
                k.name
            ),
        }
    }

    /// What a transition gave goes to the slots; the reference comes and goes with the iterator.
    fn replace_iter(&mut self, at: &IterAt, from: Iter, to: Iter) -> Checked {
        if from == to {
            return Ok(());
        }
        let mut id = at.reference_id(&self.path.cur);
        match to.references().cmp(&from.references()) {
            Ordering::Greater => id = self.acquire_reference(self.path.insn_idx, 0),
            Ordering::Less => self.release_reference(id)?,
            Ordering::Equal => {}
        }
        let blank = self.not_init();
        at.write(&mut self.path.cur, to, id, blank);
        if to == Iter::Uninit {
            self.mark_slots_written(at.frame, at.spi, at.len);
        }
        Ok(())
    }

    /// `next`: one path on which it gives an element waits, and this one goes on with NULL
    /// (`process_iter_next_call`).
    pub(crate) fn process_iter_next_call(&mut self, meta: &CallArgs) -> Checked {
        let Some(at) = meta.iter else {
            return Err(Errno::EFAULT.into());
        };
        let idx = self.path.insn_idx;
        let found = at.read(&self.path.cur);
        let Ok(next) = found.next() else {
            return Err(Errno::EFAULT.into());
        };
        if let Some(element) = next.element {
            let parent = self.path.cur.parent.and_then(|p| self.state(p));
            let Some(parent) =
                parent.filter(|p| p.insn_idx == idx && p.same_callsites(&self.path.cur))
            else {
                return self
                    .log
                    .verifier_bug(format_args!("bad parent state for iter next call"));
            };
            let prev = self.find_prev_entry(parent, idx);
            let (id, blank) = (at.reference_id(&self.path.cur), self.not_init());
            let queued = self.push_stack(idx + 1, idx, false)?;
            at.write(queued, element, id, blank);
            if let Some(prev) = prev {
                self.widen_queued(prev);
            }
            if let Some(e) = self.path.waiting.last_mut() {
                let r0 = &mut e.st.frame_mut().regs[0];
                r0.typ = r0.typ.without(Flag::PTR_MAYBE_NULL);
            }
        }
        self.replace_iter(&at, found, next.null)?;
        let zero = self.const_zero();
        self.regs()[0] = zero;
        Ok(())
    }
}
