// SPDX-License-Identifier: GPL-2.0-only
//! Register, argument and return types with their modifiers.
//!
//! The kernel keeps a base type in the low eight bits and modifiers above; the numbers are its own,
//! because `reg_type_str()`, comparisons and masks all work on the whole word.
//!
//! Source: `enum bpf_reg_type`, `bpf_arg_type`, `bpf_return_type`, `bpf_type_flag` in
//! `include/linux/bpf.h`.

use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not};

const BASE_BITS: u32 = 8;

const BASE_MASK: u32 = (1 << BASE_BITS) - 1;

macro_rules! flags {
    ($($(#[$m:meta])* $name:ident = $bit:literal;)*) => {
        /// Modifiers that can be set on any of the types.
        impl Flag { $($(#[$m])* pub(crate) const $name: Self = Self(1 << ($bit + BASE_BITS));)* }
    };
}

/// A set of type modifiers (`enum bpf_type_flag`).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Flag(u32);

flags! {
    /// May be NULL.
    PTR_MAYBE_NULL = 0;
    /// Memory is read-only.
    MEM_RDONLY = 1;
    /// Memory is a ring buffer record.
    MEM_RINGBUF = 2;
    /// User space address.
    MEM_USER = 3;
    /// Per-CPU memory.
    MEM_PERCPU = 4;
    /// The argument is released by the call.
    OBJ_RELEASE = 5;
    /// Not known to be valid; reads are made safe by fault handling.
    PTR_UNTRUSTED = 6;
    /// Memory may be uninitialised; the call fills it in.
    MEM_UNINIT = 7;
    /// Dynptr to program memory.
    DYNPTR_TYPE_LOCAL = 8;
    /// Dynptr to a ring buffer record.
    DYNPTR_TYPE_RINGBUF = 9;
    /// Memory of a size the prototype gives.
    MEM_FIXED_SIZE = 10;
    /// Object of a type in the program's BTF, from `bpf_obj_new`.
    MEM_ALLOC = 11;
    /// Passed by the kernel in a trusted context.
    PTR_TRUSTED = 12;
    /// Valid while the RCU section lasts.
    MEM_RCU = 13;
    /// Reference to a node that its collection owns.
    NON_OWN_REF = 14;
    /// Dynptr to an skb.
    DYNPTR_TYPE_SKB = 15;
    /// Dynptr to an XDP buffer.
    DYNPTR_TYPE_XDP = 16;
    /// Memory must be aligned.
    MEM_ALIGNED = 17;
    /// Memory is written.
    MEM_WRITE = 18;
    /// Dynptr to skb metadata.
    DYNPTR_TYPE_SKB_META = 19;
    /// Dynptr to a file.
    DYNPTR_TYPE_FILE = 20;
}

impl Flag {
    /// No modifier.
    pub(crate) const NONE: Self = Self(0);
    /// All kinds of dynptr.
    pub(crate) const DYNPTR_TYPE_MASK: Self = Self(
        Self::DYNPTR_TYPE_LOCAL.0
            | Self::DYNPTR_TYPE_RINGBUF.0
            | Self::DYNPTR_TYPE_SKB.0
            | Self::DYNPTR_TYPE_XDP.0
            | Self::DYNPTR_TYPE_SKB_META.0
            | Self::DYNPTR_TYPE_FILE.0,
    );
    /// Modifiers that make a pointer trusted (`BPF_REG_TRUSTED_MODIFIERS`).
    pub(crate) const TRUSTED_MODIFIERS: Self =
        Self(Self::MEM_ALLOC.0 | Self::PTR_TRUSTED.0 | Self::NON_OWN_REF.0);

    /// Whether any of `f` is set.
    pub(crate) const fn any(self, f: Self) -> bool {
        self.0 & f.0 != 0
    }

    /// Whether none is set.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Flag {
    type Output = Self;
    fn bitor(self, o: Self) -> Self {
        Self(self.0 | o.0)
    }
}

impl BitOrAssign for Flag {
    fn bitor_assign(&mut self, o: Self) {
        self.0 |= o.0;
    }
}

impl BitAnd for Flag {
    type Output = Self;
    fn bitand(self, o: Self) -> Self {
        Self(self.0 & o.0)
    }
}

impl BitAndAssign for Flag {
    fn bitand_assign(&mut self, o: Self) {
        self.0 &= o.0;
    }
}

impl Not for Flag {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0 & !BASE_MASK)
    }
}

macro_rules! typed {
    ($(#[$m:meta])* $name:ident { $($v:ident = $n:literal),* $(,)? }) => {
        $(#[$m])*
        #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
        pub(crate) struct $name(u32);

        impl $name { $(pub(crate) const $v: Self = Self($n);)* }

        impl $name {
            /// The type without modifiers.
            pub(crate) const fn base(self) -> Self {
                Self(self.0 & BASE_MASK)
            }
            /// The modifiers.
            pub(crate) const fn flags(self) -> Flag {
                Flag(self.0 & !BASE_MASK)
            }
            /// With `f` set.
            #[must_use]
            pub(crate) const fn with(self, f: Flag) -> Self {
                Self(self.0 | f.0)
            }
        }

        impl BitOr<Flag> for $name {
            type Output = Self;
            fn bitor(self, f: Flag) -> Self {
                self.with(f)
            }
        }
    };
}

/// Questions that are asked of registers and arguments, but not of what is returned.
macro_rules! asked {
    ($($name:ident)*) => {$(
        impl $name {
            /// Whether any of `f` is set.
            pub(crate) const fn has(self, f: Flag) -> bool {
                self.0 & f.0 != 0
            }
            /// Without `f`.
            #[must_use]
            pub(crate) const fn without(self, f: Flag) -> Self {
                Self(self.0 & !f.0)
            }
            /// Whether it may be NULL.
            pub(crate) const fn may_be_null(self) -> bool {
                self.has(Flag::PTR_MAYBE_NULL)
            }
            /// The word itself, as messages print it.
            pub(crate) const fn raw(self) -> u32 {
                self.0
            }
        }
    )*};
}

asked!(RegType ArgType);

typed! {
    /// `enum bpf_reg_type`: what a register holds.
    RegType {
        NOT_INIT = 0, SCALAR_VALUE = 1, PTR_TO_CTX = 2, CONST_PTR_TO_MAP = 3, PTR_TO_MAP_VALUE = 4,
        PTR_TO_MAP_KEY = 5, PTR_TO_STACK = 6, PTR_TO_PACKET_META = 7, PTR_TO_PACKET = 8,
        PTR_TO_PACKET_END = 9, PTR_TO_FLOW_KEYS = 10, PTR_TO_SOCKET = 11, PTR_TO_SOCK_COMMON = 12,
        PTR_TO_TCP_SOCK = 13, PTR_TO_TP_BUFFER = 14, PTR_TO_XDP_SOCK = 15, PTR_TO_BTF_ID = 16,
        PTR_TO_MEM = 17, PTR_TO_ARENA = 18, PTR_TO_BUF = 19, PTR_TO_FUNC = 20, PTR_TO_INSN = 21,
        CONST_PTR_TO_DYNPTR = 22,
    }
}

/// An object from `bpf_obj_new`.
pub(crate) const ALLOC: RegType = RegType::PTR_TO_BTF_ID.with(Flag::MEM_ALLOC);

typed! {
    /// `enum bpf_arg_type`: what a helper or function takes.
    ArgType {
        ARG_DONTCARE = 0, ARG_CONST_MAP_PTR = 1, ARG_PTR_TO_MAP_KEY = 2, ARG_PTR_TO_MAP_VALUE = 3,
        ARG_PTR_TO_MEM = 4, ARG_PTR_TO_ARENA = 5, ARG_MEM_SIZE = 6, ARG_MEM_SIZE_OR_ZERO = 7,
        ARG_PTR_TO_CTX = 8, ARG_ANYTHING = 9, ARG_SCALAR = 10, ARG_PTR_TO_SPIN_LOCK = 11,
        ARG_PTR_TO_SOCK_COMMON = 12, ARG_PTR_TO_SOCKET = 13, ARG_PTR_TO_BTF_ID = 14,
        ARG_PTR_TO_RINGBUF_MEM = 15, ARG_CONST_ALLOC_SIZE_OR_ZERO = 16,
        ARG_PTR_TO_BTF_ID_SOCK_COMMON = 17, ARG_PTR_TO_PERCPU_BTF_ID = 18, ARG_PTR_TO_FUNC = 19,
        ARG_PTR_TO_STACK = 20, ARG_PTR_TO_CONST_STR = 21, ARG_PTR_TO_TIMER = 22,
        ARG_KPTR_XCHG_DEST = 23, ARG_PTR_TO_DYNPTR = 24,
    }
}

typed! {
    /// `enum bpf_return_type`: what a helper returns.
    RetType {
        RET_INTEGER = 0, RET_VOID = 1, RET_PTR_TO_MAP_VALUE = 2, RET_PTR_TO_SOCKET = 3,
        RET_PTR_TO_TCP_SOCK = 4, RET_PTR_TO_SOCK_COMMON = 5, RET_PTR_TO_MEM = 6,
        RET_PTR_TO_MEM_OR_BTF_ID = 7, RET_PTR_TO_BTF_ID = 8,
    }
}

impl RegType {
    /// Whether there is a value and it is a pointer.
    pub(crate) const fn is_pointer(self) -> bool {
        self.0 != Self::SCALAR_VALUE.0 && self.0 != Self::NOT_INIT.0
    }
    /// A pointer that is lost on the stack until `every-pointer-spilled`.
    pub(crate) const fn is_lost_on_stack(self) -> bool {
        let b = self.base().0;
        b == Self::PTR_TO_TP_BUFFER.0
            || b == Self::CONST_PTR_TO_DYNPTR.0
            || b == Self::PTR_TO_INSN.0
    }
    /// Pointer to packet data or metadata.
    pub(crate) const fn is_pkt_pointer(self) -> bool {
        let b = self.base().0;
        b == Self::PTR_TO_PACKET.0 || b == Self::PTR_TO_PACKET_META.0
    }
    /// Pointer to a socket of some kind, not NULL.
    pub(crate) const fn is_sk_pointer(self) -> bool {
        self.0 >= Self::PTR_TO_SOCKET.0
            && self.0 <= Self::PTR_TO_XDP_SOCK.0
            && self.0 != Self::PTR_TO_TP_BUFFER.0
    }
    /// Map, key or value.
    pub(crate) const fn is_map_ptr(self) -> bool {
        let b = self.base().0;
        b >= Self::CONST_PTR_TO_MAP.0 && b <= Self::PTR_TO_MAP_KEY.0
    }
    /// `PTR_TO_MEM` or `PTR_TO_BTF_ID` with any modifiers.
    pub(crate) const fn is_mem_or_btf_id(self) -> bool {
        let b = self.base().0;
        b == Self::PTR_TO_MEM.0 || b == Self::PTR_TO_BTF_ID.0
    }
    /// Whether a load through it needs fault handling (`bpf_may_fault_on_deref`).
    pub(crate) const fn may_fault_on_deref(self) -> bool {
        self.0 == Self::PTR_TO_BTF_ID.0 || self.has(Flag::PTR_UNTRUSTED)
    }
    /// Whether it has modifiers other than the trusted ones.
    pub(crate) const fn has_unsafe_modifiers(self) -> bool {
        self.0 & !BASE_MASK & !Flag::TRUSTED_MODIFIERS.0 != 0
    }
}

impl core::fmt::Display for RegType {
    /// As the kernel's `reg_type_str()`.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        const NAMES: [&str; 23] = [
            "?",
            "scalar",
            "ctx",
            "map_ptr",
            "map_value",
            "map_key",
            "fp",
            "pkt_meta",
            "pkt",
            "pkt_end",
            "flow_keys",
            "sock",
            "sock_common",
            "tcp_sock",
            "tp_buffer",
            "xdp_sock",
            "ptr_",
            "mem",
            "arena",
            "buf",
            "func",
            "insn",
            "dynptr_ptr",
        ];
        const PREFIXES: [(Flag, &str); 7] = [
            (Flag::MEM_RDONLY, "rdonly_"),
            (Flag::MEM_RINGBUF, "ringbuf_"),
            (Flag::MEM_USER, "user_"),
            (Flag::MEM_PERCPU, "percpu_"),
            (Flag::MEM_RCU, "rcu_"),
            (Flag::PTR_UNTRUSTED, "untrusted_"),
            (Flag::PTR_TRUSTED, "trusted_"),
        ];
        for (flag, text) in PREFIXES {
            if self.has(flag) {
                f.write_str(text)?;
            }
        }
        f.write_str(NAMES.get(self.base().0 as usize).unwrap_or(&"?"))?;
        if self.may_be_null() {
            let btf = self.base() == Self::PTR_TO_BTF_ID;
            f.write_str(if btf { "or_null_" } else { "_or_null" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_kernels() {
        let t = RegType::PTR_TO_BTF_ID;
        assert_eq!((t | Flag::PTR_TRUSTED).to_string(), "trusted_ptr_");
        assert_eq!(
            (t | Flag::MEM_RCU | Flag::PTR_MAYBE_NULL).to_string(),
            "rcu_ptr_or_null_"
        );
        assert_eq!(
            (RegType::PTR_TO_MAP_VALUE | Flag::PTR_MAYBE_NULL).to_string(),
            "map_value_or_null"
        );
    }

    #[test]
    fn sockets_are_four() {
        let n = (0..23).filter(|&n| RegType(n).is_sk_pointer()).count();
        assert_eq!(n, 4);
    }
}
