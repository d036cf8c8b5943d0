// SPDX-License-Identifier: GPL-2.0-only
//! Booting a guest: QEMU without hardware virtualisation, which answers on every machine alike.
//!
//! The guest has two serial lines. The kernel's console is the first, kept in a file and watched;
//! the second carries the standard streams of the program that runs as `/init`.

use std::io::{BufRead, BufReader, IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;

use super::console::Console;
use super::starved::Clock;
use crate::linux::target::Target;
use crate::workshop::arch::Arch;
use crate::workshop::files::write;
use crate::workshop::interrupt::Guarded;

/// What `/init` prints last.
const VERDICT: &str = "guest: exit status ";

/// QEMU's `-icount` for [`Accel::Icount`]: a nanosecond an instruction, and idle time is skipped.
pub(crate) const ICOUNT: &str = "shift=0,sleep=off";

/// Memory that a guest needs, unless it is to do something unusual.
pub(crate) const MEMORY: &str = "1G";

/// How much more time a guest takes whose kernel checks itself, or whose processor has to be made of
/// another one.
const SLOW: u32 = 8;

/// What runs the guest's instructions, and what its clock counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accel {
    /// QEMU's translator, which works on every machine; the clock is the host's. The CPUs take turns.
    Tcg,
    /// The same with a thread of the host for each CPU: they run at the same time.
    Threads,
    /// The same with `-icount`: each instruction takes a nanosecond of the guest's time, so its
    /// clock counts instructions, and the same guest ends up with the same counts everywhere.
    Icount,
    /// The processor itself; the clock is the host's.
    Kvm,
}

impl Accel {
    /// What guests of `arch` run on unless they are to do something unusual. With a thread for each CPU,
    /// one of x86-64 now and then executes an `int3` that the kernel has already patched away, and dies;
    /// arm64 patches a whole instruction by another.
    fn usual(arch: Arch) -> Self {
        match arch {
            Arch::Amd64 => Self::Tcg,
            Arch::Arm64 => Self::Threads,
        }
    }
}

/// A guest to be booted.
pub(crate) struct Guest<'a> {
    /// What it boots.
    pub(crate) target: &'a Target<'a>,
    /// Its root file system.
    pub(crate) initramfs: &'a Path,
    /// QEMU's `-smp`: how many CPUs are present and how many are possible.
    pub(crate) smp: &'a str,
    /// What `/init` is told.
    pub(crate) args: &'a [String],
    /// QEMU's `-m`: its memory.
    pub(crate) memory: &'a str,
    /// What may stand in a line of its console that would be trouble otherwise.
    pub(crate) known: &'a [&'a str],
    /// When the guest counts as hanging: a slow one has more time, and while the host has no processor
    /// for it, it does not.
    pub(crate) limit: Duration,
}

/// How a guest ended.
pub(crate) struct Ended {
    /// The status of the program it ran.
    pub(crate) status: i32,
    /// What the program printed.
    pub(crate) output: String,
}

/// The end of a guest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The program ended with this status.
    Exited(i32),
    /// Nothing came for this long.
    Hung(Duration),
    /// The kernel said so.
    Trouble(String),
    /// QEMU or the guest ended before the program did.
    NotRun(String),
}

/// What came of a guest that may hang or die.
pub(crate) struct Heard {
    /// What the program printed.
    pub(crate) output: String,
    /// How it ended.
    pub(crate) end: End,
    /// Where the kernel's console is kept, unless all went well.
    pub(crate) console: PathBuf,
    last_lines: String,
}

impl Heard {
    /// An error unless the program came to its end.
    fn ended(self, name: &str) -> Result<Ended> {
        let console = self.console.display();
        match self.end {
            End::Exited(status) => Ok(Ended {
                status,
                output: self.output,
            }),
            End::Hung(limit) => bail!(
                "{name}: the guest hangs: no end after {} s (console: {console}); its last lines:{}",
                limit.as_secs(),
                self.last_lines
            ),
            End::Trouble(line) => {
                bail!("{name}: trouble on the guest's console: {line} (console: {console})")
            }
            End::NotRun(why) => bail!(
                "{name}: the guest did not run: {why} (console: {console}){}",
                self.last_lines
            ),
        }
    }
}

