// SPDX-License-Identifier: GPL-2.0-only
//! The walk in every type of program that may call the kfuncs.
//!
//! Each program of `tests/programs/types` runs where its type runs: at the
//! event it is attached to, or by `BPF_PROG_TEST_RUN`. That the others may not
//! is with the refused programs.

use std::fs::{self, File};
use std::hint;
use std::io::Read;
use std::os::fd::AsFd;
use std::process::id;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use libbpf_rs::{CgroupIterOpts, CgroupIterOrder, Iter, IterOpts};
use libtest_mimic::Trial;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use super::bpf::Bpf;
use super::cgroup::Cgroup;
use super::cpus::sysfs;
use super::needs::{running, with_runqueues};
use super::task::Task;
use super::trial;

/// How long a test waits for what comes at once where the host has time for the guest.
const LIMIT: Duration = Duration::from_secs(30);
/// `SCX_EXIT_UNREG`: user space took the scheduler away.
const SCX_EXIT_UNREG: u32 = 64;

/// The tests of this file.
pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("program_types::syscall", syscall),
        trial("program_types::fentry", fentry),
        running(4, trial("program_types::tp_btf", tp_btf)),
        trial("program_types::lsm", || at_event("types/lsm", open_a_file)),
        trial("program_types::lsm_sleepable", || {
            at_event("types/lsm_sleepable", open_a_file)
        }),
        trial("program_types::iter_cgroup", iter_cgroup),
        running(4, trial("program_types::struct_ops", struct_ops)),
        with_runqueues(trial("program_types::readme", readme)),
    ]
}

fn walked_online(bpf: &Bpf) -> Result<()> {
    let (walked, online) = (bpf.walk("walk")?, sysfs("online")?);
    ensure!(walked == online, "walked {walked:?}, online are {online:?}");
    Ok(())
}

fn syscall() -> Result<()> {
    let bpf = Bpf::load("types/syscall")?;
    bpf.run("walk_online")?;
    walked_online(&bpf)
}

/// The kernel's own test function runs, and with it what is attached to it.
fn fentry() -> Result<()> {
    let bpf = Bpf::load("types/fentry")?;
    let _link = bpf.attach("walk_online")?;
    bpf.run("walk_online")?;
    walked_online(&bpf)
}

/// A new task starts with the affinity of the one that makes it.
fn tp_btf() -> Result<()> {
    let bpf = Bpf::load("types/tp_btf")?;
    bpf.set("tgid", id())?;
    let _link = bpf.attach("walk_new_task")?;
    let this_thread = Pid::from_raw(0);
    let before = sched_getaffinity(this_thread)?;
    let mut sparse = CpuSet::new();
    sparse.set(1)?;
    sparse.set(3)?;
    sched_setaffinity(this_thread, &sparse)?;
    let task = Task::sleeping();
    sched_setaffinity(this_thread, &before)?;
    task?;
    let walked = bpf.walk("walk")?;
    ensure!(
        walked == [1, 3],
        "walked {walked:?}, the new task may run on 1 and 3"
    );
    Ok(())
}

/// The README's program sees tasks that are ready to run.
fn readme() -> Result<()> {
    const SPINNERS: u32 = 3;
    let bpf = Bpf::load("readme")?;
    let _link = bpf.attach("count_ready")?;
    let done = AtomicBool::new(false);
    scope(|scope| {
        for _ in 0..SPINNERS {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    hint::spin_loop();
                }
            });
        }
        let counted = most_ready(&bpf, SPINNERS);
        done.store(true, Ordering::Relaxed);
        let most = counted?;
        ensure!(
            most >= SPINNERS,
            "{SPINNERS} threads spin, at most {most} were counted"
        );
        Ok(())
    })
}

/// The largest count within the limit, or the first that is `enough`.
fn most_ready(bpf: &Bpf, enough: u32) -> Result<u32> {
    let deadline = Instant::now() + LIMIT;
    let mut most = 0;
    while most < enough && Instant::now() < deadline {
        sleep(Duration::from_millis(10));
        most = bpf.get("ready")?.max(most);
    }
    Ok(most)
}

/// Attaches the program, makes its event happen here, and looks at the walk.
fn at_event(object: &str, event: fn() -> Result<()>) -> Result<()> {
    let bpf = Bpf::load(object)?;
    bpf.set("tgid", id())?;
    let _link = bpf.attach("walk_online")?;
    event()?;
    walked_online(&bpf)
}

fn open_a_file() -> Result<()> {
    File::open("/proc/self/stat")?;
    Ok(())
}

/// The program runs for one cgroup when its iterator is read, and also prints.
fn iter_cgroup() -> Result<()> {
    let bpf = Bpf::load("types/iter_cgroup")?;
    let cgroup = Cgroup::new("iterated")?;
    let directory = File::open(cgroup.path())?;
    let mut options = CgroupIterOpts::from_fd(directory.as_fd());
    options.order = CgroupIterOrder::SelfOnly;
    let program = bpf.program("walk_online")?;
    let link = program.attach_iter_with_opts(IterOpts::Cgroup(options));
    let link = link.context("cannot attach to the cgroup's iterator")?;
    let mut printed = String::new();
    Iter::new(&link)?.read_to_string(&mut printed)?;
    walked_online(&bpf)?;
    let lines: Vec<_> = sysfs("online")?.iter().map(u32::to_string).collect();
    ensure!(printed.lines().eq(lines), "printed {printed:?}");
    Ok(())
}

/// The scheduler must take over, place the task within its affinity on idle
/// CPUs, and go when it is told to, not because it went wrong.
fn struct_ops() -> Result<()> {
    const STATE: &str = "/sys/kernel/sched_ext/state";
    let state = || fs::read_to_string(STATE).with_context(|| format!("cannot read {STATE}"));
    let mut bpf = Bpf::load("types/scheduler")?;
    let task = Task::busy()?;
    task.set_affinity(&[1, 3])?;
    bpf.set("pid", task.pid())?;
    let link = bpf.attach_struct_ops("scheduler")?;
    ensure!(
        state()?.trim() == "enabled",
        "the scheduler is {}",
        state()?.trim()
    );
    let deadline = Instant::now() + LIMIT;
    while (bpf.get("ran")? < 3 || bpf.get("claimed")? < 3) && Instant::now() < deadline {
        // The task goes through the scheduler again, and so does this one.
        task.set_affinity(&[1, 3])?;
        sleep(Duration::from_millis(20));
    }
    let (ran, claimed) = (bpf.get("ran")?, bpf.get("claimed")?);
    drop(link);
    let deadline = Instant::now() + LIMIT;
    while state()?.trim() != "disabled" && Instant::now() < deadline {
        sleep(Duration::from_millis(20));
    }
    ensure!(
        state()?.trim() == "disabled",
        "the scheduler is {}",
        state()?.trim()
    );
    let kind = bpf.get("exit_kind")?;
    ensure!(
        kind == SCX_EXIT_UNREG,
        "the scheduler went with exit kind {kind}"
    );
    ensure!(ran >= 3, "the task was put on a CPU {ran} times");
    ensure!(claimed >= 3, "an idle CPU was claimed {claimed} times");
    let walked = bpf.walk("walk")?;
    ensure!(
        walked == [1, 3],
        "walked {walked:?}, the task may run on 1 and 3"
    );
    Ok(())
}
