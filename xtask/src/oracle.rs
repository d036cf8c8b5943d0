// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask oracle`: what the kernel's own verifier says of the corpus.
//!
//! The selftests of the kernel's tree and the project's programs are loaded, each program alone,
//! in a guest of the test kernel. The answers are committed, so that the model can be compared
//! where no guest runs.

mod corpus;
mod helpers;
mod patched;
mod question;
mod tiers;
mod wanting;

use std::path::{Path, PathBuf};
use std::time::Duration;

use answers::{Answers, Logs, Verdict};
use anyhow::{Context, Result, bail};

use crate::build::initramfs;
use crate::guest::qemu::Guest;
use crate::linux::choice::{self, Choice};
use crate::linux::kernel::Kernel;
use crate::linux::release::Release;
use crate::linux::test_kernel::{self, Form};
use crate::workshop::project::Project;
use crate::workshop::toolchain::Toolchain;
use patched::Changes;

pub(crate) use corpus::modules;
pub(crate) use helpers::differences as helper_differences;
use question::{Part, Question};
pub(crate) use tiers::Tier;

const SMP: &str = "2";
/// The verifier logs the path that failed.
const LOG_LEVEL: u32 = 1;
/// And here every path, and what it found before the first.
const WHOLE: u32 = 2;
/// Programs near the limit on instructions take the verifier some gigabytes of states.
const MEMORY: &str = "6G";
/// A verifier that doubts itself warns, with `verifier bug: …` as its answer; generated programs lead
/// there. For the guest that is no trouble.
const KNOWN: [&str; 2] = ["WARNING: at bpf_", "WARNING: at do_check"];
const LIMIT: Duration = Duration::from_secs(3600);

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
    /// Ask about the programs of this object instead, which is compiled; may be given several times.
    #[arg(long, conflicts_with_all = ["tier", "check", "whole_logs", "raw"])]
    object: Vec<PathBuf>,
    /// Ask instead who may call which helper, and hold the model against it.
    #[arg(long, conflicts_with_all = ["filter", "tier", "check", "log_level", "whole_logs", "raw", "object", "compile"])]
    helpers: bool,
    /// Compile the corpus and say in which directory it is, no more.
    #[arg(long, conflicts_with_all = ["filter", "check", "raw", "object"])]
    compile: bool,
    /// The kernel to ask.
    #[arg(long, value_enum, default_value = "test")]
    kernel: Choice,
    /// The series of the stock kernel.
    #[arg(long, default_value = "7.3")]
    series: Release,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let patched = matches!(args.kernel, Choice::Patched | Choice::PatchedModule);
    let printed = args.filter.is_some()
        || args.log_level.is_some()
        || args.raw.is_some()
        || args.helpers
        || !args.object.is_empty();
    if patched && !(args.check || printed || args.compile) {
        bail!("the answers that are kept are those without the patches; add --check");
    }
    let mut toolchain = Toolchain::ensure(project)?;
    let kernel = choice::choose(project, &mut toolchain, args.kernel, args.series)?;
    let toolchain = &toolchain;
    if let Some(path) = &args.raw {
        let modules = modules(project, toolchain, &kernel)?;
        let base = initramfs::build(project, toolchain, &kernel)?;
        let said = ask_raw(project, toolchain, &kernel, &base, path, &modules[..1])?;
        print!("{said}");
        return Ok(());
    }
    if args.helpers {
        let differ = helpers::differences(project, toolchain, &kernel)?;
        for difference in &differ {
            println!("  {difference}");
        }
        if !differ.is_empty() {
            bail!("the model's helpers are not the kernel's");
        }
        return Ok(());
    }
    let filter = args.filter.as_deref();
    if !args.object.is_empty() {
        let level = args.log_level.unwrap_or(LOG_LEVEL);
        let said = ask_objects(project, toolchain, &kernel, &args.object, level, filter)?;
        print!("{said}");
        return Ok(());
    }
    let question = if patched {
        // What the patches change shows in programs that were compiled without them.
        let mut plain = Toolchain::ensure(project)?;
        let base = test_kernel::ensure(project, &mut plain, Form::Plain)?;
        let question = Question::prepare(project, &plain, &base, &args.tier, filter)?;
        question.of(project, toolchain, &kernel)?
    } else {
        Question::prepare(project, toolchain, &kernel, &args.tier, filter)?
    };
    if args.compile {
        println!("{}", question.layout(project, &kernel)?.display());
        return Ok(());
    }
    if args.filter.is_some() || args.log_level.is_some() {
        let level = args.log_level.unwrap_or(LOG_LEVEL);
        let said = question.ask(project, toolchain, &kernel, level, filter)?;
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
        let directory = directory(project, &kernel, suffix(args.kernel));
        return whole_logs(
            &question.whole_logs(project, toolchain, &kernel)?,
            &directory,
            args.check,
        );
    }
    let mut changes = patched.then(|| Changes::open(project)).transpose()?;
    let answered = question.answers(project, toolchain, &kernel)?;
    let directory = directory(project, &kernel, suffix(args.kernel));
    if !args.check {
        question.write_modules(&kernel, &directory)?;
    }
    let mut wrong = 0;
    for (part, answers) in question.parts.iter().zip(&answered) {
        summary(part, answers);
        let path = directory.join(format!("{}.jsonl", part.tier.name()));
        if args.check {
            for difference in differences(&path, answers)? {
                println!("  {difference}");
                match changes
                    .as_mut()
                    .and_then(|changes| changes.why(&difference))
                {
                    Some(why) => println!("    meant to be, {why}"),
                    None => wrong += 1,
                }
            }
        } else {
            answers.write(&path)?;
            println!("  written to {}", path.display());
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

/// Writes the whole logs, or says which differ from the written ones.
fn whole_logs(logs: &[(Tier, Logs)], directory: &Path, check: bool) -> Result<()> {
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

/// Asks the test kernel again about `tiers`: what differs from the committed answers, by tier.
pub(crate) fn check(
    project: &Project,
    toolchain: &Toolchain,
    kernel: &Kernel,
    tiers: &[Tier],
) -> Result<Vec<(Tier, Vec<String>)>> {
    let question = Question::prepare(project, toolchain, kernel, tiers, None)?;
    let answered = question.answers(project, toolchain, kernel)?;
    let directory = directory(project, kernel, "");
    let parts = question.parts.iter().zip(&answered);
    parts
        .map(|(part, answers)| {
            let path = directory.join(format!("{}.jsonl", part.tier.name()));
            Ok((part.tier, differences(&path, answers)?))
        })
        .collect()
}

/// Compiles the corpus for `kernel`: the directory that `verifier-model compare` takes.
pub(crate) fn compiled(
    project: &Project,
    toolchain: &Toolchain,
    kernel: &Kernel,
) -> Result<PathBuf> {
    Question::prepare(project, toolchain, kernel, &[], None)?.layout(project, kernel)
}

/// What differs from the answers written to `path`.
fn differences(path: &Path, answers: &Answers) -> Result<Vec<String>> {
    let committed = Answers::read(path)?;
    if committed.header.objects != answers.header.objects {
        println!("  what was asked differs: objects");
    } else if committed.header != answers.header {
        println!("  what was asked differs: kernel or configuration");
    }
    Ok(committed.differences(answers))
}

/// What follows the kernel's series in the name of the directory for its answers.
fn suffix(kernel: Choice) -> &'static str {
    match kernel {
        Choice::Stock => "-stock",
        Choice::Test | Choice::Running | Choice::Patched | Choice::PatchedModule => "",
    }
}

/// The directory for the answers of `kernel`.
fn directory(project: &Project, kernel: &Kernel, suffix: &str) -> PathBuf {
    let series: Vec<&str> = kernel.release.splitn(3, '.').take(2).collect();
    let name = format!("{}{suffix}", series.join("."));
    project.checkout.join("verifier-model/oracle").join(name)
}

/// Asks about the programs of the batch `path`, with the guest's initramfs `base` and these modules
/// besides the project's; the answers as `tests/src/oracle/raw.rs` gives them.
pub(crate) fn ask_raw(
    project: &Project,
    toolchain: &Toolchain,
    kernel: &Kernel,
    base: &Path,
    path: &Path,
    modules: &[PathBuf],
) -> Result<String> {
    let told = ["oracle", "--raw", "/oracle/batch", "--log-level", "0"].map(str::to_owned);
    let mut payload = payload_of(modules.iter())?;
    payload.push(("oracle/batch".to_owned(), path.to_path_buf()));
    ask(project, toolchain, kernel, base, payload, &told)
}

/// Asks about all programs of `objects`, or those whose name has `filter` in it.
fn ask_objects(
    project: &Project,
    toolchain: &Toolchain,
    kernel: &Kernel,
    objects: &[PathBuf],
    log_level: u32,
    filter: Option<&str>,
) -> Result<String> {
    let mut payload = payload_of(modules(project, toolchain, kernel)?.iter())?;
    for path in objects {
        if !path.is_file() {
            bail!("{}: there is no such object", path.display());
        }
        let name = path.file_stem().context("an object has a name")?;
        let name = name.to_string_lossy();
        let name = name.trim_end_matches(".bpf");
        payload.push((format!("oracle/{name}.bpf.o"), path.clone()));
    }
    let mut told = vec!["oracle".to_owned()];
    told.extend(["--log-level".to_owned(), log_level.to_string()]);
    told.extend(
        filter
            .iter()
            .flat_map(|f| ["--filter".to_owned(), (*f).to_owned()]),
    );
    let base = initramfs::build(project, toolchain, kernel)?;
    ask(project, toolchain, kernel, &base, payload, &told)
}

/// Where modules go in the guest.
fn payload_of<'a>(modules: impl Iterator<Item = &'a PathBuf>) -> Result<Vec<(String, PathBuf)>> {
    let place = |path: &PathBuf| {
        let name = path.file_name().context("a module has a name")?;
        Ok((format!("lib/modules/{}", name.display()), path.clone()))
    };
    modules.map(place).collect()
}

/// Boots the guest with `payload` besides what is in `base`, and gives what it says.
fn ask(
    project: &Project,
    toolchain: &Toolchain,
    kernel: &Kernel,
    base: &Path,
    payload: Vec<(String, PathBuf)>,
    told: &[String],
) -> Result<String> {
    let initramfs = project.products(&kernel.release)?.join("oracle.cpio");
    initramfs::extend(base, &payload, &initramfs)?;
    let guest = Guest {
        kernel,
        initramfs: &initramfs,
        smp: SMP,
        args: told,
        memory: MEMORY,
        known: &KNOWN,
        limit: LIMIT,
    };
    let ended = guest.collect(project, toolchain, &format!("oracle on {}", kernel.release))?;
    if ended.status != 0 {
        bail!(
            "the guest failed, with status {}: {}",
            ended.status,
            ended.output.lines().last().unwrap_or_default()
        );
    }
    Ok(ended.output)
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
