// SPDX-License-Identifier: GPL-2.0-only
//! Walks over masks whose content is known: the CPUs come in order, each once.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;

use super::bpf::Bpf;
use super::cgroup::Cgroup;
use super::cpus::{set_online, sysfs};
use super::masks::{Random, cpus, filled};
use super::needs::{possible, running, with_variable};
use super::task::Task;
use super::trial;

/// The tests of this file.
pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("walks::possible", || {
            mask("possible_cpus", &sysfs("possible")?)
        }),
        trial("walks::present", || {
            mask("present_cpus", &sysfs("present")?)
        }),
        trial("walks::online", || mask("online_cpus", &sysfs("online")?)),
        trial("walks::enabled", || {
            mask("enabled_cpus", &sysfs("enabled")?)
        }),
        // sysfs does not show these two. Between hotplug operations the kernel
        // schedules on every online CPU, and no CPU is dying.
        trial("walks::active", || mask("active_cpus", &sysfs("online")?)),
        trial("walks::dying", || mask("dying_cpus", &[])),
        with_variable(
            "__cpu_possible_mask",
            trial("walks::mask_identity", mask_identity),
        ),
        running(4, trial("walks::one_offline", one_offline)),
        trial("walks::bpf_for_each", || {
            mask("pointers", &sysfs("possible")?)
        }),
        possible(66, trial("walks::more_than_64_cpus", more_than_64_cpus)),
        trial("walks::nr_cpu_ids", nr_cpu_ids),
        running(4, trial("walks::task_affinity", || affinity("of_pid"))),
        running(
            4,
            trial("walks::task_affinity_sleepable", || {
                affinity("of_pid_sleepable")
            }),
        ),
        running(
            4,
            trial("walks::task_affinity_pointed_at", || affinity("pointed_at")),
        ),
        running(4, trial("walks::cpuset", cpuset)),
        trial("walks::made_empty", || walk("walks/made", "empty", &[])),
        trial("walks::made_full", || {
            walk("walks/made", "full", &(0..bound()?).collect::<Vec<_>>())
        }),
        trial("walks::made_first", || walk("walks/made", "first", &[0])),
        trial("walks::made_last", || {
            walk("walks/made", "last", &[bound()? - 1])
        }),
        possible(
            65,
            trial("walks::made_word_edges", || {
                walk("walks/made", "word_edges", &[31, 32, 63, 64])
            }),
        ),
        possible(71, trial("walks::kept_in_a_map", kept_in_a_map)),
        trial("walks::map_value", map_value),
        possible(
            5,
            trial("walks::early_break", || {
                walk("walks/loops", "early_break", &[0, 1, 2, 3, 4])
            }),
        ),
        possible(6, trial("walks::early_return", early_return)),
        trial("walks::two_nested", || nested("two_nested", "pairs", 2)),
        trial("walks::three_nested", || {
            nested("three_nested", "triples", 3)
        }),
        trial("walks::static_subprogram", || {
            subprogram("static_subprogram")
        }),
        trial("walks::global_subprogram", || {
            subprogram("global_subprogram")
        }),
        running(
            4,
            trial("walks::passed_on", || {
                walk("walks/loops", "passed_on", &[0, 1, 2, 3])
            }),
        ),
    ]
}

/// Runs a program that walks and returns 0; the walk must be this one.
pub(super) fn walk(object: &str, program: &str, expected: &[u32]) -> Result<()> {
    let bpf = Bpf::load(object)?;
    let returned = bpf.run(program)?;
    ensure!(returned == 0, "{program} returned {}", returned as i32);
    same(&bpf.walk("walk")?, expected)
}

pub(super) fn same(walked: &[u32], expected: &[u32]) -> Result<()> {
    ensure!(
        walked == expected,
        "walked {walked:?}, expected {expected:?}"
    );
    Ok(())
}

fn mask(program: &str, expected: &[u32]) -> Result<()> {
    walk("walks/masks", program, expected)
}

/// The kernel's bound, from what sysfs shows: the highest possible CPU and one.
pub(super) fn bound() -> Result<u32> {
    Ok(sysfs("possible")?.last().map_or(0, |last| last + 1))
}

/// Possible, present and enabled CPUs are the same in this guest: that each mask
/// is the one that it is called, its address tells.
fn mask_identity() -> Result<()> {
    let bpf = Bpf::load("walks/identity")?;
    bpf.run("identity")?;
    let wrong = bpf.get("wrong_masks")?;
    ensure!(
        wrong == 0,
        "other masks than the kernel's own: bits {wrong:#b}"
    );
    Ok(())
}

fn one_offline() -> Result<()> {
    let bpf = Bpf::load("walks/masks")?;
    let all = sysfs("online")?;
    let rest: Vec<_> = all.iter().copied().filter(|&cpu| cpu != 2).collect();
    set_online(2, false)?;
    let walked = ["online_cpus", "active_cpus"].map(|program| {
        bpf.clear("walk")?;
        bpf.run(program)?;
        bpf.walk("walk")
    });
    set_online(2, true)?;
    ensure!(all.len() == rest.len() + 1, "CPU 2 was not online: {all:?}");
    for walked in walked {
        same(&walked?, &rest)?;
    }
    bpf.clear("walk")?;
    bpf.run("online_cpus")?;
    same(&bpf.walk("walk")?, &all)
}

