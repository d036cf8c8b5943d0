// SPDX-License-Identifier: GPL-2.0-only
//! What runs inside the guest, in one static binary.
//!
//! As process 1 it is [`init`]; as any other process it is one of the verbs:
//! `test`, `demo`, `bench`, `oracle`, `selftests`, `sched-ext`, `kunit`, `soak`, `shell`, `show`, `uptime`. The
//! kernel hands what follows `--` on its command line to `/init`, so `-- test --filter walks` runs part of the suite.

mod bench;
mod demo;
mod init;
mod kunit;
mod oracle;
mod selftests;
mod shell;
mod show;
mod suite;
mod uptime;
mod verified;

use std::process::{ExitCode, id};

use clap::{Parser, Subcommand};

/// The guest's only program.
#[derive(Parser)]
#[command(name = "guest", bin_name = "guest", color = clap::ColorChoice::Never)]
struct Guest {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the suite against the running kernel.
    Test(suite::Options),
    /// Show what the iterator is for.
    Demo {
        /// What the demo itself understands.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure ways to walk CPUs.
    Bench(bench::Options),
    /// Say what the verifier says of programs.
    Oracle(oracle::Options),
    /// Run the kernel's own BPF selftests.
    Selftests {
        /// What `test_progs` itself understands.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run the kernel's own tests of schedulers.
    SchedExt {
        /// What their `runner` itself understands.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Say how a suite of the kernel's KUnit tests ended.
    Kunit {
        /// Its name.
        suite: String,
    },
    /// Walk for a long time while everything else changes.
    Soak(suite::soak::Options),
    /// Give the console to a shell.
    Shell,
    /// Print files of the running kernel.
    Show {
        /// Their paths.
        #[arg(required = true)]
        files: Vec<String>,
    },
    /// Say how long the kernel took to get here.
    Uptime,
    /// Load an object's programs and end: how the suite loads as another user.
    #[command(hide = true)]
    Load {
        /// The object's path under `/bpf`, without `.bpf.o`.
        object: String,
    },
}

fn main() -> ExitCode {
    if id() == 1 {
        init::main();
    }
    let done = match Guest::parse().verb {
        Verb::Test(options) => suite::run(options),
        Verb::Demo { args } => demo::run(args),
        Verb::Bench(options) => bench::run(options),
        Verb::Oracle(options) => oracle::run(&options),
        Verb::Selftests { args } => selftests::run("test_progs", &args),
        Verb::SchedExt { args } => selftests::run("runner", &args),
        Verb::Kunit { suite } => kunit::run(&suite),
        Verb::Soak(options) => suite::soak::run(&options),
        Verb::Shell => shell::run(),
        Verb::Show { files } => show::run(&files),
        Verb::Uptime => uptime::run(),
        Verb::Load { object } => suite::load(&object),
    };
    done.unwrap_or_else(|error| {
        eprintln!("guest: {error:#}");
        ExitCode::FAILURE
    })
}
