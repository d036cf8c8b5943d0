// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask selftests`: the kernel's own tests in a guest of the patched kernel, `test_progs` or
//! those of sched_ext.

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
    /// Run the tests of sched_ext instead.
    #[arg(long)]
    sched_ext: bool,
    /// Arguments of test_progs, such as `-t iter_cpumask/affinity -v`, or of the runner of sched_ext.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let target = Target::choose(project, Choice::Patched, RELEASE)?;
    let series = named::one_after_another(project)?;
    let base = target.kernel.build.join("source").canonicalize()?;
    let tree = tree::patched(project, &base, &series)?;
    match args.sched_ext {
        true => test_progs::run_schedulers(&target, &tree, &series, &args.args),
        false => test_progs::run(&target, &tree, &series, test_progs::SMP, &args.args),
    }
}
