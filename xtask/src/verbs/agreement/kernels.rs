// SPDX-License-Identifier: GPL-2.0-only
//! The second part of docs/agreement.md: each kernel whose answers are kept, by tiers, and every
//! difference that is left with its cause.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};

use super::compared::{self, Compared, Program};
use crate::corpus::question::Question;
use crate::corpus::real;
use crate::corpus::tiers::Tier;
use crate::linux::named::Named;
use crate::linux::release::Release;
use crate::linux::target::Target;
use crate::verbs::oracle::written;
use crate::workshop::files::{make_dir, read};
use crate::workshop::project::Project;

/// What the part begins with.
pub(super) const HEADING: &str = "\n## By kernel\n";
const HEAD: &str = "
Written by `cargo xtask agreement --kernels`: the same of kernels as Debian ships them, each with the
rules, tables and words that the model has of its release. The selftests are those of 7.3, compiled for
the test kernel; on kernels before 7.2 there is no bpf_testmod, and a program that calls it is told by
libbpf. Tier 5 is real objects out of Debian's packages, tier own all selftests of the release itself,
compiled for its own types, with its own bpf_testmod. *Verdicts* are out of the programs that the
kernel answered, *insns* out of those that both accept, *message* out of those that both reject.

";
/// Answers of a kernel that has another name among those that the model ships.
pub(super) const RENAMED: (&str, &str) = ("7.3-stock", "debian-7.3");
/// The test kernel's, which are the first part.
pub(super) const FIRST: &str = "7.3";
/// The file beside the answers that tells causes: part of a program's name, and why.
const CAUSES: &str = "causes.txt";
/// Seconds that the model has for a program; some take it to the limit on instructions.
const LIMIT: &str = "60";

/// Compares all of them; `corpus` has the selftests.
pub(super) fn document(target: &Target<'_>, corpus: &Path) -> Result<String> {
    let project = target.project;
    let link = corpus.join("real");
    let objects = real::layout(target)?.join("real");
    symlink(&objects, &link).with_context(|| format!("cannot make {}", link.display()))?;
    let mut table = String::from(
        "| kernel | tier | programs | verdicts | insns | message |\n\
         |--------|------|----------|----------|-------|---------|\n",
    );
    let mut lists = String::new();
    for (name, directory) in kernels(&project.checkout.join("verifier-model/answers"))? {
        if written::answers(&directory, Tier::Own).exists() {
            link_own(project, corpus, &directory)?;
        }
        let answers = directory.display().to_string();
        let args = ["--kernel", &name, "--answers", &answers, "--limit", LIMIT];
        let compared = Compared::of(project, corpus, &args)?;
        rows(&name, &compared, &mut table);
        let causes = directory.join(CAUSES);
        let causes = match causes.exists() {
            true => Causes::parse(&read(&causes)?),
            false => Causes::default(),
        };
        list(&name, &compared.not_identical, &causes, &mut lists);
    }
    Ok(format!("{HEADING}{HEAD}{table}{lists}"))
}

/// Puts the selftests of a release among the others, where those in its answers lie.
fn link_own(project: &Project, corpus: &Path, answers: &Path) -> Result<()> {
    let name = answers.file_name().unwrap_or_default().to_string_lossy();
    let series = name.split('-').next().unwrap_or_default();
    let series: Release = series.parse().map_err(Error::msg)?;
    let target = Named::Series(series).with_modules(project)?;
    let own = Path::new(Tier::Own.name()).join(series.to_string());
    let link = corpus.join(&own);
    let objects = Question::own(&target)?.layout(&target)?.join(&own);
    make_dir(link.parent().context("it lies in a directory")?)?;
    symlink(&objects, &link).with_context(|| format!("cannot make {}", link.display()))
}

/// Kernels by the names that the model has for them, and where their answers are; the newest first.
fn kernels(answers: &Path) -> Result<Vec<(String, PathBuf)>> {
    let data = answers.with_file_name("data");
    let entries = std::fs::read_dir(answers);
    let entries = entries.with_context(|| format!("cannot list {}", answers.display()))?;
    let mut all = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let numbers = name.split(['.', '-']).map_while(|n| n.parse().ok());
        let numbers: Vec<u32> = numbers.collect();
        let name = if name == RENAMED.0 {
            RENAMED.1.to_owned()
        } else {
            name
        };
        // Answers of a kernel that does not come along are those that docs/new-release.md tells of.
        let shipped = name == RENAMED.1 || data.join(format!("linux-{name}")).is_dir();
        if numbers.is_empty() || name == FIRST || !shipped {
            continue;
        }
        all.push((numbers, name, path));
    }
    all.sort();
    let newest = all.into_iter().rev();
    Ok(newest.map(|(_, name, path)| (name, path)).collect())
}

