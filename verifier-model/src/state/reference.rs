// SPDX-License-Identifier: GPL-2.0-only
//! What a program holds and has to give back: references, locks, sections.
//!
//! Source: `struct bpf_reference_state` in `include/linux/bpf_verifier.h`.

/// What a reference stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RefKind {
    /// An acquired object; `parent_id` is the object it keeps alive.
    Ptr {
        /// Object it was derived from, 0 for none.
        parent_id: u32,
    },
    /// A saved IRQ flag.
    Irq,
    /// A held lock.
    Lock(LockKind, LockPtr),
}

/// Kind of a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LockKind {
    /// `bpf_spin_lock`
    Spin,
    /// `bpf_res_spin_lock`
    Res,
    /// `bpf_res_spin_lock_irqsave`
    ResIrq,
}

/// What a lock is part of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LockPtr {
    /// A value of this map.
    Map(usize),
    /// An object of a type in this BTF.
    Btf(bpf::kernel::BtfRef),
}

/// Something that must be given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reference {
    /// What it is.
    pub kind: RefKind,
    /// Its id, the same as in the registers that carry it.
    pub id: u32,
    /// Instruction that acquired it.
    pub insn_idx: usize,
}
