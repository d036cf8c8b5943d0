// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask soak`: walks of every kind for a long time, while everything around them changes.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::build::initramfs;
use crate::guest::qemu::{Guest, MEMORY};
use crate::linux::release::Release;
use crate::linux::target::{Choice, Target};
use crate::workshop::arch::Arch;
use crate::workshop::project::Project;

/// What a guest may take besides: to boot, to look at its memory, to end.
const BESIDES: Duration = Duration::from_secs(600);

/// `cargo xtask soak`. `KERNEL_BUILD=DIR` soaks a kernel of yours.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The kernel to run it on.
    #[arg(long, value_enum, default_value = "stock")]
    kernel: Choice,
    /// The series of the stock kernel.
    #[arg(long, default_value = "7.3")]
    series: Release,
    /// The architecture, which has a stock kernel; arm64's CPUs run at the same time.
    #[arg(long, value_enum, default_value = "amd64")]
    arch: Arch,
    /// For so long.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// There have to be so many walks by then.
    #[arg(long, default_value_t = 10_000_000)]
    walks: u64,
    /// So many CPUs are possible; from 257 on a copy takes memory.
    #[arg(long, default_value_t = 300)]
    possible: u32,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let target = Target::choose_for(project, args.kernel, args.series, args.arch)?;
    let initramfs = initramfs::build(&target)?;
    let seconds = args.minutes * 60;
    let told = [
        "soak".to_owned(),
        format!("--seconds={seconds}"),
        format!("--walks={}", args.walks),
    ];
    let guest = Guest {
        target: &target,
        initramfs: &initramfs,
        smp: &format!("4,maxcpus={}", args.possible),
        args: &told,
        memory: MEMORY,
        known: &[],
        limit: Duration::from_secs(seconds) + BESIDES,
    };
    let ended = guest.run(&format!("soak of {}", target.kernel.release))?;
    if ended.status != 0 {
        bail!("not all is well after it");
    }
    Ok(())
}
