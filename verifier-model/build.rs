// SPDX-License-Identifier: GPL-2.0-only
//! Reads the data that comes with the crate, so that a mistake in it ends the build.
//!
//! What is left to do when the command starts is nothing: the kernel's types are unpacked, checked and
//! indexed here, its configuration is sorted, and advice becomes a table. `bpf/src/btf/indexed.rs` says what is written. The tables
//! of a release are read for mistakes alone: they are small enough to be read again when something is
//! asked of them.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use bpf::btf;
use bpf::kernel::config::Config;

/// The verifier's facts, without what needs the types to be unpacked.
#[path = "src/facts"]
#[expect(dead_code, reason = "tables are read here, not asked")]
mod facts {
    pub(crate) mod access;
    pub(crate) mod btf_sets;
    pub(crate) mod btf_struct_access;
    pub(crate) mod ctx_fields;
    pub(crate) mod error_injection;
    pub(crate) mod helper_caller;
    pub(crate) mod helper_proto;
    pub(crate) mod helpers;
    pub(crate) mod hook_args;
    pub(crate) mod maps;
    pub(crate) mod references;
    pub(crate) mod struct_ops_types;
    pub(crate) mod table;
    pub(crate) mod tables;
    pub(crate) mod texts;
    pub(crate) mod type_words;
    pub(crate) mod types;
    pub(crate) mod words;
}

/// The kernels that come with the crate: their folders below `data`.
const KERNELS: [&str; 7] = [
    "linux-7.3",
    "debian-7.3",
    "linux-7.2",
    "linux-7.1",
    "linux-6.18",
    "linux-6.12",
    "linux-6.1",
];

const ADVICE: &str = "data/advice.txt";

fn main() -> Result<(), Box<dyn Error>> {
    for texts in facts::texts::ALL {
        let tables = facts::tables::Tables::new(texts);
        tables.check()?;
        facts::references::check(&tables)?;
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for kernel in KERNELS {
        fs::write(out.join(format!("{kernel}.btf")), types(kernel)?)?;
        fs::write(out.join(format!("{kernel}.config")), config(kernel)?)?;
    }
    println!("cargo::rerun-if-changed={ADVICE}");
    let text = fs::read_to_string(ADVICE).map_err(|e| format!("cannot read {ADVICE}: {e}"))?;
    fs::write(out.join("advice.rs"), advice(&text)?)?;
    Ok(())
}

fn types(kernel: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let path = format!("data/{kernel}/vmlinux.btf.lzma");
    println!("cargo::rerun-if-changed={path}");
    let packed = fs::read(&path).map_err(|e| format!("cannot read {path}: {e}"))?;
    let vmlinux = btf::Btf::from_lzma(&packed).map_err(|e| format!("{path}: {e}"))?;
    let to_bytes = match env::var("CARGO_CFG_TARGET_ENDIAN")?.as_str() {
        "big" => u32::to_be_bytes,
        _ => u32::to_le_bytes,
    };
    Ok(vmlinux.to_indexed(to_bytes))
}

/// The options, sorted; nothing of a kernel whose configuration does not come along.
fn config(kernel: &str) -> Result<String, Box<dyn Error>> {
    let path = format!("data/{kernel}/config");
    if !fs::exists(&path)? {
        return Ok(String::new());
    }
    println!("cargo::rerun-if-changed={path}");
    let text = fs::read_to_string(&path).map_err(|e| format!("cannot read {path}: {e}"))?;
    Ok(Config::of(&text).as_text().to_owned())
}

/// A kind with its advice, as `data/advice.txt` has it.
#[derive(Default)]
struct Entry<'a> {
    name: &'a str,
    patterns: Vec<(&'a str, &'a str)>,
    rule: Option<&'a str>,
    what: &'a str,
    advice: Vec<&'a str>,
}

/// The table `ADVICE`, in Rust.
fn advice(text: &str) -> Result<String, String> {
    let mut all: Vec<Entry<'_>> = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let wrong = |what: &str| format!("{ADVICE}:{}: {what}", n + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            all.push(Entry {
                name,
                ..Entry::default()
            });
            continue;
        }
        let (key, value) = line.split_once(": ").ok_or_else(|| wrong("no key"))?;
        let entry = all.last_mut().ok_or_else(|| wrong("before any [name]"))?;
        match key {
            "match" => entry.patterns.push((value, "")),
            "check" => {
                let bare = entry.patterns.iter_mut().filter(|p| p.1.is_empty());
                bare.for_each(|p| p.1 = value);
            }
            "rule" => entry.rule = Some(value),
            "what" => entry.what = value,
            "do" => entry.advice.push(value),
            _ => return Err(wrong("this key means nothing")),
        }
    }
    let mut out = String::from("pub(crate) static ADVICE: &[Advice] = &[\n");
    for entry in &all {
        let whole = !entry.patterns.iter().any(|p| p.1.is_empty())
            && !entry.patterns.is_empty()
            && !entry.what.is_empty()
            && !entry.advice.is_empty();
        if !whole {
            return Err(format!("{ADVICE}: [{}] lacks a part", entry.name));
        }
        let Entry {
            patterns,
            rule,
            what,
            advice,
            ..
        } = entry;
        // A name that is no kind does not compile.
        out += &format!(
            "    Advice {{ kind: Kind::{}, patterns: &{patterns:?}, rule: {rule:?}, what: {what:?}, \
             advice: &{advice:?} }},\n",
            camel_case(entry.name)
        );
    }
    Ok(out + "];\n")
}

fn camel_case(name: &str) -> String {
    let word = |w: &str| w[..1].to_uppercase() + &w[1..];
    name.split('-').map(word).collect()
}
