// SPDX-License-Identifier: GPL-2.0-only
//! Small programs of the kind that people write, on the header's loops: that they do what they say.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;

use super::anywhere::has;
use super::bpf::Bpf;
use super::cpus::{set_online, sysfs};
use super::masks::filled;
use super::needs::{ignored, possible, running, with_kfunc, with_runqueues};
use super::task::Task;
use super::trial;
use super::walks::bound;

/// The tests of this file.
pub(super) fn trials(counted: bool) -> Vec<Trial> {
    let histogram = running(4, trial("tools::histogram", histogram));
    let mut trials = vec![with_runqueues(histogram)];
    if has("bpf_iter_num_new") {
        // Of few CPUs the walk is short, and what is around it counts.
        let cost = trial("tools::cost", move || cost(counted));
        let cost = match no_measure(counted) {
            Some(why) => ignored(why, cost),
            None => cost,
        };
        trials.push(possible(60, cost));
    }
    // Not every kernel has it, and then there is nothing to be attached to.
    if Path::new("/sys/kernel/sched_ext").exists() {
        let scheduler = running(4, trial("tools::scheduler", scheduler));
        trials.push(with_kfunc("scx_bpf_test_and_clear_cpu_idle", 1, scheduler));
    }
    trials
}

/// Why what the clock says of a loop says little here.
fn no_measure(counted: bool) -> Option<&'static str> {
    if has("kasan_report") {
        // Part of the header's way is in a helper of the kernel's.
        Some("the kernel checks itself")
    } else if cfg!(target_arch = "aarch64") && !counted {
        // QEMU looks up the target of each call by an address in a register.
        Some("calls take the emulator long")
    } else {
        None
    }
}

/// Each online CPU has as many samples as were taken, and two busy CPUs have tasks in them.
fn histogram() -> Result<()> {
    const SAMPLES: u32 = 40;
    let bpf = Bpf::load("tools/histogram")?;
    let busy = [Task::busy()?, Task::busy()?];
    for (task, cpu) in busy.iter().zip([1, 3]) {
        task.set_affinity(&[cpu])?;
    }
    set_online(2, false)?;
    let sampled = (0..SAMPLES).try_for_each(|_| {
        sleep(Duration::from_millis(10));
        bpf.run("sample").map(drop)
    });
    let online = sysfs("online");
    set_online(2, true)?;
    sampled?;
    let online = online?;
    for cpu in sysfs("possible")? {
        let row = bpf.row("rows", cpu)?;
        let sum: u32 = row.iter().sum();
        let wanted = if online.contains(&cpu) { SAMPLES } else { 0 };
        ensure!(sum == wanted, "CPU {cpu} has {sum} samples, not {wanted}");
    }
    for cpu in [1, 3] {
        let row = bpf.row("rows", cpu)?;
        let busy: u32 = row[1..].iter().sum();
        ensure!(busy > SAMPLES / 2, "CPU {cpu} was idle: {row:?}");
    }
    Ok(())
}

/// A task that sleeps and wakes is put on CPUs of its own mask alone.
fn scheduler() -> Result<()> {
    let mut bpf = Bpf::load("tools/scheduler")?;
    let _link = bpf.attach_struct_ops("scheduler")?;
    let task = Task::blinking()?;
    task.set_affinity(&[1, 3])?;
    bpf.clear("picked")?;
    bpf.set("pid", task.pid())?;
    let mut picked = Vec::new();
    for _ in 0..100 {
        sleep(Duration::from_millis(50));
        picked = bpf.words("picked")?;
        if picked.iter().sum::<u32>() >= 20 {
            break;
        }
    }
    let sum: u32 = picked.iter().sum();
    ensure!(sum >= 20, "an idle CPU was found {sum} times");
    ensure!(
        sum == picked[1] + picked[3],
        "a CPU that the task may not run on: {picked:?}"
    );
    Ok(())
}

/// The header's loop takes little more than `bpf_for` with a test of each CPU where all are set, and
/// less where few are. Where the clock counts instructions these are the same in each run; else the
/// guest shares its time with others.
fn cost(counted: bool) -> Result<()> {
    let bpf = Bpf::load("tools/cost")?;
    let (bound, size) = (bound()?, bpf.size("mask")?);
    bpf.set("nr", bound)?;
    let least = |program: &str| -> Result<u64> {
        let mut least = u64::MAX;
        for _ in 0..100 {
            bpf.run(program)?;
            least = least.min(bpf.get_u64("took")?);
        }
        Ok(least)
    };
    let nothing = least("nothing")?;
    let most = match counted {
        true => [112, 23, 13],
        false => [130, 30, 30],
    };
    let masks = [("all", 1), ("1 of 8", 8), ("last", bound)];
    for ((name, every), percent) in masks.into_iter().zip(most) {
        let is_set = |bit| bit < bound && bit % every == every - 1;
        bpf.write("mask", &filled(size, is_set))?;
        let [header, hand] = ["by_header", "by_hand"].map(|program| {
            let took = least(program)?.saturating_sub(nothing);
            let sums = [bpf.get_u64("sum")?, bpf.get_u64("visited")?];
            anyhow::Ok((took, sums))
        });
        let ((header, walked), (hand, tested)) = (header?, hand?);
        ensure!(walked == tested, "{name}: {walked:?} is not {tested:?}");
        eprintln!("cost of {name}: {header} by the header, {hand} by hand, of {bound} CPUs");
        ensure!(
            header * 100 <= hand * percent,
            "{name}: {header} by the header, {hand} by hand"
        );
    }
    Ok(())
}
