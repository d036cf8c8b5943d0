// SPDX-License-Identifier: GPL-2.0-only
//! What a kernel says that is older than the selftests: the objects are those that are compiled for the
//! test kernel, and it loads the modules that can be built for it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use super::real::Way;
use super::{Args, helpers, real};
use crate::corpus::question::Question;
use crate::linux::target::Target;
use crate::linux::test_kernel::Form;

/// A program of the selftests that takes longer without hardware virtualisation runs into the limit.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// Asks `target`, whose answers are in `directory`.
pub(super) fn run(target: &Target<'_>, directory: &Path, args: &Args) -> Result<()> {
    if args.helpers {
        return helpers::run(target, true, args.caps);
    }
    if args.raw.is_some() || args.whole_logs || args.log_level.is_some() || args.compile {
        bail!(
            "{} is asked for verdicts alone; whole logs and raw programs are for kernels that modules \
             are built for",
            target.kernel.release
        );
    }
    let compiled_for = Target::test(target.project, Form::Plain)?;
    let filter = args.filter.as_deref();
    let mut question = Question::compile(&compiled_for, &args.tier, filter)?;
    if args.kernel.takes_modules() {
        question = question.of(target)?;
    }
    let patience = args.patience.map_or(PATIENCE, Duration::from_secs);
    let answered = question.of_another(target, filter, patience)?;
    let tiers = question.parts.iter().map(|part| part.tier);
    let answered: Vec<_> = tiers.zip(answered).collect();
    if args.way() == Way::Write && args.kernel.takes_modules() {
        question.write_modules(&target.kernel, directory)?;
    }
    real::dispose(&answered, directory, filter, args.way())
}
