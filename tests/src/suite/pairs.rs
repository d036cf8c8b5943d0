// SPDX-License-Identifier: GPL-2.0-only
//! Walks over the CPUs that two masks have in common, or that one has and the other has not.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;

use super::bpf::Bpf;
use super::cpus::{set_online, sysfs};
use super::masks::{Random, cpus, filled};
use super::task::Task;
use super::trial;
use super::walks::{bound, same, walk, walk_task};

const OBJECT: &str = "walks/pair";

/// The tests of this file.
pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("pairs::online_and_active", || {
            walk(OBJECT, "online_and_active", &sysfs("online")?)
        }),
        trial("pairs::present_not_online", present_not_online),
        trial("pairs::bpf_for_each_and", || {
            walk(OBJECT, "and_pointers", &sysfs("present")?)
        }),
        trial("pairs::bpf_for_each_andnot", || {
            walk(OBJECT, "andnot_pointers", &not_present()?)
        }),
        trial("pairs::nested", || {
            walk(OBJECT, "nested", &sysfs("online")?)
        }),
        trial("pairs::affinity_sleepable", affinity),
        trial("pairs::map_values", map_values),
    ]
}

/// The CPUs that are possible and not there: most of those that this guest has.
fn not_present() -> Result<Vec<u32>> {
    let present = sysfs("present")?;
    let mut possible = sysfs("possible")?;
    possible.retain(|cpu| !present.contains(cpu));
    Ok(possible)
}

fn present_not_online() -> Result<()> {
    walk(OBJECT, "present_not_online", &[])?;
    set_online(2, false)?;
    let walked = [
        walk(OBJECT, "present_not_online", &[2]),
        walk(OBJECT, "online_and_active", &[0, 1, 3]),
    ];
    set_online(2, true)?;
    walked.into_iter().collect()
}

fn affinity() -> Result<()> {
    let bpf = Bpf::load(OBJECT)?;
    for (allowed, others) in [
        (&[1, 3][..], &[0, 2][..]),
        (&[0, 2, 3], &[1]),
        (&[0, 1, 2, 3], &[]),
    ] {
        let task = Task::sleeping()?;
        task.set_affinity(allowed)?;
        walk_task(&bpf, "allowed_and_online", &task, allowed)?;
        walk_task(&bpf, "online_not_allowed", &task, others)?;
    }
    Ok(())
}

/// Any two masks, also with bits such as no CPU has.
fn map_values() -> Result<()> {
    let bpf = Bpf::load(OBJECT)?;
    let (bound, size) = (bound()?, bpf.size("mask1")?);
    let mut random = Random::new();
    for round in 0..200 {
        let masks = [round, round / 5].map(|round| filled(size, |_| random.is_set(round)));
        let [cpus1, cpus2] = [&masks[0], &masks[1]].map(|mask| cpus(mask, bound));
        let (both, first_alone): (Vec<u32>, Vec<u32>) =
            cpus1.into_iter().partition(|cpu| cpus2.contains(cpu));
        bpf.write("mask1", &masks[0])?;
        bpf.write("mask2", &masks[1])?;
        for (program, expected) in [("and_values", both), ("andnot_values", first_alone)] {
            bpf.clear("walk")?;
            let returned = bpf.run(program)?;
            ensure!(returned == 0, "{program} returned {}", returned as i32);
            same(&bpf.walk("walk")?, &expected)?;
        }
    }
    Ok(())
}
