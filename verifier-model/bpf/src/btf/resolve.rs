// SPDX-License-Identifier: GPL-2.0-only
//! Following references: modifiers, typedefs, sizes, tags.

use crate::btf::table::{Btf, BtfError};
use crate::btf::types::{Kind, Type};

/// Longest chain of references that is followed (`MAX_RESOLVE_DEPTH`).
const MAX_RESOLVE_DEPTH: u32 = 32;

impl Btf {
    /// The type behind modifiers and typedefs (`btf_type_skip_modifiers()`); itself if there are
    /// none. `void` if the number does not exist or the chain does not end.
    pub fn skip_mods_and_typedefs(&self, id: u32) -> Type<'_> {
        self.skip(id, |kind| kind.is_modifier() || kind == Kind::Typedef)
    }

    /// The type behind modifiers; typedefs stay.
    pub fn skip_mods(&self, id: u32) -> Type<'_> {
        self.skip(id, Kind::is_modifier)
    }

    fn skip(&self, mut id: u32, skipped: impl Fn(Kind) -> bool) -> Type<'_> {
        for _ in 0..MAX_RESOLVE_DEPTH {
            match self.type_by_id(id) {
                Some(t) if skipped(t.kind()) => id = t.type_id(),
                Some(t) => return t,
                None => break,
            }
        }
        Type::void(self)
    }

    /// Size in bytes of any type that has one (`btf__resolve_size()`). Pointers have 8.
    pub fn resolve_size(&self, id: u32) -> Result<u32, BtfError> {
        let no_size = BtfError::NoSize(id);
        let mut nelems: u32 = 1;
        let mut at = id;
        for _ in 0..MAX_RESOLVE_DEPTH {
            let Some(t) = self.type_by_id(at) else { break };
            let size = match t.kind() {
                Kind::Int
                | Kind::Struct
                | Kind::Union
                | Kind::Enum
                | Kind::Enum64
                | Kind::Datasec
                | Kind::Float => t.size(),
                Kind::Ptr => 8,
                Kind::Array => {
                    let array = t.array().ok_or(no_size.clone())?;
                    nelems = nelems.checked_mul(array.nelems).ok_or(no_size.clone())?;
                    at = array.type_id;
                    continue;
                }
                kind if kind.is_modifier() => {
                    at = t.type_id();
                    continue;
                }
                Kind::Typedef | Kind::Var | Kind::DeclTag => {
                    at = t.type_id();
                    continue;
                }
                _ => break,
            };
            return size.checked_mul(nelems).ok_or(no_size);
        }
        Err(no_size)
    }

    /// Alignment in bytes (`btf__align_of()`); None for what has none.
    pub fn align_of(&self, id: u32) -> Option<u32> {
        self.align_at_depth(id, MAX_RESOLVE_DEPTH)
    }

    fn align_at_depth(&self, id: u32, depth: u32) -> Option<u32> {
        let depth = depth.checked_sub(1)?;
        let t = self.type_by_id(id)?;
        match t.kind() {
            Kind::Int | Kind::Enum | Kind::Enum64 | Kind::Float => Some(t.size().min(8)),
            Kind::Ptr => Some(8),
            Kind::Typedef => self.align_at_depth(t.type_id(), depth),
            kind if kind.is_modifier() => self.align_at_depth(t.type_id(), depth),
            Kind::Array => self.align_at_depth(t.array()?.type_id, depth),
            Kind::Struct | Kind::Union => {
                let mut max = 1;
                for member in t.members() {
                    let align = self.align_at_depth(member.type_id(), depth)?;
                    max = max.max(align);
                    // A member that is off its alignment shows a packed structure.
                    if member.bitfield_size() == 0 && member.bit_offset() % (8 * align.max(1)) != 0
                    {
                        return Some(1);
                    }
                }
                // So does a size that the alignment does not divide.
                Some(if t.size() % max == 0 { max } else { 1 })
            }
            _ => None,
        }
    }

    /// Texts of the decl tags on a type (`component` None) or on its n-th member or parameter.
    ///
    /// Looks at every type: for repeated use collect [`Btf::decl_tags`] once.
    pub fn decl_tags_of(&self, id: u32, component: Option<u32>) -> impl Iterator<Item = &str> {
        let component = component.map_or(-1, |n| n as i32);
        self.decl_tags()
            .filter(move |t| t.type_id() == id && t.component_idx() == Some(component))
            .map(Type::name)
    }

    /// All decl tags here, without the base's, ascending.
    pub fn decl_tags(&self) -> impl Iterator<Item = Type<'_>> {
        self.types().filter(|t| t.kind() == Kind::DeclTag)
    }
}
