// SPDX-License-Identifier: GPL-2.0-only
//! Running programs: progress on the terminal, all their output in a log, one line when they fail.

use std::fs::{self};
use std::io::{BufRead, BufReader, Seek, Write, pipe};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use walkdir::WalkDir;

use crate::workshop::files::{create, make_dir};
use crate::workshop::interrupt::Guarded;

/// Runs programs and shows how far they are.
pub(crate) struct Runner {
    logs: PathBuf,
    verbose: bool,
    /// The bars of steps that run side by side.
    bars: MultiProgress,
}

impl Runner {
    /// A runner that writes its logs to the directory `logs`.
    pub(crate) fn new(logs: PathBuf, verbose: bool) -> Self {
        Self {
            logs,
            verbose,
            bars: MultiProgress::new(),
        }
    }

    /// The log file of the step called `name`.
    pub(crate) fn log(&self, name: &str) -> Result<PathBuf> {
        make_dir(&self.logs)?;
        let file: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '.' {
                    c
                } else {
                    '-'
                }
            })
            .collect();
        Ok(self.logs.join(format!("{file}.log")))
    }

    /// Runs `command` as the step `name`, of unknown length.
    pub(crate) fn run(&self, name: &str, command: Command) -> Result<()> {
        self.run_counted(name, command, 0, |_| 0)
    }

    /// Runs `command` as the step `name`, which is done when `count` over its lines of output
    /// adds up to `total`; an estimate is enough, 0 stands for unknown.
    pub(crate) fn run_counted(
        &self,
        name: &str,
        mut command: Command,
        total: u64,
        count: impl Fn(&str) -> u64,
    ) -> Result<()> {
        let log = self.log(name)?;
        let mut file = create(&log)?;
        writeln!(file, "$ {command:?}")?;
        let (reader, writer) = pipe()?;
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let bar = self.bar(name, total);
        let mut guarded = Guarded::new(spawn(&mut command)?);
        // The command holds the pipe's write end; with it open the pipe would never end.
        drop(command);
        for line in BufReader::new(reader).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            writeln!(file, "{line}")?;
            bar.set_position((bar.position() + count(&line)).min(total));
            bar.set_message(line.trim().to_owned());
            if self.verbose {
                bar.suspend(|| eprintln!("{line}"));
            }
        }
        let status = guarded.child().wait()?;
        drop(guarded);
        self.finish(&bar, name, status.success());
        if status.success() {
            Ok(())
        } else {
            Err(failure(name, status, &log))
        }
    }

    /// Runs `command`, which downloads `total` bytes into the directory `dir`.
    pub(crate) fn run_watched(
        &self,
        name: &str,
        mut command: Command,
        dir: &Path,
        total: u64,
    ) -> Result<()> {
        let log = self.log(name)?;
        let mut file = create(&log)?;
        writeln!(file, "$ {command:?}")?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        let bar = self.bar(name, total);
        let mut guarded = Guarded::new(spawn(&mut command)?);
        let status = loop {
            if let Some(status) = guarded.child().try_wait()? {
                break status;
            }
            bar.set_position(size_below(dir));
            thread::sleep(Duration::from_millis(100));
        };
        drop(guarded);
        self.finish(&bar, name, status.success());
        if status.success() {
            Ok(())
        } else {
            Err(failure(name, status, &log))
        }
    }

    /// A bar for `name` with elapsed time; a spinner when `total` is 0.
    pub(crate) fn bar(&self, name: &str, total: u64) -> ProgressBar {
        let bar = if total == 0 {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::new(total)
        };
        let bar = self.bars.add(bar);
        let template = if total == 0 {
            "{spinner} {prefix} [{elapsed}] {wide_msg:.dim}"
        } else {
            "{spinner} {prefix} [{elapsed}] {bar:24} {percent:>3}% {wide_msg:.dim}"
        };
        // The templates are literals: they parse.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        if bar.is_hidden() {
            // No terminal: a line when a step starts and one when it ends, so that a log tells.
            eprintln!("{name} ...");
        }
        bar
    }

    /// Takes `bar` away and says how long its step took.
    pub(crate) fn finish(&self, bar: &ProgressBar, name: &str, success: bool) {
        bar.finish_and_clear();
        self.bars.remove(bar);
        let word = if success { "done" } else { "failed" };
        let elapsed = bar.elapsed().as_secs_f64();
        self.bars
            .suspend(|| eprintln!("{name}: {word} in {elapsed:.1} s"));
    }

    /// Runs `command` with this terminal, for what talks to the user itself.
    pub(crate) fn interactive(&self, mut command: Command) -> Result<ExitStatus> {
        let mut guarded = Guarded::new(spawn(&mut command)?);
        Ok(guarded.child().wait()?)
    }
}

