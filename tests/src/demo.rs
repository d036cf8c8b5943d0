// SPDX-License-Identifier: GPL-2.0-only
//! The `demo` verb: who waits for a CPU, and on which one.
//!
//! Takes a CPU offline, puts a load into a container that may use CPUs 1 and 3
//! only, lets `demo.bpf.c` walk the kernel's masks and the container's, and
//! prints what it read by CPU and by mask, next to what the kernel itself shows.

mod check;
mod container;
mod cpus;
mod load;
mod pressure;
mod render;
mod report;
mod walker;

use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;

use container::Container;
use cpus::{Offline, pin};
use load::Spinner;
use report::Report;
use walker::Walker;

/// The CPU that goes offline.
const OFFLINE: usize = 2;
/// Where the demo itself runs: it must not wait for the load that it measures.
const QUIET: usize = 0;
/// The container's CPUs, in the kernel's list format.
const CPUSET: &str = "1,3";
/// The container's CPU that it shares with a thread from outside of it.
const SHARED: usize = 3;

/// The load is watched for so many intervals. The kernel's times are of 32 bits
/// and wrap after 4.29 s, so an interval has to be well below that.
const INTERVALS: u32 = 6;
const INTERVAL: Duration = Duration::from_millis(500);

#[derive(Parser)]
#[command(name = "demo", no_binary_name = true)]
struct Options {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Colour the bars and the marks.
    #[arg(long)]
    color: bool,
    /// Be the load inside the container; the demo starts itself so.
    #[arg(long, hide = true)]
    load: bool,
}

/// Runs the demo with the words that followed `demo`; fails if a cross-check does not hold.
pub(crate) fn run(args: Vec<String>) -> Result<ExitCode> {
    let options = Options::parse_from(args);
    if options.load {
        return load::main().map(|()| ExitCode::SUCCESS);
    }
    let report = watch()?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", render::text(&report, options.color));
    }
    Ok(if report.holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn watch() -> Result<Report> {
    let _offline = Offline::take(OFFLINE)?;
    pin(QUIET).context("cannot stay away from the load")?;
    let container = Container::start(CPUSET)?;
    let _neighbour = Spinner::start(SHARED);

    let mut walker = Walker::load(&container)?;
    pressure::refresh()?;
    let began = Instant::now();
    walker.run()?;
    for _ in 0..INTERVALS {
        sleep(INTERVAL);
        pressure::refresh()?;
        walker.run()?;
    }
    let checks = check::all(&mut walker, &container)?;
    pressure::refresh()?;
    let watched = began.elapsed();
    let last = walker.run()?;
    report::build(&walker, watched, &last, checks)
}
