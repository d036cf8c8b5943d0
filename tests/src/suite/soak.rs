// SPDX-License-Identifier: GPL-2.0-only
//! The `soak` verb: walks of every kind, again and again, while CPUs go and come, cpusets change, tasks
//! end, programs are loaded and unloaded, and memory is short.

use std::fs;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{ScopedJoinHandle, scope, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;

use super::bpf::Bpf;
use super::cgroup::Cgroup;
use super::console;
use super::cpus::{set_online, sysfs};
use super::faults::{walk, well_formed};
use super::memory::{leaks, usage};
use super::task::Task;

/// How long to walk, and how often at least.
#[derive(Args)]
pub(crate) struct Options {
    /// In seconds.
    #[arg(long, default_value_t = 1800)]
    seconds: u64,
    /// In all.
    #[arg(long, default_value_t = 10_000_000)]
    walks: u64,
}

/// After each the kernel's memory is looked at; the first is to warm up.
const ROUNDS: u32 = 4;
/// What else changes leaves so much time to the walks.
const PAUSE: Duration = Duration::from_millis(20);
/// What the kernel's own memory may grow by from the first round to the last: half a byte for each of ten
/// million walks.
const FLAT_KIB: u64 = 4 << 10;
/// So many objects more or less are no sign.
const NOISE: u64 = 25;
/// Memory that is left to the kernel and the others when it is short.
const LEFT_KIB: u64 = 48 << 10;

/// What happened so far.
#[derive(Default)]
struct Counts {
    walks: AtomicU64,
    unplugged: AtomicU64,
    cpusets: AtomicU64,
    tasks: AtomicU64,
    loads: AtomicU64,
    shortages: AtomicU64,
}

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let counts = Counts::default();
    Cgroup::enable("cpuset")?;
    let round = Duration::from_secs(options.seconds) / ROUNDS;
    let (mut usages, mut kernels) = (Vec::new(), Vec::new());
    let mut loads = u64::MAX;
    for number in 1..=ROUNDS {
        let before = counts.loads.load(Relaxed);
        go_round(&counts, round)?;
        loads = loads.min(counts.loads.load(Relaxed) - before);
        let mut used = usage()?;
        // Stacks and programs that are given back stay here until many are unmapped at once; their
        // pages, which are given back at once, count as VmallocUsed.
        used.remove("vmap_area");
        usages.push(used);
        kernels.push(kernels_own()?);
        println!("{number} of {ROUNDS}: {}", told(&counts, &kernels));
    }
    // What stays behind of each program would be as many as these.
    let leaks = leaks(&usages, (loads / 2).max(NOISE));
    ensure!(
        leaks.is_empty(),
        "grew in every round of {loads} loads or more: {}",
        leaks.join("; ")
    );
    let (first, last) = (kernels[0], kernels[kernels.len() - 1]);
    ensure!(
        last <= first + FLAT_KIB,
        "the kernel's own memory grew: {kernels:?} KiB"
    );
    let walks = counts.walks.load(Relaxed);
    ensure!(walks >= options.walks, "only {walks} walks");
    console::quiet(&console::records()?)?;
    Ok(ExitCode::SUCCESS)
}

fn told(counts: &Counts, kernels: &[u64]) -> String {
    let count = |count: &AtomicU64| count.load(Relaxed);
    format!(
        "{} walks; {} times a CPU was unplugged, {} cpusets, {} tasks, {} loads, {} times short of \
         memory; the kernel's own: {} KiB",
        count(&counts.walks),
        count(&counts.unplugged),
        count(&counts.cpusets),
        count(&counts.tasks),
        count(&counts.loads),
        count(&counts.shortages),
        kernels.last().unwrap_or(&0)
    )
}

/// What the kernel has in use for itself, in KiB.
fn kernels_own() -> Result<u64> {
    let kinds = [
        "SUnreclaim",
        "KernelStack",
        "PageTables",
        "VmallocUsed",
        "Percpu",
    ];
    kinds.into_iter().map(memory).sum()
}

/// Everything at once for so long.
fn go_round(counts: &Counts, time: Duration) -> Result<()> {
    let stop = AtomicBool::new(false);
    let changing = ["walk_kept", "walk_two", "walk_copies"];
    let changing = changing.map(|walks| Ok((walks, kept()?)));
    let changing = changing.into_iter().collect::<Result<Vec<_>>>()?;
    let (stop, end) = (&stop, Instant::now() + time);
    scope(|scope| {
        // A walker and who changes its mask, each with an object of its own to count in.
        let mut all = Vec::new();
        for (walks, bpf) in &changing {
            all.push(scope.spawn(|| until(stop, || ran(bpf, "change"))));
            all.push(scope.spawn(|| until(stop, || ran(bpf, walks))));
        }
        let others: [fn(&Counts, &AtomicBool) -> Result<()>; 6] =
            [masks, unplug, cpusets, tasks, loads, shortage];
        for other in others {
            all.push(scope.spawn(move || other(counts, stop)));
        }
        while Instant::now() < end && all.iter().all(|one| !one.is_finished()) {
            sleep(Duration::from_millis(50));
        }
        stop.store(true, Relaxed);
        let ends: Vec<Result<()>> = all.into_iter().map(end_of).collect();
        ends.into_iter().collect::<Result<()>>()
    })?;
    for (walks, bpf) in &changing {
        let disorders = bpf.get("disorders")?;
        ensure!(disorders == 0, "{walks}: {disorders} disorders");
        counts.walks.fetch_add(bpf.get("walks")?.into(), Relaxed);
    }
    Ok(())
}

