// SPDX-License-Identifier: GPL-2.0-only
//! The project's commands. A folder imports only what stands below it:
//!
//! ```text
//! verbs      one verb a file
//! corpus     what kernel and model are held against each other on
//! guest      QEMU, its console
//! build      modules, BPF programs, initramfs
//! linux      kernels and patches
//! workshop   checkout, cache, toolchain
//! ```
//!
//! `cargo xtask demo` and `cargo xtask test` do everything from a fresh machine; the other verbs
//! are their parts.

mod build;
mod corpus;
mod guest;
mod linux;
mod verbs;
mod workshop;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use verbs::{
    agreement, ask, bench, clean, demo, doctor, fuzz, kernel, lint, module, oracle, pages, patches,
    selftests, soak, test, vm,
};
use workshop::project::Project;

/// Builds, runs and tests the cpumask iterator.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    /// Show the output of the tools that are run.
    #[arg(long, short, global = true)]
    verbose: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Walk CPUs with the iterator on a stock distribution kernel and show what it reads.
    Demo(demo::Args),
    /// Run every test: on the host, then in guests on three kernels.
    Test(test::Args),
    /// Count the instructions that each way to walk CPUs takes.
    Bench(bench::Args),
    /// Fetch or build a kernel.
    Kernel(kernel::Args),
    /// Build the module.
    Module(module::Args),
    /// Ask kernels of many releases whether the programs of an object load.
    Ask(ask::Args),
    /// Ask a guest's kernel what its verifier says of the model's corpus.
    Oracle(oracle::Args),
    /// Ask a guest's kernel and the model about generated programs.
    Fuzz(fuzz::Args),
    /// Write docs/agreement.md: how far the model agrees with the committed answers.
    Agreement(agreement::Args),
    /// Try the pages of `verifier-model explain --html` in a browser.
    Pages(pages::Args),
    /// Check the series of linux-patches/, or write what it shares with kfunc/ into it.
    Patches(patches::Args),
    /// Run the kernel's own test_progs, with the tests that the patches add.
    Selftests(selftests::Args),
    /// Walk for a long time while everything around the walks changes.
    Soak(soak::Args),
    /// Open a shell in a guest with the module loaded.
    Vm(vm::Args),
    /// Check formatting, lints and documentation.
    Lint,
    /// Say what is missing on this machine and how to get it.
    Doctor,
    /// Remove what was built or fetched.
    Clean(clean::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = Project::open(cli.verbose).and_then(|project| match cli.verb {
        Verb::Demo(args) => demo::run(&project, &args),
        Verb::Test(args) => test::run(&project, &args),
        Verb::Bench(args) => bench::run(&project, &args),
        Verb::Kernel(args) => kernel::run(&project, &args),
        Verb::Module(args) => module::run(&project, &args),
        Verb::Ask(args) => ask::run(&project, &args),
        Verb::Oracle(args) => oracle::run(&project, &args),
        Verb::Fuzz(args) => fuzz::run(&project, &args),
        Verb::Agreement(args) => agreement::run(&project, &args),
        Verb::Pages(args) => pages::run(&project, &args),
        Verb::Patches(args) => patches::run(&project, &args),
        Verb::Selftests(args) => selftests::run(&project, &args),
        Verb::Soak(args) => soak::run(&project, &args),
        Verb::Vm(args) => vm::run(&project, &args),
        Verb::Lint => lint::run(&project),
        Verb::Doctor => doctor::run(&project),
        Verb::Clean(args) => clean::run(&project, &args),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
