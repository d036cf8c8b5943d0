// SPDX-License-Identifier: GPL-2.0-only
//! Walks over a copy of a mask. With up to 256 possible CPUs the copy lies in the iterator, with more
//! it is memory: the suite runs in a guest of either kind.

use std::path::Path;
use std::ptr;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;

use super::bpf::Bpf;
use super::cpus::{set_online, sysfs};
use super::masks::Random;
use super::memory::{KMEMLEAK, PROFILE, forget_leaks, in_use, leaks, new_leaks, usage};
use super::task::Task;
use super::trial;
use super::walks::{bound, walk, walk_task, walk_value};

const OBJECT: &str = "walks/snapshot";
const MEMORY: &str = "walks/snapshot_memory";
/// The programs of `MEMORY` that make copies, and how many one run of any of them makes.
const MAKERS: [&str; 4] = ["to_the_end", "left_by_break", "left_by_return", "nested"];
const COPIES: u32 = 200;
/// More possible CPUs than this, and a copy is memory.
const IN_PLACE: u32 = 256;

/// The tests of this file.
pub(super) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("snapshot::possible", || {
            walk(OBJECT, "possible_cpus", &sysfs("possible")?)
        }),
        trial("snapshot::one_offline", one_offline),
        trial("snapshot::bpf_for_each_sleepable", || {
            walk(OBJECT, "pointers", &sysfs("possible")?)
        }),
        trial("snapshot::body_sleeps", body_sleeps),
        trial("snapshot::outlives_the_task", outlives_the_task),
        trial("snapshot::unchanged_by_changes", || {
            walk(OBJECT, "change_ahead", &[1, 5, 70])
        }),
        trial("snapshot::map_value", map_value),
        trial("snapshot::memory_goes_back", memory_goes_back),
        trial("snapshot::no_growth", no_growth),
    ];
    if [PROFILE, KMEMLEAK]
        .iter()
        .all(|path| Path::new(path).exists())
    {
        let trial = trial("snapshot::nothing_left_behind", nothing_left_behind);
        trials.push(trial);
    }
    trials
}

fn one_offline() -> Result<()> {
    set_online(2, false)?;
    let walked = walk(OBJECT, "online_cpus", &[0, 1, 3]);
    set_online(2, true)?;
    walked?;
    walk(OBJECT, "online_cpus", &[0, 1, 2, 3])
}

/// At each CPU the body reads a word of this process, which may have to be waited for.
fn body_sleeps() -> Result<()> {
    const WORD: u32 = 7;
    let bpf = Bpf::load(OBJECT)?;
    let word = WORD;
    bpf.write("user", &ptr::from_ref(&word).addr().to_ne_bytes())?;
    for cpus in [&[1, 3][..], &[0, 1, 2, 3]] {
        let task = Task::sleeping()?;
        task.set_affinity(cpus)?;
        bpf.clear("words_read")?;
        walk_task(&bpf, "sleeps", &task, cpus)?;
        let (read, expected) = (bpf.get("words_read")?, WORD * cpus.len() as u32);
        ensure!(read == expected, "read {read}, expected {expected}");
    }
    Ok(())
}

fn outlives_the_task() -> Result<()> {
    let bpf = Bpf::load(OBJECT)?;
    let task = Task::sleeping()?;
    task.set_affinity(&[0, 3])?;
    walk_task(&bpf, "outlives_the_task", &task, &[0, 3])
}

/// Any mask, also with bits such as no CPU has.
fn map_value() -> Result<()> {
    let bpf = Bpf::load(OBJECT)?;
    let bound = bound()?;
    walk_value(&bpf, |_| false)?;
    walk_value(&bpf, |_| true)?;
    for pair in [[3, bound], [bound, bound + 1], [bound - 1, bound]] {
        walk_value(&bpf, |bit| pair.contains(&bit))?;
    }
    let mut random = Random::new();
    for round in 0..160 {
        walk_value(&bpf, |_| random.is_set(round))?;
    }
    Ok(())
}

/// As many objects come from kmalloc_nolock() as there are copies, none if copies take no memory,
/// and the same objects go back.
fn memory_goes_back() -> Result<()> {
    let bpf = Bpf::load(MEMORY)?;
    let _links = [
        bpf.attach("kmalloc_nolock_returns")?,
        bpf.attach("kfree_nolock_called")?,
    ];
    let expected = if bound()? > IN_PLACE { COPIES } else { 0 };
    for maker in MAKERS {
        for variable in ["walks", "taken", "given", "taken_xor", "given_xor"] {
            bpf.clear(variable)?;
        }
        bpf.run(maker)?;
        let (walks, taken, given) = (bpf.get("walks")?, bpf.get("taken")?, bpf.get("given")?);
        ensure!(walks == COPIES, "{maker}: {walks} walks");
        ensure!(
            (taken, given) == (expected, expected),
            "{maker}: {taken} objects came and {given} went, expected {expected}"
        );
        let (taken, given) = (bpf.get_u64("taken_xor")?, bpf.get_u64("given_xor")?);
        ensure!(taken == given, "{maker}: others went than came");
    }
    Ok(())
}

/// The same by what the kernel has in use after more and more copies.
fn no_growth() -> Result<()> {
    const RUNS: u64 = 25;
    let bpf = Bpf::load(MEMORY)?;
    let mut usages = Vec::new();
    for _ in 0..3 {
        for _ in 0..RUNS {
            for maker in MAKERS {
                bpf.run(maker)?;
            }
        }
        usages.push(usage()?);
    }
    let leaks = leaks(&usages, RUNS * u64::from(COPIES));
    ensure!(leaks.is_empty(), "grew every time: {}", leaks.join("; "));
    Ok(())
}

/// The same by the kernel's own aids. The leak detector alone would not do: it does not know memory
/// of kmalloc_nolock(), and would only tell of memory that came by another way.
fn nothing_left_behind() -> Result<()> {
    let bpf = Bpf::load(MEMORY)?;
    forget_leaks()?;
    for maker in MAKERS {
        bpf.run(maker)?;
        let left = in_use("bpf_iter_cpumask_alloc")?;
        ensure!(left == 0, "{maker} leaves {left} objects behind");
    }
    let leaks = new_leaks()?;
    ensure!(
        leaks.trim().is_empty(),
        "the kernel's leak detector:\n{leaks}"
    );
    Ok(())
}
