// SPDX-License-Identifier: GPL-2.0-only
//! Externs: kernel functions, kernel variables and configuration values that an object refers to.
//!
//! The kernel does not take extern declarations in BTF, so that they become definitions there:
//! each variable of `.ksyms` an `int`, each function of it a dummy variable in the section, and
//! those of `.kconfig` variables of a map.
//!
//! Source: `bpf_object__collect_externs()`.

use std::collections::HashMap;

use crate::btf::{Btf, BtfBuilder, Kind, Linkage, Type};
use crate::load::elf::Elf;
use crate::load::error::LoadError;
use crate::load::object::{Extern, ExternKind, KconfigType, KconfigVar};

/// Biggest value of a map, in bytes.
const KMALLOC_MAX_SIZE: u32 = 4 << 20;

pub(super) fn collect(
    elf: &Elf<'_>,
    btf: &Btf,
    edit: &mut BtfBuilder,
) -> Result<Vec<Extern>, LoadError> {
    let dummy_var = add_dummy_ksym_var(btf, edit);
    let sections = extern_sections(btf);
    let mut externs = Vec::new();
    let (mut ksyms, mut kconfig) = (None, None);
    for (sym_idx, sym) in elf.symbols.iter().enumerate() {
        if !sym.is_extern() || sym.name.is_empty() {
            continue;
        }
        let bad = |reason: &str| LoadError::object(format!("extern '{}': {reason}", sym.name));
        let t = find_extern(btf, sym.name).ok_or_else(|| bad("it has no extern BTF"))?;
        let sec = sections
            .get(&t.id())
            .and_then(|&sec| btf.type_by_id(sec))
            .ok_or_else(|| bad("its BTF is in no section"))?;
        let kind = match (sec.name(), t.kind()) {
            (".kconfig", Kind::Func) => return Err(bad("a function cannot be in .kconfig")),
            (".kconfig", _) => {
                kconfig = Some(sec);
                ExternKind::Kconfig(
                    kconfig_var(btf, t).ok_or_else(|| bad("its type is not supported"))?,
                )
            }
            (".ksyms", kind) => {
                ksyms = Some(sec);
                match kind {
                    Kind::Func => ExternKind::KsymFunc {
                        proto_id: t.type_id(),
                    },
                    _ => ExternKind::KsymVar {
                        type_id: btf.skip_mods_and_typedefs(t.type_id()).id(),
                    },
                }
            }
            (section, _) => {
                return Err(bad(&format!("section '{section}' is not one for externs")));
            }
        };
        externs.push(Extern {
            name: sym.name.to_owned(),
            sym_idx,
            is_weak: sym.bind == object::elf::STB_WEAK,
            kind,
        });
    }
    // Configuration values by falling alignment and rising size, so that the map has no holes.
    externs.sort_by(|a, b| {
        let layout = |e: &Extern| match &e.kind {
            ExternKind::Kconfig(var) => (std::cmp::Reverse(var.align), var.size),
            _ => (std::cmp::Reverse(0), 0),
        };
        (a.kind.rank(), layout(a), &a.name).cmp(&(b.kind.rank(), layout(b), &b.name))
    });
    if let Some(sec) = ksyms {
        define_ksyms(btf, edit, sec, dummy_var, &externs)?;
    }
    if let Some(sec) = kconfig {
        define_kconfig(btf, edit, sec, &mut externs)?;
    }
    Ok(externs)
}

fn find_extern<'a>(btf: &'a Btf, name: &'a str) -> Option<Type<'a>> {
    btf.find_by_name(name)
        .find(|t| matches!(t.kind(), Kind::Var | Kind::Func))
        .filter(|t| t.linkage() == Some(Linkage::Extern))
}

/// Variable or function → the first section that has it.
fn extern_sections(btf: &Btf) -> HashMap<u32, u32> {
    let mut sections = HashMap::new();
    for sec in btf.types().filter(|t| t.kind() == Kind::Datasec) {
        for var in sec.var_secinfos() {
            sections.entry(var.type_id).or_insert(sec.id());
        }
    }
    sections
}

fn find_int(btf: &Btf) -> u32 {
    btf.types()
        .find(|t| t.int().is_some_and(|int| int.bits() == 32))
        .map_or(0, Type::id)
}

/// The variable that stands for functions in `.ksyms`: its number and its name's offset.
fn add_dummy_ksym_var(btf: &Btf, edit: &mut BtfBuilder) -> Option<(u32, u32)> {
    let ksyms = btf.find_by_name_kind(".ksyms", Kind::Datasec)?;
    ksyms.var_secinfos().find(|v| {
        btf.type_by_id(v.type_id)
            .is_some_and(|t| t.kind() == Kind::Func)
    })?;
    let name = edit.string("dummy_ksym");
    let linkage = Linkage::Global as u32;
    let id = edit.push(Kind::Var, name, 0, false, find_int(btf), &[linkage]);
    Some((id, name))
}

