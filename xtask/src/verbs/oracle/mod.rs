// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask oracle`: what the kernel's own verifier says of the corpus.
//!
//! The selftests of the kernel's tree and the project's programs are loaded, each program alone,
//! in a guest of the test kernel. Real objects, tier 5, are asked about on Debian's kernels of every
//! series. The answers are committed, so that the model can be compared where no guest runs.

mod aya;
pub(super) mod helpers;
mod maps;
mod named;
mod older;
mod own;
mod patched;
mod real;
pub(super) mod written;

use std::path::{Path, PathBuf};
use std::time::Duration;

use answers::{Answers, Verdict};
use anyhow::{Result, bail};
use bpf::caps::Caps;

use self::patched::Changes;
use self::real::Way;
use crate::build::initramfs;
use crate::corpus;
use crate::corpus::ask::{LOG_LEVEL, ask_raw};
use crate::corpus::question::{Part, Question};
use crate::corpus::test_modules;
use crate::corpus::tiers::Tier;
use crate::linux::named::Named;
use crate::linux::target::{Choice, Target};
use crate::linux::test_kernel::Form;
use crate::workshop::files::make_dir;
use crate::workshop::project::Project;

/// `cargo xtask oracle`. `KERNEL_BUILD=DIR` asks a kernel of yours.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only programs whose `object/program` contains this; the answers are printed, not written.
    filter: Option<String>,
    /// Only these tiers.
    #[arg(long, value_enum)]
    tier: Vec<Tier>,
    /// Compare the answers with the written ones instead of writing them.
    #[arg(long, conflicts_with = "filter")]
    check: bool,
    /// The verifier's log level; the answers are printed, not written.
    #[arg(long, conflicts_with = "check")]
    log_level: Option<u32>,
    /// Ask for the whole logs of level 2 instead of for verdicts.
    #[arg(long, conflicts_with_all = ["filter", "log_level"])]
    whole_logs: bool,
    /// Ask about the raw programs of this file instead; tests/src/oracle/raw.rs tells its format.
    #[arg(long, conflicts_with_all = ["filter", "tier", "check"])]
    raw: Option<PathBuf>,
    /// Ask instead who may call which helper, and hold the model against it.
    #[arg(long, conflicts_with_all = ["filter", "tier", "check", "log_level", "whole_logs", "raw", "compile"])]
    helpers: bool,
    /// Ask instead about the programs of verifier-model/tests/inputs/aya, loaded by aya.
    #[arg(long, conflicts_with_all = ["filter", "tier", "log_level", "whole_logs", "raw", "helpers", "compile", "maps"])]
    aya: bool,
    /// Ask instead which maps the kernel makes.
    #[arg(long, conflicts_with_all = ["filter", "tier", "log_level", "whole_logs", "raw", "helpers", "compile"])]
    maps: bool,
    /// What the loader is capable of, as for `verifier-model check`.
    #[arg(long, value_name = "CAPS", default_value = "all", value_parser = Caps::parse, conflicts_with_all = ["whole_logs", "raw"])]
    caps: Caps,
    /// What kernel.unprivileged_bpf_disabled is, for --caps; the answers are printed, not written.
    #[arg(long, value_name = "SETTING", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2), requires = "filter")]
    unprivileged_bpf_disabled: u8,
    /// Compile the corpus and say in which directory it is, no more.
    #[arg(long, conflicts_with_all = ["filter", "check", "raw"])]
    compile: bool,
    /// For how many seconds a kernel of Debian's may be busy with one program; one that takes longer is
    /// not answered. It is 300 for selftests and 900 for real objects without it.
    #[arg(long)]
    patience: Option<u64>,
    /// The kernel to ask: test, patched, patched-module, stock, or a series of Debian's, such as 6.12.
    #[arg(long, default_value = "test")]
    kernel: Named,
}

impl Args {
    /// Whether the kernel has the patches.
    fn patched(&self) -> bool {
        matches!(
            self.kernel,
            Named::Choice(Choice::Patched | Choice::PatchedModule)
        )
    }

    /// What becomes of the answers.
    fn way(&self) -> Way {
        match self.check {
            true => Way::Check,
            false if self.filter.is_some() => Way::Print,
            false => Way::Write,
        }
    }

