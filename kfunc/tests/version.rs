// SPDX-License-Identifier: GPL-2.0-only
//! Cargo, modinfo and DKMS name the same version.

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn modinfo_has_the_version() {
    let version = include_str!("../src/version.c");
    assert!(version.contains(&format!("MODULE_VERSION(\"{VERSION}\");")));
}

#[test]
fn dkms_has_the_version() {
    let dkms = include_str!("../../dkms.conf");
    assert!(dkms.contains(&format!("PACKAGE_VERSION=\"{VERSION}\"\n")));
}
