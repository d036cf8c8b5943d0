// SPDX-License-Identifier: GPL-2.0-only
//! Finding in a kernel type what a relocation is about in a local one.
//!
//! Three notions of "the same" are used, none of them about layout:
//!
//! - *compatible fields*: two types that code reading one can read the other as;
//! - *compatible types*: the same kind, and compatible in what they point to or return;
//! - *matching types*: as compatible, and every local member is there under its name.
//!
//! Source: `bpf_core_spec_match()`, `bpf_core_match_member()`, `bpf_core_fields_are_compat()`,
//! `__bpf_core_types_are_compat()`, `__bpf_core_types_match()`.

use crate::btf::{Btf, Kind, Type, essential_name};
use crate::load::core_relo::record::{Budget, CoreError, RelocKind};
use crate::load::core_relo::spec::{Accessor, MAX_LEN, Spec, is_flex_array};

/// Longest chain of types that is followed.
const MAX_DEPTH: u32 = 32;

/// The spec in the kernel's type `id`, if it is there.
pub(super) fn match_spec<'t>(
    budget: &Budget,
    local: &Spec<'_>,
    btf: &'t Btf,
    id: u32,
) -> Result<Option<Spec<'t>>, CoreError> {
    let mut target = Spec::empty(btf, local.kind, id);
    let found = if local.kind == RelocKind::TypeMatches {
        types_match(
            budget,
            (local.btf, local.root_type_id),
            (btf, id),
            false,
            MAX_DEPTH,
        )?
    } else if local.kind.is_type_based() {
        types_are_compat(
            budget,
            (local.btf, local.root_type_id),
            (btf, id),
            MAX_DEPTH,
        )?
    } else if local.kind.is_enumval_based() {
        match_enumerator(local, &mut target, id)
    } else {
        match_fields(budget, local, &mut target, id)?
    };
    Ok(found.then_some(target))
}

fn match_enumerator<'t>(local: &Spec<'_>, target: &mut Spec<'t>, id: u32) -> bool {
    let t = target.btf.skip_mods_and_typedefs(id);
    let name = local.accessors[0].name.map_or("", essential_name);
    let found = t
        .enumerators()
        .position(|e| essential_name(e.name()) == name);
    let Some(index) = found else { return false };
    target.accessors.push(Accessor {
        type_id: t.id(),
        index: index as u32,
        name: t.enumerators().nth(index).map(|e| e.name()),
    });
    true
}

fn match_fields(
    budget: &Budget,
    local: &Spec<'_>,
    target: &mut Spec<'_>,
    mut id: u32,
) -> Result<bool, CoreError> {
    for (i, accessor) in local.accessors.iter().enumerate() {
        let t = target.btf.skip_mods_and_typedefs(id);
        id = t.id();
        if accessor.name.is_some() {
            match match_member(budget, local.btf, accessor, target, id)? {
                Some(next) => id = next,
                None => return Ok(false),
            }
            continue;
        }
        // The first accessor is an element of what the pointer points to, which has no array type.
        if i > 0 {
            let Some(array) = t.array() else {
                return Ok(false);
            };
            let last = target.accessors.last();
            let flex = last.is_some_and(|last| is_flex_array(target.btf, last, array));
            if accessor.index >= array.nelems && !flex {
                return Ok(false);
            }
            id = target.btf.skip_mods_and_typedefs(array.type_id).id();
        }
        enter(target)?;
        target.accessors.push(Accessor {
            type_id: id,
            index: accessor.index,
            name: None,
        });
        target
            .skip_elements(id, accessor.index)
            .ok_or("an element in the kernel's type has no size")?;
    }
    Ok(true)
}

fn enter(target: &mut Spec<'_>) -> Result<(), CoreError> {
    if target.raw_len == MAX_LEN {
        return Err("the kernel's type is too deeply nested".into());
    }
    target.raw_len += 1;
    Ok(())
}

