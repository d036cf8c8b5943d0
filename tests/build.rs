// SPDX-License-Identifier: GPL-2.0-only
//! Names the one library that a static libelf needs and `libbpf-sys` does not name.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bins=-l:libzstd.a");
}
