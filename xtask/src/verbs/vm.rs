// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm`: a shell in the guest, with the modules loaded and the BPF objects in `/bpf`.

use std::time::Duration;

use anyhow::Result;

use crate::build::initramfs;
use crate::guest::qemu::{Guest, MEMORY};
use crate::linux::release::Release;
use crate::linux::target::{Choice, Target};
use crate::workshop::arch::Arch;
use crate::workshop::project::Project;

/// `cargo xtask vm`. `KERNEL_BUILD=DIR` boots a kernel of yours.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The kernel to boot.
    #[arg(value_enum, default_value = "stock")]
    kernel: Choice,
    /// The series of the stock kernel.
    #[arg(long, default_value = "7.3")]
    series: Release,
    /// The architecture, which has a stock kernel.
    #[arg(long, value_enum, default_value = "amd64")]
    arch: Arch,
    /// The CPUs: QEMU's -smp.
    #[arg(long, default_value = "4,maxcpus=6")]
    smp: String,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let target = Target::choose_for(project, args.kernel, args.series, args.arch)?;
    let initramfs = initramfs::build(&target)?;
    let told = ["shell".to_owned()];
    let guest = Guest {
        target: &target,
        initramfs: &initramfs,
        smp: &args.smp,
        args: &told,
        memory: MEMORY,
        known: &[],
        limit: Duration::MAX,
    };
    eprintln!("booting {}; `exit` ends it", target.kernel.release);
    guest.interactive("vm")
}
