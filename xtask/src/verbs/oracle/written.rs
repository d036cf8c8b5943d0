// SPDX-License-Identifier: GPL-2.0-only
//! The answers that are committed: where they lie, and what of new ones differs.

use std::path::{Path, PathBuf};

use answers::{Answers, Logs};
use anyhow::{Result, bail};
use bpf::caps::Caps;

use crate::corpus::question::Question;
use crate::corpus::tiers::Tier;
use crate::linux::target::Target;
use crate::linux::test_kernel;
use crate::workshop::project::Project;

/// Asks the test kernel again about `tiers`: what differs from the committed answers, by tier.
pub(crate) fn check(target: &Target<'_>, tiers: &[Tier]) -> Result<Vec<(Tier, Vec<String>)>> {
    let question = Question::prepare(target, tiers, None)?;
    let answered = question.answers(target)?;
    let release = test_kernel::RELEASE.to_string();
    let directory = directory(target.project, &release);
    let parts = question.parts.iter().zip(&answered);
    parts
        .map(|(part, answers)| {
            let path = self::answers(&directory, part.tier);
            Ok((part.tier, differences(&path, answers)?))
        })
        .collect()
}

/// What differs from the answers written to `path`.
pub(super) fn differences(path: &Path, answers: &Answers) -> Result<Vec<String>> {
    let committed = Answers::read(path)?;
    if committed.header.objects != answers.header.objects {
        println!("  what was asked differs: objects");
    } else if committed.header != answers.header {
        println!("  what was asked differs: kernel or configuration");
    }
    Ok(committed.differences(answers))
}

/// The directory with the answers of the kernel called `name`.
pub(super) fn directory(project: &Project, name: &str) -> PathBuf {
    project.checkout.join("verifier-model/answers").join(name)
}

/// Where those lie that were told to a loader of these capabilities.
pub(super) fn by_caps(directory: PathBuf, caps: Caps) -> PathBuf {
    match caps.is_all() {
        true => directory,
        false => directory.join(CAPS).join(caps.to_string()),
    }
}

/// The folder of answers that not root was told; they are packed, for nobody reads them line by line.
const CAPS: &str = "caps";

/// The file in `directory` with the answers to `tier`.
pub(crate) fn answers(directory: &Path, tier: Tier) -> PathBuf {
    let packed = directory
        .parent()
        .is_some_and(|parent| parent.ends_with(CAPS));
    let end = if packed { ".gz" } else { "" };
    directory.join(format!("{}.jsonl{end}", tier.name()))
}

/// Writes the whole logs, or says which differ from the written ones.
pub(super) fn whole_logs(logs: &[(Tier, Logs)], directory: &Path, check: bool) -> Result<()> {
    let mut wrong = 0;
    for (tier, logs) in logs {
        let path = directory.join(format!("{}.whole.gz", tier.name()));
        println!("{}: {} whole logs", tier.name(), logs.len());
        if check {
            for program in Logs::read(&path)?.differences(logs) {
                println!("  {program}: another log");
                wrong += 1;
            }
        } else {
            logs.write(&path)?;
            println!("  written to {}", path.display());
        }
    }
    if wrong > 0 {
        bail!("{wrong} logs differ from the written ones");
    }
    Ok(())
}
