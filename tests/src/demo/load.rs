// SPDX-License-Identifier: GPL-2.0-only
//! The load: threads that want more CPU, and more memory, than they get.

use std::hint::{black_box, spin_loop};
use std::io::{Write, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result, ensure};

use super::container::MEMORY_HIGH;
use super::cpus::{allowed, pin};

/// How many spinners the container's first CPU gets, its second, and so on
/// over again. Uneven, so that no wrong CPU can stand in for a right one.
pub(super) const SPINNERS: [u64; 2] = [4, 2];

/// The line that starts the load, and the one that says that it runs.
pub(super) const GO: &str = "go";
pub(super) const READY: &str = "ready";

/// A thread that spins on one CPU until this is dropped.
pub(super) struct Spinner {
    stop: Arc<AtomicBool>,
}

impl Spinner {
    /// Starts to spin.
    pub(super) fn start(cpu: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        thread::spawn(move || {
            if pin(cpu).is_ok() {
                while !stopped.load(Relaxed) {
                    spin_loop();
                }
            }
        });
        Self { stop }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

/// The process inside the container: waits for its start, and ends with its input.
///
/// Its first thread does nothing and is not pinned, so its mask is the
/// container's. The spinners are pinned: one that is moved from one run queue to
/// another is on neither for a moment, and a count would miss it.
pub(super) fn main() -> Result<()> {
    let mut lines = stdin().lines();
    let start = lines.next().context("nobody started the load")??;
    ensure!(start == GO, "expected {GO:?}, found {start:?}");
    let (pinned, threads) = mpsc::channel();
    let mut spinners = 0;
    for (cpu, count) in allowed()?.into_iter().zip(SPINNERS.into_iter().cycle()) {
        for _ in 0..count {
            let pinned = pinned.clone();
            thread::spawn(move || {
                // The receiver waits for every spinner.
                let _ = pinned.send(pin(cpu));
                loop {
                    spin_loop();
                }
            });
            spinners += 1;
        }
    }
    for result in threads.into_iter().take(spinners) {
        result?;
    }
    thread::spawn(hoard);
    println!("{READY}");
    stdout().flush()?;
    lines.next();
    Ok(())
}

/// Takes half as much memory again as the container's `memory.high`, gives it
/// back and starts over. There is no swap and no disk to reclaim to, so the
/// kernel slows the thread down instead, and that is memory pressure.
fn hoard() {
    loop {
        black_box(vec![1u8; MEMORY_HIGH + MEMORY_HIGH / 2]);
    }
}
