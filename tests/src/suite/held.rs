// SPDX-License-Identifier: GPL-2.0-only
//! Walks without preemption, without interrupts, and by code that was blinded.

use std::fs;

use anyhow::{Context, Result};
use libtest_mimic::Trial;

use super::bpf::Bpf;
use super::cpus::sysfs;
use super::needs::running;
use super::task::Task;
use super::walks::{same, walk, walk_task};
use super::{is_patched, trial};

/// The tests of this file.
pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("held::without_preemption", || held("without_preemption")),
        trial("held::without_interrupts", || held("without_interrupts")),
        running(4, trial("held::blinded", blinded)),
    ]
}

fn held(program: &str) -> Result<()> {
    let bpf = Bpf::load("walks/held")?;
    bpf.run(program)?;
    let possible = sysfs("possible")?;
    same(&bpf.walk("walk")?, &possible)?;
    match is_patched()? {
        true => Ok(()),
        false => same(&bpf.walk("copy")?, &possible),
    }
}

/// With this setting the compiler hides every constant of every program.
fn blinded() -> Result<()> {
    const SYSCTL: &str = "/proc/sys/net/core/bpf_jit_harden";
    let before = fs::read_to_string(SYSCTL).with_context(|| format!("cannot read {SYSCTL}"))?;
    fs::write(SYSCTL, "2")?;
    let walked = walks();
    fs::write(SYSCTL, before)?;
    walked
}

fn walks() -> Result<()> {
    let possible = sysfs("possible")?;
    walk("walks/masks", "possible_cpus", &possible)?;
    let edges = [31, 32, 63, 64].into_iter();
    let edges: Vec<u32> = edges.filter(|cpu| possible.contains(cpu)).collect();
    walk("walks/made", "word_edges", &edges)?;
    walk("walks/loops", "early_break", &[0, 1, 2, 3, 4])?;
    if !is_patched()? {
        walk("walks/pair", "online_and_active", &sysfs("online")?)?;
        walk("walks/snapshot", "pointers", &possible)?;
    }
    let task = Task::sleeping()?;
    task.set_affinity(&[1, 3])?;
    let bpf = Bpf::load("walks/task")?;
    walk_task(&bpf, "of_pid_sleepable", &task, &[1, 3])
}
