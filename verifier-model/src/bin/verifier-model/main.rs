// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model`: what the kernel's BPF verifier will say of an object, without the kernel.

mod check;
mod dump;
mod kernel;
mod kfuncs;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Says what the BPF verifier of Linux 7.3 will say, on any machine and without root
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
    check: Option<check::Args>,
}

#[derive(Subcommand)]
enum Command {
    /// Check the programs of BPF objects (the default)
    Check(check::Args),
    /// Make the table of kfuncs from a kernel's source tree
    Kfuncs(kfuncs::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match (cli.command, cli.check) {
        (Some(Command::Check(args)), _) | (None, Some(args)) => check::run(&args),
        (Some(Command::Kfuncs(args)), _) => kfuncs::run(&args),
        (None, None) => Ok(ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|e| {
        eprintln!("verifier-model: {e:#}");
        ExitCode::from(2)
    })
}
