// SPDX-License-Identifier: GPL-2.0-only
//! The `test` verb: the suite, reported the way libtest does.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use libtest_mimic::{Arguments, Trial};

/// Which tests to run, and how to report them.
#[derive(Args)]
pub(crate) struct Options {
    /// Run only the tests whose name contains this.
    #[arg(long)]
    filter: Option<String>,
    /// Arguments of the test harness, such as `--list` or `--exact`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    harness: Vec<String>,
}

/// Runs the suite; the exit code tells whether every test passed.
pub(crate) fn run(options: Options) -> Result<ExitCode> {
    let words = ["guest".to_owned()].into_iter().chain(options.harness);
    let mut arguments = Arguments::from_iter(words);
    arguments.filter = options.filter.or(arguments.filter);
    // The tests unplug CPUs and unload modules under each other's feet.
    arguments.test_threads = Some(1);
    Ok(libtest_mimic::run(&arguments, trials()?).exit_code())
}

fn trials() -> Result<Vec<Trial>> {
    Ok(Vec::new())
}
