// SPDX-License-Identifier: GPL-2.0-only
//! Patches into a linked program what its instructions refer to: maps, variables, externs.
//!
//! Source: `bpf_object__relocate_data()`, `create_jt_map()`.

use std::collections::{HashMap, HashSet};

use crate::load::error::LoadError;
use crate::load::link::Linked;
use crate::load::loader::Loader;
use crate::load::maps;
use crate::load::object::{ExternKind, Object, Prog, Target};
use crate::load::resolved::Resolved;
use crate::map::MapDef;
use crate::program::Unresolved;
use crate::uapi::{Insn, MapType, op, pseudo};

/// The helper number that a call of a missing weak kfunc becomes, plus the extern's index.
const POISON_CALL_KFUNC_BASE: i32 = 2_002_000_000;
/// The same of cilium/ebpf.
const KFUNC_CALL_POISON_BASE: i32 = 0xded_c0de;

/// The helper number that a reference to a map becomes that is not created, plus the map's index.
const POISON_LDIMM64_MAP_BASE: i32 = 2_001_000_000;

/// Bytes of an entry of a jump table in the object.
const JUMP_ENTRY: usize = 8;

/// `struct bpf_insn_array_value`
const INSN_ARRAY_VALUE: usize = 16;

/// Makes map fds that the object brings itself invalid: the complement is no index, whatever it was.
fn hide_foreign_fds(linked: &mut Linked) {
    let relocated: HashSet<usize> = linked.relocs.iter().map(|r| r.insn).collect();
    for (at, insn) in linked.insns.iter_mut().enumerate() {
        let is_map =
            insn.is_ld_imm64() && matches!(insn.src_reg, pseudo::MAP_FD | pseudo::MAP_VALUE);
        if is_map && insn.imm >= 0 && !relocated.contains(&at) {
            insn.imm = !insn.imm;
        }
    }
}

/// Patches `linked`, the program `prog`. Returns the maps of the jump tables that it needs, which
/// come after the object's.
pub(super) fn relocate(
    object: &Object,
    prog: &Prog,
    linked: &mut Linked,
    resolved: &Resolved,
) -> Result<Vec<MapDef>, LoadError> {
    let bad = |reason: String| LoadError::prog(&prog.name, reason);
    hide_foreign_fds(linked);
    // Offset in .jumptables → map.
    let mut tables = HashMap::new();
    let mut maps = Vec::new();
    for i in 0..linked.relocs.len() {
        let reloc = linked.relocs[i];
        let at = reloc.insn;
        match reloc.target {
            Target::Call(_) | Target::SubprogAddr(_) => {}
            Target::Map(map) if !object.maps[map].autocreate => {
                poison_map(object, linked, at, map);
            }
            Target::Map(map) => {
                linked.insns[at].src_reg = pseudo::MAP_FD;
                linked.insns[at].imm = map as i32;
            }
            Target::Data(map, offset) => {
                let base = match object.arena_map {
                    Some(arena) if arena == map => {
                        maps::arena_data_offset(&object.maps[map].def, object.arena_data_size)
                    }
                    _ => 0,
                };
                let in_value = i64::from(linked.insns[at].imm) as u64;
                let in_value = in_value.wrapping_add(offset).wrapping_add(base);
                set_map_value(&mut linked.insns[at..], map, in_value as i32);
            }
            Target::ExternLd64(ext) => load_extern(object, resolved, ext, &mut linked.insns[at..]),
            Target::ExternCall(ext) => {
                if resolved.externs[ext].is_none() {
                    let name = object.externs[ext].name.clone();
                    linked.unresolved.insert(at as u32, Unresolved::Kfunc(name));
                }
                call_extern(object.loader, resolved, ext, &mut linked.insns[at]);
            }
            Target::JumpTable(offset, size) => {
                let map = match tables.get(&offset) {
                    Some(&map) => map,
                    None => {
                        let table = jump_table(object, prog, linked, at, offset, size);
                        maps.push(table.map_err(bad)?);
                        object.maps.len() + maps.len() - 1
                    }
                };
                tables.insert(offset, map);
                let insn = &mut linked.insns[at];
                (insn.src_reg, insn.imm, insn.off) = (pseudo::MAP_VALUE, map as i32, 0);
            }
        }
    }
    Ok(maps)
}

