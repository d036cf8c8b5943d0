// SPDX-License-Identifier: GPL-2.0-only
//! Walks over masks that change meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread::scope;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use libtest_mimic::Trial;

use super::bpf::Bpf;
use super::cpus::{set_online, sysfs};
use super::needs::{possible, running};
use super::trial;

/// How long a test waits for what it waits for.
const LIMIT: Duration = Duration::from_secs(30);

/// The tests of this file.
pub(super) fn trials() -> Vec<Trial> {
    vec![
        possible(67, trial("faults::read_live", read_live)),
        trial("faults::two_read_live", two_read_live),
        possible(11, trial("faults::over_stays_over", over_stays_over)),
        running(3, trial("faults::cpu_going_down", cpu_going_down)),
        trial("faults::unplugged_while_walked", unplugged_while_walked),
        trial("faults::changed_while_walked", || {
            changed_while("walk_kept")
        }),
        trial("faults::changed_while_two_are_walked", || {
            changed_while("walk_two")
        }),
        trial("faults::changed_while_copied", || {
            changed_while("walk_copies")
        }),
    ]
}

/// What a walk promises while its mask changes.
pub(super) fn well_formed(walked: &[u32], possible: &[u32]) -> Result<()> {
    ensure!(
        walked.is_sorted_by(|a, b| a < b),
        "not ascending, or a CPU twice: {walked:?}"
    );
    ensure!(
        walked.iter().all(|cpu| possible.contains(cpu)),
        "no such CPU: {walked:?}"
    );
    Ok(())
}

/// Ahead of the walk CPU 5 goes, and 9 and 66 come; behind it comes 0.
fn read_live() -> Result<()> {
    let bpf = Bpf::load("faults/live")?;
    let returned = bpf.run("change_ahead")?;
    ensure!(returned == 0, "change_ahead returned {}", returned as i32);
    let walked = bpf.walk("walk")?;
    ensure!(
        walked == [1, 9, 66],
        "walked {walked:?}, expected 1, 9 and 66"
    );
    Ok(())
}

/// The same of two masks: see the program for what goes and comes in which of them.
fn two_read_live() -> Result<()> {
    let bpf = Bpf::load("faults/live_pair")?;
    let returned = bpf.run("change_ahead")?;
    ensure!(returned == 0, "change_ahead returned {}", returned as i32);
    let both = bpf.walk("both")?;
    ensure!(both == [1, 9, 70], "walked {both:?}, expected 1, 9 and 70");
    let first_alone = bpf.walk("first_alone")?;
    ensure!(
        first_alone == [1, 70],
        "walked {first_alone:?}, expected 1 and 70"
    );
    Ok(())
}

/// Once NULL, always NULL: also when a CPU is set behind the end.
fn over_stays_over() -> Result<()> {
    let bpf = Bpf::load("faults/over")?;
    let returned = bpf.run("step_on")?;
    ensure!(returned == 0, "the walk over CPU 3 alone went wrong");
    let pointer = bpf.get_u64("after_the_end")?;
    ensure!(pointer == 0, "the step after the end gave {pointer:#x}");
    Ok(())
}

/// On the way down a CPU is dying, no more active and still online: the three
/// masks differ, and each getter must give its own.
fn cpu_going_down() -> Result<()> {
    let bpf = Bpf::load("faults/dying")?;
    let online = sysfs("online")?;
    let rest: Vec<_> = online.iter().copied().filter(|&cpu| cpu != 2).collect();
    let link = bpf.attach("step_down")?;
    set_online(2, false)?;
    drop(link);
    set_online(2, true)?;
    for (variable, expected) in [("dying", &[2][..]), ("active", &rest), ("online", &online)] {
        let walked = bpf.walk(variable)?;
        ensure!(
            walked == expected,
            "{variable}: walked {walked:?}, expected {expected:?}"
        );
    }
    Ok(())
}

