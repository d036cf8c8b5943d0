// SPDX-License-Identifier: GPL-2.0-only
//! Objects inside other files: skeletons in a program's `.rodata`, `.bpf.objs`, members of an archive.
//!
//! They are found by their ELF headers, wherever they lie, so that it does not matter which tool put
//! them there. Compressed ones are not found.

use memchr::memmem;
use object::LittleEndian;
use object::elf::{EM_BPF, ET_REL, FileHeader64, SHT_NOBITS};
use object::read::elf::{FileHeader, SectionHeader};

use crate::load::object::Object;

/// An object within a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'a> {
    /// Where it begins.
    pub offset: usize,
    /// The object.
    pub data: &'a [u8],
}

/// Finds the BPF objects in a file, in the order in which they lie there.
pub fn find_objects(file: &[u8]) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = memmem::find(&file[from..], &MAGIC) {
        let offset = from + at;
        match object_len(&file[offset..]) {
            Some(len) => {
                let data = &file[offset..offset + len];
                found.push(Found { offset, data });
                from = offset + len;
            }
            None => from = offset + 1,
        }
    }
    found
}

/// ELF, 64 bits, little-endian, version 1.
const MAGIC: [u8; 7] = *b"\x7fELF\x02\x01\x01";

/// Most sections that are gone through: a header within random bytes may promise any number.
const MAX_SECTIONS: u16 = 4096;

/// Length of the object that begins here, if one does.
fn object_len(data: &[u8]) -> Option<usize> {
    // A copy, since an object may begin anywhere and its header is read where it is aligned.
    let start = data.get(..size_of::<FileHeader64<LittleEndian>>())?;
    let header = FileHeader64::<LittleEndian>::parse(start).ok()?;
    let e = LittleEndian;
    let sections = header.e_shnum(e);
    if header.e_machine(e) != EM_BPF
        || header.e_type(e) != ET_REL
        || !(1..=MAX_SECTIONS).contains(&sections)
    {
        return None;
    }
    let table = header.section_headers(e, data).ok()?;
    let of_table = header.e_shoff(e) + u64::from(sections) * u64::from(header.e_shentsize(e));
    let of_section = |section: &object::elf::SectionHeader64<LittleEndian>| {
        let in_file = section.sh_type(e) != SHT_NOBITS;
        let end = section.sh_offset(e).checked_add(section.sh_size(e));
        end.map(|end| if in_file { end } else { 0 })
    };
    let ends = table.iter().map(of_section).collect::<Option<Vec<u64>>>()?;
    let end = ends.into_iter().fold(of_table, u64::max);
    // Without a table of sections nothing says how long it is.
    let possible = size_of::<FileHeader64<LittleEndian>>()..=data.len();
    let end = usize::try_from(end).ok();
    end.filter(|end| header.e_shoff(e) != 0 && possible.contains(end))
}

impl Object {
    /// The file that the object was compiled of, as its line records name it: without directories,
    /// and without what tells that it is C or Rust for BPF.
    pub fn source_name(&self) -> Option<&str> {
        let mut records = self.btf_ext.line_info.iter().flat_map(|s| &s.records);
        let path = self.btf.as_ref()?.str_at(records.next()?[1])?;
        let file = path.rsplit('/').next().unwrap_or(path);
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        Some(stem.strip_suffix(".bpf").unwrap_or(stem)).filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROG: &[u8] = include_bytes!("../../tests/load/prog.elf");

    #[test]
    fn whereever_they_lie() {
        assert_eq!(
            find_objects(PROG),
            [Found {
                offset: 0,
                data: PROG
            }]
        );
        // Within a file of another kind, at odd places, one after another.
        let file = [
            b"\x7fELF\x02\x01\x01 no header",
            PROG,
            b"x",
            PROG,
            &PROG[..100],
        ]
        .concat();
        let found = find_objects(&file);
        let first = 17;
        let offsets: Vec<usize> = found.iter().map(|f| f.offset).collect();
        assert_eq!(offsets, [first, first + PROG.len() + 1]);
        assert!(found.iter().all(|f| f.data == PROG));
        assert!(find_objects(&PROG[1..]).is_empty() && find_objects(&PROG[..200]).is_empty());
    }

    #[test]
    fn half_an_object_is_none() {
        assert!(find_objects(&PROG[..PROG.len() - 1]).is_empty());
        assert!(find_objects(&PROG[..20]).is_empty());
        assert!(find_objects(b"").is_empty());
    }

    #[test]
    fn an_object_for_a_processor_is_none() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let theirs = find_objects(&own);
        // This program has the one above as its data.
        assert!(theirs.iter().any(|found| found.data == PROG));
        assert!(theirs.iter().all(|found| found.data.len() < own.len()));
    }

    #[test]
    fn a_header_alone_is_no_object() {
        let mut file = PROG.to_vec();
        // e_shoff, then e_shentsize.
        file[40..48].fill(0);
        assert!(find_objects(&file).is_empty());
        file[58..60].fill(0);
        assert!(find_objects(&file).is_empty());
    }

    #[test]
    fn the_source_names_it() {
        let object = Object::open(PROG, "x").unwrap();
        assert_eq!(object.source_name(), Some("prog"));
    }
}
