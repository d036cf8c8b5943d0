// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask demo`: a BPF program walks CPUs on a stock kernel and shows what it reads.

use std::io::{IsTerminal, stdout};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::build::initramfs;
use crate::guest::qemu::{Guest, MEMORY};
use crate::linux::release::Release;
use crate::linux::target::{Choice, Target};
use crate::workshop::project::Project;

/// Six CPUs are possible; the demo takes one of the four present ones offline.
const SMP: &str = "4,maxcpus=6";
const LIMIT: Duration = Duration::from_secs(150);

/// `cargo xtask demo`. `KERNEL_BUILD=DIR` shows it on a kernel of yours.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print the same for machines.
    #[arg(long)]
    json: bool,
    /// The kernel to run it on.
    #[arg(long, value_enum, default_value = "stock")]
    kernel: Choice,
    /// The same as --kernel patched.
    #[arg(long, conflicts_with = "kernel")]
    patched: bool,
    /// The series of the stock kernel.
    #[arg(long, default_value = "7.3")]
    series: Release,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let choice = if args.patched {
        Choice::Patched
    } else {
        args.kernel
    };
    let target = Target::choose(project, choice, args.series)?;
    let initramfs = initramfs::build(&target)?;
    let mut told = vec!["demo".to_owned()];
    if args.json {
        told.push("--json".to_owned());
    } else if stdout().is_terminal() {
        told.push("--color".to_owned());
    }
    let guest = Guest {
        target: &target,
        initramfs: &initramfs,
        smp: SMP,
        args: &told,
        memory: MEMORY,
        known: &[],
        limit: LIMIT,
    };
    let ended = guest.run(&format!("demo on {}", target.kernel.release))?;
    if ended.status != 0 {
        bail!("the demo failed in the guest, with status {}", ended.status);
    }
    Ok(())
}
