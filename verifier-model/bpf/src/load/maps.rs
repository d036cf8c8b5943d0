// SPDX-License-Identifier: GPL-2.0-only
//! Maps: those declared in `.maps`, and those that hold global data.
//!
//! A declared map is a structure whose members' types say everything: an integer `n` is written as
//! `int (*member)[n]`, a type `T` as `T *member`.
//!
//! Source: `bpf_object__init_maps()`, `parse_btf_map_def()`, `bpf_object__init_internal_map()`.

use std::sync::Arc;

use crate::btf::{Btf, Kind, Linkage, Member, Type};
use crate::load::elf::Elf;
use crate::load::error::LoadError;
use crate::load::object::{ExternKind, Map, Object};
use crate::load::sections::SecKind;
use crate::load::struct_ops;
use crate::map::{BPF_F_RDONLY_PROG, MapDef};
use crate::uapi::MapType;

/// `BPF_F_MMAPABLE`
const F_MMAPABLE: u32 = 1 << 10;

/// Size of a page, which ring buffers and arenas are made of.
const PAGE_SIZE: u32 = 4096;

/// Longest name of a map in the kernel.
const NAME_LEN: usize = 15;

pub(super) fn collect(object: &mut Object, elf: &Elf<'_>, name: &str) -> Result<(), LoadError> {
    collect_declared(object, elf)?;
    for (number, section) in elf.sections.iter().enumerate() {
        let kind = SecKind::of(section);
        if kind.is_data() && section.size != 0 {
            let size = u32::try_from(section.size)
                .map_err(|_| LoadError::object(format!("section '{}' is too big", section.name)))?;
            let def = data_map(
                object.btf.as_ref(),
                name,
                section.name,
                kind,
                size,
                section.data,
            );
            object.maps.push(Map {
                def,
                sec_idx: number,
                sec_offset: 0,
                struct_ops: None,
                autocreate: true,
            });
        }
    }
    let end_of_kconfig = object.externs.iter().filter_map(|ext| match &ext.kind {
        ExternKind::Kconfig(var) => Some(var.offset + var.size),
        _ => None,
    });
    if let Some(size) = end_of_kconfig.max() {
        object.kconfig_map = Some(object.maps.len());
        let btf = object.btf.as_ref();
        object.maps.push(Map {
            def: data_map(btf, name, ".kconfig", SecKind::Rodata, size, &[]),
            sec_idx: usize::MAX,
            sec_offset: 0,
            struct_ops: None,
            autocreate: true,
        });
    }
    struct_ops::collect_maps(object, elf)
}

fn collect_declared(object: &mut Object, elf: &Elf<'_>) -> Result<(), LoadError> {
    let (Some(sec_idx), Some(btf)) = (elf.section_index(".maps"), object.btf.clone()) else {
        return Ok(());
    };
    let data_size = elf.sections[sec_idx].size;
    let sec = btf.find_by_name_kind(".maps", Kind::Datasec);
    let sec = sec.ok_or_else(|| LoadError::object("BTF does not describe section .maps"))?;
    for info in sec.var_secinfos() {
        let var = btf.type_by_id(info.type_id).unwrap_or(sec);
        let bad = |reason: &str| map_error(var.name(), reason);
        if u64::from(info.offset) + u64::from(info.size) > data_size {
            return Err(bad("it goes beyond the section"));
        }
        if var.kind() != Kind::Var
            || var.linkage() != Some(Linkage::Global)
            || var.name().is_empty()
        {
            return Err(bad("it is not a global variable"));
        }
        let def_type = btf.skip_mods_and_typedefs(var.type_id());
        if def_type.kind() != Kind::Struct || def_type.size() > info.size {
            return Err(bad("its type is not a structure"));
        }
        let def = declared_map(&btf, var.name(), def_type, true)?;
        if def.map_type == MapType::Arena && object.arena_map.replace(object.maps.len()).is_some() {
            return Err(bad("there is another arena; one is allowed"));
        }
        object.maps.push(Map {
            def,
            sec_idx,
            sec_offset: info.offset.into(),
            struct_ops: None,
            autocreate: true,
        });
    }
    match object.arena_map {
        None if object.arena_data_size != 0 => Err(LoadError::object(
            "variables in an arena, but no arena in .maps",
        )),
        Some(map) if object.arena_data_size > arena_size(&object.maps[map].def) => Err(
            LoadError::object("the arena is too small for its variables"),
        ),
        _ => Ok(()),
    }
}

/// Size of an arena in bytes.
pub(super) fn arena_size(def: &MapDef) -> u64 {
    u64::from(def.max_entries) * u64::from(PAGE_SIZE)
}

