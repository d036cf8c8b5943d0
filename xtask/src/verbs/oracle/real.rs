// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask oracle --tier 5`: what kernels say of real objects; and what becomes of answers that are
//! asked of kernels that nothing is compiled for.

use std::path::Path;
use std::time::Duration;

use answers::{Answers, Verdict};
use anyhow::{Result, bail};

use super::written;
use crate::corpus::real;
use crate::corpus::tiers::Tier;
use crate::linux::target::Target;
use crate::workshop::files::make_dir;

/// The largest programs take some minutes without hardware virtualisation.
pub(super) const PATIENCE: Duration = Duration::from_secs(900);

/// What is done with the answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// They are printed.
    Print,
    /// They are held against the written ones.
    Check,
    /// They are written.
    Write,
}

/// Asks about tier 5.
pub(super) fn run(
    target: &Target<'_>,
    directory: &Path,
    filter: Option<&str>,
    patience: Duration,
    way: Way,
) -> Result<()> {
    let answers = real::answers(target, filter, patience)?;
    dispose(&[(Tier::Real, answers)], directory, filter, way)
}

/// Does with answers what is to be done with them.
pub(super) fn dispose(
    answered: &[(Tier, Answers)],
    directory: &Path,
    filter: Option<&str>,
    way: Way,
) -> Result<()> {
    if way == Way::Print
        && answered
            .iter()
            .all(|(_, answers)| answers.answers.is_empty())
    {
        let filter = filter.unwrap_or_default();
        bail!("no program has this in its name: {filter}");
    }
    let mut differ = 0;
    for (tier, answers) in answered {
        let path = written::answers(directory, *tier);
        match way {
            Way::Print => {
                for answer in &answers.answers {
                    println!("{}", serde_json::to_string(answer)?);
                }
            }
            Way::Check => {
                summary(*tier, answers);
                for difference in written::differences(&path, answers)? {
                    println!("  {difference}");
                    differ += 1;
                }
            }
            Way::Write => {
                summary(*tier, answers);
                make_dir(directory)?;
                answers.write(&path)?;
                println!("  written to {}", path.display());
            }
        }
    }
    if differ > 0 {
        bail!("{differ} answers differ from the written ones");
    }
    Ok(())
}

fn summary(tier: Tier, answers: &Answers) {
    println!(
        "tier {}: {} programs, {} accepted, {} rejected, {} unanswered; {} objects",
        tier.name(),
        answers.answers.len(),
        answers.count(Verdict::Accepted),
        answers.count(Verdict::Rejected),
        answers.count(Verdict::Unanswered),
        answers.header.objects.len()
    );
}