fn end_of(thread: ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    thread
        .join()
        .unwrap_or_else(|_| Err(anyhow!("a thread panicked")))
}

fn until(stop: &AtomicBool, mut each: impl FnMut() -> Result<()>) -> Result<()> {
    while !stop.load(Relaxed) {
        each()?;
    }
    Ok(())
}

fn now_and_then(stop: &AtomicBool, mut each: impl FnMut() -> Result<()>) -> Result<()> {
    until(stop, || {
        sleep(PAUSE);
        each()
    })
}

fn kept() -> Result<Bpf> {
    let bpf = Bpf::load("faults/changed")?;
    ran(&bpf, "keep")?;
    Ok(bpf)
}

fn ran(bpf: &Bpf, program: &str) -> Result<()> {
    let returned = bpf.run(program)?;
    ensure!(returned == 0, "{program} returned {}", returned as i32);
    Ok(())
}

/// The kernel's own masks, by each iterator.
fn masks(counts: &Counts, stop: &AtomicBool) -> Result<()> {
    let [masks, pair, snapshot] = ["walks/masks", "walks/pair", "walks/snapshot"].map(Bpf::load);
    let (masks, pair, snapshot) = (masks?, pair?, snapshot?);
    let present = sysfs("present")?;
    now_and_then(stop, || {
        for (bpf, program) in [
            (&masks, "online_cpus"),
            (&pair, "online_and_active"),
            (&snapshot, "online_cpus"),
        ] {
            let walked = walk(bpf, program)?;
            well_formed(&walked, &present)?;
            // Short of memory, a copy is none and its walk empty.
            let stays = walked.contains(&0) && walked.contains(&1);
            let empty = walked.is_empty() && program == "online_cpus";
            ensure!(stays || empty, "{program} missed a CPU: {walked:?}");
            counts.walks.fetch_add(1, Relaxed);
        }
        Ok(())
    })
}

/// CPUs 2 and 3 go and come.
fn unplug(counts: &Counts, stop: &AtomicBool) -> Result<()> {
    now_and_then(stop, || {
        for cpu in [2, 3] {
            set_online(cpu, false)?;
            set_online(cpu, true)?;
            counts.unplugged.fetch_add(1, Relaxed);
        }
        Ok(())
    })
}

/// A task's mask is walked while its cpuset changes. With its CPUs gone it may run on any that is left.
fn cpusets(counts: &Counts, stop: &AtomicBool) -> Result<()> {
    let cgroup = Cgroup::new("soak")?;
    let task = Task::sleeping()?;
    cgroup.write("cgroup.procs", &task.pid().to_string())?;
    let bpf = Bpf::load("walks/task")?;
    bpf.set("pid", task.pid())?;
    let possible = sysfs("possible")?;
    now_and_then(stop, || {
        for cpus in ["0-3", "1,3", "0,2", "2"] {
            cgroup.write("cpuset.cpus", cpus)?;
            for program in ["of_pid", "of_pid_sleepable", "pointed_at"] {
                let walked = walk(&bpf, program)?;
                well_formed(&walked, &possible)?;
                ensure!(!walked.is_empty(), "{program} saw no CPU");
                counts.walks.fetch_add(1, Relaxed);
            }
            counts.cpusets.fetch_add(1, Relaxed);
        }
        Ok(())
    })?;
    drop(task);
    // The root has it until the cgroup is empty.
    sleep(Duration::from_millis(100));
    Ok(())
}

/// A task ends while it is walked, before or after.
fn tasks(counts: &Counts, stop: &AtomicBool) -> Result<()> {
    let bpf = Bpf::load("walks/task")?;
    let possible = sysfs("possible")?;
    now_and_then(stop, || {
        let task = Task::sleeping()?;
        bpf.set("pid", task.pid())?;
        let ended = scope(|scope| {
            let end = scope.spawn(|| drop(task));
            let walked = walk(&bpf, "of_pid").and_then(|cpus| well_formed(&cpus, &possible));
            end.join().map_err(|_| anyhow!("it cannot be ended"))?;
            walked
        });
        counts.walks.fetch_add(1, Relaxed);
        counts.tasks.fetch_add(1, Relaxed);
        ended
    })
}

/// Programs come and go.
fn loads(counts: &Counts, stop: &AtomicBool) -> Result<()> {
    now_and_then(stop, || {
        for name in ["walks/masks", "walks/snapshot", "types/fentry"] {
            let bpf = Bpf::load(name)?;
            if name == "walks/masks" {
                bpf.run("possible_cpus")?;
                counts.walks.fetch_add(1, Relaxed);
            }
            counts.loads.fetch_add(1, Relaxed);
        }
        Ok(())
    })
}

/// Takes what memory there is, and gives it back.
fn shortage(counts: &Counts, stop: &AtomicBool) -> Result<()> {
    const PAGE: usize = 4096;
    until(stop, || {
        let mut taken = Vec::new();
        while memory("MemAvailable")? > LEFT_KIB && !stop.load(Relaxed) {
            let mut more = vec![0_u8; 8 << 20];
            more.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
            taken.push(more);
        }
        counts.shortages.fetch_add(1, Relaxed);
        sleep(Duration::from_millis(300));
        Ok(())
    })
}

/// A line of `/proc/meminfo`, in KiB.
fn memory(name: &str) -> Result<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo")?;
    let mut lines = meminfo.lines();
    let kib = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = kib.and_then(|line| line.split_whitespace().next());
    let kib = kib.with_context(|| format!("no {name} in /proc/meminfo"))?;
    Ok(kib.parse()?)
}
