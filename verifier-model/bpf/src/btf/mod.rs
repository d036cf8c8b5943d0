// SPDX-License-Identifier: GPL-2.0-only
//! BPF Type Format: the types of a kernel, of a module, or of a BPF object.
//!
//! [`Btf`] is one object: a table of types that are numbered from 1 (0 is `void`). A module's BTF
//! is *split*: its numbers go on where its base's end, and it may refer to the base's types.
//! [`Type`] is a view of one of them; it costs nothing to copy.
//!
//! ```
//! use bpf::btf::{Btf, BtfBuilder, Kind};
//!
//! // struct list_head { struct list_head *next, *prev; };
//! let mut b = BtfBuilder::default();
//! let next = b.string("next");
//! let prev = b.string("prev");
//! let head = b.string("list_head");
//! b.push(Kind::Struct, head, 2, false, 16, &[next, 2, 0, prev, 2, 64]);
//! b.push(Kind::Ptr, 0, 0, false, 1, &[]);
//! let btf = Btf::parse(&b.build(), None)?;
//!
//! let list_head = btf.find_by_name_kind("list_head", Kind::Struct).unwrap();
//! let prev = list_head.members().nth(1).unwrap();
//! assert_eq!((prev.name(), prev.bit_offset()), ("prev", 64));
//! assert_eq!(btf.resolve_size(prev.type_id())?, 8);
//! # Ok::<(), bpf::btf::BtfError>(())
//! ```
//!
//! Source: `Documentation/bpf/btf.rst`, `include/uapi/linux/btf.h`, `tools/lib/bpf/btf.c`.
//! Since 7.3 a type has 7 bits of kind and 24 of vlen, and a header may describe the layout of kinds
//! that a reader does not know.

mod build;
mod file;
mod indexed;
mod names;
mod packed;
mod parse;
mod relocate;
mod resolve;
mod types;
mod words;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::btf::names::NameIndex;

pub use build::BtfBuilder;
pub use names::essential_name;
pub use types::{Array, Enumerator, IntEncoding, Kind, Linkage, Member, Param, Type, VarSecinfo};
pub use words::{is_scalar, is_void, kind_str};

/// Why a BTF object cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BtfError {
    /// The file could not be read, or has no BTF.
    #[error("{0}")]
    File(String),
    /// The header does not describe the data.
    #[error("BTF header: {0}")]
    Header(&'static str),
    /// A type is malformed.
    #[error("BTF type {id}: {reason}")]
    Type {
        /// Its number.
        id: u32,
        /// What is wrong.
        reason: &'static str,
    },
    /// A type has no size, its chain of references does not end, or its size overflows.
    #[error("BTF type {0} has no size")]
    NoSize(u32),
}

/// One BTF object.
pub struct Btf {
    base: Option<Arc<Btf>>,
    /// Number of the first type here: 1, or for split BTF the base's `nr_types`.
    start_id: u32,
    /// Offset of the first string here: 0, or for split BTF the base's strings' length.
    start_str_off: u32,
    /// All records, in host byte order.
    words: Cow<'static, [u32]>,
    /// Where in `words` each type begins.
    offsets: Cow<'static, [u32]>,
    /// NUL-terminated names, one after another.
    strings: Cow<'static, str>,
    names: NameIndex,
}

impl Btf {
    /// The BTF that this one is split from.
    pub fn base(&self) -> Option<&Arc<Btf>> {
        self.base.as_ref()
    }

    /// One more than the highest type number, the base's types included (`btf_nr_types()`).
    pub fn nr_types(&self) -> u32 {
        self.start_id + self.offsets.len() as u32
    }

    /// Number of the first type that is not the base's (`btf_start_id()`).
    pub fn start_id(&self) -> u32 {
        self.start_id
    }

    /// The type of this number, the base's included; `void` for 0.
    pub fn type_by_id(&self, id: u32) -> Option<Type<'_>> {
        if id == 0 {
            return Some(Type::void(self));
        }
        if id < self.start_id {
            return self.base.as_ref()?.type_by_id(id);
        }
        let index = (id - self.start_id) as usize;
        let start = *self.offsets.get(index)? as usize;
        let end = self
            .offsets
            .get(index + 1)
            .map_or(self.words.len(), |&end| end as usize);
        Some(Type::new(self, id, &self.words[start..end]))
    }

    /// All types here without the base's and without `void`, ascending.
    pub fn types(&self) -> impl Iterator<Item = Type<'_>> {
        (self.start_id..self.nr_types()).filter_map(|id| self.type_by_id(id))
    }

    /// The name at this offset (`btf_name_by_offset()`); None if the offset is beyond the strings
    /// or inside a character.
    pub fn str_at(&self, offset: u32) -> Option<&str> {
        let rest = self.str_from(offset)?;
        rest.find('\0').map(|len| &rest[..len])
    }

    /// As [`Btf::str_at`], without looking for the name's end: with all the strings behind it.
    fn str_from(&self, offset: u32) -> Option<&str> {
        match offset.checked_sub(self.start_str_off) {
            Some(offset) => self
                .strings
                .get(offset as usize..)
                .filter(|rest| !rest.is_empty()),
            None => self.base.as_ref()?.str_from(offset),
        }
    }

    /// The types of this name, ascending: the base's first, then the ones here.
    pub fn find_by_name<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Type<'a>> {
        let base = self.base.as_deref().map(|base| base.find_own_by_name(name));
        base.into_iter()
            .flatten()
            .chain(self.find_own_by_name(name))
    }

    /// The types of this name that are not the base's, ascending.
    pub fn find_own_by_name<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Type<'a>> {
        self.names
            .candidates(name)
            .filter_map(|index| self.type_by_id(self.start_id + index))
            .filter(move |t| t.name() == name)
    }

    /// The types here that have this name if flavours (`___old`) are left out of both, ascending.
    pub fn find_own_by_essential_name<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = Type<'a>> {
        let essential = essential_name(name);
        self.names
            .candidates(name)
            .filter_map(|index| self.type_by_id(self.start_id + index))
            .filter(move |t| essential_name(t.name()) == essential)
    }

    /// The type of this name and kind with the lowest number, the base's included
    /// (`btf_find_by_name_kind()`).
    pub fn find_by_name_kind(&self, name: &str, kind: Kind) -> Option<Type<'_>> {
        if let Some(t) = self
            .base
            .as_ref()
            .and_then(|b| b.find_by_name_kind(name, kind))
        {
            return Some(t);
        }
        self.find_own_by_name_kind(name, kind)
    }

    /// As [`Btf::find_by_name_kind`], without the base.
    pub fn find_own_by_name_kind(&self, name: &str, kind: Kind) -> Option<Type<'_>> {
        let index = self.names.candidates(name).find(|&index| {
            self.type_by_id(self.start_id + index)
                .is_some_and(|t| t.kind() == kind && t.name() == name)
        })?;
        self.type_by_id(self.start_id + index)
    }
}

impl fmt::Debug for Btf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Btf")
            .field("start_id", &self.start_id)
            .field("nr_types", &self.nr_types())
            .finish_non_exhaustive()
    }
}
