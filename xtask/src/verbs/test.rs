// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask test`: the host's tests, then the guest's on two stock kernels and the test kernel; the
//! header's loops on kernels without the iterator; and whether an older kernel can be asked.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::anywhere;
use super::ask::check as ask;
use super::ask::kernels::{self, Kernels};
use super::oracle::{helpers, written};
use super::suite::{self, CHECKED_SMP, POISON, SMP, Tally};
use super::{agreement, bench};
use crate::build::initramfs;
use crate::corpus::tiers::Tier;
use crate::linux::kernel::{Kernel, Place};
use crate::linux::release::Release;
use crate::linux::target::{Choice, Target};
use crate::linux::test_kernel::Form;
use crate::workshop::arch::Arch;
use crate::workshop::interrupt::Guarded;
use crate::workshop::project::Project;

/// More than a copy of a mask has room for in its iterator, and the tests to run with them.
const MANY: usize = 300;
const WITH_MANY: &str = "snapshot::";
/// All that a kernel can look at: memory around each object and who had it, and now and then a page
/// without access beside an object, or in its place.
const CHECKERS: &str = "slub_debug=FZPU kfence.sample_interval=20";
/// The same for bugs on purpose; the guest tells KFENCE when to begin.
const CHECKERS_ALONE: &str = "slub_debug=FZPU kasan_multi_shot=1";
/// With so many CPUs and without `cmpxchg` of a double word there is never memory for a copy.
const NO_MEMORY: &str = "clearcpuid=cx16";
const WITHOUT_MEMORY: &str = "no_memory::";
/// Bugs on purpose, and what the console says of those that are not known by the module's name.
const WITH_BUGS: &str = "planted::";
const SEEN: [&str; 6] = [
    "planted",
    "suspicious RCU usage",
    "sleeping function called from invalid context",
    "mm/slub.c",
    "BUG kmalloc-128",
    "new suspected memory leak",
];
/// The name of the test that the instruction counts are.
const COUNTS: &str = "bench::counts";
/// The stock kernels that are tested.
const STOCK: [Release; 2] = [
    Release { major: 7, minor: 2 },
    Release { major: 7, minor: 3 },
];

/// Those on which the header's loops are tested without the module: for each way to walk one, and the
/// newest.
const ANYWHERE: [Release; 3] = [
    Release { major: 6, minor: 1 },
    Release {
        major: 6,
        minor: 12,
    },
    Release { major: 7, minor: 3 },
];

/// `cargo xtask test`. `KERNEL_BUILD=DIR` tests a kernel of yours in place of the three.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the tests whose name contains this.
    filter: Option<String>,
    /// Only the host's tests.
    #[arg(long, conflicts_with = "guest")]
    host: bool,
    /// Only the guest's tests.
    #[arg(long)]
    guest: bool,
    /// Ask the test kernel again about the whole corpus, not only about iterators and loops.
    #[arg(long)]
    oracle: bool,
    /// Only on this kernel; `patched` is both, with the iterator built in and with it as a module.
    #[arg(long, value_enum)]
    kernel: Option<Choice>,
    /// The series of the stock kernel named by --kernel.
    #[arg(long, default_value = "7.3")]
    series: Release,
    /// Only the guest's tests, on the stock kernel of this architecture.
    #[arg(long, value_enum, conflicts_with = "host")]
    arch: Option<Arch>,
    /// The kernel looks for bugs with all that it has, and has to see some that are made on purpose.
    #[arg(long, conflicts_with = "host")]
    checkers: bool,
    /// Only the header's loops, without the module, on these kernels: 6.1,6.12,7.3, or all that the
    /// archive has.
    #[arg(long, conflicts_with_all = ["host", "guest", "oracle", "kernel", "arch"])]
    kernels: Option<Kernels>,
}

/// Runs the verb; the last line tells the sum.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let mut sum = Sum::default();
    if let Some(kernels) = &args.kernels {
        let targets = kernels::targets(project, &[], Some(kernels))?;
        without_iterator(project, args, targets, &mut sum)?;
        return sum.end(args);
    }
    if !args.guest && args.arch.is_none() {
        sum.take(host(project, args));
    }
    let filter = args.filter.as_deref();
    if !args.host && filter.is_none_or(|filter| !filter.starts_with("ask::")) {
        for target in targets(project, args)? {
            // The kernel's own iterator is there without its companions.
            let parts: &[Part] = match target.kernel.iterator()? {
                Place::Apart if args.arch == Some(Arch::Arm64) => &[on, with_many],
                Place::Apart if checks(&target, args)? => {
                    &[on, with_many, without_memory, with_bugs]
                }
                Place::Apart => &[on, with_many, without_memory],
                Place::Module(_) | Place::BuiltIn => &[on],
            };
            for part in parts {
                sum.take(part(&target, args));
            }
            if filter.is_none_or(|filter| COUNTS.contains(filter)) {
                sum.take(counts(&target));
            }
            if gave_answers(&target.kernel) {
                sum.take(answers(&target, args));
            }
        }
    }
    let all = !args.host && args.kernel.is_none() && args.arch.is_none();
    if all && filter.is_none_or(|filter| ask::NAME.contains(filter)) {
        sum.take(asked(project));
    }
    if all && anywhere::has(filter) {
        let targets = ANYWHERE.map(|series| Target::image(project, series));
        let targets = targets.into_iter().collect::<Result<Vec<_>>>()?;
        without_iterator(project, args, targets, &mut sum)?;
    }
    sum.end(args)
}