/// Looks for a member by name, also inside anonymous members; its type.
fn match_member(
    budget: &Budget,
    local_btf: &Btf,
    accessor: &Accessor<'_>,
    target: &mut Spec<'_>,
    id: u32,
) -> Result<Option<u32>, CoreError> {
    let btf = target.btf;
    let t = btf.skip_mods_and_typedefs(id);
    let local = local_btf.type_by_id(accessor.type_id);
    let local = local.and_then(|t| t.members().nth(accessor.index as usize));
    let Some(local) = local else { return Ok(None) };
    for (index, member) in t.members().enumerate() {
        budget.step()?;
        let (bit_offset, raw_len) = (target.bit_offset, target.raw_len);
        enter(target)?;
        target.bit_offset += u64::from(member.bit_offset());
        if member.name().is_empty() {
            if let Some(found) =
                match_member(budget, local_btf, accessor, target, member.type_id())?
            {
                return Ok(Some(found));
            }
        } else if member.name() == local.name() {
            if !fields_are_compat(local_btf, local.type_id(), btf, member.type_id()) {
                return Ok(None);
            }
            target.accessors.push(Accessor {
                type_id: t.id(),
                index: index as u32,
                name: Some(member.name()),
            });
            return Ok(Some(member.type_id()));
        }
        (target.bit_offset, target.raw_len) = (bit_offset, raw_len);
    }
    Ok(None)
}

fn fields_are_compat(local_btf: &Btf, mut local_id: u32, btf: &Btf, mut id: u32) -> bool {
    for _ in 0..MAX_DEPTH {
        let local = local_btf.skip_mods_and_typedefs(local_id);
        let t = btf.skip_mods_and_typedefs(id);
        if local.is_composite() && t.is_composite() {
            return true;
        }
        if !kinds_compatible(local.kind(), t.kind()) {
            return false;
        }
        match (local.kind(), local.array(), t.array()) {
            (Kind::Ptr | Kind::Float, ..) => return true,
            (Kind::Fwd | Kind::Enum | Kind::Enum64, ..) => {
                let (a, b) = (essential_name(local.name()), essential_name(t.name()));
                return a.is_empty() || b.is_empty() || a == b;
            }
            (Kind::Int, ..) => return no_bit_offset(local) && no_bit_offset(t),
            (_, Some(a), Some(b)) => (local_id, id) = (a.type_id, b.type_id),
            _ => return false,
        }
    }
    false
}

/// Old compilers wrote bitfields as integers with an offset.
fn no_bit_offset(t: Type<'_>) -> bool {
    t.int().is_some_and(|int| int.offset() == 0)
}

/// `bpf_core_types_are_compat()`. Also used for kernel variables and functions.
pub(crate) fn are_compat(budget: &Budget, local: (&Btf, u32), target: (&Btf, u32)) -> bool {
    types_are_compat(budget, local, target, MAX_DEPTH).unwrap_or(false)
}

fn types_are_compat(
    budget: &Budget,
    (local_btf, mut local_id): (&Btf, u32),
    (btf, mut id): (&Btf, u32),
    level: u32,
) -> Result<bool, CoreError> {
    let kind = |btf: &Btf, id| btf.type_by_id(id).map_or(Kind::Unkn, Type::kind);
    if !kinds_compatible(kind(local_btf, local_id), kind(btf, id)) {
        return Ok(false);
    }
    for _ in 0..MAX_DEPTH {
        budget.step()?;
        let local = local_btf.skip_mods_and_typedefs(local_id);
        let t = btf.skip_mods_and_typedefs(id);
        if !kinds_compatible(local.kind(), t.kind()) {
            return Ok(false);
        }
        match (local.kind(), local.array(), t.array()) {
            (
                Kind::Unkn | Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 | Kind::Fwd,
                ..,
            ) => return Ok(true),
            (Kind::Int, ..) => return Ok(no_bit_offset(local) && no_bit_offset(t)),
            (Kind::Ptr, ..) => (local_id, id) = (local.type_id(), t.type_id()),
            (_, Some(a), Some(b)) => (local_id, id) = (a.type_id, b.type_id),
            (Kind::FuncProto, ..) => {
                if local.vlen() != t.vlen() {
                    return Ok(false);
                }
                for (a, b) in local.params().zip(t.params()) {
                    let level = level
                        .checked_sub(1)
                        .ok_or("the types are too deeply nested")?;
                    let a = (
                        local_btf,
                        local_btf.skip_mods_and_typedefs(a.type_id()).id(),
                    );
                    let b = (btf, btf.skip_mods_and_typedefs(b.type_id()).id());
                    if !types_are_compat(budget, a, b, level)? {
                        return Ok(false);
                    }
                }
                (local_id, id) = (local.type_id(), t.type_id());
            }
            _ => return Ok(false),
        }
    }
    Err("the types are too deeply nested".into())
}

