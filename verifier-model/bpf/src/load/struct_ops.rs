// SPDX-License-Identifier: GPL-2.0-only
//! `.struct_ops`: structures of function pointers that the kernel takes programs for.
//!
//! Each variable of the section is a map. A relocation tells which program is in which member; the
//! kernel's own type of that name tells the member's index there, which the program is loaded with.
//!
//! Source: `init_struct_ops_maps()`, `bpf_object__collect_st_ops_relos()`,
//! `bpf_map__init_kern_struct_ops()`.

use std::collections::BTreeMap;

use crate::btf::{Btf, Kind, Member, Type, essential_name};
use crate::kernel::{Kernel, VMLINUX, find_kernel_type};
use crate::load::elf::{Elf, Rel};
use crate::load::error::LoadError;
use crate::load::object::{Map, Object, StructOps};
use crate::load::sections::SecKind;
use crate::map::{MapDef, StructOpsDef};
use crate::uapi::{Insn, MapType, ProgType};

/// `BPF_F_LINK`
const F_LINK: u32 = 1 << 13;

/// `BPF_F_VTYPE_BTF_OBJ_FD`: the kernel's type is a module's.
const F_VTYPE_BTF_OBJ_FD: u32 = 1 << 15;

/// What a struct_ops program is loaded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KernelMember {
    pub(super) btf_obj: u32,
    pub(super) type_id: u32,
    pub(super) index: u32,
}

/// A map with what the kernel knows of it, and the programs in it.
pub(super) struct ResolvedMap {
    pub(super) def: MapDef,
    pub(super) members: Vec<(usize, KernelMember)>,
}

pub(super) fn collect_maps(object: &mut Object, elf: &Elf<'_>) -> Result<(), LoadError> {
    for (sec_idx, section) in elf.sections.iter().enumerate() {
        if SecKind::of(section) != SecKind::StructOps {
            continue;
        }
        let btf = object.btf.clone();
        let btf = btf.ok_or_else(|| LoadError::object("struct_ops without BTF"))?;
        let sec = btf.find_by_name_kind(section.name, Kind::Datasec);
        let sec = sec.ok_or_else(|| {
            LoadError::object(format!("BTF does not describe section '{}'", section.name))
        })?;
        for info in sec.var_secinfos() {
            let var = btf.type_by_id(info.type_id).unwrap_or(sec);
            let bad = |reason| LoadError::object(format!("struct_ops '{}': {reason}", var.name()));
            let t = btf.skip_mods_and_typedefs(match var.kind() {
                Kind::Var => var.type_id(),
                _ => var.id(),
            });
            if t.kind() != Kind::Struct || t.name().is_empty() {
                return Err(bad("its type is not a named structure"));
            }
            let start = info.offset as usize;
            let data = section
                .data
                .get(start..start.saturating_add(t.size() as usize));
            let data = data.ok_or_else(|| bad("it goes beyond the section"))?;
            let mut def = MapDef::new(var.name(), MapType::StructOps, 4, t.size(), 1);
            def.btf = Some(btf.clone());
            if section.name.ends_with(".link") {
                def.map_flags = F_LINK;
            }
            object.maps.push(Map {
                def,
                sec_idx,
                sec_offset: info.offset.into(),
                struct_ops: Some(StructOps {
                    type_id: t.id(),
                    data: data.to_vec(),
                    progs: BTreeMap::new(),
                }),
                autocreate: !section.name.starts_with('?'),
            });
        }
    }
    Ok(())
}

/// Which program is in which member.
pub(super) fn collect_relocs(object: &mut Object, elf: &Elf<'_>) -> Result<(), LoadError> {
    for (number, section) in elf.sections.iter().enumerate() {
        let target = elf.sections.get(section.info).map(SecKind::of);
        if section.sh_type != object::elf::SHT_REL || target != Some(SecKind::StructOps) {
            continue;
        }
        for rel in elf.rels(number)? {
            collect_reloc(object, elf, section.info, rel.into())?;
        }
    }
    Ok(())
}

fn collect_reloc(
    object: &mut Object,
    elf: &Elf<'_>,
    sec_idx: usize,
    rel: Rel,
) -> Result<(), LoadError> {
    let bad = |reason: &str| {
        LoadError::object(format!("struct_ops relocation at {}: {reason}", rel.offset))
    };
    let sym = elf
        .symbols
        .get(rel.sym)
        .ok_or_else(|| bad("its symbol does not exist"))?;
    let insn = sym.value as usize / Insn::SIZE;
    let prog = object.prog_at(sym.shndx, insn);
    let prog = prog.ok_or_else(|| bad("it is not to a program"))?;
    if object.progs[prog].prog_type() != ProgType::StructOps {
        return Err(bad("the program is not in a struct_ops section"));
    }
    let btf = object.btf.clone().ok_or_else(|| bad("there is no BTF"))?;
    let map = object.maps.iter_mut().find(|map| {
        let offset = rel.offset.checked_sub(map.sec_offset);
        map.sec_idx == sec_idx && offset.is_some_and(|o| o < map.def.value_size.into())
    });
    let map = map.ok_or_else(|| bad("there is no map"))?;
    let bit_offset = (rel.offset - map.sec_offset) * 8;
    let ops = map
        .struct_ops
        .as_mut()
        .ok_or_else(|| bad("there is no map"))?;
    let t = btf
        .type_by_id(ops.type_id)
        .ok_or_else(|| bad("there is no type"))?;
    let member = t
        .members()
        .position(|m| u64::from(m.bit_offset()) == bit_offset);
    let index = member.ok_or_else(|| bad("there is no member"))?;
    let is_func_ptr = t.members().nth(index).is_some_and(|m| {
        let pointer = btf.skip_mods_and_typedefs(m.type_id());
        pointer.kind() == Kind::Ptr
            && btf.skip_mods_and_typedefs(pointer.type_id()).kind() == Kind::FuncProto
    });
    if !is_func_ptr {
        return Err(bad("the member is not a function pointer"));
    }
    ops.progs.insert(index, prog);
    Ok(())
}

