// SPDX-License-Identifier: GPL-2.0-only
//! What is known about one register or one spilled register.
//!
//! Source: `struct bpf_reg_state` in `include/linux/bpf_verifier.h` and the helpers around
//! `___mark_reg_known()` in `kernel/bpf/verifier.c`.

use bpf::kernel::BtfRef;

use crate::domain::ranges::Ranges;
use crate::domain::tnum::Tnum;
use crate::facts::types::RegType;
use crate::state::iter::IterSlot;

impl DynptrType {
    /// As messages print it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "<invalid>",
            Self::Local => "local",
            Self::Ringbuf => "ringbuf",
            Self::Skb => "skb",
            Self::Xdp => "xdp",
            Self::SkbMeta => "skb_meta",
            Self::File => "file",
        }
    }
}

/// Kind of a dynptr.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum DynptrType {
    /// None.
    #[default]
    Invalid,
    /// To memory of the program.
    Local,
    /// To a ring buffer record.
    Ringbuf,
    /// To an skb.
    Skb,
    /// To an XDP buffer.
    Xdp,
    /// To skb metadata.
    SkbMeta,
    /// To a file.
    File,
}

/// Which family of kfuncs saved an IRQ flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IrqClass {
    /// `bpf_local_irq_save` and `bpf_local_irq_restore`.
    Native,
    /// `bpf_res_spin_lock_irqsave` and its unlock.
    Lock,
}

/// What the register type needs beside the range: the kernel's anonymous union.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum About {
    #[default]
    None,
    /// Packet pointers: bytes known to be there, or a negative mark at the packet's end.
    Range(i32),
    /// Stack pointers: the frame pointed into.
    Frame(u32),
    /// Map, key and value pointers: the map.
    Map(usize),
    /// Pointers to kernel or program structures.
    Btf(BtfRef, u32),
    /// Pointers to memory: its size.
    MemSize(u32),
    /// Dynptr slots; the flag marks the first of the two.
    Dynptr(DynptrType, bool),
    /// Iterator slots.
    Iter(IterSlot),
    /// IRQ flag slots.
    Irq(IrqClass),
    /// Pointers to functions: the subprogram's number.
    Subprog(usize),
}

/// Set in an id: the value is `delta` away from the others with that id, 64-bit addition.
pub(crate) const ADD_CONST64: u32 = 1 << 31;

/// As [`ADD_CONST64`] with 32-bit addition.
pub(crate) const ADD_CONST32: u32 = 1 << 30;

/// Either of the two.
pub(crate) const ADD_CONST: u32 = ADD_CONST64 | ADD_CONST32;

/// State of a register. Two fields hold the same number: see [`RegState::bounds_sync`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct RegState {
    /// What it holds.
    pub typ: RegType,
    /// Distance from the scalars with the same `id`.
    pub delta: i32,
    /// What the type needs.
    pub about: About,
    /// The scalar, or the variable part of a pointer's offset: its bits.
    pub var_off: Tnum,
    /// The same, as ranges of it and of its low half.
    pub ranges: Ranges,
    /// Links registers that hold the same value, come from one lookup, or one acquisition; 0 is none.
    pub id: u32,
    /// Object that this was derived from and dies with; 0 is none.
    pub parent_id: u32,
    /// Which lookup of an inner map this comes from.
    pub map_uid: u32,
    /// The exact value matters for safety, so it is compared when states are.
    pub precise: bool,
}

impl RegState {
    /// Signed minimum.
    pub(crate) const fn smin(&self) -> i64 {
        self.ranges.smin()
    }
    /// Signed maximum.
    pub(crate) const fn smax(&self) -> i64 {
        self.ranges.smax()
    }
    /// Unsigned minimum.
    pub(crate) const fn umin(&self) -> u64 {
        self.ranges.umin()
    }
    /// Unsigned maximum.
    pub(crate) const fn umax(&self) -> u64 {
        self.ranges.umax()
    }
    /// Signed minimum of the low half.
    pub(crate) const fn s32_min(&self) -> i32 {
        self.ranges.s32_min()
    }
    /// Signed maximum of the low half.
    pub(crate) const fn s32_max(&self) -> i32 {
        self.ranges.s32_max()
    }
    /// Unsigned minimum of the low half.
    pub(crate) const fn u32_min(&self) -> u32 {
        self.ranges.u32_min()
    }
    /// Unsigned maximum of the low half.
    pub(crate) const fn u32_max(&self) -> u32 {
        self.ranges.u32_max()
    }

    /// An unknown scalar, not precise.
    pub(crate) fn unknown_imprecise() -> Self {
        Self {
            typ: RegType::SCALAR_VALUE,
            var_off: Tnum::UNKNOWN,
            ranges: Ranges::UNBOUNDED,
            ..Self::default()
        }
    }

