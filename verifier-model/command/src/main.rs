// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model`: what the kernel's BPF verifier will say of an object, without the kernel.

mod can;
mod check;
mod column;
mod compare;
mod dump;
mod explain;
mod file;
mod file_kind;
mod filter;
mod fuzz;
mod graph;
mod html;
mod junit;
mod kernel;
mod kfuncs;
mod kinds;
mod loading;
mod matrix;
mod named;
mod options;
mod program;
mod program_type;
mod programs;
mod report;
mod results;
mod rights;
mod rodata;
mod rules;
mod sarif;
mod spinlock_safe;
mod stat;
mod table;
mod target;
mod told;
mod unusable;
mod verdicts;
mod whole_file;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::unusable::unusable;

/// Says what the BPF verifier of Linux 7.3, or of an older one, will say, on any machine and without root
#[derive(Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    check: check::Args,
}

#[derive(Subcommand)]
enum Command {
    /// Check the programs of BPF objects (the default)
    Check(Box<check::Args>),
    /// Say why a program is rejected, how it comes to that, and what to change
    Explain(Box<explain::Args>),
    /// Hold the model against what a kernel said of a corpus
    Compare(Box<compare::Args>),
    /// Draw the explored states as SVG or DOT
    Graph(Box<graph::Args>),
    /// List the helpers and kfuncs that programs of a type may call
    Can(can::Args),
    /// List the kinds of rejections, as `check -e kind` names them
    Kinds,
    /// List the rules that `--without` switches off
    Rules,
    /// Generate programs, and see that none misbehaves that the verifier accepts
    Fuzz(fuzz::Args),
    /// Make the table of kfuncs from a kernel's source tree
    Kfuncs(kfuncs::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) if e.kind() == ErrorKind::ValueValidation => return wrong_value(&e),
        Err(e) => e.exit(),
    };
    let mut out = std::io::stdout().lock();
    let done = match cli.command {
        Some(Command::Check(args)) => check::run(&args, &mut out),
        None => check::run(&cli.check, &mut out),
        Some(Command::Compare(args)) => compare::run(&args, &mut out),
        Some(Command::Fuzz(args)) => fuzz::run(&args, &mut out),
        Some(Command::Kfuncs(args)) => kfuncs::run(&args, &mut out),
        Some(Command::Explain(args)) => explain::run(&args, &mut out),
        Some(Command::Graph(args)) => graph::run(&args, &mut out),
        Some(Command::Can(args)) => can::run(&args, &mut out),
        Some(Command::Kinds) => kinds::print(&mut out),
        Some(Command::Rules) => rules::print(&mut out),
    };
    match done {
        Ok(code) => code,
        // Whoever read the output has seen enough.
        Err(e) if is_broken_pipe(&e) => ExitCode::SUCCESS,
        Err(e) => unusable(&e),
    }
}

/// A value that an option does not take is bad input as any other: one line.
fn wrong_value(e: &clap::Error) -> ExitCode {
    let said = e.to_string();
    let line = said.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    unusable(&anyhow::anyhow!("{line}"))
}

fn is_broken_pipe(e: &anyhow::Error) -> bool {
    let io = e.chain().find_map(|e| e.downcast_ref::<std::io::Error>());
    io.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}
