// SPDX-License-Identifier: GPL-2.0-only
//! Workers: processes of this same program, since a thread that does not end cannot be ended.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::worker::{READY, Said, Task};

/// How long a worker may take to read the kernel's types.
const START: Duration = Duration::from_secs(30);

/// Does all tasks, some at a time; what was said of each.
pub(super) fn run(tasks: &[Task], jobs: usize, limit: Duration) -> Result<Vec<Said>> {
    let bar = ProgressBar::new(tasks.len() as u64).with_style(
        ProgressStyle::with_template("{bar:30} {pos}/{len} programs, {elapsed} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Option<Said>>> = Mutex::new(vec![None; tasks.len()]);
    let work = || -> Result<()> {
        let mut worker: Option<Worker> = None;
        loop {
            let index = next.fetch_add(1, Relaxed);
            let Some(task) = tasks.get(index) else {
                return Ok(());
            };
            let mut ready = match worker.take() {
                Some(ready) => ready,
                None => Worker::start()?,
            };
            bar.set_message(task.program.clone().unwrap_or_default());
            let said = ready.ask(task, limit)?;
            if !matches!(said, Said::TimedOut | Said::Crashed(_)) {
                worker = Some(ready);
            }
            if let Ok(mut done) = done.lock() {
                done[index] = Some(said);
            }
            bar.inc(1);
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        let results = joined.map(|ended| ended.unwrap_or_else(|_| bail!("a thread died")));
        results.collect::<Result<Vec<()>>>()
    })?;
    bar.finish_and_clear();
    let done = done.into_inner().unwrap_or_default();
    let done: Option<Vec<Said>> = done.into_iter().collect();
    let mut done = done.context("a program was left out")?;
    // Not for want of a processor: those that did not end in time have another try, each alone.
    for (task, said) in tasks.iter().zip(&mut done) {
        if matches!(said, Said::TimedOut) {
            *said = Worker::start()?.ask(task, limit)?;
        }
    }
    Ok(done)
}

/// A process, and the lines that it says.
struct Worker {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Worker {
    /// The same command again, but for `--worker`.
    fn start() -> Result<Self> {
        let program = std::env::current_exe().context("where this program lies")?;
        let mut child = Command::new(program)
            .args(std::env::args_os().skip(1))
            .arg("--worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start a worker")?;
        let input = child.stdin.take().context("a worker without input")?;
        let output = child.stdout.take().context("a worker without output")?;
        let (send, lines) = channel();
        // It ends when the worker does.
        thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.map_while(|line| send.send(line).ok()).for_each(drop);
        });
        let worker = Self {
            child,
            input,
            lines,
        };
        match worker.lines.recv_timeout(START) {
            Ok(line) if line == READY => Ok(worker),
            _ => bail!("a worker does not start: run the same with --worker to see why"),
        }
    }

    fn ask(&mut self, task: &Task, limit: Duration) -> Result<Said> {
        let line = serde_json::to_string(task)?;
        // A worker that is dead is found to be so below.
        let _ = writeln!(self.input, "{line}").and_then(|()| self.input.flush());
        match self.lines.recv_timeout(limit) {
            Ok(line) => serde_json::from_str(&line).context("a worker said nonsense"),
            Err(RecvTimeoutError::Timeout) => Ok(Said::TimedOut),
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait()?;
                Ok(Said::Crashed(status.to_string()))
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
