// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask selftests`: the kernel's own `test_progs` in a guest of the patched kernel.

use anyhow::Result;

use crate::guest::test_progs;
use crate::linux::patches::named;
use crate::linux::patches::tree;
use crate::linux::release::Release;
use crate::linux::target::{Choice, Target};
use crate::workshop::project::Project;

/// The series that the patches are for.
const RELEASE: Release = Release { major: 7, minor: 3 };

/// `cargo xtask selftests`. `KERNEL_BUILD=DIR` takes a patched kernel of yours.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Arguments of test_progs, such as `-t iter_cpumask/affinity` or `-v`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let target = Target::choose(project, Choice::Patched, RELEASE)?;
    let series = named::one_after_another(project)?;
    let base = target.kernel.build.join("source").canonicalize()?;
    let tree = tree::patched(project, &base, &series)?;
    test_progs::run(&target, &tree, &series, &args.args)
}
