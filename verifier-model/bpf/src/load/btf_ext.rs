// SPDX-License-Identifier: GPL-2.0-only
//! `.BTF.ext`: function, line and CO-RE relocation records of each code section.
//!
//! Source: `btf_ext_parse()` in `tools/lib/bpf/btf.c`, `Documentation/bpf/btf.rst`.

use crate::btf::Btf;
use crate::load::elf::Elf;
use crate::load::error::LoadError;

/// The three tables.
#[derive(Debug, Clone, Default)]
pub(super) struct BtfExt {
    /// insn_off, type_id
    pub(super) func_info: Vec<SecInfo<2>>,
    /// insn_off, file_name_off, line_off, line_col
    pub(super) line_info: Vec<SecInfo<4>>,
    /// insn_off, type_id, access_str_off, kind
    pub(super) core_relo: Vec<SecInfo<4>>,
}

/// The records of one section. The first word of each is an offset in bytes.
#[derive(Debug, Clone)]
pub(super) struct SecInfo<const N: usize> {
    /// ELF section number; 0 if there is none of that name.
    pub(super) sec_idx: usize,
    pub(super) records: Vec<[u32; N]>,
}

impl BtfExt {
    pub(super) fn parse(data: &[u8], btf: &Btf, elf: &Elf<'_>) -> Result<Self, LoadError> {
        let bad = |reason: &str| LoadError::object(format!(".BTF.ext: {reason}"));
        let word = |at: usize| -> Option<u32> {
            Some(u32::from_le_bytes(*data.get(at..)?.first_chunk()?))
        };
        let hdr_len = word(4).ok_or_else(|| bad("the header is cut short"))? as usize;
        if !data.starts_with(&[0x9f, 0xeb]) {
            return Err(bad("the magic number is wrong"));
        }
        if data[2..4] != [1, 0] {
            return Err(bad("the version or flags are not known"));
        }
        if hdr_len < 24 || hdr_len >= data.len() {
            return Err(bad("the header's length is wrong"));
        }
        let table = |at: usize| -> Result<&[u8], LoadError> {
            let range = || {
                let start = hdr_len.checked_add(word(at)? as usize)?;
                data.get(start..start.checked_add(word(at + 4)? as usize)?)
            };
            range().ok_or_else(|| bad("a table lies outside the data"))
        };
        let sec_idx = |name_off| {
            let name = btf.str_at(name_off).unwrap_or("");
            elf.section_index(name).unwrap_or(0)
        };
        let core_relo = match hdr_len >= 32 {
            true => table(24)?,
            false => &[],
        };
        let ext = Self {
            func_info: records(table(8)?, sec_idx).ok_or_else(|| bad("func_info is malformed"))?,
            line_info: records(table(16)?, sec_idx).ok_or_else(|| bad("line_info is malformed"))?,
            core_relo: records(core_relo, sec_idx).ok_or_else(|| bad("core_relo is malformed"))?,
        };
        if !in_order(&ext.func_info) || !in_order(&ext.line_info) {
            return Err(bad("records are not in the order of instructions"));
        }
        Ok(ext)
    }
}

/// The kernel insists on the order, and so can records be found fast.
fn in_order<const N: usize>(sections: &[SecInfo<N>]) -> bool {
    sections
        .iter()
        .all(|s| s.records.is_sorted_by_key(|r| r[0]))
}

/// A table is the size of its records, then for each section its name, how many, and the records.
fn records<const N: usize>(
    table: &[u8],
    sec_idx: impl Fn(u32) -> usize,
) -> Option<Vec<SecInfo<N>>> {
    let mut sections = Vec::new();
    if table.is_empty() {
        return Some(sections);
    }
    let mut words = table.as_chunks().0.iter().map(|w| u32::from_le_bytes(*w));
    let record_words = words.next()? as usize / 4;
    if record_words < N || !(table.len()).is_multiple_of(4) || words.len() == 0 {
        return None;
    }
    while let Some(name_off) = words.next() {
        let count = words.next()? as usize;
        if count == 0 || count.checked_mul(record_words)? > words.len() {
            return None;
        }
        let record = |_| {
            let mut record = [0; N];
            for i in 0..record_words {
                let word = words.next().unwrap_or(0);
                if let Some(slot) = record.get_mut(i) {
                    *slot = word;
                }
            }
            record
        };
        sections.push(SecInfo {
            sec_idx: sec_idx(name_off),
            records: (0..count).map(record).collect(),
        });
    }
    Some(sections)
}
