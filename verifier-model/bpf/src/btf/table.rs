// SPDX-License-Identifier: GPL-2.0-only
//! One BTF object as it lies in memory: records, names, and what it is split from.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::btf::names::NameIndex;

/// One BTF object.
pub struct Btf {
    pub(super) base: Option<Arc<Btf>>,
    /// Number of the first type here: 1, or for split BTF the base's `nr_types`.
    pub(super) start_id: u32,
    /// Offset of the first string here: 0, or for split BTF the base's strings' length.
    pub(super) start_str_off: u32,
    /// All records, in host byte order.
    pub(super) words: Cow<'static, [u32]>,
    /// Where in `words` each type begins.
    pub(super) offsets: Cow<'static, [u32]>,
    /// NUL-terminated names, one after another.
    pub(super) strings: Cow<'static, str>,
    pub(super) names: NameIndex,
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

    /// The name at this offset (`btf_name_by_offset()`); None if the offset is beyond the strings
    /// or inside a character.
    pub fn str_at(&self, offset: u32) -> Option<&str> {
        let rest = self.str_from(offset)?;
        rest.find('\0').map(|len| &rest[..len])
    }

    /// As [`Btf::str_at`], without looking for the name's end: with all the strings behind it.
    pub(super) fn str_from(&self, offset: u32) -> Option<&str> {
        match offset.checked_sub(self.start_str_off) {
            Some(offset) => self
                .strings
                .get(offset as usize..)
                .filter(|rest| !rest.is_empty()),
            None => self.base.as_ref()?.str_from(offset),
        }
    }

    /// The words of the record of a type here.
    pub(super) fn record(&self, index: usize) -> Option<&[u32]> {
        let start = *self.offsets.get(index)? as usize;
        let end = self.offsets.get(index + 1);
        self.words
            .get(start..end.map_or(self.words.len(), |&end| end as usize))
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