    /// Whether the answers are for the terminal and not for the files.
    fn printed(&self) -> bool {
        self.filter.is_some() || self.log_level.is_some() || self.raw.is_some() || self.helpers
    }
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    if args.patched() && !(args.check || args.printed() || args.compile) {
        bail!("the answers that are kept are those without the patches; add --check");
    }
    for apart in [Tier::Real, Tier::Own] {
        let name = apart.name();
        if args.tier.contains(&apart) && args.tier != [apart] {
            bail!("tier {name} is asked about by itself");
        }
        if args.tier == [apart] && (args.whole_logs || args.log_level.is_some()) {
            bail!("tier {name} is asked about at log level 1");
        }
    }
    let target = named::target(args.kernel, project, &args.tier)?;
    let filter = args.filter.as_deref();
    let directory = written::directory(project, &named::directory(args.kernel, &target));
    if args.aya {
        return aya::run(&target, &directory, args.check);
    }
    if args.maps {
        return maps::run(&target, &directory, args.check);
    }
    if args.tier == [Tier::Real] {
        if args.compile {
            println!("{}", corpus::real::layout(&target)?.display());
            return Ok(());
        }
        let patience = args.patience.map_or(real::PATIENCE, Duration::from_secs);
        return real::run(&target, &directory, filter, patience, args.way());
    }
    if args.tier == [Tier::Own] {
        return own::run(&target, &directory, args);
    }
    if args.kernel.is_older() {
        return older::run(&target, &directory, args);
    }
    if let Some(path) = &args.raw {
        let modules = test_modules::build(&target)?;
        let base = initramfs::build(&target)?;
        let said = ask_raw(&target, &base, path, &modules[..1])?;
        print!("{said}");
        return Ok(());
    }
    if args.helpers {
        return helpers::run(&target, false, args.caps);
    }
    let level = args.log_level.unwrap_or(LOG_LEVEL);
    let mut question = if args.patched() {
        // What the patches change shows in programs that were compiled without them.
        let plain = Target::test(project, Form::Plain)?;
        let question = Question::prepare(&plain, &args.tier, filter)?;
        question.of(&target)?
    } else {
        Question::prepare(&target, &args.tier, filter)?
    };
    question.caps = args.caps;
    question.unprivileged_bpf_disabled = args.unprivileged_bpf_disabled;
    let directory = written::by_caps(directory, args.caps);
    if args.compile {
        println!("{}", question.layout(&target)?.display());
        return Ok(());
    }
    if args.filter.is_some() || args.log_level.is_some() {
        let said = question.ask(&target, level, filter)?;
        if said.is_empty() {
            bail!(
                "no program has this in its name: {}",
                filter.unwrap_or_default()
            );
        }
        print!("{said}");
        return Ok(());
    }
    if args.whole_logs {
        let logs = question.whole_logs(&target)?;
        return written::whole_logs(&logs, &directory, args.check);
    }
    if args.check {
        let changes = args.patched().then(|| Changes::open(project)).transpose()?;
        let answered = question.answers(&target)?;
        return check(&question, &answered, &directory, changes);
    }
    let answered = question.answers(&target)?;
    if args.caps.is_all() {
        question.write_modules(&target.kernel, &directory)?;
    }
    make_dir(&directory)?;
    for (part, answers) in question.parts.iter().zip(&answered) {
        summary(part, answers);
        let path = written::answers(&directory, part.tier);
        answers.write(&path)?;
        println!("  written to {}", path.display());
    }
    Ok(())
}

/// Holds what was answered against the files in `directory`; `changes` are meant to be.
fn check(
    question: &Question,
    answered: &[Answers],
    directory: &Path,
    mut changes: Option<Changes>,
) -> Result<()> {
    let mut wrong = 0;
    for (part, answers) in question.parts.iter().zip(answered) {
        summary(part, answers);
        for difference in written::differences(&written::answers(directory, part.tier), answers)? {
            println!("  {difference}");
            let why = changes
                .as_mut()
                .and_then(|changes| changes.why(&difference));
            match why {
                Some(why) => println!("    meant to be, {why}"),
                None => wrong += 1,
            }
        }
    }
    if wrong > 0 {
        bail!("{wrong} answers differ from the written ones");
    }
    let asked = |name: &str| {
        let mut answers = answered.iter().flat_map(|answers| &answers.answers);
        answers.any(|answer| answer.name() == name)
    };
    if let Some(same) = changes.and_then(|changes| changes.same(asked)) {
        bail!("{same} is listed as changed by a patch, but its answer is the same");
    }
    Ok(())
}

fn summary(part: &Part, answers: &Answers) {
    println!(
        "tier {}: {} programs, {} accepted, {} rejected, {} unanswered; {} objects, {} not compiled",
        part.tier.name(),
        answers.answers.len(),
        answers.count(Verdict::Accepted),
        answers.count(Verdict::Rejected),
        answers.count(Verdict::Unanswered),
        part.compiled.objects.len(),
        part.compiled.refused.len()
    );
    for (name, why) in &part.compiled.refused {
        println!("  not compiled: {name}: {why}");
    }
    for answer in &answers.answers {
        if answer.verdict == Verdict::Unanswered {
            println!(
                "  unanswered: {}: {}",
                answer.name(),
                answer.why.as_deref().unwrap_or_default()
            );
        }
    }
}
