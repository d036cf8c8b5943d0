// SPDX-License-Identifier: GPL-2.0-only
//! Bytes that nobody checked, for what reads files and settings: no panic, and an end.

#[path = "hostile/loading.rs"]
mod loading;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Two objects in a file, one behind the other.
fn executable() -> Vec<u8> {
    let one = include_bytes!("../command/tests/loading/variables.elf");
    let other = include_bytes!("../command/tests/loading/legacy.elf");
    [&b"\x7fELF\x02\x01\x01..."[..], one, b"...", other].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn damaged_executables(all in vec((any::<Index>(), any::<u8>()), 1..8), cut in any::<Index>()) {
        let mut data = executable();
        for (at, byte) in &all {
            let at = at.index(data.len());
            data[at] = *byte;
        }
        loading::executable(&data);
        loading::executable(&data[..cut.index(data.len())]);
    }

    #[test]
    fn damaged_legacy_maps(all in vec((any::<Index>(), any::<u8>()), 1..8)) {
        let mut data = include_bytes!("../command/tests/loading/legacy.elf").to_vec();
        for (at, byte) in &all {
            let at = at.index(data.len());
            data[at] = *byte;
        }
        loading::loaders(&data);
    }

    #[test]
    fn any_settings(
        name in "(config|rounds|tiny|counter|none)((\\.(of|rounds|mode|level|name|limit))|\\[[0-9A-Z_]{0,5}\\]){0,4}",
        value in "-?[0-9]{1,22}|0x[0-9a-f]{1,18}|MODE_LONG|[a-z ]{0,4}",
        bytes in vec(any::<u8>(), 0..200),
    ) {
        let mut data = format!("{name} = {value}\n{name}").into_bytes();
        data.push(0);
        data.extend(bytes);
        loading::variables(&data);
    }

    #[test]
    fn any_map(words in vec(prop_oneof![0..70_u32, any::<u32>()], 0..7)) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        loading::maps(&bytes);
    }
}
