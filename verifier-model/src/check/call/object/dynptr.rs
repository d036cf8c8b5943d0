// SPDX-License-Identifier: GPL-2.0-only
//! Dynptrs: two stack slots, or a register in a callback.
//!
//! Source: `process_dynptr_func()`, `mark_stack_slots_dynptr()` in `kernel/bpf/verifier.c`.

use crate::check::call::object::iter::Place;
use crate::env::Env;
use crate::env::call_args::{CallArgs, DynptrArg};
use crate::facts::errno::Errno;
use crate::facts::limits::DYNPTR_SLOTS;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::{ArgType, Flag, RegType};
use crate::log::reject;
use crate::state::reg::{About, DynptrType, RegState};
use crate::state::slot::Slot;

impl DynptrType {
    /// Whether it holds a reference.
    pub(crate) const fn is_referenced(self) -> bool {
        matches!(self, Self::Ringbuf | Self::File)
    }

    /// The modifier of argument and memory types for it.
    pub(crate) const fn flag(self) -> Flag {
        match self {
            Self::Invalid => Flag::NONE,
            Self::Local => Flag::DYNPTR_TYPE_LOCAL,
            Self::Ringbuf => Flag::DYNPTR_TYPE_RINGBUF,
            Self::Skb => Flag::DYNPTR_TYPE_SKB,
            Self::Xdp => Flag::DYNPTR_TYPE_XDP,
            Self::SkbMeta => Flag::DYNPTR_TYPE_SKB_META,
            Self::File => Flag::DYNPTR_TYPE_FILE,
        }
    }

    fn of_arg(at: ArgType) -> Self {
        let kinds = [
            Self::Local,
            Self::Ringbuf,
            Self::Skb,
            Self::Xdp,
            Self::SkbMeta,
            Self::File,
        ];
        kinds
            .into_iter()
            .find(|k| at.has(k.flag()))
            .unwrap_or_default()
    }

    const fn type_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Ringbuf => "ringbuf",
            Self::Skb => "skb",
            Self::Xdp => "xdp",
            Self::SkbMeta => "skb_meta",
            Self::File => "file",
            Self::Invalid => "<invalid>",
        }
    }
}

