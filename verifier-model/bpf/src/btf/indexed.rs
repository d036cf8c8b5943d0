// SPDX-License-Identifier: GPL-2.0-only
//! BTF that is used where it lies: checked and indexed when the crate is built.
//!
//! A start that takes ten milliseconds has no time to unpack and index 74,000 types. `build.rs` does it
//! with the same code, and what it writes becomes part of the program, of which the system reads no more
//! than is looked at. All numbers are in the target's byte order:
//!
//! ```text
//! u32 number of types, of words of types, of buckets
//! u32 words of the type section
//! u32 where in them each type begins
//! u32 first type of each bucket of names, next type in each type's bucket
//! the string section
//! ```

use std::borrow::Cow;

use object::pod::slice_from_bytes;

use crate::btf::names::NameIndex;
use crate::btf::table::{Btf, BtfError};

impl Btf {
    /// The bytes of BTF that is not split, by `to_bytes` of each number.
    pub fn to_indexed(&self, to_bytes: fn(u32) -> [u8; 4]) -> Vec<u8> {
        let (heads, next) = self.names.tables();
        let counts = [self.offsets.len(), self.words.len(), heads.len()].map(|n| n as u32);
        let tables = [&counts, &self.words[..], &self.offsets, heads, next];
        let mut out: Vec<u8> = tables.concat().into_iter().flat_map(to_bytes).collect();
        out.extend(self.strings.as_bytes());
        out
    }

    /// What [`Btf::to_indexed`] made. It was checked then; here only lengths are, and that the strings
    /// are UTF-8. `data` begins at a multiple of four.
    pub fn from_indexed(data: &'static [u8]) -> Result<Self, BtfError> {
        let bad = || BtfError::File("this is not indexed BTF".into());
        let mut rest = data;
        let mut table = |len: u32| -> Result<&'static [u32], BtfError> {
            let (table, behind) = slice_from_bytes(rest, len as usize).map_err(|()| bad())?;
            rest = behind;
            Ok(table)
        };
        let &[types, words, buckets] = table(3)? else {
            return Err(bad());
        };
        let (words, offsets) = (table(words)?, table(types)?);
        let (heads, next) = (table(buckets)?, table(types)?);
        let strings = str::from_utf8(rest).map_err(|_| bad())?;
        Ok(Self {
            base: None,
            start_id: 1,
            start_str_off: 0,
            words: Cow::Borrowed(words),
            offsets: Cow::Borrowed(offsets),
            strings: Cow::Borrowed(strings),
            names: NameIndex::from_tables(heads, next),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::btf::build::BtfBuilder;
    use crate::btf::table::Btf;
    use crate::btf::types::Kind;

    #[test]
    fn it_is_the_same_btf() {
        let mut b = BtfBuilder::default();
        let name = b.string("int");
        b.push(Kind::Int, name, 0, false, 4, &[32]);
        let name = b.string("pid_t");
        b.push(Kind::Typedef, name, 0, false, 1, &[]);
        let btf = Btf::parse(&b.build(), None).unwrap();
        // A vector of words is aligned as words are.
        let bytes = btf.to_indexed(u32::to_ne_bytes);
        let len = bytes.len();
        let mut words: Vec<u32> = Vec::new();
        words.extend(bytes.chunks(4).map(|chunk| {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            u32::from_ne_bytes(word)
        }));
        let data = object::pod::bytes_of_slice(words.leak());
        let same = Btf::from_indexed(&data[..len]).unwrap();
        assert_eq!((&same.words, &same.strings), (&btf.words, &btf.strings));
        let pid_t = same.find_by_name_kind("pid_t", Kind::Typedef).unwrap();
        assert_eq!((pid_t.id(), pid_t.type_id()), (2, 1));
        for len in 0..12 + 4 * (btf.words.len() + 2 + 2 + 2) {
            assert!(Btf::from_indexed(&data[..len]).is_err(), "{len}");
        }
    }
}
