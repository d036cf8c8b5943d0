// SPDX-License-Identifier: GPL-2.0-only
//! Copies where there is no memory for them: on a machine without `cmpxchg` of a double word,
//! `kmalloc_nolock()` never has any, but for caches that check themselves, which do without (`mm/slub.c`).

use std::fs;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use nix::errno::Errno;

use super::bpf::Bpf;
use super::cpus::sysfs;
use super::needs::ignored;
use super::trial;
use super::walks::walk;

const OBJECT: &str = "walks/snapshot_none";

/// The tests of this file, if the machine is such a one.
pub(super) fn trials() -> Vec<Trial> {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    // arm64 calls them Features, and always has such an instruction.
    let flags = info.lines().find(|line| line.starts_with("flags"));
    if flags.is_none_or(|flags| flags.split_whitespace().any(|flag| flag == "cx16")) {
        return vec![];
    }
    let without = [
        trial("no_memory::new_fails", new_fails),
        trial("no_memory::loop_is_empty", || {
            walk(OBJECT, "empty_loop", &[])
        }),
    ];
    let mut trials = match caches_are_checked() {
        true => without.map(|trial| ignored("checked caches", trial)).into(),
        false => Vec::from(without),
    };
    trials.push(trial("no_memory::mask_is_walked", || {
        walk("walks/masks", "possible_cpus", &sysfs("possible")?)
    }));
    trials
}

/// `kmem_cache_debug()`, of a cache that copies come from.
fn caches_are_checked() -> bool {
    ["sanity_checks", "red_zone", "poison", "store_user", "trace"]
        .iter()
        .map(|flag| fs::read_to_string(format!("/sys/kernel/slab/kmalloc-64/{flag}")))
        .any(|flag| flag.is_ok_and(|flag| flag.trim() == "1"))
}

/// The walk is empty then, step after step, and can be ended.
fn new_fails() -> Result<()> {
    let bpf = Bpf::load(OBJECT)?;
    bpf.run("steps")?;
    let made = Errno::from_raw(-(bpf.get("made")? as i32));
    ensure!(made == Errno::ENOMEM, "new returned {made}");
    let steps = bpf.get("steps_made")?;
    ensure!(steps == 0, "{steps} steps");
    Ok(())
}
