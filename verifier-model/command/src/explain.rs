// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model explain`: why a program is rejected, and what to change. Without a program, all
//! that are rejected.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use bpf::kernel::Kernel;
use bpf::load::{Autoload, Prepared};
use serde::Serialize;
use verifier_model::{Explanation, Outcome, Verdict, explain, verify};

use crate::html;
use crate::options::{self, not_loaded};

/// Explains verdicts.
#[derive(clap::Args)]
#[group(id = "explain")]
#[command(after_help = "\
Exit status: 0 the program is accepted, or all are, 1 one is rejected, or not even libbpf would load
it, 2 the input cannot be used, 3 there is no verdict because something is not modelled.")]
pub(crate) struct Args {
    /// BPF object
    #[arg(required_unless_present = "log")]
    object: Option<PathBuf>,
    /// Program in it; without one, all that are loaded by default and rejected are explained
    #[arg(conflicts_with = "raw")]
    prog: Option<String>,
    /// A kernel's log of any release from 5.10 on, instead of an object; - reads it from the input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["object", "raw"])]
    log: Option<PathBuf>,
    /// As text for people, or as JSON; of several programs an array
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
    /// Also write a page to go through the verification of one program with, step by step, in a browser
    #[arg(long, value_name = "FILE", conflicts_with = "log")]
    html: Option<PathBuf>,
    #[command(flatten)]
    options: options::Args,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Output {
    Text,
    Json,
}

/// What `-o json` writes of a program.
#[derive(Serialize)]
#[serde(untagged)]
enum Told {
    Verified(Box<Whole>),
    OfLog(Box<Explanation>),
    NotLoaded(NotLoaded),
}

/// The explanation, and the counts by the names that `check -o json` has.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    explanation: Explanation,
    total_insns: u32,
    total_states: u32,
}

impl Whole {
    fn of(verdict: &Verdict, explanation: Explanation) -> Told {
        Told::Verified(Box::new(Self {
            explanation,
            total_insns: verdict.stats.insns_processed,
            total_states: verdict.stats.total_states,
        }))
    }
}

/// A program that the verifier does not get to see.
#[derive(Serialize)]
struct NotLoaded {
    program: String,
    accepted: bool,
    message: String,
}

pub(crate) fn run(args: &Args, out: &mut impl Write) -> Result<ExitCode> {
    let Some(object) = &args.object else {
        return explain_logs(args, out);
    };
    let kernel = args.options.kernel()?;
    let progs = prepare(args, object, &kernel).with_context(|| object.display().to_string())?;
    let alone = progs.len() == 1;
    if let Some(path) = &args.html {
        let (verdict, replay) = html::write(path, &progs, &kernel, &args.options.verifier())
            .with_context(|| object.display().to_string())?;
        let told = Whole::of(&verdict, replay.explanation().clone());
        write(args.output, &[told], true, out)?;
        return Ok(exit_code(&[End::of(&verdict)]));
    }
    let mut told = Vec::new();
    let mut ends = Vec::new();
    for prog in progs {
        let (end, explained) = tell(args, &kernel, prog, alone);
        ends.push(end);
        told.extend(explained);
    }
    write(args.output, &told, alone, out)?;
    if matches!(args.output, Output::Text) && !alone {
        let gap = if told.is_empty() { "" } else { "\n\n" };
        writeln!(out, "{gap}{}", summary(&ends))?;
    }
    Ok(exit_code(&ends))
}

fn exit_code(ends: &[End]) -> ExitCode {
    match () {
        () if ends.contains(&End::Rejected) => ExitCode::FAILURE,
        () if ends.contains(&End::NotModelled) => ExitCode::from(3),
        () => ExitCode::SUCCESS,
    }
}

/// Explains what is rejected in a log.
fn explain_logs(args: &Args, out: &mut impl Write) -> Result<ExitCode> {
    let path = args.log.as_deref().unwrap_or(Path::new("-"));
    let text = match path.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned()),
    };
    let text = text.with_context(|| path.display().to_string())?;
    let explained = Explanation::of_logs(&text);
    ensure!(
        !explained.is_empty(),
        "{}: this has no message of the verifier; --log takes what a loader prints of its log",
        path.display()
    );
    let told: Vec<Told> = explained
        .into_iter()
        .map(Box::new)
        .map(Told::OfLog)
        .collect();
    write(args.output, &told, told.len() == 1, out)?;
    Ok(ExitCode::FAILURE)
}

/// Writes what is told; of one program without an array around it.
fn write(output: Output, told: &[Told], alone: bool, out: &mut impl Write) -> Result<()> {
    match (output, told) {
        (Output::Json, [one]) if alone => {
            writeln!(out, "{}", serde_json::to_string_pretty(one)?)?;
        }
        (Output::Json, _) => writeln!(out, "{}", serde_json::to_string_pretty(told)?)?,
        (Output::Text, _) => {
            for (n, told) in told.iter().enumerate() {
                write!(out, "{}{}", if n > 0 { "\n\n" } else { "" }, text(told))?;
            }
        }
    }
    Ok(())
}

/// The programs that are looked at.
fn prepare(args: &Args, object: &Path, kernel: &Kernel) -> Result<Vec<Prepared>> {
    let input = args.options.read(object)?;
    let mut programs = input.object().into_iter().flat_map(|o| o.programs());
    let which = match (&args.prog, programs.next(), programs.next()) {
        (Some(prog), ..) => Autoload::Only(prog),
        // The only one is meant, whether libbpf would load it by itself or not.
        (None, Some(only), None) => Autoload::Only(only.name),
        _ => Autoload::Default,
    };
    args.options.prepare(&input, kernel, which)
}

/// How it ends for a program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Accepted,
    Rejected,
    NotModelled,
}

impl End {
    fn of(verdict: &Verdict) -> Self {
        match verdict.outcome {
            Outcome::Accepted => Self::Accepted,
            Outcome::Rejected(_) => Self::Rejected,
            Outcome::NotModelled(_) => Self::NotModelled,
        }
    }
}

/// Explains a program; one of many only if it is not accepted.
fn tell(args: &Args, kernel: &Kernel, prog: Prepared, alone: bool) -> (End, Option<Told>) {
    let load = match prog.load {
        Ok(load) => load,
        Err(e) => {
            let told = Told::NotLoaded(NotLoaded {
                program: prog.name,
                accepted: false,
                message: not_loaded(prog.loader, &e),
            });
            return (End::Rejected, Some(told));
        }
    };
    let options = args.options.verifier();
    if !alone && verify(&load, kernel, &options).accepted() {
        return (End::Accepted, None);
    }
    let (verdict, explanation) = explain(&load, kernel, &options);
    let told = Whole::of(&verdict, explanation);
    (End::of(&verdict), Some(told))
}

fn text(told: &Told) -> String {
    let colour = || std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    match told {
        Told::Verified(whole) => whole.explanation.text(colour()),
        Told::OfLog(explanation) => explanation.text(colour()),
        Told::NotLoaded(refused) => {
            format!("{}: rejected\n\n  {}\n", refused.program, refused.message)
        }
    }
}

/// How many programs there are of each sort.
fn summary(ends: &[End]) -> String {
    let count = |end: End| ends.iter().filter(|e| **e == end).count();
    let mut text = format!(
        "{} programs: {} accepted, {} rejected",
        ends.len(),
        count(End::Accepted),
        count(End::Rejected)
    );
    if count(End::NotModelled) > 0 {
        text += &format!(", {} not modelled", count(End::NotModelled));
    }
    text
}