fn rows(kernel: &str, compared: &Compared, table: &mut String) {
    for compared::Tier { tier, counts } in &compared.tiers {
        let answered = counts.programs - counts.unanswered;
        let _ = writeln!(
            table,
            "| {kernel} | {tier} | {} | {} | {} | {} |",
            counts.programs,
            share(counts.agreed, answered),
            share(counts.same_insns, counts.both_accept),
            share(counts.same_message, counts.both_reject),
        );
    }
}

/// `1360/1446, 94.1 %`; never rounded up to all.
fn share(part: u64, whole: u64) -> String {
    match whole {
        0 => "-".to_owned(),
        whole => {
            let tenths = part * 1000 / whole;
            format!("{part}/{whole}, {}.{} %", tenths / 10, tenths % 10)
        }
    }
}

/// In what a program's answers differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Verdict,
    Instructions,
    Message,
}

impl Program {
    fn name(&self) -> String {
        let program = self.program.as_deref().unwrap_or("*");
        format!("{}/{program}", self.object)
    }

    /// Nothing if it is in numbers of states alone, or the kernel did not answer.
    fn differs_in(&self) -> Option<What> {
        match self.outcome.as_str() {
            "unanswered" => None,
            "agreed" if self.kernel == self.model => None,
            "agreed" if self.kernel.starts_with("accepted") => Some(What::Instructions),
            "agreed" => Some(What::Message),
            _ => Some(What::Verdict),
        }
    }
}

/// Why programs differ.
#[derive(Default)]
struct Causes(Vec<(String, String)>);

impl Causes {
    /// `PART-OF-A-NAME why`, a line each; the first that fits is it.
    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.filter_map(|line| line.split_once(' '));
        Self(
            lines
                .map(|(part, why)| (part.to_owned(), why.trim().to_owned()))
                .collect(),
        )
    }

    fn of(&self, program: &str) -> &str {
        let mut all = self.0.iter();
        let found = all.find(|(part, _)| program.contains(part.as_str()));
        found.map_or("cause not known", |(_, why)| why)
    }
}

fn list(kernel: &str, programs: &[Program], causes: &Causes, text: &mut String) {
    let mut by_kind: BTreeMap<What, Vec<&Program>> = BTreeMap::new();
    for program in programs {
        if let Some(what) = program.differs_in() {
            by_kind.entry(what).or_default().push(program);
        }
    }
    for (what, programs) in by_kind {
        let title = match what {
            What::Verdict => "other verdicts",
            What::Instructions => "other numbers of instructions",
            What::Message => "other messages",
        };
        let _ = writeln!(text, "\n### {kernel}: {title}\n");
        for program in programs {
            let name = program.name();
            let code = |said: &str| format!("`{}`", said.replace('`', "'"));
            let _ = writeln!(
                text,
                "- {name}: kernel {}, model {}: {}",
                code(&program.kernel),
                code(&program.model),
                causes.of(&name)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(outcome: &str, kernel: &str, model: &str) -> Program {
        Program {
            object: "o".to_owned(),
            program: Some("p".to_owned()),
            outcome: outcome.to_owned(),
            kernel: kernel.to_owned(),
            model: model.to_owned(),
        }
    }

    #[test]
    fn all_is_said_of_all_alone() {
        assert_eq!(share(9999, 10_000), "9999/10000, 99.9 %");
        assert_eq!(share(3, 3), "3/3, 100.0 %");
        assert_eq!(share(0, 0), "-");
    }

    #[test]
    fn each_difference_has_a_line_with_its_cause() {
        let programs = [
            program("differs", "accepted, 3 insns", "rejected, 22: no"),
            program("agreed", "accepted, 3 insns", "accepted, 4 insns"),
            program("agreed", "rejected, 22: a", "rejected, 22: b"),
            program("agreed", "accepted, 3 insns", "accepted, 3 insns"),
            program("unanswered", "libbpf: no", ""),
        ];
        let causes = Causes::parse("# why\nx/p other\no/p older ranges\n");
        let mut text = String::new();
        list("6.12", &programs, &causes, &mut text);
        assert_eq!(text.matches("older ranges").count(), 3);
        assert_eq!(text.matches("### 6.12").count(), 3);
        assert_eq!(causes.of("y/z"), "cause not known");
    }
}