/// Where an arena's variables begin: libbpf puts them at its end.
pub(super) fn arena_data_offset(def: &MapDef, data_size: u64) -> u64 {
    arena_size(def).saturating_sub(data_size.next_multiple_of(PAGE_SIZE.into()))
}

fn map_error(name: &str, reason: &str) -> LoadError {
    LoadError::object(format!("map '{name}': {reason}"))
}

fn declared_map(
    btf: &Arc<Btf>,
    name: &str,
    def_type: Type<'_>,
    outer: bool,
) -> Result<MapDef, LoadError> {
    let bad = |reason: String| map_error(name, &reason);
    let mut map_type = 0;
    let mut def = MapDef::new(name, MapType::Unspec, 0, 0, 0);
    let members = def_type.members();
    let count = members.len();
    for (i, member) in members.enumerate() {
        let int = || {
            field_int(btf, member)
                .ok_or_else(|| bad(format!("'{}' is not a pointer to an array", member.name())))
        };
        let sized = || {
            let target = btf
                .type_by_id(member.type_id())
                .filter(|t| t.kind() == Kind::Ptr);
            let target = target.map(Type::type_id);
            target
                .and_then(|id| Some((id, btf.resolve_size(id).ok()?)))
                .ok_or_else(|| {
                    bad(format!(
                        "'{}' is not a pointer to a sized type",
                        member.name()
                    ))
                })
        };
        let set = |slot: &mut u32, size: u32| match std::mem::replace(slot, size) {
            0 => Ok(()),
            old if old == size => Ok(()),
            _ => Err(bad(format!(
                "'{}' gives another size than before",
                member.name()
            ))),
        };
        match member.name() {
            "type" => map_type = int()?,
            "max_entries" => def.max_entries = int()?,
            "map_flags" => def.map_flags = int()?,
            "numa_node" => drop(int()?),
            "key_size" => set(&mut def.key_size, int()?)?,
            "value_size" => set(&mut def.value_size, int()?)?,
            "key" => {
                let (id, size) = sized()?;
                set(&mut def.key_size, size)?;
                def.btf_key_type_id = id;
            }
            "value" => {
                let (id, size) = sized()?;
                set(&mut def.value_size, size)?;
                def.btf_value_type_id = id;
            }
            "values" if outer && i == count - 1 => {
                set(&mut def.value_size, 4)?;
                def.inner_map = inner_map(btf, name, map_type, member)?;
            }
            "pinning" if outer => {
                if int()? > 1 {
                    return Err(bad("its pinning is neither none nor by name".into()));
                }
            }
            "map_extra" => {
                let value = field_long(btf, member);
                def.map_extra = value.ok_or_else(|| bad("'map_extra' is not a number".into()))?;
            }
            other => return Err(bad(format!("member '{other}' is not known, or not here"))),
        }
    }
    def.map_type = match MapType::from_u32(map_type) {
        None => return Err(bad(format!("type {map_type} is not known"))),
        Some(MapType::Unspec) => return Err(bad("it has no type".into())),
        Some(map_type) => map_type,
    };
    if matches!(def.map_type, MapType::Ringbuf | MapType::UserRingbuf) {
        def.max_entries = ringbuf_size(def.max_entries);
    }
    if takes_no_btf(def.map_type) {
        (def.btf_key_type_id, def.btf_value_type_id) = (0, 0);
    } else if def.btf_key_type_id != 0 || def.btf_value_type_id != 0 {
        def.btf = Some(btf.clone());
    }
    Ok(def)
}

/// What is in a map of maps; None for a `BPF_MAP_TYPE_PROG_ARRAY`.
fn inner_map(
    btf: &Arc<Btf>,
    name: &str,
    map_type: u32,
    member: Member<'_>,
) -> Result<Option<Box<MapDef>>, LoadError> {
    let bad = || {
        map_error(
            name,
            "'values' is not a zero-sized array of pointers to maps or programs",
        )
    };
    let array = btf.type_by_id(member.type_id()).and_then(Type::array);
    let array = array.filter(|a| a.nelems == 0).ok_or_else(bad)?;
    let pointer = btf.skip_mods_and_typedefs(array.type_id);
    if pointer.kind() != Kind::Ptr {
        return Err(bad());
    }
    let target = btf.skip_mods_and_typedefs(pointer.type_id());
    match (MapType::from_u32(map_type), target.kind()) {
        (Some(MapType::ProgArray), Kind::FuncProto) => Ok(None),
        (Some(MapType::ArrayOfMaps | MapType::HashOfMaps), Kind::Struct) => {
            let name = format!("{name}.inner");
            Ok(Some(Box::new(declared_map(btf, &name, target, false)?)))
        }
        _ => Err(bad()),
    }
}

