// SPDX-License-Identifier: GPL-2.0-only
//! The CPUs of a task that was preempted with migration disabled: `&task->cpus_mask` has them all,
//! `task->cpus_ptr` the one that it is on.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::scope;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use libtest_mimic::Trial;
use nix::unistd::gettid;

use super::bpf::Bpf;
use super::cpus::sysfs;
use super::needs::running;
use super::task::Task;
use super::trial;

/// The test of this file.
pub(super) fn trials() -> Vec<Trial> {
    vec![running(2, trial("migration::disabled", disabled))]
}

/// On every CPU another task wants to run as well, so that the one which is looked at is preempted.
fn disabled() -> Result<()> {
    const ENOUGH: u32 = 20;
    let online = sysfs("online")?;
    let bpf = Bpf::load("walks/migration")?;
    bpf.set("allowed", online.len().try_into()?)?;
    let busy: Vec<Task> = online.iter().map(|_| Task::busy()).collect::<Result<_>>()?;
    for (task, &cpu) in busy.iter().zip(&online) {
        task.set_affinity(&[cpu])?;
    }
    let stop = AtomicBool::new(false);
    let (looked, stayed) = scope(|scope| {
        let stays = scope.spawn(|| {
            bpf.set("pid", gettid().as_raw().try_into()?)?;
            while !stop.load(Relaxed) {
                bpf.run("stay")?;
            }
            Ok(())
        });
        let looked = (|| {
            let end = Instant::now() + Duration::from_secs(30);
            while bpf.get("short_of_pointer")? < ENOUGH {
                ensure!(
                    Instant::now() < end && !stays.is_finished(),
                    "in {} looks, cpus_ptr was short {} times",
                    bpf.get("looks")?,
                    bpf.get("short_of_pointer")?
                );
                bpf.run("look")?;
            }
            Ok(())
        })();
        stop.store(true, Relaxed);
        let stayed = stays.join();
        (
            looked,
            stayed.unwrap_or_else(|_| Err(anyhow!("the task panicked"))),
        )
    });
    stayed?;
    looked?;
    let (looks, short) = (bpf.get("looks")?, bpf.get("short_of_mask")?);
    ensure!(
        short == 0,
        "in {looks} looks, cpus_mask was short {short} times"
    );
    Ok(())
}
