// SPDX-License-Identifier: GPL-2.0-only
//! Makes BTF: for libbpf's fixups of an object's BTF, and for tests.

use crate::btf::table::Btf;
use crate::btf::types::Kind;

/// BTF that can still be changed. [`BtfBuilder::build`] gives the bytes, [`Btf::parse`] reads and checks them.
#[derive(Debug, Clone)]
pub struct BtfBuilder {
    /// Number of the first type, and offset of the first string.
    start_id: u32,
    start_str_off: u32,
    words: Vec<u32>,
    offsets: Vec<u32>,
    strings: Vec<u8>,
}

impl Default for BtfBuilder {
    fn default() -> Self {
        Self {
            start_id: 1,
            start_str_off: 0,
            words: Vec::new(),
            offsets: Vec::new(),
            strings: vec![0],
        }
    }
}

impl From<&Btf> for BtfBuilder {
    /// A copy of BTF that is not split; of split BTF, only what is not the base's.
    fn from(btf: &Btf) -> Self {
        Self {
            start_id: btf.start_id,
            start_str_off: btf.start_str_off,
            words: btf.words.to_vec(),
            offsets: btf.offsets.to_vec(),
            strings: btf.strings.as_bytes().to_vec(),
        }
    }
}

impl BtfBuilder {
    /// Empty BTF that is split from `base`: its types and strings count on from there.
    pub fn split(base: &Btf) -> Self {
        Self {
            start_id: base.nr_types(),
            start_str_off: base.start_str_off + base.strings.len() as u32,
            ..Self::default()
        }
    }

    /// Adds a string and returns its offset.
    pub fn string(&mut self, text: &str) -> u32 {
        let offset = self.start_str_off + self.strings.len() as u32;
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        offset
    }

    /// Adds a type and returns its number. `rest` is what follows `struct btf_type`.
    pub fn push(
        &mut self,
        kind: Kind,
        name_off: u32,
        vlen: u32,
        kflag: bool,
        size_or_type: u32,
        rest: &[u32],
    ) -> u32 {
        self.offsets.push(self.words.len() as u32);
        let info = u32::from(kflag) << 31 | (kind as u32) << 24 | vlen & 0xff_ffff;
        self.words.extend([name_off, info, size_or_type]);
        self.words.extend(rest);
        self.start_id + self.offsets.len() as u32 - 1
    }

    /// The record of a type, to be changed in place: name_off, info, size or type, then the rest.
    pub fn record_mut(&mut self, id: u32) -> Option<&mut [u32]> {
        let index = id.checked_sub(self.start_id)? as usize;
        let start = *self.offsets.get(index)? as usize;
        let end = self
            .offsets
            .get(index + 1)
            .map_or(self.words.len(), |&end| end as usize);
        Some(&mut self.words[start..end])
    }

    /// The bytes, little-endian.
    pub fn build(&self) -> Vec<u8> {
        let type_len = self.words.len() as u32 * 4;
        let mut out = vec![0x9f, 0xeb, 1, 0];
        let header = [24, 0, type_len, type_len, self.strings.len() as u32];
        for word in header.iter().chain(&self.words) {
            out.extend(word.to_le_bytes());
        }
        out.extend(&self.strings);
        out
    }
}