fn more_than_64_cpus() -> Result<()> {
    let bpf = Bpf::load("walks/masks")?;
    bpf.run("possible_cpus")?;
    let walked = bpf.walk("walk")?;
    ensure!(
        walked.len() > 64 && walked.len() % 64 != 0,
        "{} possible CPUs: boot with more than a word of a mask has bits, and not whole words",
        walked.len()
    );
    same(&walked, &(0..walked.len() as u32).collect::<Vec<_>>())
}

fn nr_cpu_ids() -> Result<()> {
    let bpf = Bpf::load("walks/masks")?;
    bpf.run("bound")?;
    let (got, expected) = (bpf.get("nr_cpu_ids")?, bound()?);
    ensure!(
        got == expected,
        "bpf_nr_cpu_ids() is {got}, expected {expected}"
    );
    Ok(())
}

fn affinity(program: &str) -> Result<()> {
    let bpf = Bpf::load("walks/task")?;
    for cpus in [&[1, 3][..], &[0, 2, 3], &[3], &[0, 1, 2, 3]] {
        let task = Task::sleeping()?;
        task.set_affinity(cpus)?;
        walk_task(&bpf, program, &task, cpus)?;
    }
    Ok(())
}

pub(super) fn walk_task(bpf: &Bpf, program: &str, task: &Task, expected: &[u32]) -> Result<()> {
    bpf.clear("walk")?;
    bpf.set("pid", task.pid())?;
    let returned = bpf.run(program)?;
    ensure!(returned == 0, "{program} returned {}", returned as i32);
    same(&bpf.walk("walk")?, expected)
}

fn cpuset() -> Result<()> {
    Cgroup::enable("cpuset")?;
    let bpf = Bpf::load("walks/task")?;
    let cgroup = Cgroup::new("sparse")?;
    let task = Task::sleeping()?;
    cgroup.write("cpuset.cpus", "1,3")?;
    cgroup.write("cgroup.procs", &task.pid().to_string())?;
    walk_task(&bpf, "of_pid", &task, &[1, 3])?;
    cgroup.write("cpuset.cpus", "0,2-3")?;
    walk_task(&bpf, "of_pid", &task, &[0, 2, 3])
}

fn kept_in_a_map() -> Result<()> {
    let bpf = Bpf::load("walks/kptr")?;
    bpf.run("walk_kept")?;
    same(&bpf.walk("walk")?, &[])?;
    let returned = bpf.run("keep")?;
    ensure!(returned == 0, "keep returned {}", returned as i32);
    bpf.run("walk_kept")?;
    same(&bpf.walk("walk")?, &[1, 7, 70])
}

/// Plain memory of the right size is a mask as well, and user space can write
/// any bits there, also such as no CPU has: the walk must leave them out.
fn map_value() -> Result<()> {
    let bpf = Bpf::load("walks/value")?;
    let (bound, bits) = (bound()?, u32::try_from(bpf.size("mask")? * 8)?);
    ensure!(
        bound + 2 < bits,
        "the kernel was built for {bits} CPUs, and {bound} are possible"
    );
    let last = bound - 1;
    walk_value(&bpf, |_| false)?;
    walk_value(&bpf, |_| true)?;
    for pair in [
        [3, bound],
        [3, bound + 1],
        [bound, bound + 1],
        [last, bound],
        [0, bits - 1],
    ] {
        walk_value(&bpf, |bit| pair.contains(&bit))?;
    }
    let mut random = Random::new();
    for round in 0..320 {
        walk_value(&bpf, |_| random.is_set(round))?;
    }
    Ok(())
}

/// Fills the mask bit by bit and walks it.
pub(super) fn walk_value(bpf: &Bpf, is_set: impl FnMut(u32) -> bool) -> Result<()> {
    let mask = filled(bpf.size("mask")?, is_set);
    bpf.write("mask", &mask)?;
    bpf.clear("walk")?;
    bpf.run("walk_value")?;
    same(&bpf.walk("walk")?, &cpus(&mask, bound()?))
}

fn early_return() -> Result<()> {
    let bpf = Bpf::load("walks/loops")?;
    let returned = bpf.run("early_return")?;
    ensure!(returned == 5, "early_return returned {}", returned as i32);
    same(&bpf.walk("walk")?, &[0, 1, 2, 3, 4])
}

/// The inner loops count the ascending tuples: n over k of them.
fn nested(program: &str, counter: &str, k: usize) -> Result<()> {
    let bpf = Bpf::load("walks/loops")?;
    let online = sysfs("online")?;
    bpf.run(program)?;
    same(&bpf.walk("walk")?, &online)?;
    let expected = (0..k).fold(1, |tuples, i| {
        tuples * online.len().saturating_sub(i) / (i + 1)
    }) as u32;
    let counted = bpf.get(counter)?;
    ensure!(
        counted == expected,
        "{counted} {counter}, expected {expected}"
    );
    Ok(())
}

fn subprogram(program: &str) -> Result<()> {
    walk("walks/loops", program, &sysfs("present")?)
}
