// SPDX-License-Identifier: GPL-2.0-only
//! From bytes to [`Btf`]: header, records, strings, and the checks that make views safe to use.
//!
//! Source: `btf_new()`, `btf_parse_hdr()`, `btf_parse_type_sec()` and `btf_validate_type()` in
//! `tools/lib/bpf/btf.c`; limits of `include/uapi/linux/btf.h`.

use std::sync::Arc;

use crate::btf::names::NameIndex;
use crate::btf::table::{Btf, BtfError};
use crate::btf::types::Kind;

const BTF_MAGIC: u16 = 0xeb9f;

/// Header up to and with `str_len`.
const BTF_HEADER_MIN: usize = 24;

/// Highest type number (`BTF_MAX_TYPE`).
const BTF_MAX_TYPE: usize = 0xf_ffff;

impl Btf {
    /// Reads BTF as in an ELF `.BTF` section or under `/sys/kernel/btf`, of either byte order.
    /// `base` is what it is split from.
    pub fn parse(data: &[u8], base: Option<Arc<Btf>>) -> Result<Self, BtfError> {
        let raw = Raw::new(data)?;
        Self::from_sections(raw.words, &raw.layout, raw.strings.to_vec(), base)
    }

    /// Checks and indexes what a header points to.
    pub(super) fn from_sections(
        words: Vec<u32>,
        layout: &[(u8, u8)],
        strings: Vec<u8>,
        base: Option<Arc<Btf>>,
    ) -> Result<Self, BtfError> {
        let offsets = record_offsets(&words, layout)?;
        let strings =
            String::from_utf8(strings).map_err(|_| BtfError::Header("a name is not UTF-8"))?;
        let begins = strings.starts_with('\0') || base.is_some();
        let ends = strings.ends_with('\0') || strings.is_empty() && base.is_some();
        if !begins || !ends {
            return Err(BtfError::Header(
                "the strings do not begin and end with NUL",
            ));
        }
        Self::from_parts(words, offsets, strings, base)
    }

    /// Checks and indexes what has been read.
    pub(super) fn from_parts(
        words: Vec<u32>,
        offsets: Vec<u32>,
        strings: String,
        base: Option<Arc<Btf>>,
    ) -> Result<Self, BtfError> {
        let (start_id, start_str_off) = match &base {
            Some(base) => (
                base.nr_types(),
                base.start_str_off + base.strings.len() as u32,
            ),
            None => (1, 0),
        };
        if start_id as usize + offsets.len() > BTF_MAX_TYPE {
            return Err(BtfError::Header("too many types"));
        }
        let mut btf = Btf {
            base,
            start_id,
            start_str_off,
            words: words.into(),
            offsets: offsets.into(),
            strings: strings.into(),
            names: NameIndex::default(),
        };
        btf.validate()?;
        btf.names = {
            let name = |&at: &u32| {
                btf.str_from(btf.words[at as usize])
                    .unwrap_or("")
                    .as_bytes()
            };
            NameIndex::new(btf.offsets.iter().map(name))
        };
        Ok(btf)
    }

