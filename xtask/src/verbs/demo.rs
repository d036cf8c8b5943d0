// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask demo`: a BPF program walks CPUs on a stock kernel and shows what it reads.

use std::io::{IsTerminal, stdout};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::build::initramfs;
use crate::guest::qemu::{Guest, MEMORY};
use crate::linux::release::Release;
use crate::linux::stock;
use crate::linux::target::{Choice, Target};
use crate::workshop::arch::Arch;
use crate::workshop::project::Project;

/// Six CPUs are possible; the demo takes one of the four present ones offline.
const SMP: &str = "4,maxcpus=6";
/// The program, below tests/programs.
const OBJECT: &str = "demo.";
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
    /// The series of the stock kernel; before 7.2 there is no module, and the header does without.
    #[arg(long, default_value = "7.3")]
    series: Release,
    /// Without the module also where it can be had.
    #[arg(long, conflicts_with_all = ["kernel", "patched"])]
    no_module: bool,
    /// The architecture, which has a stock kernel.
    #[arg(long, value_enum, default_value = "amd64")]
    arch: Arch,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let choice = if args.patched {
        Choice::Patched
    } else {
        args.kernel
    };
    let without = choice == Choice::Stock && (args.no_module || args.series < stock::OLDEST);
    let target = match without {
        true => Target::image(project, args.series)?,
        false => Target::choose_for(project, choice, args.series, args.arch)?,
    };
    let initramfs = match without {
        true => initramfs::of_objects(&target, OBJECT)?,
        false => initramfs::build(&target)?,
    };
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
