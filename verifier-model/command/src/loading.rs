// SPDX-License-Identifier: GPL-2.0-only
//! What a loader sets between opening an object and loading it, as options.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use bpf::load::{LoadError, Loader, Object, SetMap};
use bpf::uapi::AttachType;

use crate::programs::has;
use crate::rodata;

/// How objects are loaded.
#[derive(clap::Args)]
#[group(id = "loading")]
pub(crate) struct Args {
    /// The library that loads the object [default: what it was made for]
    #[arg(long, value_enum)]
    loader: Option<Name>,
    /// The type of a program whose section tells none, as in SEC("SECTION"); may be given several
    /// times
    #[arg(long = "type", value_name = "PROG=SECTION", value_parser = pair)]
    types: Vec<(String, String)>,
    /// The attach type of a program, where the loader sets another than its section tells: a name as
    /// BPF_XDP_DEVMAP or xdp_devmap; may be given several times
    #[arg(long, value_name = "PROG=NAME", value_parser = attach_type)]
    attach_type: Vec<(String, AttachType)>,
    /// Load a program that its object would leave out, as those of SEC("?…"), or with =false leave one
    /// out; may be given several times
    #[arg(long, value_name = "PROG[=false]", value_parser = autoload)]
    autoload: Vec<(String, bool)>,
    /// A global variable before loading, as for veristat: 'x = 1', 'a.b[2] = ENUMERATOR', @FILE with
    /// one a line; may be given several times
    #[arg(short = 'G', long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Variables from what `bpftool map dump -j` wrote of a map such as .rodata; each of several files
    /// is a configuration, checked apart
    #[arg(long, value_name = "FILE")]
    rodata: Vec<PathBuf>,
    /// A map's size: max_entries:N, key_size:N, value_size:N, map_flags:N, autocreate:false, with
    /// commas between them; may be given several times
    #[arg(long, value_name = "MAP=FIELD:N,…", value_parser = map_settings)]
    map: Vec<(String, SetMap)>,
    /// Makes what is in a map of maps like another map; may be given several times
    #[arg(long, value_name = "OUTER=MAP", value_parser = pair)]
    inner: Vec<(String, String)>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Name {
    Libbpf,
    Aya,
    Cilium,
}

impl Args {
    /// Opens an object, in each configuration; each has a name.
    pub(crate) fn open(&self, data: &[u8], name: &str) -> Result<Vec<(String, Object)>> {
        let mut object = self.open_one(data, name)?;
        self.set(&mut object)?;
        if self.rodata.is_empty() {
            return Ok(vec![(name.to_owned(), object)]);
        }
        let mut configured = Vec::new();
        for path in &self.rodata {
            let mut object = object.clone();
            rodata::read(path, &mut object)
                .with_context(|| format!("--rodata {}", path.display()))?;
            // What is set by hand is said last.
            self.set_variables(&mut object)?;
            configured.push((self.configuration(name, path), object));
        }
        Ok(configured)
    }

    /// An object is named with its configuration, where it has several.
    fn configuration(&self, name: &str, path: &Path) -> String {
        let file = path.file_stem().unwrap_or_default().to_string_lossy();
        match self.rodata.len() {
            1 => name.to_owned(),
            _ => format!("{name}[{file}]"),
        }
    }

    fn open_one(&self, data: &[u8], name: &str) -> Result<Object> {
        let file = name.rsplit(':').next().unwrap_or(name);
        let loader = match self.loader {
            None => Loader::Auto,
            Some(Name::Libbpf) => Loader::Libbpf,
            Some(Name::Aya) => Loader::Aya,
            Some(Name::Cilium) => Loader::Cilium,
        };
        let object = Object::open_for(data, file, loader).map_err(|e| match e {
            LoadError::Elf(_) => anyhow!("{e}; {DAMAGED}"),
            e => e.into(),
        })?;
        if loader == Loader::Auto && object.loader() == Loader::Aya {
            eprintln!(
                "verifier-model: {name}: its maps are declared as before BTF, which libbpf does not take: \
                 loaded as aya does; --loader chooses"
            );
        }
        Ok(object)
    }

