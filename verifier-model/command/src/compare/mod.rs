// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model compare`: the model against what a kernel said.
//!
//! Every program that the kernel was asked about is verified here, each in a process that can be
//! killed, and the two verdicts are held against each other. There is no list of exceptions: what the
//! model does not model, does not load or does not end on is a disagreement, and what the kernel did
//! not answer is not counted as agreed.

mod outcome;
mod pool;
mod report;
mod whole_log;
mod worker;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use answers::{Answer, Answers};
use anyhow::{Context, Result, bail, ensure};
use bpf::btf::Btf;
use bpf::kernel::Kernel;
use outcome::Outcome;
use report::Format;
use verifier_model::Options;
use worker::Task;

use crate::filter::Filters;
use crate::{kernel, rights, rules};

#[derive(clap::Args)]
#[group(id = "compare")]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// Directory of the compiled objects: what `cargo xtask oracle --compile` prints
    objects: PathBuf,
    /// Directory of the kernel's answers [default: those of the project's kernel]
    #[arg(long, value_name = "DIR")]
    answers: Option<PathBuf>,
    /// Only this tier; may be given several times
    #[arg(long, value_name = "TIER")]
    tier: Vec<String>,
    /// Only programs that fit: GLOB, OBJECT/PROGRAM, ! before it takes them out
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Seconds that a program may take
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    limit: f64,
    /// Processes at a time [default: one a core]
    #[arg(short, long, value_name = "COUNT")]
    jobs: Option<usize>,
    /// How to write the comparison
    #[arg(
        short,
        long,
        value_enum,
        default_value = "table",
        value_name = "FORMAT"
    )]
    output_format: Format,
    /// Leave the logs of disagreements out
    #[arg(long)]
    no_logs: bool,
    /// Compare the whole logs of level 2 instead, line by line, where the kernel's are kept
    #[arg(long)]
    whole_logs: bool,
    #[command(flatten, next_help_heading = "Verifier")]
    rights: rights::Args,
    #[command(flatten, next_help_heading = "Verifier")]
    rules: rules::Args,
    #[command(flatten, next_help_heading = "Kernel")]
    kernel: kernel::Args,
    /// Verify what is asked for on the standard input
    #[arg(long, hide = true)]
    worker: bool,
}

const HELP: &str = "\
A program counts as agreed if the model ends by itself, in time, with the kernel's verdict. Of those
that both reject it is counted how many have the same message, of those that both accept, how many
take the same number of instructions and of states.

Examples:
  verifier-model compare $(cargo xtask oracle --compile)            all of it
  verifier-model compare DIR --tier 1a --tier 1b                    what must agree
  verifier-model compare DIR -f 'iters*/'                           some objects, with both logs
  verifier-model compare DIR -o markdown --no-logs                  what docs/agreement.md holds
  verifier-model compare DIR --without RULE                         what a rule decides
  verifier-model compare DIR --whole-logs                           every line of the logs

Exit status:
  0  the model agrees with the kernel on every program
  1  there is a disagreement
  2  the input cannot be used";

/// What came of one tier.
pub(crate) struct Tier {
    name: String,
    kernel: String,
    /// By the answers' order.
    programs: Vec<(Answer, Outcome)>,
}

