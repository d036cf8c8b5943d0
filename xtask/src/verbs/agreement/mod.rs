// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask agreement`: how far `verifier-model` agrees with the kernels' answers, as
//! docs/agreement.md has it, and the tests that it stays so.
//!
//! The document has two parts. The first, about the test kernel, is written anew each time and tested.
//! The second, about the kernels of all releases, takes as many minutes as there are kernels, and the
//! real objects: `--kernels` writes it.

mod caps;
mod compared;
mod kernels;
mod said;

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use self::compared::{Compared, Tier};
use self::said::say;
use crate::corpus::question;
use crate::linux::target::Target;
use crate::linux::test_kernel::Form;
use crate::workshop::files::{read, write};
use crate::workshop::project::Project;

/// The file that the verb writes.
const DOCUMENT: &str = "docs/agreement.md";
const HEAD: &str = "\
<!-- SPDX-License-Identifier: GPL-2.0-only -->
# Agreement of the model with the kernel

Written by `cargo xtask agreement`: what `verifier-model compare` says of the committed answers of the
test kernel (`verifier-model/answers/7.3`). A program is *agreed* if the model ends by itself, within
ten seconds, with the kernel's verdict. *Same message* is out of the programs that both reject, *same
insns*, instructions processed, out of those that both accept; *identical* are error number, message,
instructions and states. What is not modelled, not loaded, crashed or timed out is not agreed.

The corpus is the BPF selftests of the kernel's release and this project's programs, in tiers: 1a
iterators and loops, 1b pruning and precision, 2 kfuncs and what they hand out, 3 the remaining
`verifier_*`, 4 programs whose rights are told by where they attach: struct_ops, sockets of cgroups,
connections of netfilter, functions of other programs (*PROGRAM on TARGET*).

";
const WHOLE_LOGS: &str = "

## Whole logs

At level 2 the log has every path, and before the first what was found of the program: live registers,
stack slots that are read and written, stack pointers. `verifier-model compare --whole-logs` holds it
against the kernel's line by line, of each program whose log the kernel tells in no more than 256 KiB.
Left out are addresses, the statistics at the end, and the report that 7.3 appends to an error.

";
/// What must agree in the tiers that may have gaps: what was reached. It only grows.
const REACHED: [(&str, u64); 3] = [("2", 837), ("3", 1751), ("4", 366)];

/// `cargo xtask agreement`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Compare the kernels of all releases as well; without it what is said of them stays.
    #[arg(long)]
    kernels: bool,
}

/// Writes docs/agreement.md.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let target = Target::test(project, Form::Plain)?;
    let corpus = question::layout(&target)?;
    let path = project.checkout.join(DOCUMENT);
    let first = document(project, &corpus)?;
    let second = match args.kernels {
        true => kernels::document(&target, &corpus)?,
        false => parts(&read(&path)?).1.to_owned(),
    };
    write(&path, first + &second)?;
    println!("{}", path.display());
    Ok(())
}

/// The two parts of the document.
fn parts(document: &str) -> (&str, &str) {
    document.split_at(document.find(kernels::HEADING).unwrap_or(document.len()))
}

/// A test: its name, and why it fails.
pub(crate) type Test = (String, Option<String>);

/// The tests, on the kernel that gave the committed answers.
pub(crate) fn tests(target: &Target<'_>) -> Result<Vec<Test>> {
    let project = target.project;
    let corpus = question::layout(target)?;
    let compared = Compared::of(project, &corpus, &[])?;
    let mut tests = Vec::new();
    for tier in &compared.tiers {
        let failure = tier.failure();
        tests.push((format!("agreement::{}", tier.tier), failure));
    }
    let differ = whole_logs(project, &corpus, "json")?;
    let differ: WholeLogs = serde_json::from_str(&differ)
        .context("verifier-model compare --whole-logs says what is no comparison")?;
    tests.push(("agreement::whole-logs".to_owned(), differ.failure()));
    tests.extend(caps::tests(project, &corpus)?);
    let written = read(&project.checkout.join(DOCUMENT))?;
    let stale = parts(&written).0 != document(project, &corpus)?;
    let how = format!("{DOCUMENT} is out of date: `cargo xtask agreement` writes it");
    tests.push(("agreement::document".to_owned(), stale.then_some(how)));
    Ok(tests)
}

