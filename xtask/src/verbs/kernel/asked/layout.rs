// SPDX-License-Identifier: GPL-2.0-only
//! Where a structure of the kernel has its members, and what the kernel calls the values of an
//! enumeration: both are in its types.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use bpf::btf::{Btf, Kind, Type};

/// The offset of `member` in `structure`, be it in a part without a name.
pub(super) fn offset(btf: &Btf, structure: &str, member: &str) -> Result<u64> {
    let found = btf
        .find_by_name_kind(structure, Kind::Struct)
        .and_then(|t| within(btf, t, member));
    found.with_context(|| format!("struct {structure} has no member {member}"))
}

/// How many bytes `structure` has.
pub(super) fn size(btf: &Btf, structure: &str) -> Result<u64> {
    let found = btf.find_by_name_kind(structure, Kind::Struct);
    let found = found.with_context(|| format!("there is no struct {structure}"))?;
    Ok(found.size().into())
}

fn within(btf: &Btf, structure: Type<'_>, wanted: &str) -> Option<u64> {
    structure.members().find_map(|member| {
        let start = u64::from(member.bit_offset() / 8);
        if member.name() == wanted {
            return Some(start);
        }
        let part = btf.skip_mods_and_typedefs(member.type_id());
        let inside = member.name().is_empty() && part.is_composite();
        inside
            .then(|| within(btf, part, wanted))
            .flatten()
            .map(|at| start + at)
    })
}

/// The names of an enumeration of types with modifiers, such as `enum bpf_arg_type`.
pub(super) struct Words {
    bases: BTreeMap<u32, String>,
    modifiers: Vec<(u32, String)>,
}

/// The bits of a type that are no modifiers (`BPF_BASE_TYPE_MASK`).
const BASE: u32 = 0xff;

impl Words {
    /// Those of `enum name`, without the `prefix` of each.
    pub(super) fn of(btf: &Btf, name: &str, prefix: &str) -> Result<Self> {
        let mut bases = BTreeMap::new();
        for (value, name) in enumerators(btf, name)? {
            if value <= BASE {
                let name = name.strip_prefix(prefix).unwrap_or(&name).to_owned();
                bases.entry(value).or_insert(name);
            }
        }
        let mut modifiers = enumerators(btf, "bpf_type_flag")?;
        // Masks and the like are not one bit.
        modifiers.retain(|(value, name)| {
            value.count_ones() == 1 && *value > BASE && !name.starts_with("__")
        });
        Ok(Self { bases, modifiers })
    }

    /// Whether there is a modifier of this name.
    pub(super) fn has(&self, modifier: &str) -> bool {
        self.modifiers.iter().any(|(_, name)| name == modifier)
    }

    /// The base of a type and its modifiers.
    pub(super) fn split(&self, value: u32) -> Result<(&str, Vec<&str>)> {
        let base = self.bases.get(&(value & BASE));
        let base = base.with_context(|| format!("no type has the number {}", value & BASE))?;
        let mut rest = value & !BASE;
        let mut modifiers = Vec::new();
        for (bit, name) in &self.modifiers {
            if rest & bit != 0 {
                rest &= !bit;
                modifiers.push(name.as_str());
            }
        }
        anyhow::ensure!(rest == 0, "no modifier has the bits {rest:#x}");
        Ok((base, modifiers))
    }
}

/// Values and names of `enum name`.
pub(super) fn enumerators(btf: &Btf, name: &str) -> Result<Vec<(u32, String)>> {
    let found = btf.find_by_name_kind(name, Kind::Enum);
    let found = found.with_context(|| format!("there is no enum {name}"))?;
    let all = found.enumerators();
    Ok(all
        .map(|each| (each.value() as u32, each.name().to_owned()))
        .collect())
}
