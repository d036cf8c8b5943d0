// SPDX-License-Identifier: GPL-2.0-only
//! ELF relocations of code: what each relocated instruction refers to.
//!
//! Source: `bpf_object__collect_prog_relos()` and `bpf_program__record_reloc()`.

use std::collections::HashMap;

use object::elf::{SHN_LORESERVE, SHT_REL, STT_FUNC, STT_SECTION};

use crate::load::elf::{Elf, Rel, Symbol};
use crate::load::error::LoadError;
use crate::load::object::{Object, Reloc, Target};
use crate::load::sections::{LEGACY_MAPS, SecKind};
use crate::uapi::{Insn, op, pseudo};

/// Finds maps and externs by where they are in the object.
struct Index {
    /// Section and offset → map.
    maps: HashMap<(usize, u64), usize>,
    /// Symbol → extern.
    externs: HashMap<usize, usize>,
}

impl Index {
    fn new(object: &Object) -> Self {
        let maps = object.maps.iter().enumerate().rev();
        let externs = object.externs.iter().enumerate();
        Self {
            maps: maps.map(|(i, m)| ((m.sec_idx, m.sec_offset), i)).collect(),
            externs: externs.map(|(i, e)| (e.sym_idx, i)).collect(),
        }
    }
}

pub(super) fn collect(object: &mut Object, elf: &Elf<'_>) -> Result<(), LoadError> {
    let index = Index::new(object);
    for (number, section) in elf.sections.iter().enumerate() {
        let Some(code) = elf.sections.get(section.info) else {
            continue;
        };
        if section.sh_type != SHT_REL || SecKind::of(code) != SecKind::Code {
            continue;
        }
        for rel in elf.rels(number)?.iter().map(Rel::from) {
            let bad = |reason: &str| {
                let (name, at) = (section.name, rel.offset);
                LoadError::object(format!("section '{name}': relocation at {at}: {reason}"))
            };
            let sym = elf
                .symbols
                .get(rel.sym)
                .ok_or_else(|| bad("its symbol does not exist"))?;
            if sym.shndx >= elf.sections.len() {
                return Err(bad("its symbol is in a section that does not exist"));
            }
            if !rel.offset.is_multiple_of(Insn::SIZE as u64) || rel.offset >= code.size {
                return Err(bad("it is not to an instruction"));
            }
            let insn = rel.offset as usize / Insn::SIZE;
            // A weak function that another definition replaced leaves its relocations behind.
            let Some(prog) = object.prog_at(section.info, insn) else {
                continue;
            };
            let insn = insn - object.progs[prog].sec_insn_off;
            let target = target(object, elf, &index, prog, insn, rel, sym).map_err(|reason| {
                let reason = format!("instruction {insn} refers to '{}': {reason}", sym.name);
                LoadError::prog(&object.progs[prog].name, reason)
            })?;
            object.progs[prog].relocs.push(Reloc { insn, target });
        }
    }
    for prog in &mut object.progs {
        prog.relocs.sort_by_key(|r| r.insn);
    }
    Ok(())
}

fn target(
    object: &Object,
    elf: &Elf<'_>,
    index: &Index,
    prog: usize,
    at: usize,
    rel: Rel,
    sym: &Symbol<'_>,
) -> Result<Target, String> {
    let insns = &object.progs[prog].insns;
    let insn = insns[at];
    let is_call = insn.code == op::CALL;
    if !is_call && !insn.is_ld_imm64() {
        return Err(format!("opcode {:#04x} cannot be relocated", insn.code));
    }
    if insn.is_ld_imm64() && at + 1 >= insns.len() {
        return Err("the ld_imm64 is cut short".into());
    }
    if sym.is_extern() {
        let ext = *index
            .externs
            .get(&rel.sym)
            .ok_or("there is no such extern")?;
        return Ok(match is_call {
            true => Target::ExternCall(ext),
            false => Target::ExternLd64(ext),
        });
    }
    let in_text = sym.shndx != 0 && Some(sym.shndx) == object.text_shndx;
    let whole_insns = sym.value.is_multiple_of(Insn::SIZE as u64);
    if is_call {
        return match insn.src_reg == pseudo::CALL && in_text && whole_insns {
            true => Ok(Target::Call(sym.value)),
            false => Err("only functions in .text can be called".into()),
        };
    }
    if sym.shndx == 0 || sym.shndx >= usize::from(SHN_LORESERVE) {
        return Err("it is in no section; is the variable initialised?".into());
    }
    let is_func = sym.is_global() && sym.st_type == STT_FUNC;
    let is_section = !sym.is_global() && sym.st_type == STT_SECTION;
    if in_text && (is_func || is_section) {
        return match whole_insns && insn.imm % Insn::SIZE as i32 == 0 {
            true => Ok(Target::SubprogAddr(sym.value)),
            false => Err("it is not to an instruction".into()),
        };
    }
    data_target(object, elf, index, sym)
}

fn data_target(
    object: &Object,
    elf: &Elf<'_>,
    index: &Index,
    sym: &Symbol<'_>,
) -> Result<Target, String> {
    let kind = SecKind::of(&elf.sections[sym.shndx]);
    let map_at = |offset| index.maps.get(&(sym.shndx, offset)).copied();
    match kind {
        SecKind::Arena => {
            let map = object.arena_map.ok_or("there is no arena")?;
            Ok(Target::Data(map, sym.value))
        }
        SecKind::JumpTables => Ok(Target::JumpTable(sym.value, sym.size)),
        SecKind::Maps => {
            let section = elf.sections[sym.shndx].name;
            let found = map_at(sym.value).map(Target::Map);
            found.ok_or_else(|| match section.strip_prefix(LEGACY_MAPS) {
                Some(_) if !object.loader.takes_legacy_maps() => format!(
                    "libbpf takes no maps of section '{section}'; --loader aya or --loader cilium does"
                ),
                _ => "there is no map at that offset".into(),
            })
        }
        _ if kind.is_data() => {
            let map = map_at(0).ok_or("the section is empty")?;
            Ok(Target::Data(map, sym.value))
        }
        _ => {
            let section = elf.sections[sym.shndx].name;
            Err(format!(
                "section '{section}' holds neither maps nor variables"
            ))
        }
    }
}
