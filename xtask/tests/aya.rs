// SPDX-License-Identifier: GPL-2.0-only
//! The object of `tests/aya`, which is compiled by hand, is made of what lies beside it.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

#[test]
fn the_object_is_of_these_sources() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/aya");
    let sources = fs::read_to_string(folder.join("walks.sources")).unwrap();
    assert_eq!(sources.lines().count(), 3);
    for line in sources.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        let now: String = Sha256::digest(fs::read(folder.join(name)).unwrap())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            sum, now,
            "{name} was changed: make walks.elf anew, see tests/aya/README.md"
        );
    }
}
