// SPDX-License-Identifier: GPL-2.0-only
//! The folders of `src` stand on each other.

mod layers;

use layers::Tower;

const XTASK: Tower<'_> = Tower {
    src: concat!(env!("CARGO_MANIFEST_DIR"), "/src"),
    storeys: &[
        ("workshop", ""),
        ("linux/patches", "workshop"),
        ("linux", "workshop linux/patches"),
        ("build", "workshop linux"),
        ("guest", "workshop linux/patches linux build"),
        ("corpus", "workshop linux/patches linux build guest"),
        ("verbs", "workshop linux/patches linux build guest corpus"),
    ],
    circles: &[],
};

#[test]
fn a_folder_imports_only_what_stands_below_it() {
    let wrong = XTASK.imports_upwards();
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let circles = XTASK.unknown_circles();
    assert!(circles.is_empty(), "{circles:#?}");
}