    /// A known scalar.
    pub(crate) fn konst(imm: u64) -> Self {
        let mut r = Self {
            typ: RegType::SCALAR_VALUE,
            ..Self::default()
        };
        r.mark_known(imm);
        r
    }

    /// Sets the value and nothing else (`___mark_reg_known`).
    pub(crate) fn set_value(&mut self, imm: u64) {
        self.var_off = Tnum::konst(imm);
        self.ranges = Ranges::known(imm);
    }

    /// Sets the value and forgets ids and what the old type needed; the type and precision stay.
    pub(crate) fn mark_known(&mut self, imm: u64) {
        self.forget_links();
        self.set_value(imm);
    }

    /// Forgets ids and what the old type needed.
    pub(crate) fn forget_links(&mut self) {
        self.delta = 0;
        self.about = About::None;
        self.id = 0;
        self.parent_id = 0;
        self.map_uid = 0;
    }

    /// Sets the low half.
    pub(crate) fn mark_known32(&mut self, imm: u32) {
        self.var_off = self.var_off.const_subreg(imm);
        self.ranges.set_known32(imm);
    }

    /// Forgets the ranges.
    pub(crate) fn mark_unbounded(&mut self) {
        self.ranges = Ranges::UNBOUNDED;
    }

    /// Forgets the link to other scalars.
    pub(crate) fn clear_scalar_id(&mut self) {
        self.id = 0;
        self.delta = 0;
    }

    /// Whether it is the scalar 0.
    pub(crate) const fn is_null(&self) -> bool {
        self.is_scalar() && self.var_off.equals_const(0)
    }

    /// Whether it is a scalar.
    pub(crate) const fn is_scalar(&self) -> bool {
        self.typ.raw() == RegType::SCALAR_VALUE.raw()
    }

    /// Whether it is a known scalar, or its low half is.
    pub(crate) const fn is_const(&self, subreg32: bool) -> bool {
        let t = if subreg32 {
            self.var_off.subreg()
        } else {
            self.var_off
        };
        self.is_scalar() && t.is_const()
    }

    /// The known value.
    pub(crate) const fn const_value(&self, subreg32: bool) -> u64 {
        if subreg32 {
            self.var_off.subreg().value
        } else {
            self.var_off.value
        }
    }

    /// Whether nothing is known of a scalar.
    pub(crate) fn is_unbounded(&self) -> bool {
        self.var_off.is_unknown()
            && (self.smin(), self.smax()) == (i64::MIN, i64::MAX)
            && (self.umin(), self.umax()) == (0, u64::MAX)
            && (self.s32_min(), self.s32_max()) == (i32::MIN, i32::MAX)
            && (self.u32_min(), self.u32_max()) == (0, u32::MAX)
    }

    /// How many low bits can be set.
    pub(crate) const fn width(&self) -> u32 {
        u64::BITS - self.umax().leading_zeros()
    }

    /// Bytes known to be there, for packet pointers.
    pub(crate) const fn range(&self) -> i32 {
        if let About::Range(r) = self.about {
            r
        } else {
            0
        }
    }

    /// Frame pointed into, for stack pointers.
    pub(crate) const fn frameno(&self) -> usize {
        if let About::Frame(f) = self.about {
            f as usize
        } else {
            0
        }
    }

    /// The map, for map pointers.
    pub(crate) const fn map(&self) -> Option<usize> {
        if let About::Map(m) = self.about {
            Some(m)
        } else {
            None
        }
    }

    /// The BTF type, for pointers to structures.
    pub(crate) const fn btf(&self) -> Option<(BtfRef, u32)> {
        if let About::Btf(b, id) = self.about {
            Some((b, id))
        } else {
            None
        }
    }

    /// The memory's size, for pointers to memory.
    pub(crate) const fn mem_size(&self) -> u32 {
        if let About::MemSize(s) = self.about {
            s
        } else {
            0
        }
    }

    /// The iterator, for its stack slots.
    pub(crate) const fn iter(&self) -> Option<IterSlot> {
        if let About::Iter(i) = self.about {
            Some(i)
        } else {
            None
        }
    }

    /// Whether everything that the kernel compares as bytes up to `id` is the same.
    #[inline]
    pub(crate) fn same_up_to_id(&self, o: &Self) -> bool {
        // What differs most often comes first.
        self.var_off == o.var_off && self.ranges == o.ranges && self.same_up_to_var_off(o)
    }

    /// As [`Self::same_up_to_id`], without the value.
    pub(crate) fn same_up_to_var_off(&self, o: &Self) -> bool {
        self.typ == o.typ && self.delta == o.delta && self.about == o.about
    }

    /// As [`Self::same_up_to_id`], with the ids.
    #[inline]
    pub(crate) fn same_up_to_precise(&self, o: &Self) -> bool {
        self.same_up_to_id(o)
            && self.id == o.id
            && self.parent_id == o.parent_id
            && self.map_uid == o.map_uid
    }
}