fn field_int(btf: &Btf, member: Member<'_>) -> Option<u32> {
    let pointer = btf.skip_mods_and_typedefs(member.type_id());
    let pointer = Some(pointer).filter(|t| t.kind() == Kind::Ptr)?;
    Some(btf.type_by_id(pointer.type_id())?.array()?.nelems)
}

fn field_long(btf: &Btf, member: Member<'_>) -> Option<u64> {
    let t = btf.skip_mods_and_typedefs(member.type_id());
    match (t.is_any_enum(), t.vlen()) {
        (true, 1) => Some(t.enumerators().next()?.value()),
        (true, _) => None,
        (false, _) => field_int(btf, member).map(u64::from),
    }
}

/// The next power of two of pages, unless it is one or none.
pub(super) fn ringbuf_size(size: u32) -> u32 {
    if size == 0 || size.is_multiple_of(PAGE_SIZE) && (size / PAGE_SIZE).is_power_of_two() {
        return size;
    }
    let pages = (size / PAGE_SIZE + 1).next_power_of_two();
    pages.checked_mul(PAGE_SIZE).unwrap_or(size)
}

/// Maps that libbpf creates without BTF: the kernel would not take it.
fn takes_no_btf(map_type: MapType) -> bool {
    matches!(
        map_type,
        MapType::PerfEventArray
            | MapType::CgroupArray
            | MapType::StackTrace
            | MapType::ArrayOfMaps
            | MapType::HashOfMaps
            | MapType::Devmap
            | MapType::DevmapHash
            | MapType::Cpumap
            | MapType::Xskmap
            | MapType::Sockmap
            | MapType::Sockhash
            | MapType::Queue
            | MapType::Stack
            | MapType::Arena
    )
}

fn data_map(
    btf: Option<&Arc<Btf>>,
    object_name: &str,
    section: &str,
    kind: SecKind,
    size: u32,
    data: &[u8],
) -> MapDef {
    let map_type = match kind {
        SecKind::Percpu => MapType::PercpuArray,
        _ => MapType::Array,
    };
    let name = data_map_name(object_name, section, kind);
    let mut def = MapDef::new(name, map_type, 4, size, 1);
    let datasec = btf.and_then(|btf| btf.find_by_name(section).next());
    if let Some((btf, datasec)) = btf.zip(datasec) {
        def.btf = Some(btf.clone());
        def.btf_value_type_id = datasec.id();
        let global = |id| {
            let var = btf.type_by_id(id).filter(|t| t.kind() == Kind::Var);
            var.is_some_and(|t| t.linkage() != Some(Linkage::Static))
        };
        if kind != SecKind::Percpu && datasec.var_secinfos().any(|v| global(v.type_id)) {
            def.map_flags |= F_MMAPABLE;
        }
    }
    if kind == SecKind::Rodata {
        def.map_flags |= BPF_F_RDONLY_PROG;
        def.frozen = true;
    }
    def.contents = data.to_vec();
    def
}

/// `.rodata` of `iters` is `iters.rodata`; names with a second dot, and `.percpu`, stay alone.
fn data_map_name(object: &str, section: &str, kind: SecKind) -> String {
    let object = object.rsplit('/').next().unwrap_or(object);
    let object = object.split('.').next().unwrap_or(object);
    let suffix_len = section.len().clamp(7, NAME_LEN);
    let prefix_len = match section.get(1..).is_some_and(|s| s.contains('.')) {
        true => 0,
        false if kind == SecKind::Percpu => 0,
        false => NAME_LEN - suffix_len,
    };
    let kernel_char = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' => c,
        _ => '_',
    };
    let prefix = object.chars().take(prefix_len);
    prefix
        .chain(section.chars().take(suffix_len))
        .map(kernel_char)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_data_maps() {
        let name = |object, section| data_map_name(object, section, SecKind::Data);
        assert_eq!(name("my_object_name.bpf.o", ".rodata"), "my_objec.rodata");
        assert_eq!(name("my_object_name", ".bss"), "my_objec.bss");
        assert_eq!(name("my_object_name", ".kconfig"), "my_obje.kconfig");
        assert_eq!(name("x", ".rodata.abracadabra"), ".rodata.abracad");
    }

    #[test]
    fn ring_buffers_are_powers_of_two_of_pages() {
        let cases = [
            (0, 0),
            (1, 4096),
            (4096, 4096),
            (4097, 8192),
            (12288, 16384),
        ];
        for (size, want) in cases {
            assert_eq!(ringbuf_size(size), want, "{size}");
        }
    }
}