fn define_ksyms(
    btf: &Btf,
    edit: &mut BtfBuilder,
    sec: Type<'_>,
    dummy_var: Option<(u32, u32)>,
    externs: &[Extern],
) -> Result<(), LoadError> {
    const INT_SIZE: u32 = 4;
    let int = find_int(btf);
    let known = known_names(externs);
    let mut size = 0;
    for (i, var) in sec.var_secinfos().enumerate() {
        let t = definition(btf, var.type_id, &known)?;
        let mut in_section = t.id();
        match (t.kind(), dummy_var) {
            (Kind::Func, Some((dummy_id, dummy_name))) => {
                in_section = dummy_id;
                name_params(btf, edit, t.type_id(), dummy_name);
                if let Some([_, info, ..]) = edit.record_mut(t.id()) {
                    *info = *info & !0xffff | Linkage::Global as u32;
                }
            }
            (Kind::Var, _) => {
                if let Some([_, _, type_id, linkage]) = edit.record_mut(t.id()) {
                    (*type_id, *linkage) = (int, Linkage::Global as u32);
                }
            }
            _ => {
                return Err(LoadError::object(
                    "section .ksyms has neither variable nor function",
                ));
            }
        }
        if let Some(record) = edit.record_mut(sec.id()) {
            record[3 + 3 * i..][..3].copy_from_slice(&[in_section, size, INT_SIZE]);
        }
        size += INT_SIZE;
    }
    set_size(edit, sec.id(), size);
    Ok(())
}

/// The kernel wants every parameter named.
fn name_params(btf: &Btf, edit: &mut BtfBuilder, proto: u32, name_off: u32) {
    if btf
        .type_by_id(proto)
        .is_none_or(|t| t.kind() != Kind::FuncProto)
    {
        return;
    }
    if let Some(record) = edit.record_mut(proto) {
        for param in record[3..].chunks_exact_mut(2) {
            if param[1] != 0 && param[0] == 0 {
                param[0] = name_off;
            }
        }
    }
}

fn define_kconfig(
    btf: &Btf,
    edit: &mut BtfBuilder,
    sec: Type<'_>,
    externs: &mut [Extern],
) -> Result<(), LoadError> {
    let too_big = || LoadError::object(".kconfig is too big");
    let mut size: u32 = 0;
    for ext in externs.iter_mut() {
        if let ExternKind::Kconfig(var) = &mut ext.kind {
            var.offset = size
                .checked_next_multiple_of(var.align)
                .ok_or_else(too_big)?;
            size = var.offset.checked_add(var.size).ok_or_else(too_big)?;
        }
    }
    if size > KMALLOC_MAX_SIZE {
        return Err(too_big());
    }
    set_size(edit, sec.id(), size);
    let known = known_names(externs);
    for (i, var) in sec.var_secinfos().enumerate() {
        let t = definition(btf, var.type_id, &known)?;
        let ExternKind::Kconfig(var) = &externs[known[t.name()]].kind else {
            return Err(LoadError::object(format!(
                "extern '{}' is not in .kconfig",
                t.name()
            )));
        };
        if let Some([_, _, _, linkage]) = edit.record_mut(t.id()) {
            *linkage = Linkage::Global as u32;
        }
        if let Some(record) = edit.record_mut(sec.id()) {
            record[3 + 3 * i + 1] = var.offset;
        }
    }
    Ok(())
}

fn known_names(externs: &[Extern]) -> HashMap<String, usize> {
    let names = externs.iter().enumerate().rev();
    names.map(|(i, ext)| (ext.name.clone(), i)).collect()
}

fn definition<'a>(
    btf: &'a Btf,
    id: u32,
    known: &HashMap<String, usize>,
) -> Result<Type<'a>, LoadError> {
    let t = btf.type_by_id(id).filter(|t| known.contains_key(t.name()));
    t.ok_or_else(|| LoadError::object("BTF has an extern that the symbol table has not"))
}

fn set_size(edit: &mut BtfBuilder, sec: u32, size: u32) {
    if let Some(record) = edit.record_mut(sec) {
        record[2] = size;
    }
}

fn kconfig_var(btf: &Btf, var: Type<'_>) -> Option<KconfigVar> {
    Some(KconfigVar {
        ty: kconfig_type(btf, var.type_id())?,
        size: btf
            .resolve_size(var.type_id())
            .ok()
            .filter(|&size| size != 0)?,
        align: btf.align_of(var.type_id()).filter(|&align| align != 0)?,
        offset: 0,
    })
}

fn kconfig_type(btf: &Btf, id: u32) -> Option<KconfigType> {
    let t = btf.skip_mods_and_typedefs(id);
    match t.kind() {
        Kind::Int => {
            let int = t.int()?;
            match t.size() {
                1 if int.bool() => Some(KconfigType::Bool),
                _ if int.bool() => None,
                1 => Some(KconfigType::Char),
                2 | 4 | 8 => Some(KconfigType::Int {
                    signed: int.signed(),
                }),
                _ => None,
            }
        }
        Kind::Enum if t.size() != 4 => None,
        Kind::Enum | Kind::Enum64 => {
            (t.name() == "libbpf_tristate").then_some(KconfigType::Tristate)
        }
        Kind::Array => {
            let array = t.array()?;
            // An array of arrays is none of characters, so that this goes no deeper.
            let element = btf.skip_mods_and_typedefs(array.type_id);
            let is_char = element.kind() == Kind::Int
                && kconfig_type(btf, element.id()) == Some(KconfigType::Char);
            (array.nelems != 0 && is_char).then_some(KconfigType::CharArray)
        }
        _ => None,
    }
}
