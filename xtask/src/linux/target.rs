// SPDX-License-Identifier: GPL-2.0-only
//! Which kernel is worked with, and all that working with it takes.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::ValueEnum;

use super::image;
use super::kernel::Kernel;
use super::release::Release;
use super::stock;
use super::test_kernel::{self, Form};
use crate::workshop::arch::Arch;
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// A kernel that is built for or booted.
pub(crate) struct Target<'a> {
    /// The checkout, and what runs programs.
    pub(crate) project: &'a Project,
    /// What builds for it. Of its own: a patched tree lies over the sources that a toolchain shows.
    pub(crate) toolchain: Toolchain,
    /// The kernel itself.
    pub(crate) kernel: Kernel,
}

/// The kernels that a verb can be told to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// The stock distribution kernel.
    Stock,
    /// The test kernel.
    Test,
    /// The test kernel with the patches of linux-patches/, the iterator built in.
    Patched,
    /// The same with the iterator as a module.
    PatchedModule,
    /// The test kernel that looks for bugs of memory, locks and RCU while it runs.
    Debug,
    /// The kernel that this machine runs, with this machine's own compilers.
    Running,
}

impl<'a> Target<'a> {
    /// The kernel that `choice` names; `KERNEL_BUILD` takes precedence.
    pub(crate) fn choose(project: &'a Project, choice: Choice, release: Release) -> Result<Self> {
        Self::choose_for(project, choice, release, Arch::Amd64)
    }

    /// The same for `arch`.
    pub(crate) fn choose_for(
        project: &'a Project,
        choice: Choice,
        release: Release,
        arch: Arch,
    ) -> Result<Self> {
        if let Some(yours) = Self::yours_for(project, arch)? {
            return Ok(yours);
        }
        match (choice, arch) {
            (Choice::Stock, arch) => Self::stock_for(project, release, arch),
            (_, Arch::Amd64) => Self::built(project, choice),
            (_, arch) => bail!(
                "no kernel is built here for {}; take the stock one or set KERNEL_BUILD",
                arch.debian()
            ),
        }
    }

    /// The kernel of `choice`, which is built here.
    pub(crate) fn built(project: &'a Project, choice: Choice) -> Result<Self> {
        match choice {
            Choice::Test => Self::test(project, Form::Plain),
            Choice::Patched => Self::test(project, Form::BuiltIn),
            Choice::PatchedModule => Self::test(project, Form::Module),
            Choice::Debug => Self::test(project, Form::Debug),
            Choice::Stock | Choice::Running => {
                bail!("a guest boots the stock or the test kernel; for another, set KERNEL_BUILD")
            }
        }
    }

    /// The user's own kernel, if `KERNEL_BUILD` names one.
    pub(crate) fn yours(project: &'a Project) -> Result<Option<Self>> {
        Self::yours_for(project, Arch::Amd64)
    }

    fn yours_for(project: &'a Project, arch: Arch) -> Result<Option<Self>> {
        let mut toolchain = Toolchain::ensure_for(project, arch)?;
        let Some(build) = Project::tree_from_env("KERNEL_BUILD")? else {
            return Ok(None);
        };
        let kernel = Kernel::from_build(&mut toolchain, &build)?;
        Ok(Some(Self {
            project,
            toolchain,
            kernel,
        }))
    }

    /// The stock kernel of `release`.
    pub(crate) fn stock(project: &'a Project, release: Release) -> Result<Self> {
        Self::stock_for(project, release, Arch::Amd64)
    }

    /// The same for `arch`.
    pub(crate) fn stock_for(project: &'a Project, release: Release, arch: Arch) -> Result<Self> {
        let toolchain = Toolchain::ensure_for(project, arch)?;
        let kernel = stock::ensure(project, &toolchain, release, false)?;
        Ok(Self {
            project,
            toolchain,
            kernel,
        })
    }

    /// The stock kernel of `release`, which is booted and for which nothing is built.
    pub(crate) fn image(project: &'a Project, release: Release) -> Result<Self> {
        let toolchain = Toolchain::ensure(project)?;
        let kernel = image::ensure(project, &toolchain, release, false)?;
        Ok(Self {
            project,
            toolchain,
            kernel,
        })
    }

    /// The test kernel in this form.
    pub(crate) fn test(project: &'a Project, form: Form) -> Result<Self> {
        let mut toolchain = Toolchain::ensure(project)?;
        let kernel = test_kernel::ensure(project, &mut toolchain, form)?;
        Ok(Self {
            project,
            toolchain,
            kernel,
        })
    }

    /// The directory of what is built for it.
    pub(crate) fn products(&self) -> Result<PathBuf> {
        self.project.products(&self.kernel.release)
    }
}
