// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel wants of each type for itself: names, sizes, flags, the order of members.
//!
//! Source: `btf_check_meta()` and the `check_meta()` of each kind in `kernel/bpf/btf.c`.

use crate::btf::{Btf, Kind, Type};

/// Whether each type is such.
pub(super) fn is_sound(btf: &Btf) -> bool {
    btf.types().skip_while(|t| t.id() == 0).all(type_is_sound)
}

fn type_is_sound(t: Type<'_>) -> bool {
    let bare = t.vlen() == 0 && !t.kflag();
    let unnamed = t.name_off() == 0;
    let maybe_named = unnamed || is_identifier(t.name());
    match t.kind() {
        Kind::Unkn => false,
        Kind::Int => bare && int_is_sound(t),
        Kind::Ptr | Kind::Volatile | Kind::Const | Kind::Restrict => bare && unnamed,
        Kind::Typedef => bare && is_identifier(t.name()),
        Kind::TypeTag => t.vlen() == 0 && !t.name().is_empty(),
        Kind::Array => {
            let of = t
                .array()
                .is_some_and(|a| a.type_id != 0 && a.index_type_id != 0);
            unnamed && bare && t.size() == 0 && of
        }
        Kind::Struct | Kind::Union => maybe_named && members_are_sound(t),
        Kind::Enum | Kind::Enum64 => {
            let size = t.size() <= 8 && t.size().is_power_of_two();
            size && maybe_named && t.enumerators().all(|e| is_identifier(e.name()))
        }
        Kind::Fwd => t.vlen() == 0 && t.type_id() == 0 && is_identifier(t.name()),
        // Static or global: what is extern was made that.
        Kind::Func => is_identifier(t.name()) && t.vlen() <= 1 && !t.kflag(),
        Kind::FuncProto => unnamed && !t.kflag(),
        Kind::Var => {
            let linkage = t.linkage().is_some_and(|linkage| linkage as u32 <= 1);
            bare && is_identifier(t.name()) && t.type_id() != 0 && linkage
        }
        Kind::Datasec => {
            t.size() != 0 && !t.kflag() && is_section(t.name()) && variables_are_sound(t)
        }
        Kind::Float => bare && matches!(t.size(), 2 | 4 | 8 | 12 | 16),
        Kind::DeclTag => {
            let index = t.component_idx().is_some_and(|index| index >= -1);
            !t.name().is_empty() && t.vlen() == 0 && index
        }
    }
}

/// Longest name (`KSYM_NAME_LEN`), its end included.
const KSYM_NAME_LEN: usize = 512;

/// As C has it, and with dots.
pub(super) fn is_identifier(name: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.');
    let first = name.bytes().next();
    first.is_some_and(|c| !c.is_ascii_digit())
        && name.bytes().all(fits)
        && name.len() < KSYM_NAME_LEN + 1
}

fn is_section(name: &str) -> bool {
    let printed = |c: u8| (b' '..=b'~').contains(&c);
    !name.is_empty() && name.len() < KSYM_NAME_LEN + 1 && name.bytes().all(printed)
}

fn int_is_sound(t: Type<'_>) -> bool {
    t.int().is_some_and(|int| {
        let bits = int.bits() + int.offset();
        let encodings = [int.signed(), int.char(), int.bool()];
        let encodings = encodings.into_iter().filter(|set| *set).count();
        bits <= 128 && bits.div_ceil(8) <= t.size() && encodings <= 1
    })
}

fn members_are_sound(t: Type<'_>) -> bool {
    let mut last = 0;
    t.members().all(|m| {
        let offset = m.bit_offset();
        let named = m.name().is_empty() || is_identifier(m.name());
        let placed = offset >= last && (t.kind() != Kind::Union || offset == 0);
        last = offset;
        named && placed && m.type_id() != 0 && offset.div_ceil(8) <= t.size()
    })
}

fn variables_are_sound(t: Type<'_>) -> bool {
    let size = u64::from(t.size());
    let mut end = 0;
    t.var_secinfos().all(|v| {
        let (start, len) = (u64::from(v.offset), u64::from(v.size));
        let placed = start >= end && start < size;
        end = start + len;
        v.type_id != 0 && placed && len != 0 && end <= size
    })
}
