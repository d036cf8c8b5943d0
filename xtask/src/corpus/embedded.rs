// SPDX-License-Identifier: GPL-2.0-only
//! BPF objects inside other files: programs and libraries carry theirs as data, whole.

use memchr::memmem;
use object::LittleEndian;
use object::elf::{EM_BPF, ET_REL, FileHeader64, SHT_NOBITS};
use object::read::elf::{FileHeader as _, SectionHeader as _};

/// The first bytes of a 64-bit little-endian ELF file.
const MAGIC: [u8; 7] = [0x7f, b'E', b'L', b'F', 2, 1, 1];

/// The objects in `bytes`, in their order; a file that is an object is the only one in it.
pub(super) fn objects(bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = memmem::find(&bytes[at..], &MAGIC) {
        let rest = &bytes[at + next..];
        let length = length(rest);
        found.extend(length.and_then(|length| rest.get(..length)));
        at += next + length.unwrap_or(MAGIC.len()).max(MAGIC.len());
        if at >= bytes.len() {
            break;
        }
    }
    found
}

/// How long the object is that `bytes` begin with: up to the end of its sections and of their table.
fn length(bytes: &[u8]) -> Option<usize> {
    let header = FileHeader64::<LittleEndian>::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    if header.e_machine(endian) != EM_BPF || header.e_type(endian) != ET_REL {
        return None;
    }
    let sections = header.section_headers(endian, bytes).ok()?;
    let table = header.e_shoff(endian) + size_of_val(sections) as u64;
    let ends = sections.iter().filter_map(|section| {
        let is_there = section.sh_type(endian) != SHT_NOBITS;
        is_there.then(|| section.sh_offset(endian) + section.sh_size(endian))
    });
    let end = ends.fold(table, u64::max);
    usize::try_from(end).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &[u8] = include_bytes!("../../../verifier-model/tests/explain/loops.elf");

    #[test]
    fn objects_are_found_wherever_they_lie() {
        let file = [
            b"\x7fELF\x02\x01\x01 no",
            OBJECT,
            b"between",
            OBJECT,
            b"after",
        ]
        .concat();
        assert_eq!(objects(&file), [OBJECT, OBJECT]);
        assert_eq!(objects(OBJECT), [OBJECT]);
    }

    #[test]
    fn half_an_object_is_none() {
        assert!(objects(&OBJECT[..OBJECT.len() - 1]).is_empty());
        assert!(objects(&OBJECT[..20]).is_empty());
        assert!(objects(b"").is_empty());
    }

    #[test]
    fn an_object_for_a_processor_is_none() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let theirs = objects(&own);
        // This program has the one above as its data.
        assert!(theirs.contains(&OBJECT));
        assert!(theirs.iter().all(|object| object.len() < own.len()));
    }
}