/// Makes a reference to a map that is not created invalid.
fn poison_map(object: &Object, linked: &mut Linked, at: usize, map: usize) {
    let name = object.maps[map].def.name.clone();
    linked.unresolved.insert(at as u32, Unresolved::Map(name));
    for insn in &mut linked.insns[at..at + 2] {
        *insn = Insn {
            code: op::CALL,
            imm: POISON_LDIMM64_MAP_BASE + map as i32,
            ..Insn::default()
        };
    }
}

fn set_map_value(insns: &mut [Insn], map: usize, offset: i32) {
    insns[0].src_reg = pseudo::MAP_VALUE;
    insns[0].imm = map as i32;
    insns[1].imm = offset;
}

fn load_extern(object: &Object, resolved: &Resolved, ext: usize, insns: &mut [Insn]) {
    match (
        &object.externs[ext].kind,
        object.kconfig_map,
        resolved.externs[ext],
    ) {
        (ExternKind::Kconfig(var), Some(map), _) => {
            set_map_value(insns, map, var.offset as i32);
        }
        (_, _, Some(found)) if !found.untyped => {
            insns[0].src_reg = pseudo::BTF_ID;
            insns[0].imm = found.btf_id as i32;
            insns[1].imm = found.btf_obj as i32;
        }
        (_, _, found) => {
            let address = found.map_or(0, |found| found.address);
            insns[0].imm = address as i32;
            insns[1].imm = (address >> 32) as i32;
        }
    }
}

fn call_extern(loader: Loader, resolved: &Resolved, ext: usize, insn: &mut Insn) {
    match resolved.externs[ext] {
        Some(found) => {
            insn.src_reg = pseudo::KFUNC_CALL;
            insn.imm = found.btf_id as i32;
            insn.off = found.fd_idx;
        }
        None => {
            *insn = Insn {
                code: op::CALL,
                imm: match loader {
                    Loader::Cilium => KFUNC_CALL_POISON_BASE,
                    _ => POISON_CALL_KFUNC_BASE + ext as i32,
                },
                ..Insn::default()
            };
        }
    }
}

/// The map of a jump table: the table's entries are offsets in the section, in bytes; the map's are
/// instructions of the program.
fn jump_table(
    object: &Object,
    prog: &Prog,
    linked: &Linked,
    at: usize,
    offset: u64,
    size: u64,
) -> Result<MapDef, String> {
    let bad = |reason: &str| format!("jump table at {offset}: {reason}");
    let range = offset as usize..(offset as usize).saturating_add(size as usize);
    let data = object.jumptables.get(range);
    let data = data.ok_or_else(|| bad("it goes beyond section .jumptables"))?;
    let (entries, rest) = data.as_chunks::<JUMP_ENTRY>();
    if !rest.is_empty() || !offset.is_multiple_of(JUMP_ENTRY as u64) {
        return Err(bad("it is not made of whole entries"));
    }
    let (in_section, here) = linked
        .subprogs
        .iter()
        .rfind(|&&(_, start)| at >= start)
        .copied()
        .unwrap_or((prog.sec_insn_off, 0));
    let mut contents = Vec::with_capacity(entries.len() * INSN_ARRAY_VALUE);
    for entry in entries {
        let insn = u64::from_le_bytes(*entry) / Insn::SIZE as u64;
        let insn = insn
            .wrapping_sub(in_section as u64)
            .wrapping_add(here as u64);
        let insn = u32::try_from(insn).map_err(|_| bad("an entry is out of range"))?;
        contents.extend(insn.to_le_bytes());
        contents.extend([0; INSN_ARRAY_VALUE - 4]);
    }
    let (count, value_size) = (entries.len() as u32, INSN_ARRAY_VALUE as u32);
    let mut map = MapDef::new(".jumptables", MapType::InsnArray, 4, value_size, count);
    map.contents = contents;
    map.frozen = true;
    Ok(map)
}