/// The header's loops on kernels that have no iterator.
fn without_iterator(
    project: &Project,
    args: &Args,
    targets: Vec<Target<'_>>,
    sum: &mut Sum,
) -> Result<()> {
    let objects = anywhere::objects(project)?;
    for target in targets {
        sum.take(anywhere::run(&target, &objects, args.filter.as_deref()));
    }
    Ok(())
}

/// What came of all parts.
#[derive(Default)]
struct Sum {
    tests: Tally,
    /// Why parts did not come to their tests' end.
    broken: Vec<anyhow::Error>,
}

impl Sum {
    fn take(&mut self, part: Result<Tally>) {
        match part {
            Ok(tally) => self.tests.add(tally),
            Err(error) => self.broken.push(error),
        }
    }

    /// Tells it.
    fn end(self, args: &Args) -> Result<()> {
        for error in &self.broken {
            eprintln!("error: {error:#}");
        }
        let Tally { passed, failed } = self.tests;
        let failed = failed + self.broken.len() as u64;
        println!("{passed} passed, {failed} failed");
        if failed > 0 {
            bail!("not all tests pass");
        }
        if passed == 0 {
            bail!(
                "no test has this in its name: {}",
                args.filter.as_deref().unwrap_or_default()
            );
        }
        Ok(())
    }
}

/// `cargo test` over all that needs cargo alone.
fn host(project: &Project, args: &Args) -> Result<Tally> {
    let mut command = Command::new("cargo");
    command
        .current_dir(&project.checkout)
        .args(["test", "--locked", "--no-fail-fast"]);
    command.args(args.filter.as_deref());
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut guarded = Guarded::new(command.spawn().context("cannot run cargo")?);
    let stdout = guarded
        .child()
        .stdout
        .take()
        .context("cargo has no output")?;
    let mut tally = Tally::default();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("{line}");
        tally.line(&line);
    }
    let status = guarded.child().wait()?;
    if !status.success() && tally.failed == 0 {
        bail!("cargo test failed: {status}");
    }
    Ok(tally)
}

fn targets<'a>(project: &'a Project, args: &Args) -> Result<Vec<Target<'a>>> {
    if let Some(arch) = args.arch {
        let choice = args.kernel.unwrap_or(Choice::Stock);
        let target = Target::choose_for(project, choice, args.series, arch)?;
        return Ok(vec![target]);
    }
    if let Some(choice) = args.kernel {
        let choices = match choice {
            Choice::Patched => vec![Choice::Patched, Choice::PatchedModule],
            choice => vec![choice],
        };
        let choose = |choice| Target::choose(project, choice, args.series);
        return choices.into_iter().map(choose).collect();
    }
    if let Some(yours) = Target::yours(project)? {
        return Ok(vec![yours]);
    }
    let mut targets: Vec<Target<'_>> = Vec::new();
    for release in STOCK {
        let target = Target::stock(project, release)?;
        // A release that the archive has lost may give way to the other one.
        let name = |target: &Target<'_>| target.kernel.release.clone();
        if targets.iter().all(|known| name(known) != name(&target)) {
            targets.push(target);
        }
    }
    targets.push(Target::test(project, Form::Plain)?);
    Ok(targets)
}