impl Guest<'_> {
    /// Boots, relays what the program prints, and waits for the end. A guest that hangs, dies
    /// without a verdict or has trouble on its console is an error.
    pub(crate) fn run(&self, name: &str) -> Result<Ended> {
        self.run_on(name, "")
    }

    /// The same, with `parameters` for its kernel.
    pub(crate) fn run_on(&self, name: &str, parameters: &str) -> Result<Ended> {
        self.attend(
            self.usual(),
            name,
            parameters,
            (Until::Relayed, &mut |_| {}),
        )?
        .ended(name)
    }

    /// The same, but what the program prints is for the caller alone.
    pub(crate) fn collect(&self, name: &str) -> Result<Ended> {
        self.collect_on(self.usual(), name)
    }

    /// The same on another accelerator.
    pub(crate) fn collect_on(&self, accel: Accel, name: &str) -> Result<Ended> {
        self.attend(accel, name, "", (Until::Ended, &mut |_| {}))?
            .ended(name)
    }

    /// Boots a guest that may hang or die, which is no error here: what the program printed until then,
    /// and how it ended. It hangs when it prints nothing for as long as `silence`. Each line goes to
    /// `each` when it comes.
    pub(crate) fn hear(
        &self,
        name: &str,
        silence: Duration,
        each: &mut dyn FnMut(&str),
    ) -> Result<Heard> {
        self.attend(self.usual(), name, "", (Until::Silent(silence), each))
    }

    fn usual(&self) -> Accel {
        Accel::usual(self.target.toolchain.arch())
    }

    fn patience(&self) -> Result<Duration> {
        let Target {
            kernel, toolchain, ..
        } = self.target;
        let is_slow = toolchain.arch() != Arch::Amd64 || kernel.is_checked()?;
        Ok(self.limit * if is_slow { SLOW } else { 1 })
    }

    fn attend(
        &self,
        accel: Accel,
        name: &str,
        parameters: &str,
        (until, each): (Until, &mut dyn FnMut(&str)),
    ) -> Result<Heard> {
        let runner = &self.target.project.runner;
        let log = runner.log(&format!("console {name} {}", std::process::id()))?;
        // An old console must not be taken for the new one.
        write(&log, "")?;
        let mut command = self.command(accel, parameters, &log)?;
        command.args(["-serial", "stdio"]);
        let mut qemu = Qemu::start(command)?;
        let clock = Clock::of(qemu.process.child().id());
        let mut console = Console::new(&log, self.known);
        let bar = runner.bar(name, 0);
        let limit = self.patience()?;
        let said = watch(
            (&qemu.lines, &clock),
            &mut console,
            &bar,
            (limit, until),
            each,
        );
        let mut guarded = qemu.process;
        let panicked = console.panicked();
        if !panicked && said.hung.is_none() {
            guarded.child().wait()?;
        }
        drop(guarded);
        console.poll();
        runner.finish(&bar, name, said.verdict.is_some() && !panicked);
        stdout().flush()?;
        let end = match (said.hung, console.trouble(), said.verdict) {
            (Some(after), _, _) => End::Hung(after),
            (None, Some(line), _) if panicked || until.is_strict() => End::Trouble(line.to_owned()),
            (None, _, Some(status)) => End::Exited(status),
            (None, _, None) => {
                let complaint = qemu.complaint.join().unwrap_or_default();
                let complaint = complaint.trim().lines().last();
                let complaint = complaint.unwrap_or("it ended without a verdict");
                End::NotRun(complaint.to_owned())
            }
        };
        if end == End::Exited(0) {
            std::fs::remove_file(&log)?;
        }
        Ok(Heard {
            output: said.output,
            end,
            console: log,
            last_lines: console.last_lines(),
        })
    }

    /// Boots with the program's streams on this terminal.
    pub(crate) fn interactive(&self, name: &str) -> Result<()> {
        if !std::io::stdin().is_terminal() {
            bail!("a shell needs a terminal on standard input");
        }
        let runner = &self.target.project.runner;
        let log = runner.log(&format!("console {name}"))?;
        let mut command = self.command(self.usual(), "", &log)?;
        command.args([
            "-chardev",
            "stdio,id=shell,signal=off",
            "-serial",
            "chardev:shell",
        ]);
        let status = runner.interactive(command)?;
        let mut console = Console::new(&log, self.known);
        console.poll();
        if let Some(line) = console.trouble() {
            bail!(
                "trouble on the guest's console: {line} (console: {})",
                log.display()
            );
        }
        if status.success() {
            Ok(())
        } else {
            bail!("QEMU failed: {status} (console: {})", log.display())
        }
    }
}

