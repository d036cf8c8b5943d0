// SPDX-License-Identifier: GPL-2.0-only
//! Reads what comes with the crate of each kernel release, so that a mistake in it ends the build.
//!
//! The kernel's types are unpacked, checked and indexed, and nothing of that is left to do when the
//! command starts; `bpf/src/btf/indexed.rs` says what is written. The tables are read for mistakes
//! alone: they are small enough to be read again when something is asked of them.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use bpf::btf;

/// The verifier's facts, without what needs the types to be unpacked.
#[path = "src/facts"]
#[expect(dead_code, reason = "tables are read here, not asked")]
mod facts {
    pub(crate) mod access;
    pub(crate) mod btf_sets;
    pub(crate) mod btf_struct_access;
    pub(crate) mod ctx_fields;
    pub(crate) mod helper_caller;
    pub(crate) mod helper_proto;
    pub(crate) mod helpers;
    pub(crate) mod hook_args;
    pub(crate) mod maps;
    pub(crate) mod struct_ops_types;
    pub(crate) mod table;
    pub(crate) mod tables;
    pub(crate) mod type_words;
    pub(crate) mod types;
}

const PACKED: &str = "data/linux-7.3/vmlinux.btf.lz4";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PACKED}");
    facts::tables::Tables::new(facts::tables::texts!("linux-7.3")).check()?;
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
