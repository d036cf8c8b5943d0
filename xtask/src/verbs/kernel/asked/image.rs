// SPDX-License-Identifier: GPL-2.0-only
//! The kernel in a bootable image, read where its symbols say: the image has none of its own, the
//! running kernel shows them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use object::{File, Object as _, ObjectSection};

use crate::workshop::files::{read, read_bytes};

/// The longest text that is looked for.
const TEXT: usize = 256;
/// What is longer is no message.
const TEXTS: usize = 1024;

/// Sections and symbols.
pub(super) struct Image {
    /// Where each section begins, and what is in it.
    sections: Vec<(u64, Vec<u8>)>,
    /// By name, at the addresses that the image is linked for.
    symbols: BTreeMap<String, u64>,
    /// The first of the names at each address of a function.
    functions: BTreeMap<u64, String>,
}

impl Image {
    /// Reads the image `vmlinux` with the symbols in the file `kallsyms`.
    pub(super) fn open(vmlinux: &Path, kallsyms: &Path) -> Result<Self> {
        let data = read_bytes(vmlinux)?;
        let elf = File::parse(&*data)?;
        let text = elf.section_by_name(".text");
        let text = text.with_context(|| format!("{} has no .text", vmlinux.display()))?;
        let mut sections = Vec::new();
        for section in elf.sections().filter(|section| section.address() != 0) {
            sections.push((section.address(), section.data()?.to_vec()));
        }
        let listed = read(kallsyms)?;
        let listed: Vec<(u64, &str, &str)> = listed.lines().filter_map(symbol).collect();
        let start = listed.iter().find(|(_, _, name)| *name == "_text");
        let (start, ..) = start.with_context(|| format!("{}: no _text", kallsyms.display()))?;
        // A kernel may run elsewhere than where it is linked for.
        let slide = start.wrapping_sub(text.address());
        let mut this = Self {
            sections,
            symbols: BTreeMap::new(),
            functions: BTreeMap::new(),
        };
        for (address, kind, name) in listed {
            let address = address.wrapping_sub(slide);
            this.symbols.entry(name.to_owned()).or_insert(address);
            if kind.eq_ignore_ascii_case("t") {
                this.functions
                    .entry(address)
                    .or_insert_with(|| name.to_owned());
            }
        }
        ensure!(
            this.words(text.address(), 1).is_some(),
            "the image is empty"
        );
        Ok(this)
    }

