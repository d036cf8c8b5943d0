// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model check`: the programs of objects, one after another.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use verifier_model::load::{
    Autoload, Object, PrepareOptions, Prepared, SetAttachTarget, raw_program,
};
use verifier_model::prog_load::Kernel;

use crate::{dump, kernel, verdict};

#[derive(clap::Args)]
#[group(id = "check")]
pub(crate) struct Args {
    /// BPF objects
    #[arg(required = true)]
    objects: Vec<PathBuf>,
    /// Only this program; also one of `SEC("?…")`
    #[arg(long, value_name = "NAME")]
    prog: Option<String>,
    /// Also programs of `SEC("?…")`, which are not loaded by default
    #[arg(long, conflicts_with = "prog")]
    all: bool,
    /// What a program attaches to, for those whose section does not say
    #[arg(long, value_name = "PROG=TARGET", value_parser = prog_and_target)]
    attach: Vec<(String, String)>,
    /// The files are raw instructions, of a program as in SEC("SECTION")
    #[arg(long, value_name = "SECTION")]
    raw: Option<String>,
    /// Print maps and instructions, without verdicts
    #[arg(long)]
    dump: bool,
    #[command(flatten, next_help_heading = "Verifier")]
    verdict: verdict::Args,
    #[command(flatten, next_help_heading = "Kernel")]
    kernel: kernel::Args,
}

fn prog_and_target(arg: &str) -> Result<(String, String), String> {
    match arg.split_once('=') {
        Some((prog, target)) => Ok((prog.to_owned(), target.to_owned())),
        None => Err("write it as PROG=TARGET".into()),
    }
}

pub(crate) fn run(args: &Args, out: &mut impl Write) -> Result<ExitCode> {
    let kernel = args.kernel.read()?;
    let mut all_good = true;
    for path in &args.objects {
        let good =
            check_file(args, &kernel, path, out).with_context(|| path.display().to_string())?;
        all_good &= good;
    }
    Ok(match all_good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Checks the programs of a file; whether all are good.
fn check_file(args: &Args, kernel: &Kernel, path: &Path, out: &mut impl Write) -> Result<bool> {
    let data = std::fs::read(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if let Some(section) = &args.raw {
        let load = Ok(raw_program(&data, &name, section, kernel)?);
        let name = name.into_owned();
        return check_prog(args, kernel, &Prepared { name, load }, out);
    }
    let object = Object::open(&data, &name)?;
    if args.dump {
        write!(out, "{}", dump::maps(&object))?;
    }
    let attach_targets: BTreeMap<_, _> = args
        .attach
        .iter()
        .map(|(prog, target)| (prog.clone(), SetAttachTarget::Kernel(target.clone())))
        .collect();
    for prog in attach_targets.keys() {
        if !object.programs().any(|p| p.name == prog) {
            bail!("--attach: the object has no program '{prog}'");
        }
    }
    let autoload = match &args.prog {
        Some(prog) => Autoload::Only(prog),
        None if args.all => Autoload::All,
        None => Autoload::Default,
    };
    let options = PrepareOptions {
        autoload,
        attach_targets,
    };
    if object.programs().next().is_none() {
        bail!("the object has no programs");
    }
    let mut progs = object.prepare(kernel, &options)?.peekable();
    if progs.peek().is_none() {
        bail!("no program is loaded by default, all are SEC(\"?…\"); try --all");
    }
    progs.try_fold(true, |good, prog| {
        Ok(good & check_prog(args, kernel, &prog, out)?)
    })
}

/// Says what comes of a program; whether it is good.
fn check_prog(args: &Args, kernel: &Kernel, prog: &Prepared, out: &mut impl Write) -> Result<bool> {
    match &prog.load {
        Ok(load) if args.dump => {
            writeln!(out, "{}", dump::summary(load))?;
            write!(out, "{}", dump::program(kernel, load))?;
            Ok(true)
        }
        Ok(load) => verdict::judge(&args.verdict, kernel, load, out),
        Err(e) => {
            writeln!(out, "{}: not loadable: {e}", prog.name)?;
            Ok(false)
        }
    }
}
