// SPDX-License-Identifier: GPL-2.0-only
//! Maps declared in a section `maps`, as a `struct bpf_map_def` each: type and sizes, no types of
//! keys and values. libbpf took them until 1.0; aya and cilium/ebpf take them, also those of sections
//! whose name only begins so, `maps/mine`.
//!
//! ```text
//! struct bpf_map_def { u32 type, key_size, value_size, max_entries, map_flags; … }
//! ```
//!
//! What follows is each loader's own (an id, pinning) and says nothing that decides a verdict.

use object::elf::STT_SECTION;

use crate::load::elf::{Elf, Symbol};
use crate::load::error::LoadError;
use crate::load::loader::Loader;
use crate::load::maps::ringbuf_size;
use crate::load::object::{Map, Object};
use crate::load::sections::{LEGACY_MAPS, is_legacy_maps};
use crate::map::MapDef;
use crate::uapi::MapType;

/// Words of a definition that are looked at.
const WORDS: usize = 5;

pub(super) fn collect(object: &mut Object, elf: &Elf<'_>, loader: Loader) -> Result<(), LoadError> {
    if !loader.takes_legacy_maps() {
        return match elf.section(LEGACY_MAPS) {
            None => Ok(()),
            Some(_) => Err(LoadError::object(
                "legacy map definitions in 'maps' section are not supported by libbpf v1.0+; \
                 --loader aya or --loader cilium takes them",
            )),
        };
    }
    for (sec_idx, section) in elf.sections.iter().enumerate() {
        if is_legacy_maps(section) {
            of_section(object, elf, sec_idx)?;
        }
    }
    Ok(())
}

/// Whether the object has such maps.
pub(super) fn has_maps(elf: &Elf<'_>) -> bool {
    elf.sections.iter().any(is_legacy_maps)
}

/// The maps of a section.
fn of_section(object: &mut Object, elf: &Elf<'_>, sec_idx: usize) -> Result<(), LoadError> {
    let section = &elf.sections[sec_idx];
    let mut symbols: Vec<&Symbol<'_>> = elf.symbols.iter().collect();
    symbols.retain(|s| s.shndx == sec_idx && s.st_type != STT_SECTION && !s.name.is_empty());
    symbols.sort_by_key(|s| s.value);
    for sym in symbols {
        let bad = |reason: String| LoadError::object(format!("map '{}': {reason}", sym.name));
        let start = usize::try_from(sym.value).unwrap_or(usize::MAX);
        let data = section.data.get(start..).unwrap_or_default();
        let mut words = data.as_chunks().0.iter().map(|w| u32::from_le_bytes(*w));
        if words.len() < WORDS {
            let name = section.name;
            return Err(bad(format!("its definition goes beyond section '{name}'")));
        }
        let mut word = || words.next().unwrap_or_default();
        let number = word();
        let map_type = MapType::from_u32(number).filter(|t| *t != MapType::Unspec);
        let map_type = map_type.ok_or_else(|| bad(format!("type {number} is not known")))?;
        let mut def = MapDef::new(sym.name, map_type, word(), word(), word());
        def.map_flags = word();
        if matches!(def.map_type, MapType::Ringbuf | MapType::UserRingbuf) {
            def.max_entries = ringbuf_size(def.max_entries);
        }
        object.maps.push(Map {
            def,
            sec_idx,
            sec_offset: sym.value,
            struct_ops: None,
            autocreate: true,
        });
    }
    Ok(())
}
