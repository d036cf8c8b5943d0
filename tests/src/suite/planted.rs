// SPDX-License-Identifier: GPL-2.0-only
//! Bugs that a module commits: a kernel that looks for such has to see each.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use nix::errno::Errno;
use nix::kmod::init_module;

use super::anywhere::has;
use super::console::{complaints, records};
use super::memory::{KMEMLEAK, forget_leaks, new_leaks};
use super::trial;

/// The module, which is in the guests that are to look for its bugs.
const MODULE: &str = "/planted/planted.ko";

/// How often KFENCE takes a sample, in milliseconds; 0 is never. Its room is for 255 objects, so it is
/// to begin here, and not with the kernel's own that stay.
const INTERVAL: &str = "/sys/module/kfence/parameters/sample_interval";

/// The kernel's parameter for red zones. Where KASAN is, it speaks first, and puts off what is freed.
const RED_ZONES: &str = "slub_debug";

/// Of each bug: its name, the function that the kernel has if it looks for such, or [`RED_ZONES`], and
/// what it says.
const BUGS: &[(&str, &str, &str)] = &[
    // The first, for lockdep turns itself off when KASAN speaks.
    (
        "unprotected",
        "lockdep_rcu_suspicious",
        "WARNING: suspicious RCU usage",
    ),
    (
        "beyond",
        "kfence_handle_page_fault",
        "KFENCE: out-of-bounds read in planted_beyond",
    ),
    (
        "freed",
        "kfence_handle_page_fault",
        "KFENCE: use-after-free read in planted_freed",
    ),
    (
        "beyond",
        "kasan_report",
        "KASAN: slab-out-of-bounds in planted_beyond",
    ),
    (
        "freed",
        "kasan_report",
        "KASAN: slab-use-after-free in planted_freed",
    ),
    ("written", RED_ZONES, ";BUG kmalloc-128 "),
    (
        "written",
        "kasan_report",
        "KASAN: slab-out-of-bounds in planted_written",
    ),
    (
        "sleep",
        "__might_resched",
        "BUG: sleeping function called from invalid context",
    ),
    (
        "bit",
        "__ubsan_handle_shift_out_of_bounds",
        "UBSAN: shift-out-of-bounds in ",
    ),
];

/// The tests of this file, if the module is there: one for each bug that the kernel looks for.
pub(super) fn trials() -> Vec<Trial> {
    if !Path::new(MODULE).exists() {
        return vec![];
    }
    let bugs = BUGS.iter().filter(|(_, checker, _)| looks(checker));
    let mut trials: Vec<Trial> = bugs
        .map(|&(bug, checker, words)| {
            trial(format!("planted::{bug} by {checker}"), move || {
                seen(bug, words)
            })
        })
        .collect();
    if Path::new(KMEMLEAK).exists() {
        trials.push(trial("planted::leak", leak));
    }
    trials
}

fn looks(checker: &str) -> bool {
    match checker {
        RED_ZONES => {
            let told = fs::read_to_string("/proc/cmdline").unwrap_or_default();
            told.contains(RED_ZONES) && !has("kasan_report")
        }
        function => has(function),
    }
}

/// The kernel says so when the bug is committed, and `console::quiet` would fail for it.
fn seen(bug: &str, words: &str) -> Result<()> {
    if Path::new(INTERVAL).exists() {
        fs::write(INTERVAL, "1").with_context(|| format!("cannot write {INTERVAL}"))?;
    }
    let before = records()?.len();
    commit(bug)?;
    said(before, words)
}

/// What was said since the first `before` records has these words in it, and is a complaint.
fn said(before: usize, words: &str) -> Result<()> {
    let since = records()?.split_off(before);
    let record = since.iter().find(|record| record.contains(words));
    let record = record.with_context(|| format!("no {words:?} in\n{}", since.concat()))?;
    eprintln!("{}", record.lines().next().unwrap_or_default());
    ensure!(
        complaints(std::slice::from_ref(record)).is_err(),
        "nobody would notice {record}"
    );
    Ok(())
}

fn leak() -> Result<()> {
    let before = records()?.len();
    forget_leaks()?;
    commit("leak")?;
    let leaks = new_leaks()?;
    // The module has gone, and with it the name of its function.
    ensure!(leaks.contains("do_init_module+"), "not seen: {leaks:?}");
    said(before, "new suspected memory leak")
}

/// Loads the module, which does as it is told and then does not want to stay.
fn commit(bug: &str) -> Result<()> {
    let module = fs::read(MODULE).with_context(|| format!("cannot read {MODULE}"))?;
    let told = std::ffi::CString::new(format!("bug={bug}"))?;
    let ended = init_module(&module, &told);
    ensure!(
        ended == Err(Errno::ECANCELED),
        "the module ended with {ended:?}"
    );
    Ok(())
}