/// CPU 2 goes and comes while other CPUs walk.
fn unplugged_while_walked() -> Result<()> {
    const LEAST_CHANGES: u32 = 10;
    const LEAST_WALKS: u32 = 200;
    let bpf = Bpf::load("walks/masks")?;
    let pair = Bpf::load("walks/pair")?;
    let snapshot = Bpf::load("walks/snapshot")?;
    let (possible, present) = (sysfs("possible")?, sysfs("present")?);
    let (stop, changes) = (AtomicBool::new(false), AtomicU32::new(0));
    let (mut with, mut without) = (0, 0);
    let (walks, changed) = scope(|scope| {
        let plug = scope.spawn(|| {
            while !stop.load(Relaxed) {
                set_online(2, false)?;
                set_online(2, true)?;
                changes.fetch_add(2, Relaxed);
            }
            Ok(())
        });
        let walks = (|| {
            let end = Instant::now() + LIMIT;
            while changes.load(Relaxed) < LEAST_CHANGES || with + without < LEAST_WALKS {
                ensure!(
                    Instant::now() < end && !plug.is_finished(),
                    "the CPU got stuck"
                );
                for walked in [
                    walk(&bpf, "online_cpus")?,
                    walk(&pair, "online_and_active")?,
                    walk(&snapshot, "online_cpus")?,
                ] {
                    well_formed(&walked, &present)?;
                    ensure!(
                        [0, 1, 3].iter().all(|cpu| walked.contains(cpu)),
                        "missed: {walked:?}"
                    );
                    if walked.contains(&2) {
                        with += 1
                    } else {
                        without += 1
                    }
                }
                let walked = walk(&pair, "present_not_online")?;
                ensure!(
                    walked.is_empty() || walked == [2],
                    "walked {walked:?}, and no CPU but 2 was ever offline"
                );
                let walked = walk(&bpf, "possible_cpus")?;
                ensure!(
                    walked == possible,
                    "walked {walked:?}, possible are {possible:?}"
                );
            }
            Ok(())
        })();
        stop.store(true, Relaxed);
        (
            walks,
            plug.join()
                .unwrap_or_else(|_| Err(anyhow!("the unplugging panicked"))),
        )
    });
    changed?;
    walks?;
    ensure!(
        with > 0 && without > 0,
        "CPU 2 seen {with} times, missed {without} times"
    );
    Ok(())
}

/// What a program records that walks once.
pub(super) fn walk(bpf: &Bpf, program: &str) -> Result<Vec<u32>> {
    bpf.clear("walk")?;
    bpf.run(program)?;
    bpf.walk("walk")
}

/// One program swaps even and odd CPUs of a mask over and over while another one
/// walks it: whatever it sees, no walk may go wrong.
fn changed_while(walks: &str) -> Result<()> {
    const LEAST_RUNS: u32 = 40;
    let bpf = Bpf::load("faults/changed")?;
    let returned = bpf.run("keep")?;
    ensure!(returned == 0, "keep returned {}", returned as i32);
    let (stop, changes) = (AtomicBool::new(false), AtomicU32::new(0));
    let mut runs = 0;
    let (walked, changed) = scope(|scope| {
        let change = scope.spawn(|| {
            while !stop.load(Relaxed) {
                bpf.run("change")?;
                changes.fetch_add(1, Relaxed);
            }
            Ok(())
        });
        let walked = (|| {
            let end = Instant::now() + LIMIT;
            while runs < LEAST_RUNS || changes.load(Relaxed) < LEAST_RUNS {
                ensure!(
                    Instant::now() < end && !change.is_finished(),
                    "the changes got stuck"
                );
                let returned = bpf.run(walks)?;
                ensure!(returned == 0, "{walks} returned {}", returned as i32);
                runs += 1;
            }
            Ok(())
        })();
        stop.store(true, Relaxed);
        (
            walked,
            change
                .join()
                .unwrap_or_else(|_| Err(anyhow!("the changes panicked"))),
        )
    });
    changed?;
    walked?;
    let (walks, disorders) = (bpf.get("walks")?, bpf.get("disorders")?);
    ensure!(
        walks > 0 && disorders == 0,
        "{disorders} disorders in {walks} walks"
    );
    Ok(())
}