fn names_match(local: &str, target: &str) -> bool {
    match target.is_empty() {
        true => local.is_empty(),
        false => essential_name(local) == essential_name(target),
    }
}

fn types_match(
    budget: &Budget,
    (local_btf, mut local_id): (&Btf, u32),
    (btf, mut id): (&Btf, u32),
    mut behind_ptr: bool,
    level: u32,
) -> Result<bool, CoreError> {
    let deeper = level
        .checked_sub(1)
        .ok_or("the types are too deeply nested")?;
    for _ in 0..MAX_DEPTH {
        budget.step()?;
        let local = local_btf.skip_mods_and_typedefs(local_id);
        let t = btf.skip_mods_and_typedefs(id);
        if !names_match(local.name(), t.name()) {
            return Ok(false);
        }
        let (local_kind, kind) = (local.kind(), t.kind());
        let union_flag = match kind {
            Kind::Struct => Some(false),
            Kind::Union => Some(true),
            _ => None,
        };
        match local_kind {
            Kind::Fwd if kind == Kind::Fwd => return Ok(local.kflag() == t.kflag()),
            // A declaration stands for the definition where only a pointer goes to it.
            Kind::Fwd => return Ok(behind_ptr && union_flag == Some(local.kflag())),
            Kind::Enum | Kind::Enum64 => return Ok(t.is_any_enum() && enums_match(local, t)),
            Kind::Struct | Kind::Union if behind_ptr => {
                return Ok(match kind {
                    Kind::Fwd => (local_kind == Kind::Union) == t.kflag(),
                    _ => local_kind == kind,
                });
            }
            _ if local_kind != kind => return Ok(false),
            Kind::Unkn => return Ok(true),
            Kind::Struct | Kind::Union => {
                return composites_match(budget, (local_btf, local), (btf, t), deeper);
            }
            Kind::Int => {
                let signed = |t: Type<'_>| t.int().is_some_and(|int| int.signed());
                return Ok(local.size() == t.size() && signed(local) == signed(t));
            }
            Kind::Ptr => {
                behind_ptr = true;
                (local_id, id) = (local.type_id(), t.type_id());
            }
            Kind::Array => match (local.array(), t.array()) {
                (Some(a), Some(b)) if a.nelems == b.nelems => {
                    (local_id, id) = (a.type_id, b.type_id);
                }
                _ => return Ok(false),
            },
            Kind::FuncProto => {
                if local.vlen() != t.vlen() {
                    return Ok(false);
                }
                for (a, b) in local.params().zip(t.params()) {
                    let (a, b) = ((local_btf, a.type_id()), (btf, b.type_id()));
                    if !types_match(budget, a, b, behind_ptr, deeper)? {
                        return Ok(false);
                    }
                }
                (local_id, id) = (local.type_id(), t.type_id());
            }
            _ => return Ok(false),
        }
    }
    Err("the types are too deeply nested".into())
}

fn enums_match(local: Type<'_>, t: Type<'_>) -> bool {
    local.size() == t.size()
        && local.vlen() <= t.vlen()
        && local
            .enumerators()
            .all(|a| t.enumerators().any(|b| names_match(a.name(), b.name())))
}

fn composites_match(
    budget: &Budget,
    (local_btf, local): (&Btf, Type<'_>),
    (btf, t): (&Btf, Type<'_>),
    level: u32,
) -> Result<bool, CoreError> {
    if local.vlen() > t.vlen() {
        return Ok(false);
    }
    for a in local.members() {
        let mut found = false;
        for b in t.members().filter(|b| names_match(a.name(), b.name())) {
            let (a, b) = ((local_btf, a.type_id()), (btf, b.type_id()));
            if types_match(budget, a, b, false, level)? {
                found = true;
                break;
            }
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `btf_kind_core_compat()`: the same, or both enumerations.
pub(super) fn kinds_compatible(a: Kind, b: Kind) -> bool {
    let any_enum = |kind| matches!(kind, Kind::Enum | Kind::Enum64);
    a == b || any_enum(a) && any_enum(b)
}