fn document(project: &Project, corpus: &Path) -> Result<String> {
    let verdicts = say(project, corpus, &["--no-logs", "-o", "markdown"])?;
    let logs = whole_logs(project, corpus, "markdown")?;
    Ok([HEAD, verdicts.trim_end(), WHOLE_LOGS, &logs].concat())
}

/// What is said of the whole logs.
fn whole_logs(project: &Project, corpus: &Path, format: &str) -> Result<String> {
    say(project, corpus, &["--whole-logs", "-o", format])
}

impl Tier {
    /// Why this is too little, if it is.
    fn failure(&self) -> Option<String> {
        let counts = &self.counts;
        let reached = REACHED.iter().find(|(tier, _)| *tier == self.tier);
        let wanted = reached.map_or(counts.programs, |(_, agreed)| *agreed);
        if counts.agreed < wanted || counts.programs == 0 {
            return Some(format!("{} programs agree, not {wanted}", counts.agreed));
        }
        if counts.same_message * 100 < counts.both_reject * 95 {
            let (same, all) = (counts.same_message, counts.both_reject);
            return Some(format!("{same} of {all} messages are the same, not 95 %"));
        }
        if counts.same_insns * 100 < counts.both_accept * 80 {
            let (same, all) = (counts.same_insns, counts.both_accept);
            return Some(format!("{same} of {all} counts are the same, not 80 %"));
        }
        None
    }
}

#[derive(Deserialize)]
struct WholeLogs {
    programs: u64,
    differ: Vec<Parted>,
}

#[derive(Deserialize)]
struct Parted {
    program: String,
    line: u64,
}

impl WholeLogs {
    /// Why this is not enough, if it is not: each must be the same.
    fn failure(&self) -> Option<String> {
        let first = self.differ.first().map(|parted| {
            let (count, all) = (self.differ.len(), self.programs);
            let (program, line) = (&parted.program, parted.line);
            format!("{count} of {all} logs differ, that of {program} in line {line}")
        });
        first.or_else(|| (self.programs == 0).then(|| "there are no whole logs".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::compared::Counts;
    use super::*;

    fn failure(tier: &str, numbers: [u64; 6]) -> Option<String> {
        let [
            programs,
            agreed,
            both_reject,
            same_message,
            both_accept,
            same_insns,
        ] = numbers;
        let counts = Counts {
            programs,
            agreed,
            unanswered: 0,
            both_reject,
            same_message,
            both_accept,
            same_insns,
        };
        let tier = tier.to_owned();
        Tier { tier, counts }.failure()
    }

    #[test]
    fn whole_logs_are_the_same() {
        let failure = |text| serde_json::from_str::<WholeLogs>(text).unwrap().failure();
        assert_eq!(failure(r#"{"programs": 2, "differ": []}"#), None);
        assert!(failure(r#"{"programs": 0, "differ": []}"#).is_some());
        let differ = failure(r#"{"programs": 2, "differ": [{"program": "o/p", "line": 3}]}"#);
        let told = "1 of 2 logs differ, that of o/p in line 3";
        assert_eq!(differ.as_deref(), Some(told));
    }

    #[test]
    fn floors_hold() {
        assert_eq!(failure("1a", [200, 200, 100, 95, 100, 80]), None);
        assert!(failure("1a", [200, 199, 100, 95, 99, 80]).is_some());
        assert!(failure("1b", [200, 200, 100, 94, 100, 80]).is_some());
        assert!(failure("1b", [200, 200, 100, 95, 100, 79]).is_some());
        assert!(failure("1b", [0; 6]).is_some());
        let (tier, reached) = REACHED[0];
        assert_eq!(failure(tier, [9999, reached, 0, 0, 0, 0]), None);
        assert!(failure(tier, [9999, reached - 1, 0, 0, 0, 0]).is_some());
    }
}