    /// Symbols whose name begins with `prefix`: the rest of it, and the address.
    pub(super) fn symbols<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        let from = self.symbols.range(prefix.to_owned()..);
        from.map_while(move |(name, address)| Some((name.strip_prefix(prefix)?, *address)))
    }

    /// Where the symbol `name` is.
    pub(super) fn symbol(&self, name: &str) -> Option<u64> {
        self.symbols.get(name).copied()
    }

    /// Where what is at `address` ends at the latest: the next symbol's address.
    pub(super) fn after(&self, address: u64) -> u64 {
        let later = self.symbols.values().filter(|at| **at > address);
        later.min().copied().unwrap_or(u64::MAX)
    }

    /// The first variable at `address`, by name.
    pub(super) fn variable(&self, address: u64) -> Option<&str> {
        let mut names = self.variables(|_| true).filter(|(_, at)| *at == address);
        names.next().map(|(name, _)| name)
    }

    /// Symbols that are no functions and whose names `wanted` wants: name and address.
    pub(super) fn variables<'a>(
        &'a self,
        wanted: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = (&'a str, u64)> {
        let symbols = self.symbols.iter().map(|(name, at)| (name.as_str(), *at));
        symbols.filter(move |(name, at)| wanted(name) && !self.functions.contains_key(at))
    }

    /// The text at `address`, up to its NUL.
    pub(super) fn text(&self, address: u64) -> Option<&str> {
        let bytes = self.from(address)?;
        let end = bytes.iter().take(TEXT).position(|byte| *byte == 0)?;
        str::from_utf8(&bytes[..end]).ok()
    }

    /// All texts of several words, a line each.
    pub(super) fn texts(&self) -> String {
        let mut texts = String::new();
        for (_, section) in &self.sections {
            let ended = section.split(|byte| *byte == 0);
            let several = ended.filter(|text| text.len() < TEXTS && text.contains(&b' '));
            for text in several.filter_map(|text| str::from_utf8(text).ok()) {
                texts += text;
                texts.push('\n');
            }
        }
        texts
    }

    /// The function at `address`.
    pub(super) fn function(&self, address: u64) -> Option<&str> {
        self.functions.get(&address).map(String::as_str)
    }

    /// So many words of four bytes from `address` on.
    pub(super) fn words(&self, address: u64, count: usize) -> Option<Vec<u32>> {
        let bytes = self.bytes(address, count.checked_mul(4)?)?;
        Some(
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|word| u32::from_le_bytes(*word))
                .collect(),
        )
    }

    /// The word at `address`.
    pub(super) fn word(&self, address: u64) -> Option<u32> {
        self.words(address, 1)?.first().copied()
    }

    /// The byte at `address`.
    pub(super) fn byte(&self, address: u64) -> Option<u8> {
        self.bytes(address, 1)?.first().copied()
    }

    /// The pointer at `address`.
    pub(super) fn pointer(&self, address: u64) -> Option<u64> {
        let bytes = self.bytes(address, 8)?.first_chunk()?;
        Some(u64::from_le_bytes(*bytes))
    }

    /// Where pointers to `address` stand.
    pub(super) fn pointers_to(&self, address: u64) -> Vec<u64> {
        let wanted = address.to_le_bytes();
        let mut found = Vec::new();
        for (start, data) in &self.sections {
            let words = data.as_chunks::<8>().0.iter().enumerate();
            let same = words.filter(|(_, word)| **word == wanted);
            found.extend(same.map(|(at, _)| start + at as u64 * 8));
        }
        found
    }

    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
        self.from(address)?.get(..length)
    }

    /// All from `address` to the end of its section.
    fn from(&self, address: u64) -> Option<&[u8]> {
        self.sections.iter().find_map(|(start, data)| {
            let at = usize::try_from(address.checked_sub(*start)?).ok()?;
            data.get(at..).filter(|rest| !rest.is_empty())
        })
    }
}

/// `ffffffff81000000 T _text`, unless it is of a module.
fn symbol(line: &str) -> Option<(u64, &str, &str)> {
    let mut words = line.split_whitespace();
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let (kind, name) = (words.next()?, words.next()?);
    words.next().is_none().then_some((address, kind, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_modules_are_no_symbols_of_the_image() {
        let line = "ffffffff81000000 T _text";
        assert_eq!(symbol(line), Some((0xffff_ffff_8100_0000, "T", "_text")));
        assert_eq!(symbol("ffffffffc0000000 t init [x]"), None);
        assert_eq!(symbol("no"), None);
    }

    #[test]
    fn words_and_pointers_are_found_by_address() {
        let mut data = vec![0; 24];
        data[8..16].copy_from_slice(&0x1010_u64.to_le_bytes());
        data[16] = 7;
        let image = Image {
            sections: vec![(0x1000, data)],
            symbols: BTreeMap::from([("a_x".to_owned(), 1), ("b".to_owned(), 2)]),
            functions: BTreeMap::new(),
        };
        assert_eq!(image.words(0x1010, 2), Some(vec![7, 0]));
        assert_eq!(image.words(0x1010, 3), None);
        assert_eq!(image.pointer(0x1008), Some(0x1010));
        assert_eq!(image.pointers_to(0x1010), [0x1008]);
        assert_eq!(image.symbols("a_").collect::<Vec<_>>(), [("x", 1)]);
    }
}