/// Takes in what the program and the console say until the program ends, the kernel panics or
/// nothing comes for too long; after `limit` in any case.
fn watch(
    (lines, clock): (&Receiver<String>, &Clock),
    console: &mut Console,
    bar: &ProgressBar,
    (limit, until): (Duration, Until),
    each: &mut dyn FnMut(&str),
) -> Said {
    let mut heard = Duration::ZERO;
    let mut said = Said::default();
    loop {
        console.poll();
        match lines.try_recv() {
            Ok(line) => {
                heard = clock.elapsed();
                if let Some(status) = line.strip_prefix(VERDICT) {
                    said.verdict = status.trim().parse().ok();
                } else {
                    if until == Until::Relayed {
                        bar.suspend(|| println!("{line}"));
                    }
                    each(&line);
                    said.output.push_str(&line);
                    said.output.push('\n');
                }
                continue;
            }
            Err(TryRecvError::Disconnected) => return said,
            Err(TryRecvError::Empty) => {}
        }
        let elapsed = clock.elapsed();
        let silent = match until {
            Until::Silent(limit) => (elapsed.saturating_sub(heard) > limit).then_some(limit),
            Until::Relayed | Until::Ended => None,
        };
        let long = (elapsed > limit).then_some(limit);
        if let Some(limit) = silent.or(long) {
            said.hung = Some(limit);
            return said;
        }
        if console.panicked() {
            // The kernel will not end by itself; give it time to print why.
            thread::sleep(Duration::from_secs(1));
            console.poll();
            return said;
        }
        bar.set_message(console.last_line().to_owned());
        thread::sleep(Duration::from_millis(50));
    }
}

/// When a guest is no longer waited for, besides its limit; and what becomes of its lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// It ends; its lines are printed.
    Relayed,
    /// It ends; its lines are for the caller alone.
    Ended,
    /// The same, or it says nothing for so long.
    Silent(Duration),
}

impl Until {
    /// Whether all that a healthy kernel does not say is an error.
    fn is_strict(self) -> bool {
        !matches!(self, Self::Silent(_))
    }
}

/// What the program has printed, and the status that it ended with, if it did.
#[derive(Default)]
struct Said {
    verdict: Option<i32>,
    output: String,
    /// It was waited for this long, in vain.
    hung: Option<Duration>,
}

/// QEMU while it runs.
struct Qemu {
    process: Guarded,
    /// What the program prints.
    lines: Receiver<String>,
    /// What QEMU itself has to say.
    complaint: JoinHandle<String>,
}

impl Qemu {
    fn start(mut command: Command) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = Guarded::new(command.spawn().context("cannot run QEMU")?);
        let stdout = process
            .child()
            .stdout
            .take()
            .context("QEMU has no output")?;
        let stderr = process
            .child()
            .stderr
            .take()
            .context("QEMU has no error output")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                if sender.send(line.trim_end_matches('\r').to_owned()).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            process,
            lines,
            complaint: thread::spawn(move || std::io::read_to_string(stderr).unwrap_or_default()),
        })
    }
}
