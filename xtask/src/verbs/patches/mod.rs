// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask patches`: the series of linux-patches/.

mod kunit;
mod measure;
mod prefix;
mod style;
mod warnings;

use std::path::Path;

use anyhow::{Context, Result};
use clap::Subcommand;

use self::prefix::Prefix;
use self::style::Explained;
use crate::linux::patches::repository::Repository;
use crate::linux::patches::series::Series;
use crate::linux::patches::shared;
use crate::linux::test_kernel;
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;

/// `cargo xtask patches`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Check the series patch by patch: that it applies, its style, and that each prefix builds.
    Check {
        /// Build nothing: only whether it applies, checkpatch and rustfmt.
        #[arg(long)]
        no_build: bool,
    },
    /// Build a kernel that tests itself: the doctests of the Rust that the series adds, memory left behind.
    Kunit,
    /// Measure what the series adds: sizes, and instructions to boot.
    Measure,
    /// Write the files that the series shares with kfunc/ into the patches again.
    Refresh,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let series = Series::open(project)?;
    match args.verb {
        Verb::Check { no_build } => check(project, &series, no_build),
        Verb::Kunit => kunit::run(project, &series),
        Verb::Measure => measure::run(project),
        Verb::Refresh => shared::refresh(project, &series),
    }
}

fn check(project: &Project, series: &Series, no_build: bool) -> Result<()> {
    let mut toolchain = Toolchain::ensure(project)?;
    let (base, _) = test_kernel::base(project, &mut toolchain)?;
    check_style(project, &toolchain, &base, series)?;
    if no_build {
        return Ok(());
    }
    let repository = Repository::new(&base, series)?;
    let prefix = Prefix::open(project, toolchain, &base, series)?;
    for (count, patch) in (1..).zip(&series.patches) {
        let checked = repository
            .apply(patch)
            .and_then(|()| prefix.check(count, &repository));
        checked.with_context(|| patch.name.clone())?;
    }
    Ok(())
}

/// What can be checked without a build, on the sources `base`.
pub(crate) fn check_style(
    project: &Project,
    toolchain: &Toolchain,
    base: &Path,
    series: &Series,
) -> Result<()> {
    let repository = Repository::new(base, series)?;
    let mut explained = Explained::open(project)?;
    for patch in &series.patches {
        let applied = repository.apply(patch);
        applied
            .and_then(|()| style::check(toolchain, base, &repository, patch, &mut explained))
            .with_context(|| patch.name.clone())?;
        println!("{}: applies, in style", patch.name);
    }
    shared::check(project, repository.tree())?;
    explained.finish()
}
