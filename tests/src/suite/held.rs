// SPDX-License-Identifier: GPL-2.0-only
//! Walks without preemption, without interrupts, and by code that was blinded.

use std::fs;

use anyhow::{Context, Result};
use libtest_mimic::Trial;

use super::bpf::Bpf;
use super::cpus::sysfs;
use super::trial;
use super::walks::{same, walk};

/// The tests of this file.
pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("held::without_preemption", || held("without_preemption")),
        trial("held::without_interrupts", || held("without_interrupts")),
        trial("held::blinded", blinded),
    ]
}

fn held(program: &str) -> Result<()> {
    let bpf = Bpf::load("walks/held")?;
    bpf.run(program)?;
    let possible = sysfs("possible")?;
    same(&bpf.walk("walk")?, &possible)?;
    same(&bpf.walk("copy")?, &possible)
}

/// With this setting the compiler hides every constant of every program.
fn blinded() -> Result<()> {
    const SYSCTL: &str = "/proc/sys/net/core/bpf_jit_harden";
    let before = fs::read_to_string(SYSCTL).with_context(|| format!("cannot read {SYSCTL}"))?;
    fs::write(SYSCTL, "2")?;
    let walked = walk("walks/masks", "possible_cpus", &sysfs("possible")?);
    fs::write(SYSCTL, before)?;
    walked
}