    fn validate(&self) -> Result<(), BtfError> {
        let nr_types = self.nr_types();
        for t in self.types() {
            let err = |reason| BtfError::Type { id: t.id(), reason };
            let name = |off| match self.str_from(off).is_some() {
                true => Ok(()),
                false => Err(err("a name lies outside the strings")),
            };
            let id = |id| match id < nr_types {
                true => Ok(()),
                false => Err(err("it refers to a type that does not exist")),
            };
            let words = t.words;
            name(words[0])?;
            match t.kind() {
                Kind::Unkn | Kind::Int | Kind::Fwd | Kind::Float => {}
                Kind::Ptr
                | Kind::Typedef
                | Kind::Volatile
                | Kind::Const
                | Kind::Restrict
                | Kind::Var
                | Kind::DeclTag
                | Kind::TypeTag => id(t.type_id())?,
                Kind::Array => {
                    id(words[3])?;
                    id(words[4])?;
                }
                Kind::Struct | Kind::Union => {
                    for member in words[3..].chunks_exact(3) {
                        name(member[0])?;
                        id(member[1])?;
                    }
                }
                Kind::Enum | Kind::Enum64 => {
                    let stride = if t.kind() == Kind::Enum { 2 } else { 3 };
                    for enumerator in words[3..].chunks_exact(stride) {
                        name(enumerator[0])?;
                    }
                }
                Kind::Func => match self.type_by_id(t.type_id()).map(|proto| proto.kind()) {
                    Some(Kind::FuncProto) => {}
                    _ => return Err(err("the function has no prototype")),
                },
                Kind::FuncProto => {
                    id(t.type_id())?;
                    for param in words[3..].chunks_exact(2) {
                        name(param[0])?;
                        id(param[1])?;
                    }
                }
                Kind::Datasec => {
                    for var in words[3..].chunks_exact(3) {
                        id(var[0])?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The sections that the header points to.
struct Raw<'a> {
    words: Vec<u32>,
    strings: &'a [u8],
    /// Per kind: bytes after `struct btf_type`, bytes per element.
    layout: Vec<(u8, u8)>,
}

impl<'a> Raw<'a> {
    fn new(data: &'a [u8]) -> Result<Self, BtfError> {
        let magic = data
            .first_chunk()
            .ok_or(BtfError::Header("the data is too short"))?;
        let u32_at: fn([u8; 4]) -> u32 =
            match (u16::from_le_bytes(*magic), u16::from_be_bytes(*magic)) {
                (BTF_MAGIC, _) => u32::from_le_bytes,
                (_, BTF_MAGIC) => u32::from_be_bytes,
                _ => return Err(BtfError::Header("the magic number is wrong")),
            };
        let field =
            |at: usize| -> Option<usize> { Some(u32_at(*data.get(at..)?.first_chunk()?) as usize) };
        let too_short = BtfError::Header("the data is too short");
        let hdr_len = field(4).ok_or(too_short.clone())?;
        if data[2] != 1 {
            return Err(BtfError::Header("the version is not 1"));
        }
        if hdr_len < BTF_HEADER_MIN || hdr_len > data.len() {
            return Err(BtfError::Header("the header's length is wrong"));
        }
        let body = &data[hdr_len..];
        let section = |at: usize| -> Option<&'a [u8]> {
            let start = field(at)?;
            body.get(start..start.checked_add(field(at + 4)?)?)
        };
        let types = section(8).ok_or(BtfError::Header("the types lie outside the data"))?;
        let strings = section(16).ok_or(BtfError::Header("the strings lie outside the data"))?;
        let layout = match hdr_len >= 32 {
            true => section(24).ok_or(BtfError::Header("the layout lies outside the data"))?,
            false => &[],
        };
        if types.len() % 4 != 0 || layout.len() % 4 != 0 {
            return Err(BtfError::Header(
                "a section's length is not a multiple of 4",
            ));
        }
        if strings.len() > u32::MAX as usize / 4 {
            return Err(BtfError::Header("the strings are too long"));
        }
        let words = types.as_chunks().0.iter().map(|&w| u32_at(w)).collect();
        let layout = layout.chunks_exact(4).map(|l| (l[0], l[1])).collect();
        Ok(Self {
            words,
            strings,
            layout,
        })
    }
}

/// Where each record begins.
fn record_offsets(words: &[u32], layout: &[(u8, u8)]) -> Result<Vec<u32>, BtfError> {
    let mut offsets = Vec::with_capacity(words.len() / 4);
    let mut at = 0;
    while at < words.len() {
        let err = |reason| BtfError::Type {
            id: offsets.len() as u32 + 1,
            reason,
        };
        let info = *words.get(at + 1).ok_or(err("the record is cut short"))?;
        let vlen = (info & 0xff_ffff) as usize;
        let len = 3 + match Kind::from_info(info) {
            Some(
                Kind::Ptr
                | Kind::Fwd
                | Kind::Typedef
                | Kind::Volatile
                | Kind::Const
                | Kind::Restrict
                | Kind::Func
                | Kind::Float
                | Kind::TypeTag,
            ) => 0,
            Some(Kind::Int | Kind::Var | Kind::DeclTag) => 1,
            Some(Kind::Array) => 3,
            Some(Kind::Enum | Kind::FuncProto) => 2 * vlen,
            Some(Kind::Struct | Kind::Union | Kind::Datasec | Kind::Enum64) => 3 * vlen,
            Some(Kind::Unkn) => return Err(err("kind 0 cannot be used")),
            None => match layout.get((info >> 24 & 0x7f) as usize) {
                Some((info, elem)) if info % 4 == 0 && elem % 4 == 0 => {
                    usize::from(info / 4) + usize::from(elem / 4) * vlen
                }
                _ => return Err(err("its kind is not known")),
            },
        };
        if len > words.len() - at {
            return Err(err("the record is cut short"));
        }
        offsets.push(at as u32);
        at += len;
    }
    Ok(offsets)
}
