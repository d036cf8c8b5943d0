// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask oracle --tier 5`: what kernels say of real objects.

use std::path::Path;

use answers::{Answers, Verdict};
use anyhow::{Result, bail};

use super::written;
use crate::corpus::real;
use crate::corpus::tiers::Tier;
use crate::linux::target::Target;
use crate::workshop::files::make_dir;

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
    way: Way,
) -> Result<()> {
    let answers = real::answers(target, filter)?;
    let path = written::answers(directory, Tier::Real);
    match way {
        Way::Print => {
            if answers.answers.is_empty() {
                let filter = filter.unwrap_or_default();
                bail!("no program has this in its name: {filter}");
            }
            for answer in &answers.answers {
                println!("{}", serde_json::to_string(answer)?);
            }
        }
        Way::Check => {
            summary(&answers);
            let differences = written::differences(&path, &answers)?;
            for difference in &differences {
                println!("  {difference}");
            }
            if !differences.is_empty() {
                bail!("{} answers differ from the written ones", differences.len());
            }
        }
        Way::Write => {
            summary(&answers);
            make_dir(directory)?;
            answers.write(&path)?;
            println!("  written to {}", path.display());
        }
    }
    Ok(())
}

fn summary(answers: &Answers) {
    println!(
        "tier 5: {} programs, {} accepted, {} rejected, {} unanswered; {} objects",
        answers.answers.len(),
        answers.count(Verdict::Accepted),
        answers.count(Verdict::Rejected),
        answers.count(Verdict::Unanswered),
        answers.header.objects.len()
    );
}
