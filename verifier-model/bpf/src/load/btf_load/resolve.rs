// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel wants of types that refer to each other: no circles, nothing too deep, and a size
//! where one is needed.
//!
//! ```text
//!   struct a { struct b { struct a … } }     a circle: no size
//!   typedef a b; typedef b a;                a circle
//!   struct a { struct a *next; }             none: a pointer has a size whatever it points to
//! ```
//!
//! Source: `btf_check_all_types()`, `btf_resolve()`, and the `resolve()` of each kind in
//! `kernel/bpf/btf.c`.

use crate::btf::{Btf, Kind, Member, Type};
use crate::load::btf_load::meta::is_identifier;

/// Whether they are such. Each type by itself is sound.
pub(super) fn is_sound(btf: &Btf) -> bool {
    let count = btf
        .types()
        .map(Type::id)
        .max()
        .map_or(0, |id| id as usize + 1);
    let mut resolver = Resolver {
        btf,
        state: vec![State::New; count],
    };
    btf.types()
        .filter(|t| t.id() != 0)
        .all(|t| resolver.resolve(t) && (t.kind() != Kind::FuncProto || proto_is_sound(btf, t)))
        && chains_are_short(btf)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Visited,
    Resolved,
}

/// What a walk goes through: the kernel looks at pointers and at structures one after the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Any,
    /// Pointers and modifiers.
    Ptr,
    /// Structures, arrays and modifiers.
    StructOrArray,
}

/// Deepest walk (`MAX_RESOLVE_DEPTH`).
const MAX_RESOLVE_DEPTH: usize = 32;

/// A type on the walk, and what of it is still to be looked at.
type Vertex<'a> = (Type<'a>, std::vec::IntoIter<u32>);

struct Resolver<'a> {
    btf: &'a Btf,
    state: Vec<State>,
}

impl<'a> Resolver<'a> {
    /// Resolves a type and all that it needs.
    fn resolve(&mut self, t: Type<'a>) -> bool {
        if !needs_resolve(t) || self.is_resolved(t) {
            return true;
        }
        let mut mode = Mode::Any;
        let mut stack = Vec::new();
        if !self.push(&mut stack, &mut mode, t) {
            return false;
        }
        while let Some((t, mut parts)) = stack.pop() {
            let next = parts.find(|id| {
                let part = self.btf.type_by_id(*id);
                part.is_some_and(|part| !is_sink(mode, part) && !self.is_resolved(part))
            });
            if let Some(part) = next.and_then(|id| self.btf.type_by_id(id)) {
                stack.push((t, parts));
                if !self.push(&mut stack, &mut mode, part) {
                    return false;
                }
            } else if is_whole(self.btf, t) {
                self.set(t, State::Resolved);
            } else {
                return false;
            }
        }
        true
    }

    fn push(&mut self, stack: &mut Vec<Vertex<'a>>, mode: &mut Mode, t: Type<'a>) -> bool {
        let new = self.state.get(t.id() as usize) == Some(&State::New);
        if stack.len() == MAX_RESOLVE_DEPTH || !new {
            return false;
        }
        self.set(t, State::Visited);
        stack.push((t, parts(self.btf, t).into_iter()));
        if *mode == Mode::Any {
            *mode = match t.kind() {
                Kind::Ptr => Mode::Ptr,
                Kind::Struct | Kind::Union | Kind::Array => Mode::StructOrArray,
                _ => Mode::Any,
            };
        }
        true
    }

    fn is_resolved(&self, t: Type<'_>) -> bool {
        self.state.get(t.id() as usize) == Some(&State::Resolved)
    }

    fn set(&mut self, t: Type<'_>, state: State) {
        if let Some(slot) = self.state.get_mut(t.id() as usize) {
            *slot = state;
        }
    }
}

fn is_modifier(t: Type<'_>) -> bool {
    t.kind().is_modifier() || t.kind() == Kind::Typedef
}

fn needs_resolve(t: Type<'_>) -> bool {
    is_modifier(t)
        || matches!(
            t.kind(),
            Kind::Ptr
                | Kind::Struct
                | Kind::Union
                | Kind::Array
                | Kind::Var
                | Kind::Func
                | Kind::DeclTag
                | Kind::Datasec
        )
}

fn is_sink(mode: Mode, t: Type<'_>) -> bool {
    match mode {
        Mode::Any => !needs_resolve(t),
        Mode::Ptr => !is_modifier(t) && t.kind() != Kind::Ptr,
        Mode::StructOrArray => {
            !is_modifier(t) && !matches!(t.kind(), Kind::Array | Kind::Struct | Kind::Union)
        }
    }
}

/// What a type is made of, in the order in which the kernel looks.
fn parts(btf: &Btf, t: Type<'_>) -> Vec<u32> {
    match t.kind() {
        Kind::Array => t
            .array()
            .map_or(Vec::new(), |a| vec![a.index_type_id, a.type_id]),
        Kind::Struct | Kind::Union => t.members().map(|m| m.type_id()).collect(),
        Kind::Datasec => t.var_secinfos().map(|v| v.type_id).collect(),
        Kind::Func => Vec::new(),
        // A pointer behind modifiers may have been left to be looked at.
        Kind::Ptr | Kind::Var => {
            let next = t.type_id();
            let mut ids = vec![next];
            if btf.type_by_id(next).is_some_and(is_modifier) {
                ids.push(btf.skip_mods_and_typedefs(next).id());
            }
            ids
        }
        _ => vec![t.type_id()],
    }
}

/// Variables, tags and sections are referred to by nothing else.
fn is_source_only(t: Type<'_>) -> bool {
    matches!(t.kind(), Kind::Var | Kind::DeclTag | Kind::Datasec)
}

