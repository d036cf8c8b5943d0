// SPDX-License-Identifier: GPL-2.0-only
//! The `test` verb: the suite, reported the way libtest does.

mod anywhere;
mod aya;
mod bpf;
mod cgroup;
mod console;
mod cpus;
mod example;
mod faults;
mod handed;
mod held;
mod interrupted;
mod lifetime;
mod masks;
mod memory;
mod migration;
mod module;
mod needs;
mod no_memory;
mod pairs;
mod planted;
mod program_types;
mod refused;
mod snapshot;
pub(crate) mod soak;
mod task;
mod tools;
mod unprivileged;
mod walks;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Args;
use libtest_mimic::{Arguments, ColorSetting, Failed, Trial};
use nix::sys::utsname::uname;

/// Which tests to run, and how to report them.
#[derive(Args)]
pub(crate) struct Options {
    /// Run only the tests whose name contains this.
    #[arg(long)]
    filter: Option<String>,
    /// Fail unless so many CPUs are possible.
    #[arg(long)]
    possible: Option<usize>,
    /// Run only the tests that need no iterator, so that they can be run on every kernel.
    #[arg(long)]
    anywhere: bool,
    /// The clock counts instructions.
    #[arg(long)]
    counted: bool,
    /// Arguments of the test harness, such as `--list` or `--exact`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    harness: Vec<String>,
}

/// Runs the suite; the exit code tells whether every test passed.
pub(crate) fn run(options: Options) -> Result<ExitCode> {
    if let Some(wanted) = options.possible {
        let possible = cpus::sysfs("possible")?.len();
        ensure!(
            possible == wanted,
            "{possible} CPUs are possible, not {wanted}"
        );
    }
    let words = ["guest".to_owned()].into_iter().chain(options.harness);
    let mut arguments = Arguments::from_iter(words);
    arguments.filter = options.filter.or(arguments.filter);
    arguments.color.get_or_insert(ColorSetting::Never);
    // The tests unplug CPUs and unload modules under each other's feet.
    arguments.test_threads = Some(1);
    let trials = match options.anywhere {
        true => without_iterator(options.counted),
        false => trials(options.counted)?,
    };
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

/// Loads an object and does no more.
pub(crate) fn load(object: &str) -> Result<ExitCode> {
    bpf::Bpf::load(object)?;
    Ok(ExitCode::SUCCESS)
}

/// Every test, in the order of running.
fn trials(counted: bool) -> Result<Vec<Trial>> {
    let mut trials = walks::trials();
    trials.extend(without_iterator(counted));
    trials.extend(pairs::trials());
    trials.extend(held::trials());
    trials.extend(migration::trials());
    trials.extend(snapshot::trials());
    trials.extend(program_types::trials());
    trials.extend(example::trials());
    trials.extend(refused::trials()?);
    trials.extend(unprivileged::trials());
    trials.extend(faults::trials());
    trials.extend(lifetime::trials());
    trials.extend(handed::trials());
    trials.extend(interrupted::trials());
    trials.extend(no_memory::trials());
    trials.extend(module::trials());
    trials.extend(console::trials());
    trials.extend(module::warned());
    trials.extend(interrupted::nmi());
    trials.extend(planted::trials());
    Ok(trials)
}

/// The tests that every kernel can be put to.
fn without_iterator(counted: bool) -> Vec<Trial> {
    let mut trials = anywhere::trials();
    trials.extend(aya::trials());
    trials.extend(tools::trials(counted));
    trials
}

/// Whether the kernel has the series of linux-patches/. Then the iterator is its own: it has no
/// companions, and takes no memory for a mask that may go before the section ends.
fn is_patched() -> Result<bool> {
    Ok(uname()?.release().to_string_lossy().contains("-patched"))
}

/// A test from a function that tells what went wrong.
fn trial(name: impl Into<String>, test: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, move || {
        test().map_err(|error| Failed::from(format!("{error:#}")))
    })
}