/// A part of what the guest is asked.
type Part = fn(&Target<'_>, &Args) -> Result<Tally>;

/// The guest's suite on `target`.
fn on(target: &Target<'_>, args: &Args) -> Result<Tally> {
    let filter = args.filter.as_deref();
    // These are in a guest of their own.
    if filter.is_some_and(|filter| filter.starts_with(WITH_BUGS)) {
        return Ok(Tally::default());
    }
    let smp = match target.kernel.is_checked()? {
        true => CHECKED_SMP,
        false => SMP,
    };
    let parameters = match checks(target, args)? {
        true => CHECKERS,
        false => POISON,
    };
    suite::whole(target, (smp, parameters), filter)
}

/// What of the suite another number of possible CPUs makes a difference to.
fn with_many(target: &Target<'_>, args: &Args) -> Result<Tally> {
    of_many(target, args, WITH_MANY, "")
}

/// What of the suite needs a machine on which copies get no memory.
fn without_memory(target: &Target<'_>, args: &Args) -> Result<Tally> {
    of_many(target, args, WITHOUT_MEMORY, NO_MEMORY)
}

/// Whether the kernel is to look for bugs with all that it has.
fn checks(target: &Target<'_>, args: &Args) -> Result<bool> {
    Ok(args.checkers || target.kernel.is_checked()?)
}

/// Whether a kernel that looks for bugs sees those that a module commits.
fn with_bugs(target: &Target<'_>, args: &Args) -> Result<Tally> {
    let filter = args.filter.as_deref().unwrap_or(WITH_BUGS);
    if !filter.starts_with(WITH_BUGS) && !WITH_BUGS.starts_with(filter) {
        return Ok(Tally::default());
    }
    let initramfs = initramfs::with_planted(target)?;
    let told = ["test", "--filter", filter].map(str::to_owned);
    let name = format!("tests {WITH_BUGS} on {}", target.kernel.release);
    suite::run_known(
        target,
        &initramfs,
        &name,
        (CHECKED_SMP, CHECKERS_ALONE),
        &told,
        &SEEN,
    )
}

/// The tests whose names start with `prefix`, with many possible CPUs and a kernel told
/// `parameters`.
fn of_many(target: &Target<'_>, args: &Args, prefix: &str, parameters: &str) -> Result<Tally> {
    let filter = args.filter.as_deref().unwrap_or(prefix);
    if !filter.starts_with(prefix) && !prefix.starts_with(filter) {
        return Ok(Tally::default());
    }
    let many = MANY.to_string();
    let told = ["test", "--possible", &many, "--filter", filter].map(str::to_owned);
    let name = format!(
        "tests {prefix} on {} with {many} possible CPUs",
        target.kernel.release
    );
    let smp = format!("4,maxcpus={many}");
    let initramfs = initramfs::build(target)?;
    let tally = suite::run(target, &initramfs, &name, &smp, parameters, &told)?;
    if args.filter.is_none() && tally.passed + tally.failed == 0 {
        bail!("{name}: there are none");
    }
    Ok(tally)
}

/// The iterator's instruction counts, on the kernel of the committed table.
fn counts(target: &Target<'_>) -> Result<Tally> {
    let Some(grown) = bench::guard(target)? else {
        println!(
            "{COUNTS}: no counts are committed for {}",
            target.kernel.release
        );
        return Ok(Tally::default());
    };
    for cell in &grown {
        println!("{COUNTS}: {cell}");
    }
    let failure = (!grown.is_empty()).then_some("`cargo xtask bench` accepts the new counts");
    let mut tally = Tally::default();
    tally.test(COUNTS, failure);
    Ok(tally)
}

/// Whether the answers that are committed are this kernel's.
fn gave_answers(kernel: &Kernel) -> bool {
    kernel.release == verifier_model::linux_7_3().map_or_else(|_| String::new(), |k| k.release)
}

/// The model against the committed answers, and these against the kernel once more.
fn answers(target: &Target<'_>, args: &Args) -> Result<Tally> {
    let wanted = |prefix: &str| {
        let filter = args.filter.as_deref().unwrap_or(prefix);
        prefix.starts_with(filter) || filter.starts_with(prefix)
    };
    let mut tests = Vec::new();
    if wanted("agreement::") {
        tests.extend(agreement::tests(target)?);
    }
    if wanted("oracle::") {
        let tiers: &[Tier] = match args.oracle {
            true => &Tier::ALL,
            false => &[Tier::Iterators, Tier::States],
        };
        for (tier, differences) in written::check(target, tiers)? {
            let first = differences.first();
            let failure = first.map(|first| format!("{} differ: {first}", differences.len()));
            tests.push((format!("oracle::{}", tier.name()), failure));
        }
        if args.oracle {
            let differences = helpers::differences(target)?;
            tests.push(("oracle::helpers".to_owned(), differences.into_iter().next()));
        }
    }
    if let Some(filter) = &args.filter {
        tests.retain(|(name, _)| name.contains(filter.as_str()));
    }
    let mut tally = Tally::default();
    for (name, failure) in &tests {
        tally.test(name, failure.as_deref());
    }
    Ok(tally)
}

/// Whether a kernel that nothing is built for can be asked.
fn asked(project: &Project) -> Result<Tally> {
    let failure = ask::failure(project)?;
    let mut tally = Tally::default();
    tally.test(ask::NAME, failure.as_deref());
    Ok(tally)
}