fn is_sized(btf: &Btf, id: u32) -> bool {
    let t = btf.type_by_id(id);
    t.is_some_and(|t| !is_source_only(t)) && btf.resolve_size(id).is_ok()
}

/// Whether what a type is made of is what it needs.
fn is_whole(btf: &Btf, t: Type<'_>) -> bool {
    let next = t.type_id();
    let target = btf.type_by_id(next);
    match t.kind() {
        _ if t.kind() == Kind::Ptr || is_modifier(t) => {
            // Void is no type of its own.
            let source_only = target.is_some_and(is_source_only);
            let end = btf.skip_mods_and_typedefs(next);
            let unsized_ok = end.id() == 0 || matches!(end.kind(), Kind::Fwd | Kind::FuncProto);
            !source_only && (unsized_ok || is_sized(btf, next))
        }
        Kind::Array => t.array().is_some_and(|a| {
            let int = |id| btf.skip_mods_and_typedefs(id).int();
            let regular = |id| int(id).is_none_or(|i| is_regular(i.bits(), i.offset()));
            let index = is_sized(btf, a.index_type_id)
                && int(a.index_type_id).is_some()
                && regular(a.index_type_id);
            index && is_sized(btf, a.type_id) && regular(a.type_id) && is_sized(btf, t.id())
        }),
        Kind::Struct | Kind::Union => t.members().all(|m| member_is_sound(btf, t, m)),
        Kind::Var => is_sized(btf, next),
        Kind::Func => target.is_some_and(|proto| {
            let named = |p: crate::btf::Param<'_>| p.type_id() == 0 || !p.name().is_empty();
            proto.kind() == Kind::FuncProto && proto.params().all(named)
        }),
        Kind::Datasec => t.var_secinfos().all(|v| {
            let var = btf.type_by_id(v.type_id).filter(|t| t.kind() == Kind::Var);
            let size = var.and_then(|var| btf.resolve_size(var.type_id()).ok());
            size.is_some_and(|size| v.size >= size)
        }),
        Kind::DeclTag => target.is_some_and(|target| tag_is_sound(btf, t, target)),
        _ => true,
    }
}

/// As a processor has integers.
fn is_regular(bits: u32, offset: u32) -> bool {
    offset == 0 && matches!(bits, 8 | 16 | 32 | 64 | 128)
}

fn member_is_sound(btf: &Btf, t: Type<'_>, m: Member<'_>) -> bool {
    if !is_sized(btf, m.type_id()) {
        return false;
    }
    let of = btf.skip_mods_and_typedefs(m.type_id());
    let (bits, offset) = (u64::from(m.bitfield_size()), u64::from(m.bit_offset()));
    let room = u64::from(t.size()) * 8;
    match (of.kind(), of.int()) {
        (Kind::Int, Some(int)) if t.kflag() => {
            let all = u64::from(int.bits());
            let aligned = bits != 0 || offset.is_multiple_of(8);
            let len = if bits == 0 { all } else { bits };
            let copied = (len + offset % 8).next_multiple_of(8);
            is_regular(int.bits(), int.offset())
                && aligned
                && bits <= all
                && copied <= 128
                && offset / 8 * 8 + copied <= room
        }
        (Kind::Int, Some(int)) => {
            let offset = offset + u64::from(int.offset());
            let copied = u64::from(int.bits()) + offset % 8;
            copied <= 128 && offset / 8 * 8 + copied.next_multiple_of(8) <= room
        }
        (Kind::Enum | Kind::Enum64, _) if t.kflag() => {
            let len = if bits == 0 { 32 } else { bits };
            let aligned = bits != 0 || offset.is_multiple_of(8);
            aligned && bits <= 32 && (offset + len).next_multiple_of(8) <= room
        }
        _ => {
            let size = u64::from(btf.resolve_size(m.type_id()).unwrap_or(0));
            bits == 0 && offset.is_multiple_of(8) && offset + size * 8 <= room
        }
    }
}

fn tag_is_sound(btf: &Btf, tag: Type<'_>, target: Type<'_>) -> bool {
    let parts = match target.kind() {
        Kind::Struct | Kind::Union => Some(target.vlen()),
        Kind::Func => btf.type_by_id(target.type_id()).map(Type::vlen),
        Kind::Var | Kind::Typedef => Some(0),
        _ => None,
    };
    let index = tag.component_idx();
    match (parts, index) {
        (Some(_), Some(-1)) => true,
        (Some(parts), Some(index)) => u32::try_from(index).is_ok_and(|index| index < parts),
        _ => false,
    }
}

fn proto_is_sound(btf: &Btf, t: Type<'_>) -> bool {
    let returns = t.type_id() == 0 || is_sized(btf, t.type_id());
    let count = t.params().len();
    returns
        && t.params().enumerate().all(|(i, p)| {
            // The last one may stand for `...`.
            let ellipsis = i + 1 == count && p.type_id() == 0;
            match ellipsis {
                true => p.name().is_empty(),
                false => {
                    let named = p.name().is_empty() || is_identifier(p.name());
                    named && is_sized(btf, p.type_id())
                }
            }
        })
}

/// Most modifiers one behind another.
const MAX_CHAIN: u32 = 32;

fn chains_are_short(btf: &Btf) -> bool {
    btf.types().filter(|t| is_modifier(*t)).all(|t| {
        let mut at = Some(t);
        let mut left = MAX_CHAIN;
        while let Some(t) = at.filter(|t| is_modifier(*t)) {
            if left == 0 {
                return false;
            }
            left -= 1;
            at = btf.type_by_id(t.type_id());
        }
        true
    })
}
