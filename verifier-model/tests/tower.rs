// SPDX-License-Identifier: GPL-2.0-only
//! The folders of `src` stand on each other, and those of the crate `bpf` below them.

#[path = "../../xtask/tests/layers/mod.rs"]
mod layers;

use layers::Tower;

const MODEL: Tower<'_> = Tower {
    src: concat!(env!("CARGO_MANIFEST_DIR"), "/src"),
    storeys: &[
        ("domain", ""),
        ("facts", ""),
        ("options", "facts"),
        ("verdict", "facts"),
        ("state", "domain facts"),
        ("log", "facts"),
        ("input", "facts options state"),
        ("analysis", "facts state log input"),
        ("env", "domain facts state log input analysis"),
        ("precision", "facts state log env"),
        (
            "check",
            "domain facts state log input analysis env precision",
        ),
        (
            "walk",
            "domain facts state log input analysis env precision check",
        ),
        (
            "verify",
            "facts options verdict state log input analysis env walk",
        ),
        (
            "explain",
            "domain facts options verdict state input analysis env walk verify",
        ),
        ("graph", "facts options verdict state env verify explain"),
        ("replay", "facts options verdict env verify explain"),
        ("assert_loads", "facts options explain"),
    ],
    // An observer is shown the walk that holds it.
    circles: &[("env", "env/observe"), ("env/observe", "env")],
};

const BPF: Tower<'_> = Tower {
    src: concat!(env!("CARGO_MANIFEST_DIR"), "/bpf/src"),
    storeys: &[
        ("uapi", ""),
        ("insn", "uapi"),
        ("disasm", "uapi insn"),
        ("btf", ""),
        ("caps", ""),
        ("kernel", "uapi caps btf"),
        ("map", "uapi btf kernel"),
        ("program", "uapi btf kernel map"),
        ("load", "uapi caps insn btf kernel map program"),
    ],
    circles: &[],
};

#[test]
fn a_folder_imports_only_what_stands_below_it() {
    let wrong = MODEL.imports_upwards() + &BPF.imports_upwards();
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut circles = MODEL.unknown_circles();
    circles.extend(BPF.unknown_circles());
    assert!(circles.is_empty(), "{circles:#?}");
}
