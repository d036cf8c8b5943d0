// SPDX-License-Identifier: GPL-2.0-only
//! The `oracle` verb: what this kernel's verifier says of programs.
//!
//! Every program of every object is loaded alone, and one line of JSON tells how
//! it went: an [`answers::Answer`]. Nothing but such lines is printed, so what libbpf says
//! goes into them as well. The caller is root, unless told to do without capabilities, and sets no
//! load flag: what the selftests' annotations ask for (other flags, fewer capabilities, a return value)
//! plays no part here.

mod aya;
mod caps;
mod kfuncs;
mod load;
mod maps;
mod raw;

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use answers::{Answer, Target};
use anyhow::{Context, Result};
use clap::Args;
use rustix::thread::CapabilitySet;
use serde::Serialize;

/// Which programs to ask about, and how much to tell.
#[derive(Args)]
pub(crate) struct Options {
    /// The directory with the objects.
    #[arg(long, default_value = "/oracle")]
    root: PathBuf,
    /// The directory with the objects whose BTF programs name in place of the kernel's.
    #[arg(long, default_value = "/core-btf")]
    core_btf: PathBuf,
    /// The directory with the objects that programs of others attach to, and that are not asked about.
    #[arg(long, default_value = "/targets")]
    targets: PathBuf,
    /// Only objects and programs whose `object/program` contains this.
    #[arg(long)]
    filter: Option<String>,
    /// The verifier's log level: 1 the failing path, 2 every path; 4, statistics, is added.
    #[arg(long, default_value_t = 1)]
    log_level: u32,
    /// Say of each program that its turn has come: if the kernel dies of it, this is known.
    #[arg(long)]
    announce: bool,
    /// Begin behind this `object/program`, of which the kernel died before.
    #[arg(long)]
    after: Option<String>,
    /// What the loader is capable of, a bit each; everything unless given.
    #[arg(long)]
    caps: Option<u64>,
    /// What kernel.unprivileged_bpf_disabled is, for a loader that lacks a capability.
    #[arg(long, default_value_t = caps::ALLOWED)]
    unprivileged_bpf_disabled: u8,
    /// Answer the raw programs of this batch file instead.
    #[arg(long)]
    raw: Option<PathBuf>,
    /// Answer the programs of the objects in this directory instead, loaded by aya.
    #[arg(long)]
    aya: Option<PathBuf>,
    /// Answer the maps of this file instead.
    #[arg(long)]
    maps: Option<PathBuf>,
}

/// Answers for every object, in the order of their names.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if let Some(batch) = &options.raw {
        return raw::run(batch, options.log_level);
    }
    if let Some(root) = &options.aya {
        return aya::run(root);
    }
    if let Some(maps) = &options.maps {
        return maps::run(maps);
    }
    let caps = options.caps.map(CapabilitySet::from_bits_retain);
    let only = |caps| caps::only(caps, options.unprivileged_bpf_disabled);
    let _only = caps.map(only).transpose()?;
    let mut objects = Vec::new();
    find(&options.root, &mut objects)?;
    objects.sort();
    let mut room = load::Room::new();
    let mut turn = Turn::new(options);
    for path in &objects {
        let name = path.strip_prefix(&options.root)?.to_string_lossy();
        let object = name.trim_end_matches(".bpf.o").to_owned();
        let programs = match load::programs(path) {
            Ok(programs) => programs,
            Err(answer) => {
                if turn.comes(&format!("{object}/*"))? {
                    print(&Answer { object, ..*answer })?;
                }
                continue;
            }
        };
        for (program, section) in programs {
            if !turn.comes(&format!("{object}/{program}"))? {
                continue;
            }
            let core_btf = load::core_btf(path, &program);
            let core_btf_path = core_btf
                .as_ref()
                .map(|name| options.core_btf.join(format!("{name}.bpf.o")));
            let question = load::Question {
                path,
                program: &program,
                core_btf: core_btf_path.as_deref(),
                log_level: options.log_level,
            };
            let mut targets: Vec<_> = Target::of(&object, &program)
                .into_iter()
                .map(Some)
                .collect();
            if targets.is_empty() {
                targets.push(None);
            }
            for target in targets {
                let answer = match &target {
                    Some(target) => {
                        let name = format!("{}.bpf.o", target.object);
                        let mut paths =
                            [&options.root, &options.targets].map(|dir| dir.join(&name));
                        paths.sort_by_key(|path| !path.exists());
                        question.on_target(&paths[0], target, &mut room)
                    }
                    None => question.alone(&mut room),
                };
                print(&Answer {
                    object: object.clone(),
                    program: Some(program.clone()),
                    section: Some(section.clone()),
                    core_btf: core_btf.clone(),
                    target,
                    ..answer
                })?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Which programs are asked about.
struct Turn<'a> {
    options: &'a Options,
    /// The program before the first has been passed.
    begun: bool,
}

impl<'a> Turn<'a> {
    fn new(options: &'a Options) -> Self {
        Self {
            options,
            begun: options.after.is_none(),
        }
    }

    /// Whether it is the turn of `name`; says so if that is wanted.
    fn comes(&mut self, name: &str) -> Result<bool> {
        if !self.begun {
            self.begun = self.options.after.as_deref() == Some(name);
            return Ok(false);
        }
        let wanted = self.options.filter.as_deref().unwrap_or_default();
        if !name.contains(wanted) {
            return Ok(false);
        }
        if self.options.announce {
            print(&Asking { asking: name })?;
        }
        Ok(true)
    }
}

/// The line before an answer.
#[derive(Serialize)]
struct Asking<'a> {
    asking: &'a str,
}

/// The objects below a directory.
fn find(directory: &Path, objects: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(directory);
    for entry in entries.with_context(|| format!("cannot list {}", directory.display()))? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            find(&path, objects)?;
        } else if path.to_string_lossy().ends_with(".bpf.o") {
            objects.push(path);
        }
    }
    Ok(())
}

/// Prints a line at once: if the kernel dies of the next program, this one is told.
fn print(answer: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_string(answer)?;
    line.push('\n');
    let mut out = stdout().lock();
    out.write_all(line.as_bytes())?;
    Ok(out.flush()?)
}
