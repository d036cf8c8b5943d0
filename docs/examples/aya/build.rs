// SPDX-License-Identifier: GPL-2.0-only
//! Compiles the BPF programs, and fails where Linux 7.3 would not load them: with the reason.

use std::env;
use std::path::Path;

use aya_build::{Package, Toolchain};

fn main() {
    let ebpf = Package {
        name: "aya-example-ebpf",
        root_dir: "ebpf",
        ..Package::default()
    };
    aya_build::build_ebpf([ebpf], Toolchain::default()).unwrap();
    let out = env::var_os("OUT_DIR").unwrap();
    verifier_model::assert_loads!(Path::new(&out).join("protocols"));
}
