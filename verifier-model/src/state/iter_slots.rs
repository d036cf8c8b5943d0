// SPDX-License-Identifier: GPL-2.0-only
//! An iterator in its stack slots: the one place where slots are read as an [`Iter`] and written.
//!
//! Every slot names the kind and carries the trust. State, number of iterations and reference id
//! count in the first slot, the one nearest to the frame pointer; the others keep what `new` wrote.
//!
//! Source: `is_iter_reg_valid_uninit()`, `unmark_stack_slots_iter()`, `get_iter_from_state()` in `kernel/bpf/verifier.c`.

use bpf::kernel::BtfRef;

use crate::facts::types::{Flag, RegType};
use crate::state::iter::{Iter, IterSlot, IterState, Trust};
use crate::state::reg::{About, RegState};
use crate::state::slot::{Slot, StackSlot};
use crate::state::{BPF_REG_SIZE, FuncState, VerifierState};

/// Where an iterator is, or would be, and of which kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IterAt {
    /// Frame.
    pub frame: usize,
    /// Its first slot, which has the highest address.
    pub spi: usize,
    /// How many slots it fills.
    pub len: usize,
    /// BTF object of its structure.
    pub btf: BtfRef,
    /// Its structure.
    pub btf_id: u32,
}

impl IterAt {
    /// The slots, the first of the iterator last; none if the frame does not reach there.
    fn range(&self) -> core::ops::RangeInclusive<usize> {
        (self.spi + 1).saturating_sub(self.len)..=self.spi
    }

    fn slots<'a>(
        &self,
        st: &'a VerifierState,
    ) -> impl DoubleEndedIterator<Item = &'a StackSlot> + Clone + use<'a> {
        let (frame, range) = (st.frames.get(self.frame), self.range());
        let slots = move |f: &'a FuncState| f.stack.range(range.clone());
        frame.into_iter().flat_map(slots)
    }

    /// Id of the reference that the iterator holds, 0 for none.
    pub(crate) fn reference_id(&self, st: &VerifierState) -> u32 {
        self.slots(st).next_back().map_or(0, |s| s.reg.id)
    }

    /// What is there: all of the iterator must be, and of this kind.
    pub(crate) fn read(&self, st: &VerifierState) -> Iter {
        let slots = self.slots(st);
        let Some(first) = slots.clone().next_back() else {
            return Iter::Uninit;
        };
        if !slots.clone().any(|s| s.typ.contains(&Slot::Iter)) {
            return read_slot(first);
        }
        for (i, s) in slots.rev().enumerate() {
            // The kernel looks at all of a slot before it looks at the next, at its trust first.
            if trust_of(s.reg.typ) == Trust::Untrusted {
                return Iter::Live {
                    state: IterState::Active,
                    trust: Trust::Untrusted,
                    depth: 0,
                };
            }
            let of_kind = |it: IterSlot| it.kind() == (self.btf, self.btf_id);
            if !s.reg.iter().is_some_and(of_kind)
                || (i == 0) != (s.reg.id != 0)
                || s.typ != [Slot::Iter; BPF_REG_SIZE]
            {
                return Iter::Unfit;
            }
        }
        read_slot(first)
    }

    /// What a transition gave takes the place of what was there; `id` is the reference that it
    /// holds, `blank` a register that was not written.
    pub(crate) fn write(&self, st: &mut VerifierState, it: Iter, id: u32, blank: RegState) {
        let Some(frame) = st.frames.get_mut(self.frame) else {
            return;
        };
        for (i, spi) in self.range().rev().enumerate() {
            let Some(s) = frame.stack.get_mut(spi) else {
                return;
            };
            match it {
                Iter::Uninit => *s = StackSlot::unwritten(blank),
                Iter::Live { trust, .. } => {
                    s.reg.mark_known(0);
                    s.reg.id = if i == 0 { id } else { 0 };
                    s.reg.about = About::Iter(IterSlot {
                        btf: self.btf,
                        btf_id: self.btf_id,
                        state: IterState::Active,
                        depth: 0,
                    });
                    s.reg.typ = type_of(trust);
                    s.typ = [Slot::Iter; BPF_REG_SIZE];
                    if i == 0 {
                        write_slot(s, it);
                    }
                }
                // No transition leads there.
                Iter::UntrustedSpill | Iter::Unfit => {}
            }
        }
    }
}

/// What one slot says, whatever iterator it is part of.
pub(crate) fn read_slot(s: &StackSlot) -> Iter {
    let trust = trust_of(s.reg.typ);
    match (s.typ[BPF_REG_SIZE - 1], s.reg.iter()) {
        (Slot::Iter, Some(it)) => Iter::Live {
            state: it.state,
            trust,
            depth: it.depth,
        },
        _ if trust == Trust::Untrusted => Iter::UntrustedSpill,
        _ => Iter::Uninit,
    }
}

/// Changes what one slot says of the iterator that it is part of. A slot of none stays as it is.
pub(crate) fn write_slot(s: &mut StackSlot, it: Iter) {
    if let (
        Iter::Live {
            state,
            trust,
            depth,
        },
        About::Iter(said),
    ) = (it, &mut s.reg.about)
    {
        (said.state, said.depth) = (state, depth);
        s.reg.typ = type_of(trust);
    }
}

/// The kernel has no register type for an iterator; it takes that of a stack pointer.
fn type_of(trust: Trust) -> RegType {
    match trust {
        Trust::Plain => RegType::PTR_TO_STACK,
        Trust::Rcu => RegType::PTR_TO_STACK | Flag::MEM_RCU,
        Trust::Untrusted => RegType::PTR_TO_STACK | Flag::PTR_UNTRUSTED,
    }
}

fn trust_of(typ: RegType) -> Trust {
    if typ.has(Flag::PTR_UNTRUSTED) {
        Trust::Untrusted
    } else if typ.has(Flag::MEM_RCU) {
        Trust::Rcu
    } else {
        Trust::Plain
    }
}
