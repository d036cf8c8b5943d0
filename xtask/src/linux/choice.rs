// SPDX-License-Identifier: GPL-2.0-only
//! The kernels that a verb can be told to take.

use anyhow::{Result, bail};
use clap::ValueEnum;

use super::kernel::Kernel;
use super::release::Release;
use super::stock;
use super::test_kernel::{self, Form};
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// The stock distribution kernel.
    Stock,
    /// The test kernel.
    Test,
    /// The test kernel with the patches of linux-patches/, the iterator built in.
    Patched,
    /// The same with the iterator as a module.
    PatchedModule,
    /// The kernel that this machine runs, with this machine's own compilers.
    Running,
}

/// The kernel that `choice` names; `KERNEL_BUILD` takes precedence.
pub(crate) fn choose(
    project: &Project,
    toolchain: &mut Toolchain,
    choice: Choice,
    series: Release,
) -> Result<Kernel> {
    if let Some(build) = Project::tree_from_env("KERNEL_BUILD")? {
        return Kernel::from_build(toolchain, &build);
    }
    match choice {
        Choice::Stock => stock::ensure(project, toolchain, series, false),
        Choice::Test => test_kernel::ensure(project, toolchain, Form::Plain),
        Choice::Patched => test_kernel::ensure(project, toolchain, Form::BuiltIn),
        Choice::PatchedModule => test_kernel::ensure(project, toolchain, Form::Module),
        Choice::Running => {
            bail!("a guest boots the stock or the test kernel; for another, set KERNEL_BUILD")
        }
    }
}
