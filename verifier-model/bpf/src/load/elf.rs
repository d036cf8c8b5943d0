// SPDX-License-Identifier: GPL-2.0-only
//! The parts of an ELF file that a BPF object is made of: sections, symbols, relocations.

use object::elf::{self, EM_BPF, ET_REL, FileHeader64, SHT_NOBITS, SHT_SYMTAB};
use object::read::elf::{FileHeader, Rel as _, SectionHeader, Sym as _};
use object::{Endianness, LittleEndian};

use crate::load::error::LoadError;

/// A relocatable little-endian 64-bit ELF file for BPF.
pub(super) struct Elf<'a> {
    /// By section number; number 0 is the empty one that every file has.
    pub(super) sections: Vec<Section<'a>>,
    /// The symbol table, in order.
    pub(super) symbols: Vec<Symbol<'a>>,
}

pub(super) struct Section<'a> {
    pub(super) name: &'a str,
    pub(super) sh_type: u32,
    pub(super) flags: u64,
    pub(super) size: u64,
    pub(super) info: usize,
    /// Empty for `SHT_NOBITS`.
    pub(super) data: &'a [u8],
}

impl Section<'_> {
    pub(super) fn is_code(&self) -> bool {
        self.sh_type == elf::SHT_PROGBITS && self.flags & u64::from(elf::SHF_EXECINSTR) != 0
    }
}

pub(super) struct Symbol<'a> {
    /// Empty for section symbols.
    pub(super) name: &'a str,
    pub(super) shndx: usize,
    pub(super) st_type: u8,
    pub(super) bind: u8,
    pub(super) visibility: u8,
    pub(super) value: u64,
    pub(super) size: u64,
}

impl Symbol<'_> {
    pub(super) fn is_global(&self) -> bool {
        matches!(self.bind, elf::STB_GLOBAL | elf::STB_WEAK)
    }

    /// Declared here and defined elsewhere: by the kernel, or by libbpf.
    pub(super) fn is_extern(&self) -> bool {
        self.shndx == usize::from(elf::SHN_UNDEF)
            && self.is_global()
            && self.st_type == elf::STT_NOTYPE
    }

    /// Global, but not to be seen outside: libbpf makes it static in BTF.
    pub(super) fn is_hidden(&self) -> bool {
        matches!(self.visibility, elf::STV_HIDDEN | elf::STV_INTERNAL)
    }
}

/// One `Elf64_Rel`.
#[derive(Clone, Copy)]
pub(super) struct Rel {
    pub(super) offset: u64,
    pub(super) sym: usize,
}

impl<'a> Elf<'a> {
    pub(super) fn parse(data: &'a [u8]) -> Result<Self, LoadError> {
        let bad = |reason: &str| LoadError::Elf(reason.into());
        if !data.starts_with(b"\x7fELF") {
            return Err(bad("this is not an ELF file"));
        }
        let header = FileHeader64::<Endianness>::parse(data)?;
        if header.endian()? != Endianness::Little {
            return Err(bad("big-endian objects cannot be loaded"));
        }
        let header = FileHeader64::<LittleEndian>::parse(data)?;
        let endian = LittleEndian;
        if header.e_type(endian) != ET_REL {
            return Err(bad("this is not a relocatable object"));
        }
        // Old compilers wrote 0 (EM_NONE).
        if !matches!(header.e_machine(endian), EM_BPF | elf::EM_NONE) {
            return Err(bad("the object is not for BPF"));
        }
        let table = header.sections(endian, data)?;
        let mut sections = Vec::with_capacity(table.len());
        for section in table.iter() {
            let name = std::str::from_utf8(table.section_name(endian, section)?)
                .map_err(|_| bad("a section's name is not UTF-8"))?;
            let sh_type = section.sh_type(endian);
            let data = match sh_type {
                SHT_NOBITS => &[],
                _ => section.data(endian, data)?,
            };
            sections.push(Section {
                name,
                sh_type,
                flags: section.sh_flags(endian),
                size: section.sh_size(endian),
                info: section.sh_info(endian) as usize,
                data,
            });
        }
        let mut symtabs = sections.iter().filter(|s| s.sh_type == SHT_SYMTAB);
        match (symtabs.next(), symtabs.next()) {
            (None, _) => return Err(bad("there is no symbol table; is the object stripped?")),
            (_, Some(_)) => return Err(bad("there are several symbol tables")),
            _ => {}
        }
        let table = table.symbols(endian, data, SHT_SYMTAB)?;
        let strings = table.strings();
        let symbols = table
            .iter()
            .map(|sym| Symbol {
                name: sym
                    .name(endian, strings)
                    .ok()
                    .and_then(|name| std::str::from_utf8(name).ok())
                    .unwrap_or(""),
                shndx: usize::from(sym.st_shndx(endian)),
                st_type: sym.st_type(),
                bind: sym.st_bind(),
                visibility: sym.st_visibility(),
                value: sym.st_value(endian),
                size: sym.st_size(endian),
            })
            .collect();
        Ok(Self { sections, symbols })
    }

    pub(super) fn section(&self, name: &str) -> Option<&Section<'a>> {
        self.sections.iter().skip(1).find(|s| s.name == name)
    }

    pub(super) fn section_index(&self, name: &str) -> Option<usize> {
        let index = self.sections.iter().skip(1).position(|s| s.name == name)?;
        Some(index + 1)
    }

    /// The relocations of section `number` (itself of type `SHT_REL`).
    pub(super) fn rels(&self, number: usize) -> Result<&'a [elf::Rel64<LittleEndian>], LoadError> {
        let data = self.sections[number].data;
        let count = data.len() / size_of::<elf::Rel64<LittleEndian>>();
        match object::slice_from_bytes(data, count) {
            Ok((rels, [])) => Ok(rels),
            _ => Err(LoadError::Elf("a relocation section is cut short".into())),
        }
    }
}

impl From<&elf::Rel64<LittleEndian>> for Rel {
    fn from(rel: &elf::Rel64<LittleEndian>) -> Self {
        Self {
            offset: rel.r_offset(LittleEndian),
            sym: rel.r_sym(LittleEndian) as usize,
        }
    }
}
