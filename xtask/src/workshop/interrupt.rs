// SPDX-License-Identifier: GPL-2.0-only
//! Ctrl-C and SIGTERM: end the children, remove what is half-made, leave with status 130.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Child, exit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static STATE: Mutex<State> = Mutex::new(State {
    children: BTreeSet::new(),
    scratch: BTreeSet::new(),
});

struct State {
    children: BTreeSet<i32>,
    scratch: BTreeSet<PathBuf>,
}

/// Installs the handler; once, before the first child is started.
pub(crate) fn install() -> Result<()> {
    ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::SeqCst);
        // First a word, so that a child can clean up after itself, then force.
        for (signal, patience) in [(Signal::TERM, 100), (Signal::KILL, 20)] {
            for pid in state()
                .children
                .iter()
                .filter_map(|&pid| Pid::from_raw(pid))
            {
                // A child that has ended meanwhile cannot be killed: nothing is lost.
                let _ = kill_process(pid, signal);
            }
            // Whoever waits for the child takes it off the list when it has ended.
            for _ in 0..patience {
                if state().children.is_empty() {
                    break;
                }
                thread::sleep(Duration::from_millis(100));
            }
        }
        for path in &state().scratch {
            remove(path);
        }
        // The terminal may be gone, and eprintln! would panic.
        let _ = writeln!(stderr(), "\ninterrupted");
        exit(130);
    })
    .context("cannot install the Ctrl-C handler")
}

/// A child process that does not outlive an interrupt, nor this guard.
pub(crate) struct Guarded(Child);

impl Guarded {
    /// Takes charge of `child`.
    pub(crate) fn new(child: Child) -> Self {
        state().children.insert(child.id().cast_signed());
        Self(child)
    }

    /// The child itself.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            // Both fail only if the child has just ended by itself.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
        let mut state = state();
        state.children.remove(&self.0.id().cast_signed());
        drop(state);
        wait_if_interrupted();
    }
}

/// A path that is removed unless it is kept: the mark of what is half-made.
pub(crate) struct Scratch(Option<PathBuf>);

impl Scratch {
    /// Marks `path`, which need not exist yet.
    pub(crate) fn new(path: &Path) -> Self {
        state().scratch.insert(path.to_path_buf());
        Self(Some(path.to_path_buf()))
    }

    /// The path is complete: it stays.
    pub(crate) fn keep(mut self) {
        if let Some(path) = self.0.take() {
            state().scratch.remove(&path);
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        wait_if_interrupted();
        if let Some(path) = self.0.take() {
            remove(&path);
            state().scratch.remove(&path);
        }
    }
}

/// Once an interrupt is being handled, the handler alone ends the process.
fn wait_if_interrupted() {
    while INTERRUPTED.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_secs(1));
    }
}

fn remove(path: &Path) {
    // Absent is what is wanted; what cannot be removed is removed by the next run.
    let _ = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}