    fn set(&self, object: &mut Object) -> Result<()> {
        for (prog, section) in &self.types {
            has(object, prog).context("--type")?;
            let set = object.set_section(prog, section);
            set.with_context(|| format!("--type {prog}={section}"))?;
        }
        for (prog, attach_type) in &self.attach_type {
            has(object, prog).context("--attach-type")?;
            object.set_attach_type(prog, *attach_type)?;
        }
        for (prog, autoload) in &self.autoload {
            has(object, prog).context("--autoload")?;
            object.set_autoload(prog, *autoload)?;
        }
        for (map, set) in &self.map {
            object.set_map(map, *set).context("--map")?;
        }
        for (outer, inner) in &self.inner {
            object.set_inner_map(outer, inner).context("--inner")?;
        }
        self.set_variables(object)
    }

    fn set_variables(&self, object: &mut Object) -> Result<()> {
        for set in &self.set {
            match set.strip_prefix('@') {
                None => assign(object, set)?,
                Some(path) => {
                    let text =
                        std::fs::read_to_string(path).with_context(|| format!("-G {set}"))?;
                    let lines = text.lines().map(str::trim);
                    for line in lines.filter(|l| !l.is_empty() && !l.starts_with('#')) {
                        assign(object, line)?;
                    }
                }
            }
        }
        Ok(())
    }
}

const DAMAGED: &str =
    "objects are made by `clang -target bpf -g -O2 -c`, and --raw takes instructions alone";

fn assign(object: &mut Object, text: &str) -> Result<()> {
    let (name, value) = text
        .split_once('=')
        .with_context(|| format!("-G '{text}': write it as NAME=VALUE"))?;
    let set = object.set_variable(name.trim(), value.trim());
    set.with_context(|| format!("-G '{text}'"))
}

fn pair(arg: &str) -> Result<(String, String), String> {
    match arg.split_once('=') {
        Some((a, b)) if !a.is_empty() && !b.is_empty() => Ok((a.to_owned(), b.to_owned())),
        _ => Err("write it as NAME=…, with something on both sides".into()),
    }
}

fn attach_type(arg: &str) -> Result<(String, AttachType), String> {
    let (prog, name) = pair(arg)?;
    let is = |known: &&AttachType| {
        let known = known.c_name();
        let short = known.strip_prefix("BPF_").unwrap_or(known);
        name.eq_ignore_ascii_case(known) || name.eq_ignore_ascii_case(short)
    };
    match AttachType::ALL.iter().find(is) {
        Some(found) => Ok((prog, *found)),
        None => Err(format!("'{name}' is no attach type, such as xdp_devmap")),
    }
}

fn autoload(arg: &str) -> Result<(String, bool), String> {
    match arg.split_once('=') {
        None if !arg.is_empty() => Ok((arg.to_owned(), true)),
        Some((prog, "true")) if !prog.is_empty() => Ok((prog.to_owned(), true)),
        Some((prog, "false")) if !prog.is_empty() => Ok((prog.to_owned(), false)),
        _ => Err("write it as PROG, PROG=true or PROG=false".into()),
    }
}

fn map_settings(arg: &str) -> Result<(String, SetMap), String> {
    let (map, fields) = pair(arg)?;
    let mut set = SetMap::default();
    for field in fields.split(',') {
        let (name, value) = field
            .split_once(':')
            .ok_or("write it as MAP=FIELD:NUMBER")?;
        let number = || {
            let parsed = match value.strip_prefix("0x") {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => value.parse(),
            };
            parsed.map_err(|_| format!("'{value}' is no number of 32 bits"))
        };
        match name {
            "max_entries" => set.max_entries = Some(number()?),
            "key_size" => set.key_size = Some(number()?),
            "value_size" => set.value_size = Some(number()?),
            "map_flags" => set.map_flags = Some(number()?),
            "autocreate" => {
                let bool = value.parse().map_err(|_| "autocreate is true or false")?;
                set.autocreate = Some(bool);
            }
            _ => {
                return Err(format!(
                    "'{name}' is not one of max_entries, key_size, value_size, map_flags, autocreate"
                ));
            }
        }
    }
    Ok((map, set))
}
