// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask bench`: what each way to walk CPUs takes, in guest instructions.
//!
//! QEMU's `-icount` makes the guest's clock count instructions, so that the same binaries give the
//! same numbers on every machine: see `tests/src/bench.rs` for what runs in the guest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bench::guard;
use bench::guest::{Boot, Results, Shape};

use crate::guest;
use crate::kernel::{Kernel, Series, read};
use crate::module::{self, Choice};
use crate::project::Project;
use crate::qemu::{Accel, Guest, ICOUNT, MEMORY};
use crate::run;
use crate::toolchain::Toolchain;

const LIMIT: Duration = Duration::from_secs(300);
/// How many CPUs are possible, boot by boot. One is present: the others cost nothing.
const NR_CPU_IDS: [u32; 5] = [8, 64, 128, 256, 512];
/// The same for the wall clock, of which ratios are told alone.
const NR_CPU_IDS_TIMED: [u32; 1] = [128];
/// Runs of each program against the wall clock.
const RUNS_TIMED: u32 = 1000;

/// `cargo xtask bench`. `KERNEL_BUILD=DIR` measures a kernel of yours.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The kernel to measure.
    #[arg(long, value_enum, default_value = "stock")]
    kernel: Choice,
    /// The series of the stock kernel.
    #[arg(long, default_value = "7.3")]
    series: Series,
    /// Only boots with so many possible CPUs; the results are shown and not written down.
    #[arg(long, value_delimiter = ',')]
    cpus: Vec<u32>,
}

/// Runs the verb.
pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let mut toolchain = Toolchain::ensure(project)?;
    let kernel = module::choose(project, &mut toolchain, args.kernel, args.series)?;
    let bench = Bench::new(project, &toolchain, &kernel)?;
    if !args.cpus.is_empty() {
        return bench.measure(Accel::Icount, &args.cpus).map(drop);
    }
    let counts = bench.measure(Accel::Icount, &NR_CPU_IDS)?;
    write(project, "instructions", &counts)?;
    let timed = bench.measure(Accel::Tcg, &NR_CPU_IDS_TIMED)?;
    write(project, "wall-tcg", &timed)?;
    // /dev/kvm may open and yet hang the guest.
    match bench.measure(Accel::Kvm, &NR_CPU_IDS_TIMED) {
        Ok(timed) => write(project, "wall-kvm", &timed)?,
        Err(error) => eprintln!("no measurement with KVM: {error:#}"),
    }
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

/// Holds the iterator's instructions on `kernel` against the committed table. `None` if the table
/// is of another kernel, else what has grown.
pub(crate) fn guard(
    project: &Project,
    toolchain: &Toolchain,
    kernel: &Kernel,
) -> Result<Option<Vec<String>>> {
    let path = results(project, "instructions");
    let table: Results = serde_json::from_str(&read(&path)?)
        .with_context(|| format!("{} is no table of counts", path.display()))?;
    if table.kernel != kernel.release {
        return Ok(None);
    }
    let mut boots = table.boots.iter();
    let boot = boots.find(|boot| boot.nr_cpu_ids == guard::NR_CPU_IDS);
    let boot = boot.with_context(|| format!("{} has no guarded boot", path.display()))?;
    let bench = Bench::new(project, toolchain, kernel)?;
    let now = bench.boot(Accel::Icount, guard::NR_CPU_IDS)?;
    Ok(Some(guard::grown(boot, &now)))
}

struct Bench<'a> {
    project: &'a Project,
    toolchain: &'a Toolchain,
    kernel: &'a Kernel,
    initramfs: PathBuf,
}

impl<'a> Bench<'a> {
    fn new(project: &'a Project, toolchain: &'a Toolchain, kernel: &'a Kernel) -> Result<Self> {
        Ok(Self {
            project,
            toolchain,
            kernel,
            initramfs: guest::bench_initramfs(project, toolchain, kernel)?,
        })
    }

    fn measure(&self, accel: Accel, sizes: &[u32]) -> Result<Results> {
        let mut qemu = self.toolchain.command("qemu-system-x86_64");
        let qemu = run::output(qemu.arg("--version"))?;
        let qemu = qemu.lines().next().unwrap_or_default();
        let accel_name = match accel {
            Accel::Icount => format!("TCG, -icount {ICOUNT}"),
            Accel::Tcg => "TCG".to_owned(),
            Accel::Kvm => "KVM".to_owned(),
        };
        let mut boots = Vec::new();
        for &nr_cpu_ids in sizes {
            let boot = self.boot(accel, nr_cpu_ids)?;
            print(&boot);
            boots.push(boot);
        }
        Ok(Results {
            kernel: self.kernel.release.clone(),
            machine: format!("{qemu}, {accel_name}, -smp 1,maxcpus=N"),
            command: "cargo xtask bench".to_owned(),
            boots,
        })
    }

    fn boot(&self, accel: Accel, nr_cpu_ids: u32) -> Result<Boot> {
        let mut args = vec!["bench".to_owned()];
        if accel == Accel::Icount {
            args.push("--exact".to_owned());
        } else {
            args.push(format!("--runs={RUNS_TIMED}"));
        }
        let guest = Guest {
            kernel: self.kernel,
            initramfs: &self.initramfs,
            smp: &format!("1,maxcpus={nr_cpu_ids}"),
            args: &args,
            memory: MEMORY,
            known: &[],
            limit: LIMIT,
        };
        let how = match accel {
            Accel::Icount => "instructions",
            Accel::Tcg => "time",
            Accel::Kvm => "time with KVM",
        };
        let name = format!("{how} for {nr_cpu_ids} CPUs on {}", self.kernel.release);
        let ended = guest.collect_on(accel, self.project, self.toolchain, &name)?;
        if ended.status != 0 {
            bail!("{name}: {}", ended.output.trim());
        }
        serde_json::from_str(ended.output.trim())
            .with_context(|| format!("{name}: the guest said {:?}", ended.output))
    }
}

/// A line for each method.
fn print(boot: &Boot) {
    print!("{:>4} CPUs  ", boot.nr_cpu_ids);
    for shape in Shape::ALL {
        print!("{:>13}", shape.name());
    }
    println!("  new+destroy");
    for method in &boot.methods {
        print!("{:11}", method.name);
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
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