/// Finds the kernel's type for a map, fills in the definition, and tells for each program in it
/// which member it is.
pub(super) fn resolve(
    object: &Object,
    map: &Map,
    kernel: &Kernel,
) -> Result<Option<ResolvedMap>, LoadError> {
    let Some(ops) = &map.struct_ops else {
        return Ok(None);
    };
    let bad =
        |reason: String| LoadError::object(format!("struct_ops '{}': {reason}", map.def.name));
    let no_btf = || bad("there is no BTF".into());
    let btf = object.btf.as_deref().ok_or_else(no_btf)?;
    let t = btf.type_by_id(ops.type_id).ok_or_else(no_btf)?;
    let name = essential_name(t.name());
    let value_name = format!("bpf_struct_ops_{name}");
    let (btf_obj, value_type) = find_kernel_type(kernel, &value_name, Kind::Struct)
        .ok_or_else(|| bad(format!("the kernel has no structure '{value_name}'")))?;
    let kern_btf = kernel.btf(btf_obj).ok_or_else(no_btf)?;
    let kern_type = kern_btf
        .find_by_name_kind(name, Kind::Struct)
        .filter(|k| value_type.members().any(|m| m.type_id() == k.id()))
        .ok_or_else(|| bad(format!("the kernel has no structure '{name}'")))?;

    let mut members = Vec::new();
    let mut progs = BTreeMap::new();
    for (i, member) in t.members().enumerate() {
        let member_bad = |reason: &str| bad(format!("member '{}': {reason}", member.name()));
        let size = btf.resolve_size(member.type_id())?;
        let start = member.bit_offset() as usize / 8;
        let data = ops.data.get(start..start.saturating_add(size as usize));
        let data = data.ok_or_else(|| member_bad("it goes beyond the structure"))?;
        let zero = data.iter().all(|&b| b == 0);
        let kern_member = kern_type.members().position(|k| k.name() == member.name());
        let Some(index) = kern_member else {
            // What the kernel does not know may be there if it is not used.
            match zero {
                true => continue,
                false => return Err(member_bad("the kernel's structure does not have it")),
            }
        };
        let kern_member = kern_type.members().nth(index).ok_or_else(no_btf)?;
        let prog = ops.progs.get(&i);
        match (
            check_member(btf, member, kern_btf, kern_member, prog.is_some()),
            prog,
        ) {
            (Err(reason), _) => return Err(member_bad(reason)),
            (Ok(Kind::Ptr), Some(&prog)) => {
                let index = index as u32;
                progs.insert(index, object.progs[prog].name.clone());
                let type_id = kern_type.id();
                members.push((
                    prog,
                    KernelMember {
                        btf_obj,
                        type_id,
                        index,
                    },
                ));
            }
            (Ok(Kind::Ptr), None) if !zero => {
                return Err(member_bad("it is set to something that is not a program"));
            }
            _ => {}
        }
    }
    let mut def = map.def.clone();
    def.value_size = value_type.size();
    if btf_obj != VMLINUX {
        def.map_flags |= F_VTYPE_BTF_OBJ_FD;
    }
    def.struct_ops = Some(StructOpsDef {
        btf_obj,
        type_id: kern_type.id(),
        value_type_id: value_type.id(),
        progs,
    });
    Ok(Some(ResolvedMap { def, members }))
}

/// Whether a member can be what the kernel's is; its kind.
fn check_member(
    btf: &Btf,
    member: Member<'_>,
    kern_btf: &Btf,
    kern_member: Member<'_>,
    has_prog: bool,
) -> Result<Kind, &'static str> {
    if member.bitfield_size() != 0 || kern_member.bitfield_size() != 0 {
        return Err("bitfields are not supported");
    }
    let t: Type<'_> = btf.skip_mods_and_typedefs(member.type_id());
    let kern_t = kern_btf.skip_mods_and_typedefs(kern_member.type_id());
    if t.kind() != kern_t.kind() {
        return Err("its type is another than the kernel's");
    }
    match t.kind() {
        Kind::Ptr => {
            let target = kern_btf.skip_mods_and_typedefs(kern_t.type_id());
            match has_prog && target.kind() != Kind::FuncProto {
                true => Err("the kernel's is not a function pointer"),
                false => Ok(Kind::Ptr),
            }
        }
        kind if btf.resolve_size(t.id()) == kern_btf.resolve_size(kern_t.id()) => Ok(kind),
        _ => Err("its size is another than the kernel's"),
    }
}
