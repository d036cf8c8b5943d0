// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model explain`: why a program is rejected, and what to change.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Result;
use bpf::load::Prepared;
use serde::Serialize;
use verifier_model::{Explanation, Outcome, explain};

use crate::options::not_loaded;
use crate::program;

/// Explains the verdict on one program.
#[derive(clap::Args)]
#[group(id = "explain")]
#[command(after_help = "\
Exit status: 0 the program is accepted, 1 it is rejected, or not even libbpf would load it, 2 the
input cannot be used, 3 there is no verdict because something is not modelled.")]
pub(crate) struct Args {
    /// As text for people, or as JSON
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
    #[command(flatten)]
    program: program::Args,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Output {
    Text,
    Json,
}

/// What `-o json` writes: the explanation, and the counts by the names that `check -o json` has.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    explanation: &'a Explanation,
    total_insns: u32,
    total_states: u32,
}

/// The same of a program that the verifier does not get to see.
#[derive(Serialize)]
struct NotLoaded<'a> {
    program: &'a str,
    accepted: bool,
    message: &'a str,
}

pub(crate) fn run(args: &Args, out: &mut impl Write) -> Result<ExitCode> {
    let kernel = args.program.kernel()?;
    let Prepared { name, load } = args.program.prepare(&kernel)?;
    let load = match load {
        Ok(load) => load,
        Err(e) => return refused(args, &name, &not_loaded(&e), out),
    };
    let (verdict, explanation) = explain(&load, &kernel, &args.program.verifier());
    match args.output {
        Output::Json => {
            let whole = Whole {
                explanation: &explanation,
                total_insns: verdict.stats.insns_processed,
                total_states: verdict.stats.total_states,
            };
            writeln!(out, "{}", serde_json::to_string_pretty(&whole)?)?;
        }
        Output::Text => {
            let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            write!(out, "{}", explanation.text(colour))?;
        }
    }
    Ok(match verdict.outcome {
        Outcome::Accepted => ExitCode::SUCCESS,
        Outcome::Rejected(_) => ExitCode::FAILURE,
        Outcome::NotModelled(_) => ExitCode::from(3),
    })
}

/// Says of a program why libbpf refuses it: there is no path to tell of.
fn refused(args: &Args, program: &str, message: &str, out: &mut impl Write) -> Result<ExitCode> {
    match args.output {
        Output::Json => {
            let refused = NotLoaded {
                program,
                accepted: false,
                message,
            };
            writeln!(out, "{}", serde_json::to_string_pretty(&refused)?)?;
        }
        Output::Text => writeln!(out, "{program}: rejected\n\n  {message}")?,
    }
    Ok(ExitCode::FAILURE)
}
