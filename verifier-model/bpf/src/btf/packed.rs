// SPDX-License-Identifier: GPL-2.0-only
//! BTF as it comes with the crate: the kernels' packed as small as can be (LZMA), since it is unpacked
//! when the crate is built; the modules' so that it is unpacked at once (LZ4).
//!
//! `xz --decompress` unpacks LZMA to what `/sys/kernel/btf` shows. With LZ4 types and names are packed
//! apart, so that each is unpacked to where it stays:
//!
//! ```text
//! u32 bytes of types, u32 bytes of names, u32 bytes of the next block: all little-endian
//! LZ4 block: the type section
//! LZ4 block: the string section
//! ```

use std::io::{Read, Write};
use std::sync::Arc;

use lzma_rust2::{LzmaOptions, LzmaReader, LzmaWriter};
use object::pod::bytes_of_slice_mut;

use crate::btf::build::BtfBuilder;
use crate::btf::table::{Btf, BtfError};

const HEADER: usize = 12;

/// More than any kernel's BTF is taken for nonsense, not for a size.
const MAX: usize = 256 << 20;

/// More memory than any BTF takes to be unpacked, in KiB.
const MAX_MEMORY: u32 = 512 << 10;

/// The level that packs best.
const BEST: u32 = 9;

impl Btf {
    /// Packs BTF that is not split.
    pub fn to_lzma(&self) -> Result<Vec<u8>, BtfError> {
        let raw = BtfBuilder::from(self).build();
        let options = LzmaOptions::with_preset(BEST);
        let packed = LzmaWriter::new_use_header(Vec::new(), &options, Some(raw.len() as u64))
            .and_then(|mut to| {
                to.write_all(&raw)?;
                to.finish()
            });
        packed.map_err(|e| BtfError::File(format!("it cannot be packed: {e}")))
    }

    /// Reads what [`Btf::to_lzma`] packed.
    pub fn from_lzma(data: &[u8]) -> Result<Self, BtfError> {
        let mut raw = Vec::new();
        LzmaReader::new_mem_limit(data, MAX_MEMORY, None)
            .and_then(|from| from.take(MAX as u64).read_to_end(&mut raw))
            .map_err(|e| BtfError::File(format!("this is not packed BTF: {e}")))?;
        Self::parse(&raw, None)
    }

    /// Packs what is not the base's.
    pub fn to_lz4(&self) -> Vec<u8> {
        let types: Vec<u8> = self
            .words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        let block = lz4_flex::compress(&types);
        let mut out = Vec::new();
        for len in [types.len(), self.strings.len(), block.len()] {
            out.extend((len as u32).to_le_bytes());
        }
        out.extend(block);
        out.extend(lz4_flex::compress(self.strings.as_bytes()));
        out
    }

    /// Reads what [`Btf::to_lz4`] packed. `base` is what it is split from.
    pub fn from_lz4(data: &[u8], base: Option<Arc<Btf>>) -> Result<Self, BtfError> {
        let bad = || BtfError::File("this is not packed BTF".into());
        let (header, blocks) = data.split_at_checked(HEADER).ok_or_else(bad)?;
        let len = |i: usize| {
            let word = header.as_chunks::<4>().0[i];
            Some(u32::from_le_bytes(word) as usize).filter(|&len| len <= MAX)
        };
        let (types, strings) = len(0).zip(len(1)).ok_or_else(bad)?;
        let split = len(2).and_then(|len| blocks.split_at_checked(len));
        let (packed_types, packed_strings) = split.ok_or_else(bad)?;
        if !types.is_multiple_of(4) {
            return Err(bad());
        }
        let mut words = vec![0; types / 4];
        unpack(packed_types, bytes_of_slice_mut(&mut words)).ok_or_else(bad)?;
        for word in &mut words {
            *word = u32::from_le(*word);
        }
        let mut names = vec![0; strings];
        unpack(packed_strings, &mut names).ok_or_else(bad)?;
        Self::from_sections(words, &[], names, base)
    }
}

/// Fills all of `to`.
fn unpack(block: &[u8], to: &mut [u8]) -> Option<()> {
    let len = lz4_flex::decompress_into(block, to).ok()?;
    (len == to.len()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::btf::types::Kind;

    fn btf() -> Btf {
        let mut b = BtfBuilder::default();
        let name = b.string("int");
        b.push(Kind::Int, name, 0, false, 4, &[32]);
        Btf::parse(&b.build(), None).unwrap()
    }

    #[test]
    fn what_is_packed_small_is_unpacked() {
        let btf = btf();
        let packed = btf.to_lzma().unwrap();
        let same = Btf::from_lzma(&packed).unwrap();
        assert_eq!((&same.words, &same.strings), (&btf.words, &btf.strings));
        for len in 0..packed.len() - 1 {
            assert!(Btf::from_lzma(&packed[..len]).is_err(), "{len}");
        }
        assert!(Btf::from_lzma(&[0xff; 64]).is_err());
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let btf = btf();
        let packed = btf.to_lz4();
        let same = Btf::from_lz4(&packed, None).unwrap();
        assert_eq!((&same.words, &same.strings), (&btf.words, &btf.strings));
        for len in 0..packed.len() {
            assert!(Btf::from_lz4(&packed[..len], None).is_err(), "{len}");
        }
        assert!(Btf::from_lz4(&[0xff; 64], None).is_err());
    }
}