/// What `command` prints; an error with its own words if it fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    Ok(String::from_utf8_lossy(&bytes(command)?).into_owned())
}

/// The same of a command that prints no text.
pub(crate) fn bytes(command: &mut Command) -> Result<Vec<u8>> {
    output_from(command, Stdio::null())
}

fn output_from(command: &mut Command, input: Stdio) -> Result<Vec<u8>> {
    let program = command.get_program().display().to_string();
    command
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = command
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(anyhow!(
        "{program}: {}",
        telling_line(&words).unwrap_or("failed without a word")
    ))
}

/// The same for a `command` that reads `input`.
pub(crate) fn output_of(command: &mut Command, input: &str) -> Result<String> {
    // A file and not a pipe, which can be full on both sides.
    let mut file = tempfile::tempfile().context("cannot make a temporary file")?;
    file.write_all(input.as_bytes())?;
    file.rewind()?;
    let said = output_from(command, Stdio::from(file))?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// The argument of `make` for as many jobs as there are processors.
pub(crate) fn jobs() -> String {
    format!(
        "-j{}",
        thread::available_parallelism().map_or(1, usize::from)
    )
}

fn size_below(dir: &Path) -> u64 {
    WalkDir::new(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .filter(|data| data.is_file())
        .map(|data| data.len())
        .sum()
}

fn spawn(command: &mut Command) -> Result<std::process::Child> {
    command
        .spawn()
        .with_context(|| format!("cannot run {}", command.get_program().display()))
}

fn failure(name: &str, status: ExitStatus, log: &Path) -> anyhow::Error {
    let text = fs::read_to_string(log).unwrap_or_default();
    let reason = cause(&text)
        .map(str::to_owned)
        .or_else(|| telling_line(&text).map(str::to_owned))
        .unwrap_or_else(|| status.to_string());
    anyhow!("{name} failed: {reason} (log: {})", log.display())
}

/// The causes that a user can mend, recognised by what the tools say of them.
fn cause(log: &str) -> Option<&'static str> {
    const CAUSES: [(&str, &str); 9] = [
        (
            "No space left on device",
            "no space left on the device; free some, or set XDG_CACHE_HOME to a larger one",
        ),
        (
            "Temporary failure resolving",
            "no network: the package archive's name does not resolve",
        ),
        (
            "Could not resolve",
            "no network: the package archive's name does not resolve",
        ),
        (
            "Could not connect",
            "no network: the package archive does not answer",
        ),
        (
            "Unable to connect",
            "no network: the package archive does not answer",
        ),
        (
            "Hash Sum mismatch",
            "a downloaded file has the wrong checksum; run the command again",
        ),
        (
            "does not match the expected",
            "a downloaded file has the wrong checksum; run the command again",
        ),
        (
            "is not signed",
            "the package archive's signature does not verify",
        ),
        ("Cannot allocate memory", "out of memory"),
    ];
    CAUSES
        .iter()
        .find(|(sign, _)| log.contains(sign))
        .map(|(_, cause)| *cause)
}

/// The line that most likely says what went wrong: the first error, else the last line.
fn telling_line(log: &str) -> Option<&str> {
    let lines = || {
        log.lines()
            .skip_while(|line| line.starts_with("$ "))
            .map(str::trim)
            .filter(|line| !line.is_empty())
    };
    lines()
        .find(|line| line.contains("error:") || line.starts_with("E: ") || line.contains("Error "))
        .or_else(|| lines().last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_tells() {
        let log =
            "$ \"make\"\n  CC foo.o\nfoo.c:3: error: no such thing\nmake: *** [foo.o] Error 1\n";
        assert_eq!(telling_line(log), Some("foo.c:3: error: no such thing"));
        assert_eq!(telling_line("one\ntwo\n\n"), Some("two"));
        assert_eq!(telling_line(""), None);
    }

    #[test]
    fn a_full_disk_is_recognised() {
        assert!(
            cause("tar: write error: No space left on device")
                .is_some_and(|cause| cause.contains("no space"))
        );
        assert_eq!(cause("all well"), None);
    }
}
