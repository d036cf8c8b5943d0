// SPDX-License-Identifier: GPL-2.0-only
//! What the compiler leaves open in BTF: sizes of sections, offsets of variables, hidden symbols.
//!
//! Source: `bpf_object_fixup_btf()`, `btf_fixup_datasec()`.

use std::collections::HashMap;

use object::elf;

use crate::btf::{Btf, BtfBuilder, Kind, Linkage, Type};
use crate::load::elf::{Elf, Symbol};
use crate::load::error::LoadError;
use crate::load::object::Prog;

pub(super) fn fix(
    elf: &Elf<'_>,
    btf: &Btf,
    edit: &mut BtfBuilder,
    progs: &[Prog],
    text_shndx: Option<usize>,
) -> Result<(), LoadError> {
    let mut vars = HashMap::new();
    for sym in &elf.symbols {
        if sym.st_type == elf::STT_OBJECT && sym.is_global() {
            vars.entry(sym.name).or_insert(sym);
        }
    }
    for sec in btf.types().filter(|t| t.kind() == Kind::Datasec) {
        // These two have been dealt with as externs.
        if !matches!(sec.name(), ".kconfig" | ".ksyms") {
            fix_datasec(elf, btf, edit, sec, &vars)?;
        }
        sort_by_offset(edit, sec.id());
    }
    let hidden = |p: &&Prog| p.mark_btf_static && Some(p.sec_idx) == text_shndx;
    for prog in progs.iter().filter(hidden) {
        let is_global =
            |t: &Type<'_>| t.kind() == Kind::Func && t.linkage() == Some(Linkage::Global);
        let func = btf.find_by_name(&prog.name).find(is_global);
        if let Some([_, info, ..]) = func.and_then(|f| edit.record_mut(f.id())) {
            *info = *info & !0xff_ffff | Linkage::Static as u32;
        }
    }
    Ok(())
}

fn fix_datasec(
    elf: &Elf<'_>,
    btf: &Btf,
    edit: &mut BtfBuilder,
    sec: Type<'_>,
    vars: &HashMap<&str, &Symbol<'_>>,
) -> Result<(), LoadError> {
    let bad = |reason: String| LoadError::object(format!("BTF section '{}': {reason}", sec.name()));
    // The linker has filled in what the compiler has not.
    let fix_offsets = sec.size() == 0;
    if fix_offsets {
        let size = elf.section(sec.name()).map_or(0, |s| s.size);
        let size = u32::try_from(size).ok().filter(|&size| size != 0);
        let size = size.ok_or_else(|| bad("ELF has no such section of a usable size".into()))?;
        if let Some(record) = edit.record_mut(sec.id()) {
            record[2] = size;
        }
    }
    for (i, info) in sec.var_secinfos().enumerate() {
        let var = btf
            .type_by_id(info.type_id)
            .filter(|t| t.kind() == Kind::Var);
        let var = var.ok_or_else(|| bad("it has something that is not a variable".into()))?;
        if var.linkage() != Some(Linkage::Global) {
            continue;
        }
        let sym = vars.get(var.name());
        let sym = sym.ok_or_else(|| bad(format!("ELF has no symbol '{}'", var.name())))?;
        if fix_offsets && let Some(record) = edit.record_mut(sec.id()) {
            record[3 + 3 * i + 1] = sym.value as u32;
        }
        if sym.is_hidden()
            && let Some([_, _, _, linkage]) = edit.record_mut(var.id())
        {
            *linkage = Linkage::Static as u32;
        }
    }
    Ok(())
}

fn sort_by_offset(edit: &mut BtfBuilder, sec: u32) {
    if let Some(record) = edit.record_mut(sec) {
        record[3..]
            .as_chunks_mut::<3>()
            .0
            .sort_by_key(|&[_, offset, _]| offset);
    }
}
