// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask module`: builds the module for a kernel.

use anyhow::Result;

use crate::build::module;
use crate::linux::release::Release;
use crate::linux::target::{Choice, Target};
use crate::workshop::arch::Arch;
use crate::workshop::project::Project;

/// `cargo xtask module`. `KERNEL_BUILD=DIR` builds for any tree.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The kernel to build for.
    #[arg(value_enum, default_value = "stock")]
    kernel: Choice,
    /// The series of the stock kernel.
    #[arg(long, default_value = "7.3")]
    series: Release,
    /// The architecture, which has a stock kernel.
    #[arg(long, value_enum, default_value = "amd64")]
    arch: Arch,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let module = if args.kernel == Choice::Running {
        module::build_running(project)?
    } else {
        let target = Target::choose_for(project, args.kernel, args.series, args.arch)?;
        let _lock = project.lock_products()?;
        module::build(&target)?
    };
    println!("{}", module.display());
    Ok(())
}
