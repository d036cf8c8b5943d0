// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask bench`: what each way to walk CPUs takes, in guest instructions.
//!
//! QEMU's `-icount` makes the guest's clock count instructions, so that the same binaries give the
//! same numbers on every machine: see `tests/src/bench.rs` for what runs in the guest.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bench::guard;
use bench::guest::{Boot, Results, Shape};

use crate::build::initramfs;
use crate::guest::qemu::{Accel, Guest, ICOUNT, MEMORY};
use crate::linux::release::Release;
use crate::linux::target::{Choice, Target};
use crate::workshop::arch::Arch;
use crate::workshop::files::{self, read};
use crate::workshop::project::Project;
use crate::workshop::run;

const LIMIT: Duration = Duration::from_secs(300);
/// How many CPUs are possible, boot by boot. One is present: the others cost nothing.
const NR_CPU_IDS: [u32; 5] = [8, 64, 128, 256, 512];
/// The same for the wall clock, of which ratios are told alone.
const NR_CPU_IDS_TIMED: [u32; 1] = [128];
/// Runs of each program against the wall clock.
const RUNS_TIMED: u32 = 1000;

/// The kernels whose counts are kept, and in which file of `bench/results`: the module on the stock
/// ones, and the patched one, which has the iterator built in and inlines it.
const KEPT: [(Arch, Choice, &str); 3] = [
    (Arch::Amd64, Choice::Stock, "instructions"),
    (Arch::Amd64, Choice::Patched, "instructions-patched"),
    (Arch::Arm64, Choice::Stock, "instructions-arm64"),
];
/// Where `--called` writes to.
const CALLED: &str = "instructions-called";

/// `cargo xtask bench`. `KERNEL_BUILD=DIR` measures a kernel of yours.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this kernel.
    #[arg(long, value_enum)]
    kernel: Option<Choice>,
    /// KERNEL_BUILD has the iterator built in and does not inline it: keep its counts as well.
    #[arg(long, conflicts_with = "cpus")]
    called: bool,
    /// The series of the stock kernel.
    #[arg(long, default_value = "7.3")]
    series: Release,
    /// The architecture.
    #[arg(long, value_enum, default_value = "amd64")]
    arch: Arch,
    /// Only boots with so many possible CPUs; the results are shown and not written down.
    #[arg(long, value_delimiter = ',')]
    cpus: Vec<u32>,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let yours = Project::tree_from_env("KERNEL_BUILD")?.is_some();
    if args.called && !yours {
        bail!("--called is about the kernel that KERNEL_BUILD names");
    }
    if yours || !args.cpus.is_empty() {
        let choice = args.kernel.unwrap_or(Choice::Stock);
        let sizes = match args.cpus.as_slice() {
            [] => &NR_CPU_IDS,
            sizes => sizes,
        };
        let target = Target::choose_for(project, choice, args.series, args.arch)?;
        let bench = Bench::new(&target)?;
        let mut counts = bench.measure(Accel::Icount, sizes)?;
        if !args.called {
            return Ok(());
        }
        counts.command = "KERNEL_BUILD=DIR cargo xtask bench --called".to_owned();
        write(project, CALLED, &counts)?;
        return report(project);
    }
    let wanted = |arch: Arch, choice: Choice| {
        args.arch == arch && args.kernel.is_none_or(|only| only == choice)
    };
    let kept = KEPT
        .into_iter()
        .filter(|&(arch, choice, _)| wanted(arch, choice));
    let kept: Vec<_> = kept.collect();
    if kept.is_empty() {
        bail!("no counts of this kernel are kept: tell with --cpus what to measure and show");
    }
    for (arch, choice, file) in kept {
        let target = Target::choose_for(project, choice, args.series, arch)?;
        let bench = Bench::new(&target)?;
        write(project, file, &bench.measure(Accel::Icount, &NR_CPU_IDS)?)?;
        if choice == Choice::Stock && arch == Arch::Amd64 {
            bench.time()?;
        }
    }
    report(project)
}

/// Writes the page.
fn report(project: &Project) -> Result<()> {
    let mut report = Command::new("cargo");
    report.current_dir(&project.checkout).args([
        "run",
        "--locked",
        "--quiet",
        "--package",
        "bench",
    ]);
    project.runner.run("docs/performance.md", report)
}

