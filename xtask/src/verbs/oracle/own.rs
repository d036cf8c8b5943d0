// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask oracle --tier own`: what a kernel of Debian's says of the selftests of its own release.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use super::real::Way;
use super::{Args, older, real};
use crate::corpus::question::Question;
use crate::corpus::tiers::Tier;
use crate::linux::named::Named;
use crate::linux::target::Target;

/// Asks `target`, whose answers are in `directory`.
pub(super) fn run(target: &Target<'_>, directory: &Path, args: &Args) -> Result<()> {
    if !matches!(args.kernel, Named::Series(_)) {
        bail!("tier own is for Debian's kernels; give a series, such as --kernel 6.12");
    }
    let mut question = Question::own(target)?;
    if args.compile {
        println!("{}", question.layout(target)?.display());
        return Ok(());
    }
    question = match args.kernel.takes_modules() {
        true => question.of(target)?,
        false => question.with_test_modules(target)?,
    };
    let patience = args.patience.map_or(older::PATIENCE, Duration::from_secs);
    let filter = args.filter.as_deref();
    let answered = question.of_another(target, filter, patience)?;
    let answered: Vec<_> = answered.into_iter().map(|a| (Tier::Own, a)).collect();
    if args.way() == Way::Write && question.has_modules() {
        question.write_modules(&target.kernel, directory)?;
    }
    real::dispose(&answered, directory, filter, args.way())
}
