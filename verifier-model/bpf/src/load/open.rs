// SPDX-License-Identifier: GPL-2.0-only
//! Reads an object: what each section is, and the programs in the code sections.
//!
//! Source: `bpf_object_open()`, `bpf_object__elf_collect()` and `bpf_object__add_programs()`.

use std::sync::Arc;

use object::elf;

use crate::btf::{Btf, BtfBuilder};
use crate::load::btf_ext::BtfExt;
use crate::load::elf::Elf;
use crate::load::error::LoadError;
use crate::load::loader::Loader;
use crate::load::object::{Object, Prog};
use crate::load::sections::{SecDef, SecKind};
use crate::load::{aya, externs, fixup, legacy, maps, relocs, struct_ops};
use crate::uapi::Insn;

/// Longest license that libbpf keeps.
const LICENSE_LEN: usize = 63;

fn open(data: &[u8], name: &str, loader: Loader) -> Result<Object, LoadError> {
    let elf = Elf::parse(data)?;
    let loader = match loader {
        Loader::Auto if legacy::has_maps(&elf) => Loader::Aya,
        loader => loader,
    };
    let mut object = Object {
        loader,
        license: license(&elf),
        progs: Vec::new(),
        text_shndx: None,
        btf: None,
        btf_ext: BtfExt::default(),
        maps: Vec::new(),
        externs: Vec::new(),
        kconfig_map: None,
        arena_map: None,
        arena_data_size: 0,
        jumptables: Vec::new(),
    };
    for (number, section) in elf.sections.iter().enumerate() {
        match SecKind::of(section) {
            SecKind::Code => {
                if section.name == ".text" {
                    object.text_shndx = Some(number);
                }
                add_programs(&mut object.progs, &elf, number, section.name == ".text")?;
            }
            SecKind::JumpTables => object.jumptables = section.data.to_vec(),
            SecKind::Arena => object.arena_data_size = section.size,
            _ => {}
        }
    }
    object.progs.sort_by_key(|p| (p.sec_idx, p.sec_insn_off));

    read_btf(&mut object, &elf)?;
    legacy::collect(&mut object, &elf, loader)?;
    maps::collect(&mut object, &elf, name)?;
    for i in 0..object.progs.len() {
        if !object.is_subprog(&object.progs[i]) {
            let prog = &mut object.progs[i];
            prog.sec_def = match loader.names_sections_freely() {
                true => SecDef::find_by_start(&prog.section),
                false => SecDef::find(&prog.section),
            };
        }
    }
    struct_ops::collect_relocs(&mut object, &elf)?;
    relocs::collect(&mut object, &elf)?;
    Ok(object)
}

fn license(elf: &Elf<'_>) -> String {
    let data = elf.section("license").map_or(&[][..], |s| s.data);
    let text = data.split(|&b| b == 0).next().unwrap_or(&[]);
    String::from_utf8_lossy(&text[..text.len().min(LICENSE_LEN)]).into_owned()
}

fn add_programs(
    progs: &mut Vec<Prog>,
    elf: &Elf<'_>,
    sec_idx: usize,
    is_text: bool,
) -> Result<(), LoadError> {
    let section = &elf.sections[sec_idx];
    for sym in &elf.symbols {
        if sym.shndx != sec_idx || sym.st_type != elf::STT_FUNC {
            continue;
        }
        let bad = |reason: &str| {
            let (section, name) = (section.name, sym.name);
            LoadError::object(format!("section '{section}': program '{name}' {reason}"))
        };
        let end = sym.value.checked_add(sym.size);
        let code = end.and_then(|end| section.data.get(sym.value as usize..end as usize));
        let code = code.ok_or_else(|| bad("goes beyond the section"))?;
        if !is_text && sym.bind == elf::STB_LOCAL {
            return Err(bad("is static, which is not supported"));
        }
        let (insns, rest) = code.as_chunks::<{ Insn::SIZE }>();
        if insns.is_empty() || !rest.is_empty() || !sym.value.is_multiple_of(Insn::SIZE as u64) {
            return Err(bad("is not made of whole instructions"));
        }
        let sym_global = sym.bind != elf::STB_LOCAL;
        progs.push(Prog {
            name: sym.name.to_owned(),
            section: section
                .name
                .strip_prefix('?')
                .unwrap_or(section.name)
                .to_owned(),
            sec_idx,
            sec_insn_off: sym.value as usize / Insn::SIZE,
            insns: insns.iter().map(|&insn| Insn::from_bytes(insn)).collect(),
            autoload: !section.name.starts_with('?'),
            sym_global,
            mark_btf_static: sym_global && sym.is_hidden(),
            sec_def: None,
            attach_type: None,
            relocs: Vec::new(),
        });
    }
    Ok(())
}

/// Reads `.BTF` and `.BTF.ext`, collects the externs, and makes the changes that the kernel needs.
fn read_btf(object: &mut Object, elf: &Elf<'_>) -> Result<(), LoadError> {
    let needed = elf.section(".maps").is_some()
        || elf.symbols.iter().any(|s| s.is_extern())
        || elf
            .sections
            .iter()
            .any(|s| SecKind::of(s) == SecKind::StructOps);
    let Some(section) = elf.section(".BTF") else {
        return match needed {
            true => Err(LoadError::object(
                "the object has no BTF, which its maps or externs need",
            )),
            false => Ok(()),
        };
    };
    let btf = match Btf::parse(section.data, None) {
        Ok(btf) => btf,
        Err(_) if !needed => return Ok(()),
        Err(e) => return Err(e.into()),
    };
    // libbpf goes on without a malformed .BTF.ext; CO-RE would then be left out unseen.
    if let Some(section) = elf.section(".BTF.ext") {
        object.btf_ext = BtfExt::parse(section.data, &btf, elf)?;
    }
    let mut edit = BtfBuilder::from(&btf);
    object.externs = externs::collect(elf, &btf, &mut edit)?;
    fixup::fix(elf, &btf, &mut edit, &object.progs, object.text_shndx)?;
    if object.loader == Loader::Aya {
        aya::fix(&btf, &mut edit);
    }
    object.btf = Some(Arc::new(Btf::parse(&edit.build(), None)?));
    Ok(())
}

impl Object {
    /// Reads an object. `name` is the file's name, which names its global data maps.
    pub fn open(data: &[u8], name: &str) -> Result<Self, LoadError> {
        open(data, name, Loader::Auto)
    }

    /// Reads an object as this loader does.
    pub fn open_for(data: &[u8], name: &str, loader: Loader) -> Result<Self, LoadError> {
        open(data, name, loader)
    }
}