impl Env<'_> {
    /// A dynptr passed to a call (`process_dynptr_func`).
    pub(crate) fn process_dynptr_func(
        &mut self,
        reg: &RegState,
        name: &str,
        at: ArgType,
        meta: &mut CallArgs,
    ) -> Checked {
        let in_reg = reg.typ == RegType::CONST_PTR_TO_DYNPTR;
        if reg.typ != RegType::PTR_TO_STACK && !in_reg {
            return reject!(
                self,
                ArgumentType,
                EINVAL,
                "{name} expected pointer to stack or const struct bpf_dynptr"
            );
        }
        if at.has(Flag::MEM_UNINIT) {
            let uninit = !in_reg
                && self.stack_object_place(reg, "dynptr", DYNPTR_SLOTS) != Place::Bad
                && !self.is_kept_dynptr(reg);
            if !uninit {
                return reject!(
                    self,
                    Dynptr,
                    EINVAL,
                    "Dynptr has to be an uninitialized dynptr"
                );
            }
            for s in 0..DYNPTR_SLOTS {
                self.write_slot(reg, name, s * 8)?;
            }
            return self.mark_stack_slots_dynptr(reg, at, meta);
        }
        if in_reg && at.has(Flag::OBJ_RELEASE) {
            return reject!(
                self,
                Dynptr,
                EINVAL,
                "CONST_PTR_TO_DYNPTR cannot be released"
            );
        }
        let found = if in_reg {
            Some((*reg, None))
        } else {
            self.dynptr_at(reg)
        };
        let Some((d, spi)) = found else {
            let helper = meta.proto.is_some() && at.has(Flag::OBJ_RELEASE);
            if helper && !self.input.profile.has(Rule::DYNPTR_PARENTS) {
                let arg = name.trim_start_matches('R');
                return reject!(self, Dynptr, EINVAL, "arg {arg} is an unacquired reference");
            }
            return reject!(
                self,
                Dynptr,
                EINVAL,
                "Expected an initialized dynptr as {name}"
            );
        };
        let kind = if let About::Dynptr(k, _) = d.about {
            k
        } else {
            DynptrType::Invalid
        };
        let want = DynptrType::of_arg(at);
        // Until 7.1 a prototype says of a dynptr that it is only read.
        let any =
            at.without(Flag::OBJ_RELEASE).without(Flag::MEM_RDONLY) == ArgType::ARG_PTR_TO_DYNPTR;
        if !any && kind != want {
            return reject!(
                self,
                Dynptr,
                EINVAL,
                "Expected a dynptr of type {} as {name}",
                want.type_str()
            );
        }
        if let Some(spi) = spi {
            if self.input.profile.has(Rule::DYNPTR_PRUNING) {
                self.mark_slots_read(reg.frameno(), spi, DYNPTR_SLOTS);
            }
            self.log.scratch_slot(spi);
            self.log.scratch_slot(spi.saturating_sub(1));
        }
        meta.dynptr = DynptrArg {
            kind,
            id: d.id,
            parent_id: d.parent_id,
        };
        Ok(())
    }

    /// Whether there is a dynptr that may not be written over.
    fn is_kept_dynptr(&mut self, reg: &RegState) -> bool {
        if self.input.profile.has(Rule::DYNPTRS_OVERWRITTEN) {
            return false;
        }
        let Place::Spi(spi) = self.stack_object_place(reg, "dynptr", DYNPTR_SLOTS) else {
            return false;
        };
        let mut slots = self.slots_of(reg, spi, DYNPTR_SLOTS);
        slots.any(|slot| slot.typ.contains(&Slot::Dynptr))
    }

    fn dynptr_at(&mut self, reg: &RegState) -> Option<(RegState, Option<usize>)> {
        let Place::Spi(spi) = self.stack_object_place(reg, "dynptr", DYNPTR_SLOTS) else {
            return None;
        };
        let mut slots = self.slots_of(reg, spi, DYNPTR_SLOTS);
        let first = slots.clone().next()?;
        let whole = slots.all(|s| s.typ == [Slot::Dynptr; 8]);
        let is_first = matches!(first.reg.about, About::Dynptr(_, true));
        (whole && is_first).then_some((first.reg, Some(spi)))
    }

    fn mark_stack_slots_dynptr(&mut self, reg: &RegState, at: ArgType, meta: &CallArgs) -> Checked {
        let Place::Spi(spi) = self.stack_object_place(reg, "dynptr", DYNPTR_SLOTS) else {
            return Err(Errno::EINVAL.into());
        };
        self.destroy_if_dynptr_stack_slot(reg.frameno(), spi)?;
        self.destroy_if_dynptr_stack_slot(reg.frameno(), spi - 1)?;
        let kind = DynptrType::of_arg(at);
        if kind == DynptrType::Invalid {
            return Err(Errno::EINVAL.into());
        }
        let goes_with = self.input.profile.has(Rule::DYNPTR_PARENTS);
        let named = self.input.profile.has(Rule::DYNPTRS_OVERWRITTEN);
        let named_first = (named && !goes_with).then(|| self.new_id());
        let mut parent_id = meta.dynptr.parent_id;
        if meta.dynptr.kind == DynptrType::Invalid {
            if meta.ref_obj.count > 1 {
                return self.log.verifier_bug(format_args!(
                    "function expects only one referenced object but got {}\n",
                    meta.ref_obj.count
                ));
            }
            parent_id = if goes_with { meta.ref_obj.id } else { 0 };
            if kind.is_referenced() {
                parent_id = self.acquire_reference(self.path.insn_idx, parent_id);
            }
        }
        // Before dynptrs had names of their own, their slices had that of the reference.
        let id = match named_first {
            Some(id) => id,
            None if named => self.new_id(),
            None => parent_id,
        };
        self.write_slots_of(reg, spi, DYNPTR_SLOTS, |i, s| {
            s.typ = [Slot::Dynptr; 8];
            s.reg.mark_known(0);
            s.reg.typ = RegType::CONST_PTR_TO_DYNPTR;
            s.reg.id = id;
            s.reg.parent_id = parent_id;
            s.reg.about = About::Dynptr(kind, i == 0);
        });
        Ok(())
    }

    /// A dynptr is given back.
    pub(crate) fn unmark_stack_slots_dynptr(&mut self, reg: &RegState) -> Checked {
        let Some((d, spi)) = self.dynptr_at(reg) else {
            return Err(Errno::EINVAL.into());
        };
        if let Some(spi) = spi {
            self.mark_slots_written(reg.frameno(), spi, DYNPTR_SLOTS);
        }
        let referenced = matches!(d.about, About::Dynptr(k, _) if k.is_referenced());
        self.release_reference(if referenced { d.parent_id } else { d.id })
    }
}
