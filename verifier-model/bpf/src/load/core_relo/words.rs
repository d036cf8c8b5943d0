// SPDX-License-Identifier: GPL-2.0-only
//! What a relocation is about, in libbpf's words: which field of which type.
//!
//! Source: `bpf_core_format_spec()`.

use crate::btf::{Kind, kind_str};
use crate::load::core_relo::record::RelocKind;
use crate::load::core_relo::spec::Spec;

/// The text behind "failed to resolve CO-RE relocation"; `path` is how the object writes it.
pub(super) fn words(spec: &Spec<'_>, path: &str) -> String {
    let Some(t) = spec.btf.type_by_id(spec.root_type_id) else {
        return String::new();
    };
    let name = if t.name().is_empty() {
        "<anon>"
    } else {
        t.name()
    };
    let (kind, id) = (kind_word(spec.kind), spec.root_type_id);
    let mut text = format!("<{kind}> [{id}] {} {name}", kind_str(t).to_lowercase());
    if spec.kind.is_type_based() {
        return text;
    }
    if spec.kind.is_enumval_based() {
        return text + &enumerator(spec);
    }
    for (i, accessor) in spec.accessors.iter().enumerate() {
        match accessor.name {
            Some(name) => text += &format!(".{name}"),
            None if i > 0 || accessor.index > 0 => text += &format!("[{}]", accessor.index),
            None => {}
        }
    }
    let (byte, bit) = (spec.bit_offset / 8, spec.bit_offset % 8);
    text + &match bit {
        0 => format!(" ({path} @ offset {byte})"),
        _ => format!(" ({path} @ offset {byte}.{bit})"),
    }
}

fn enumerator(spec: &Spec<'_>) -> String {
    let accessor = spec.accessors.first();
    let t = spec.btf.skip_mods_and_typedefs(spec.root_type_id);
    let found = accessor.and_then(|a| t.enumerators().nth(a.index as usize));
    let Some(found) = found else {
        return String::new();
    };
    let value = found.value();
    let value = match (t.kind(), t.kflag()) {
        (Kind::Enum, true) => (value as i32).to_string(),
        (Kind::Enum, false) => (value as u32).to_string(),
        (_, true) => (value as i64).to_string(),
        (_, false) => value.to_string(),
    };
    format!("::{} = {value}", found.name())
}

fn kind_word(kind: RelocKind) -> &'static str {
    match kind {
        RelocKind::FieldByteOffset => "byte_off",
        RelocKind::FieldByteSize => "byte_sz",
        RelocKind::FieldExists => "field_exists",
        RelocKind::FieldSigned => "signed",
        RelocKind::FieldLshiftU64 => "lshift_u64",
        RelocKind::FieldRshiftU64 => "rshift_u64",
        RelocKind::TypeIdLocal => "local_type_id",
        RelocKind::TypeIdTarget => "target_type_id",
        RelocKind::TypeExists => "type_exists",
        RelocKind::TypeMatches => "type_matches",
        RelocKind::TypeSize => "type_size",
        RelocKind::EnumvalExists => "enumval_exists",
        RelocKind::EnumvalValue => "enumval_value",
    }
}
