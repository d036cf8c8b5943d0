// SPDX-License-Identifier: GPL-2.0-only
//! Compiles the BPF program; the test in `tests/loads.rs` is told where the object is.

use std::env;
use std::path::Path;

use libbpf_cargo::SkeletonBuilder;

const SOURCE: &str = "src/bpf/ports.bpf.c";

fn main() {
    let object = Path::new(&env::var_os("OUT_DIR").unwrap()).join("ports.bpf.o");
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap();
    SkeletonBuilder::new()
        .source(SOURCE)
        .obj(&object)
        // Where Debian has <asm/types.h>.
        .clang_args([format!("-I/usr/include/{arch}-linux-gnu")])
        .build()
        .unwrap();
    println!("cargo::rustc-env=PORTS={}", object.display());
    println!("cargo::rerun-if-changed={SOURCE}");
}