/// Holds the iterator's instructions on `target` against the committed table. `None` if the table
/// is of another kernel, else what has grown.
pub(crate) fn guard(target: &Target<'_>) -> Result<Option<Vec<String>>> {
    for (_, _, file) in KEPT {
        let path = results(target.project, file);
        let table: Results = serde_json::from_str(&read(&path)?)
            .with_context(|| format!("{} is no table of counts", path.display()))?;
        if table.kernel != target.kernel.release {
            continue;
        }
        let mut boots = table.boots.iter();
        let boot = boots.find(|boot| boot.nr_cpu_ids == guard::NR_CPU_IDS);
        let boot = boot.with_context(|| format!("{} has no guarded boot", path.display()))?;
        let bench = Bench::new(target)?;
        let now = bench.boot(Accel::Icount, guard::NR_CPU_IDS)?;
        return Ok(Some(guard::grown(boot, &now)));
    }
    Ok(None)
}

struct Bench<'a> {
    target: &'a Target<'a>,
    initramfs: PathBuf,
}

impl<'a> Bench<'a> {
    fn new(target: &'a Target<'a>) -> Result<Self> {
        Ok(Self {
            target,
            initramfs: initramfs::for_bench(target)?,
        })
    }

    fn measure(&self, accel: Accel, sizes: &[u32]) -> Result<Results> {
        let toolchain = &self.target.toolchain;
        let mut qemu = toolchain.command(toolchain.arch().qemu());
        let qemu = run::output(qemu.arg("--version"))?;
        let qemu = qemu.lines().next().unwrap_or_default();
        let accel_name = match accel {
            Accel::Icount => format!("TCG, -icount {ICOUNT}"),
            Accel::Tcg | Accel::Threads => "TCG".to_owned(),
            Accel::Kvm => "KVM".to_owned(),
        };
        let mut boots = Vec::new();
        for &nr_cpu_ids in sizes {
            let boot = self.boot(accel, nr_cpu_ids)?;
            print(&boot);
            boots.push(boot);
        }
        Ok(Results {
            kernel: self.target.kernel.release.clone(),
            machine: format!("{qemu}, {accel_name}, -smp 1,maxcpus=N"),
            command: match toolchain.arch() {
                Arch::Amd64 => "cargo xtask bench".to_owned(),
                Arch::Arm64 => "cargo xtask bench --arch arm64".to_owned(),
            },
            boots,
        })
    }

    /// The wall clock, with KVM if it works.
    fn time(&self) -> Result<()> {
        let timed = self.measure(Accel::Tcg, &NR_CPU_IDS_TIMED)?;
        write(self.target.project, "wall-tcg", &timed)?;
        // /dev/kvm may open and yet hang the guest.
        match self.measure(Accel::Kvm, &NR_CPU_IDS_TIMED) {
            Ok(timed) => write(self.target.project, "wall-kvm", &timed),
            Err(error) => {
                eprintln!("no measurement with KVM: {error:#}");
                Ok(())
            }
        }
    }

    fn boot(&self, accel: Accel, nr_cpu_ids: u32) -> Result<Boot> {
        let mut args = vec!["bench".to_owned()];
        if accel == Accel::Icount {
            args.push("--exact".to_owned());
        } else {
            args.push(format!("--runs={RUNS_TIMED}"));
        }
        let guest = Guest {
            target: self.target,
            initramfs: &self.initramfs,
            smp: &format!("1,maxcpus={nr_cpu_ids}"),
            args: &args,
            memory: MEMORY,
            known: &[],
            limit: LIMIT,
        };
        let how = match accel {
            Accel::Icount => "instructions",
            Accel::Tcg | Accel::Threads => "time",
            Accel::Kvm => "time with KVM",
        };
        let name = format!(
            "{how} for {nr_cpu_ids} CPUs on {}",
            self.target.kernel.release
        );
        let ended = guest.collect_on(accel, &name)?;
        if ended.status != 0 {
            bail!("{name}: {}", ended.output.trim());
        }
        serde_json::from_str(ended.output.trim())
            .with_context(|| format!("{name}: the guest said {:?}", ended.output))
    }
}

/// A line for each method.
fn print(boot: &Boot) {
    print!("{:>4} CPUs       ", boot.nr_cpu_ids);
    for shape in Shape::ALL {
        print!("{:>13}", shape.name());
    }
    println!("  new+destroy");
    for method in &boot.methods {
        print!("{:16}", method.name);
        for walk in &method.walks {
            print!("{:13}", walk.ticks);
        }
        let make = method.make.map(|make| make.to_string());
        println!("{:>13}", make.unwrap_or_default());
    }
}

fn results(project: &Project, name: &str) -> PathBuf {
    let dir = Path::new("bench/results");
    project.checkout.join(dir).join(format!("{name}.json"))
}

fn write(project: &Project, name: &str, measured: &Results) -> Result<()> {
    let path = results(project, name);
    let text = serde_json::to_string_pretty(measured)? + "\n";
    files::write(&path, text)
}
