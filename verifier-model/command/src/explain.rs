// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model explain`: why a program is rejected, and what to change.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Result;
use verifier_model::{Outcome, explain};

use crate::program;

/// Explains the verdict on one program.
#[derive(clap::Args)]
#[group(id = "explain")]
#[command(after_help = "\
Exit status: 0 the program is accepted, 1 it is rejected, 2 the input cannot be used,
3 there is no verdict because something is not modelled.")]
pub(crate) struct Args {
    #[command(flatten)]
    program: program::Args,
    /// As text for people, or as JSON
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Output {
    Text,
    Json,
}

pub(crate) fn run(args: &Args, out: &mut impl Write) -> Result<ExitCode> {
    let kernel = args.program.kernel()?;
    let load = args.program.load(&kernel)?;
    let (verdict, explanation) = explain(&load, &kernel, &args.program.options());
    match args.output {
        Output::Json => writeln!(out, "{}", serde_json::to_string_pretty(&explanation)?)?,
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
