// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask patches`: the series of linux-patches/.

mod configs;
mod form;
mod kunit;
mod measure;
mod objects;
mod prefix;
mod recipients;
mod stat;
mod style;
mod warnings;

use std::path::Path;

use anyhow::{Context, Result};
use clap::Subcommand;

use self::prefix::Prefix;
use self::style::Explained;
use crate::linux::patches::named::{self, Named};
use crate::linux::patches::repository::Repository;
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
    /// Check each series patch by patch: that it applies, its style, and that each prefix builds.
    Check {
        /// Build nothing: only whether it applies, its form, checkpatch and rustfmt.
        #[arg(long)]
        no_build: bool,
        /// Only this series.
        #[arg(long)]
        series: Option<String>,
        /// Build each series as a whole, not every prefix.
        #[arg(long)]
        whole: bool,
        /// Compile what the series touch in the configurations that exist, or in this one.
        #[arg(long, value_name = "NAME", conflicts_with_all = ["no_build", "series", "whole"])]
        configs: Option<Option<String>>,
        /// Also build the kernels of those that a boot can tell from the test kernel, and test them.
        #[arg(long, requires = "configs")]
        boot: bool,
    },
    /// Build a kernel that tests itself: the doctests of the Rust that the series add.
    Kunit,
    /// Measure what the series add: sizes, and instructions to boot.
    Measure,
    /// Print whom each series goes to, by the kernel's get_maintainer.pl.
    Recipients,
    /// Write the files that the series share with kfunc/ into the patches again.
    Refresh,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    match &args.verb {
        Verb::Check {
            configs: Some(only),
            boot,
            ..
        } => match boot {
            true => configs::boot(project, only.as_deref()),
            false => configs::check(project, only.as_deref()),
        },
        Verb::Check {
            no_build: true,
            series,
            ..
        } => check(project, Depth::Form, series.as_deref()),
        Verb::Check { series, whole, .. } => {
            let depth = if *whole {
                Depth::Whole
            } else {
                Depth::Prefixes
            };
            check(project, depth, series.as_deref())
        }
        Verb::Kunit => kunit::run(project, &named::one_after_another(project)?),
        Verb::Measure => measure::run(project),
        Verb::Recipients => recipients::run(project),
        Verb::Refresh => shared::refresh(project, &named::one_after_another(project)?),
    }
}

/// How far a check goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// What takes no build.
    Form,
    /// A kernel of each series.
    Whole,
    /// A kernel of each prefix of each series.
    Prefixes,
}

fn check(project: &Project, depth: Depth, only: Option<&str>) -> Result<()> {
    let mut toolchain = Toolchain::ensure(project)?;
    let (base, _) = test_kernel::base(project, &mut toolchain)?;
    let mut all = named::all(project)?;
    if let Some(only) = only {
        all.retain(|series| series.name == only);
        let series = all
            .first()
            .with_context(|| format!("there is no series {only}"))?;
        let mut explained = Explained::open(project)?;
        check_series(project, &toolchain, &base, series, &mut explained)?;
    } else {
        check_style(project, &toolchain, &base)?;
    }
    if depth == Depth::Form {
        return Ok(());
    }
    let prefix = Prefix::open(project, toolchain, &base)?;
    for series in &all {
        check_builds(&base, &prefix, series, depth)?;
    }
    Ok(())
}

/// The kernels of `series`.
fn check_builds(base: &Path, prefix: &Prefix<'_>, series: &Named, depth: Depth) -> Result<()> {
    let whole = series.whole();
    let below = series.base.patches.len();
    let repository = Repository::with(base, &whole, below)?;
    let mut new = 0;
    for (count, patch) in (below + 1..).zip(&series.own.patches) {
        repository
            .apply(patch)
            .with_context(|| patch.name.clone())?;
        new += 1;
        if depth == Depth::Prefixes || count == whole.patches.len() {
            let checked = prefix.check(&whole.first(count), new, &repository);
            checked.with_context(|| patch.name.clone())?;
            new = 0;
        }
    }
    Ok(())
}

/// What can be checked without a build, on the sources `base`.
pub(crate) fn check_style(project: &Project, toolchain: &Toolchain, base: &Path) -> Result<()> {
    let mut explained = Explained::open(project)?;
    for series in named::all(project)? {
        check_series(project, toolchain, base, &series, &mut explained)?;
    }
    explained.finish()?;
    let all = named::one_after_another(project)?;
    shared::check_all_added(project, &all)?;
    // One tree takes them one after the other; some lines have moved then.
    Repository::new(base, &all)?.apply_moved(&all)
}

fn check_series(
    project: &Project,
    toolchain: &Toolchain,
    base: &Path,
    series: &Named,
    explained: &mut Explained,
) -> Result<()> {
    form::check(series)?;
    let whole = series.whole();
    let repository = Repository::with(base, &whole, series.base.patches.len())?;
    for patch in &series.own.patches {
        let applied = repository.apply(patch);
        applied
            .and_then(|()| style::check(toolchain, base, &repository, patch, explained))
            .with_context(|| patch.name.clone())?;
        println!("{}: applies, in form and style", patch.name);
    }
    shared::check(project, repository.tree(), &series.own)
}
