// SPDX-License-Identifier: GPL-2.0-only
//! What a relocation is about: a type, an enumerator, or a path of fields.
//!
//! A path is written as indices, `"0:1:2:3"`: element 0 of the pointer, then member 1, its member 2,
//! its element 3. Anonymous members are steps of that path but not *accessors*: those are what is
//! looked for by name in the kernel, where a field may have moved into or out of one.
//!
//! Source: `bpf_core_parse_spec()`.

use crate::btf::{Array, Btf, Kind};
use crate::load::core_relo::record::{CoreError, CoreRelo, RelocKind};

/// Longest path (`BPF_CORE_SPEC_MAX_LEN`).
pub(super) const MAX_LEN: usize = 64;

#[derive(Debug, Clone)]
pub(super) struct Spec<'a> {
    pub(super) btf: &'a Btf,
    pub(super) kind: RelocKind,
    pub(super) root_type_id: u32,
    pub(super) accessors: Vec<Accessor<'a>>,
    /// Steps, those through anonymous members included.
    pub(super) raw_len: usize,
    /// Offset of the field from the start of the root type, in bits; wraps as C's `u32` does.
    pub(super) bit_offset: u64,
}

/// A named field, or an element of an array.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accessor<'a> {
    /// The structure that has the field, or the type of the element.
    pub(super) type_id: u32,
    pub(super) index: u32,
    /// None for an element.
    pub(super) name: Option<&'a str>,
}

impl<'a> Spec<'a> {
    pub(super) fn empty(btf: &'a Btf, kind: RelocKind, root_type_id: u32) -> Self {
        Self {
            btf,
            kind,
            root_type_id,
            accessors: Vec::new(),
            raw_len: 0,
            bit_offset: 0,
        }
    }

    pub(super) fn parse(btf: &'a Btf, relo: CoreRelo, kind: RelocKind) -> Result<Self, CoreError> {
        let text = btf.str_at(relo.access_str_off).unwrap_or("");
        let bad = || {
            format!(
                "CO-RE access '{text}' of type {} is malformed",
                relo.type_id
            )
        };
        let mut spec = Self::empty(btf, kind, relo.type_id);
        btf.type_by_id(relo.type_id).ok_or_else(bad)?;
        if kind.is_type_based() {
            return if text == "0" { Ok(spec) } else { Err(bad()) };
        }
        let path: Vec<u32> = text
            .split(':')
            .map(|step| {
                step.parse::<i32>()
                    .ok()
                    .and_then(|step| step.try_into().ok())
            })
            .collect::<Option<_>>()
            .ok_or_else(bad)?;
        let (&first, rest) = path.split_first().ok_or_else(bad)?;
        if path.len() > MAX_LEN {
            return Err(bad());
        }
        spec.raw_len = path.len();
        let root = btf.skip_mods_and_typedefs(relo.type_id);
        let mut accessor = Accessor {
            type_id: root.id(),
            index: first,
            name: None,
        };
        if kind.is_enumval_based() {
            let value = root.enumerators().nth(first as usize);
            accessor.name = Some(value.filter(|_| rest.is_empty()).ok_or_else(bad)?.name());
            spec.accessors.push(accessor);
            return Ok(spec);
        }
        spec.accessors.push(accessor);
        spec.skip_elements(root.id(), first).ok_or_else(bad)?;
        let mut id = root.id();
        for &index in rest {
            id = spec.step(id, index).ok_or_else(bad)?;
        }
        Ok(spec)
    }

    /// Goes into member or element `index` of type `id`; the type that is there.
    fn step(&mut self, id: u32, index: u32) -> Option<u32> {
        let t = self.btf.skip_mods_and_typedefs(id);
        if let Some(array) = t.array() {
            let element = self.btf.skip_mods_and_typedefs(array.type_id);
            let last = self.accessors.last()?;
            if index >= array.nelems && !is_flex_array(self.btf, last, array) {
                return None;
            }
            self.accessors.push(Accessor {
                type_id: element.id(),
                index,
                name: None,
            });
            self.skip_elements(element.id(), index)?;
            return Some(element.id());
        }
        let member = t.members().nth(index as usize)?;
        self.bit_offset += u64::from(member.bit_offset());
        if !member.name().is_empty() {
            self.accessors.push(Accessor {
                type_id: t.id(),
                index,
                name: Some(member.name()),
            });
        }
        Some(member.type_id())
    }

    /// Moves the offset over `count` elements of type `id`.
    pub(super) fn skip_elements(&mut self, id: u32, count: u32) -> Option<()> {
        let size = self.btf.resolve_size(id).ok()?;
        self.bit_offset = u64::from(count)
            .checked_mul(u64::from(size) * 8)?
            .checked_add(self.bit_offset)?;
        Some(())
    }
}

/// Whether an array without elements is the last member of the structure that `accessor` is in.
pub(super) fn is_flex_array(btf: &Btf, accessor: &Accessor<'_>, array: Array) -> bool {
    let parent = btf.type_by_id(accessor.type_id);
    accessor.name.is_some()
        && array.nelems == 0
        && parent.is_some_and(|t| {
            matches!(t.kind(), Kind::Struct | Kind::Union) && accessor.index + 1 == t.vlen()
        })
}
