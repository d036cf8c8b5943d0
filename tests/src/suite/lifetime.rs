// SPDX-License-Identifier: GPL-2.0-only
//! What is walked goes, or becomes something else, while it is walked.
//!
//! A mask that RCU keeps stays as it was. Plain memory may be reused at once, but it is given back
//! no sooner: no walk may see what the kernel fills freed memory with (`slub_debug=P`).

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use libbpf_rs::ProgramInput;
use libtest_mimic::Trial;

use super::bpf::Bpf;
use super::masks::filled;
use super::needs::{possible, running};
use super::task::Task;
use super::walks::same;
use super::{is_patched, trial};

const OWNERS: &str = "lifetime/owners";
const MEMORY: &str = "lifetime/memory";
/// The programs of `MEMORY` that walk a map's value.
const OF_A_MAP: [&str; 4] = [
    "of_hash_allocated",
    "of_hash_preallocated",
    "of_lru_hash",
    "of_task_storage",
];
/// Bits that are not in 0x6b, the filling of freed memory.
pub(super) const MASK: [u32; 4] = [2, 4, 66, 68];
pub(super) const OTHER: [u32; 4] = [2, 7, 68, 71];

/// The tests of this file.
pub(super) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial("lifetime::freed_memory_is_filled", freed_memory_is_filled),
        possible(
            69,
            trial("lifetime::mask_released", || released("mask_released")),
        ),
        trial("lifetime::masks_released", || released("masks_released")),
        running(3, trial("lifetime::task_released", task_released)),
        trial("lifetime::of_context", of_context),
    ];
    for program in OF_A_MAP.into_iter().chain(["of_ring_buffer"]) {
        let name = format!("lifetime::{program}");
        let trial = trial(name, move || given_up(program));
        trials.push(possible(72, trial));
    }
    trials
}

/// The tests below tell little otherwise.
fn freed_memory_is_filled() -> Result<()> {
    for cache in ["task_struct", "kmalloc-1k", "kmalloc-2k"] {
        let path = format!("/sys/kernel/slab/{cache}/poison");
        let poison = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        ensure!(
            poison.trim() == "1",
            "{path}: {poison:?}: boot with slub_debug=P"
        );
    }
    Ok(())
}

fn released(program: &str) -> Result<()> {
    let bpf = Bpf::load_one(OWNERS, program)?;
    let returned = bpf.run(program)?;
    ensure!(returned == 0, "{program} returned {}", returned as i32);
    same(&bpf.walk("walk")?, &MASK)
}

/// The task has ended and been waited for: the program has the last reference.
fn task_released() -> Result<()> {
    let bpf = Bpf::load_some(OWNERS, |name| {
        name.ends_with("task") || name.starts_with("task")
    })?;
    let task = Task::sleeping()?;
    task.set_affinity(&[2])?;
    bpf.set("pid", task.pid())?;
    let returned = bpf.run("keep_task")?;
    ensure!(returned == 0, "keep_task returned {}", returned as i32);
    drop(task);
    // What the kernel itself holds of it goes after a grace period.
    sleep(Duration::from_millis(300));
    let returned = bpf.run("task_released")?;
    ensure!(returned == 0, "task_released returned {}", returned as i32);
    same(&bpf.walk("walk")?, &[2])
}

/// `MASK` to begin with, and what follows may be of `OTHER`.
pub(super) fn ours(bpf: &Bpf) -> Result<()> {
    let walked = bpf.walk("walk")?;
    ensure!(
        walked.first() == Some(&MASK[0]) && walked.is_sorted_by(|a, b| a < b),
        "not begun with {}, or not ascending: {walked:?}",
        MASK[0]
    );
    ensure!(
        walked
            .iter()
            .all(|cpu| MASK.contains(cpu) || OTHER.contains(cpu)),
        "neither of {MASK:?} nor of {OTHER:?}: {walked:?}"
    );
    ensure!(walked.contains(&68), "68 is in both: {walked:?}");
    Ok(())
}

/// What came of loading a walk over memory that is no map's value; none if the kernel has the
/// patches, which refuse it.
pub(super) fn refuses_memory(loaded: Result<Bpf>) -> Result<Option<Bpf>> {
    if !is_patched()? {
        return loaded.map(Some);
    }
    let log = loaded
        .err()
        .map_or(String::new(), |error| error.to_string());
    ensure!(
        log.contains(" expected STRUCT cpumask"),
        "not refused\n{log}"
    );
    Ok(None)
}

/// The program with its masks filled in.
fn loaded(program: &str) -> Result<Option<Bpf>> {
    let loaded = Bpf::load_one(MEMORY, program);
    let bpf = match OF_A_MAP.contains(&program) {
        true => loaded?,
        false => match refuses_memory(loaded)? {
            Some(bpf) => bpf,
            None => return Ok(None),
        },
    };
    let size = bpf.size("mask")?;
    bpf.write("mask", &filled(size, |bit| MASK.contains(&bit)))?;
    bpf.write("other", &filled(size, |bit| OTHER.contains(&bit)))?;
    Ok(Some(bpf))
}

/// Many times, as what is taken next is the same memory now and then only.
fn given_up(program: &str) -> Result<()> {
    let Some(bpf) = loaded(program)? else {
        return Ok(());
    };
    for _ in 0..100 {
        bpf.clear("walk")?;
        let returned = bpf.run(program)?;
        ensure!(returned == 0, "{program} returned {}", returned as i32);
        ours(&bpf)?;
    }
    Ok(())
}

fn of_context() -> Result<()> {
    let Some(bpf) = loaded("of_context")? else {
        return Ok(());
    };
    let mut mask = filled(bpf.size("mask")?, |bit| MASK.contains(&bit));
    let input = ProgramInput {
        context_in: Some(&mut mask),
        ..ProgramInput::default()
    };
    let returned = bpf.run_with("of_context", input)?;
    ensure!(returned == 0, "of_context returned {}", returned as i32);
    same(&bpf.walk("walk")?, &[2, 7, 68, 71])
}