pub(crate) fn run(args: &Args, out: &mut impl Write) -> Result<ExitCode> {
    let kernels = Path::new(env!("CARGO_MANIFEST_DIR")).join("../answers");
    let mut default = kernels.join(args.kernel.name());
    if !args.rights.caps.is_all() {
        default.extend(["caps", &args.rights.caps.to_string()]);
    }
    let directory = args.answers.as_deref().unwrap_or(&default);
    if args.worker {
        let mut kernel = read_kernel(args, directory)?;
        args.rights.limit(&mut kernel);
        let release = args.kernel.release();
        let options = Options {
            profile: args.rules.profile(release.rules()),
            caps: args.rights.caps,
            // What the kernel was built with decided when it was asked.
            mitigations: !args.rights.mitigations_off && has_mitigations(&kernel),
            ..Options::of(release)
        };
        worker::serve(&kernel, &options, out)?;
        return Ok(ExitCode::SUCCESS);
    }
    ensure!(
        args.objects.is_dir(),
        "{}: this is no directory of objects; `cargo xtask oracle --compile` makes one",
        args.objects.display()
    );
    let filters = Filters::parse(&args.filter)?;
    let jobs = args
        .jobs
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1)
        .max(1);
    let limit = std::time::Duration::try_from_secs_f64(args.limit)
        .context("--limit: this is no time to wait")?;
    let release = read_kernel(args, directory)?.release;
    let log_level = if args.whole_logs { 2 } else { 1 };
    let mut tiers = Vec::new();
    let mut tasks = Vec::new();
    for path in files(directory, &args.tier)? {
        let mut answers = Answers::read(&path)?;
        if args.whole_logs && !whole_log::read(&path, &mut answers)? {
            continue;
        }
        if args.kernel.has_its_own_types() && answers.header.kernel != release {
            bail!(
                "the answers are those of {}, the kernel's types that come with this program are \
                 those of {}; give --btf, --module-btf, --kconfig",
                answers.header.kernel,
                release
            );
        }
        let name = tier(&path).unwrap_or_default();
        let mut programs = Vec::new();
        for answer in answers.answers {
            let object = answer.object.rsplit('/').next().unwrap_or_default();
            let program = answer.program.as_deref().unwrap_or_default();
            if !filters.wants(object, program) {
                continue;
            }
            let cpus = answers.header.cpus;
            tasks.push(Task::new(&args.objects, &answer, cpus, log_level));
            programs.push((answer, Outcome::Unanswered));
        }
        tiers.push(Tier {
            name,
            kernel: answers.header.kernel,
            programs,
        });
    }
    ensure!(!tasks.is_empty(), "-f: no program has such a name");
    ensure!(
        tasks.iter().any(Task::has_object),
        "{}: none of the answers' objects is in it; `cargo xtask oracle --compile` makes them",
        args.objects.display()
    );
    let mut done = pool::run(&tasks, jobs, limit)?.into_iter();
    if args.whole_logs {
        return whole_log::compare(out, args.output_format, &tiers, done);
    }
    for (answer, outcome) in tiers.iter_mut().flat_map(|tier| &mut tier.programs) {
        *outcome = Outcome::new(answer, done.next().context("a program was lost")?);
    }
    report::write(out, args.output_format, !args.no_logs, &tiers)?;
    let outcomes = tiers.iter().flat_map(|tier| &tier.programs);
    let agreed = outcomes.clone().all(|(_, outcome)| outcome.is_agreed());
    Ok(match agreed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// The files of answers, by their names.
fn files(directory: &Path, wanted: &[String]) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("{}: no answers", directory.display()))?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        if let Some(name) = tier(&path) {
            files.insert(name, path);
        }
    }
    if let Some(missing) = wanted.iter().find(|name| !files.contains_key(*name)) {
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        bail!("there is no tier {missing}: there are {}", names.join(", "));
    }
    files.retain(|name, _| wanted.is_empty() || wanted.contains(name));
    ensure!(
        !files.is_empty(),
        "{}: no answers; `cargo xtask oracle` writes them",
        directory.display()
    );
    Ok(files.into_values().collect())
}

/// Whether a kernel was built with guards against what a processor does on a mispredicted path.
fn has_mitigations(kernel: &Kernel) -> bool {
    let set = kernel.kconfig.get("CONFIG_CPU_MITIGATIONS");
    kernel.kconfig.is_empty() || set == Some("y")
}

/// The tier whose answers a file has, packed or not.
fn tier(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".gz").unwrap_or(name);
    Some(name.strip_suffix(".jsonl")?.to_owned())
}

/// The kernel that was asked: unless told otherwise the one that comes with the crate, with the
/// modules that lie beside the answers.
fn read_kernel(args: &Args, directory: &Path) -> Result<Kernel> {
    let mut kernel = args.kernel.read()?;
    let modules = directory.join("modules");
    if !args.kernel.has_its_own_types() || !modules.is_dir() {
        return Ok(kernel);
    }
    // The guest loads them in the order of their names, and libbpf finds them in that order.
    kernel.modules.clear();
    let entries = std::fs::read_dir(&modules)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(name) = name.strip_suffix(".btf.lz4") else {
            continue;
        };
        let data = std::fs::read(&path)?;
        let btf = Btf::from_lz4(&data, Some(kernel.vmlinux.clone()));
        kernel.add_module(name, btf.with_context(|| path.display().to_string())?);
    }
    Ok(kernel)
}
