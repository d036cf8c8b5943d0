// SPDX-License-Identifier: GPL-2.0-only
//! Unpacks, checks and indexes the kernel's types, so that nothing of that is left to do when the
//! command starts. `bpf/src/btf/indexed.rs` says what is written.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use bpf::btf;

const PACKED: &str = "data/linux-7.3/vmlinux.btf.lz4";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PACKED}");
    let packed = fs::read(PACKED).map_err(|e| format!("cannot read {PACKED}: {e}"))?;
    let vmlinux = btf::Btf::from_lz4(&packed, None)?;
    let to_bytes = match env::var("CARGO_CFG_TARGET_ENDIAN")?.as_str() {
        "big" => u32::to_be_bytes,
        _ => u32::to_le_bytes,
    };
    let out = PathBuf::from(env::var("OUT_DIR")?).join("vmlinux.btf");
    fs::write(out, vmlinux.to_indexed(to_bytes))?;
    Ok(())
}
