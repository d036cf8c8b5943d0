// SPDX-License-Identifier: GPL-2.0-only
//! Process 1 of the guest.
//!
//! Mounts the kernel's file systems, moves its standard streams to the second
//! serial line (the first one is the kernel's console), loads the modules and
//! runs the verb in a child, so that whatever happens to the verb is reported:
//! the last line on the serial line is always `guest: exit status N`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::signal::Signal;
use nix::sys::termios::{SetArg, cfmakeraw, tcdrain, tcgetattr, tcsetattr};
use nix::sys::wait::{WaitStatus, wait};
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout, sync};

/// Where the initramfs keeps the kernel modules.
pub(crate) const MODULES: &str = "/lib/modules";
/// The initramfs's only other program.
pub(crate) const BUSYBOX: &str = "/bin/busybox";
/// The serial line that carries the verb's input and output.
const LINE: &str = match cfg!(target_arch = "aarch64") {
    true => "/dev/ttyAMA1",
    false => "/dev/ttyS1",
};

/// The status of a guest that did not come as far as its verb.
const NOT_BOOTED: i32 = 125;

/// File system type and mount point, in the order of mounting.
const MOUNTS: [(&str, &str); 8] = [
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devtmpfs", "/dev"),
    ("tmpfs", "/tmp"),
    ("cgroup2", "/sys/fs/cgroup"),
    ("bpf", "/sys/fs/bpf"),
    ("debugfs", "/sys/kernel/debug"),
    ("tracefs", "/sys/kernel/tracing"),
];

/// Boots, runs the verb, reports how it ended and powers the guest off.
pub(crate) fn main() -> ! {
    let (status, trouble) = match boot().and_then(|()| run_verb()) {
        Ok(Ended::Exited(status)) => (status, None),
        Ok(Ended::Killed(signal)) => (
            128 + signal as i32,
            Some(format!("the verb was killed by {signal}")),
        ),
        Err(error) => (NOT_BOOTED, Some(format!("{error:#}"))),
    };
    let trouble = trouble.map_or(String::new(), |trouble| format!("guest: {trouble}\n"));
    report(&format!("{trouble}guest: exit status {status}\n"));
    sync();
    let error = reboot(RebootMode::RB_POWER_OFF).unwrap_err();
    panic!("cannot power off: {error}");
}

/// How the verb's process ended.
enum Ended {
    Exited(i32),
    Killed(Signal),
}

fn boot() -> Result<()> {
    for (fstype, target) in MOUNTS {
        fs::create_dir_all(target).with_context(|| format!("cannot make {target}"))?;
        mount(
            Some(fstype),
            target,
            Some(fstype),
            MsFlags::empty(),
            None::<&str>,
        )
        .with_context(|| format!("cannot mount {fstype} on {target}"))?;
    }
    take_line().with_context(|| format!("cannot use {LINE}, the second serial line"))?;
    let lo = Command::new(BUSYBOX)
        .args(["ip", "link", "set", "lo", "up"])
        .status();
    let lo = lo.with_context(|| format!("cannot run {BUSYBOX}"))?;
    ensure!(lo.success(), "cannot bring the loopback device up: {lo}");
    for module in modules()? {
        load_module(&module)?;
    }
    Ok(())
}

/// Makes the second serial line standard input, output and error, byte for byte.
fn take_line() -> Result<()> {
    let line = OpenOptions::new().read(true).write(true).open(LINE)?;
    let mut termios = tcgetattr(&line)?;
    cfmakeraw(&mut termios);
    tcsetattr(&line, SetArg::TCSANOW, &termios)?;
    dup2_stdin(&line)?;
    dup2_stdout(&line)?;
    dup2_stderr(&line)?;
    Ok(())
}

/// Writes the last lines. The serial line is opened afresh: a shell that led a
/// session on it has hung it up for everyone who had it open. Without it there
/// is the kernel's console; and if that fails, nobody to tell.
fn report(lines: &str) {
    let write = |mut to: File| -> Result<()> {
        to.write_all(lines.as_bytes())?;
        Ok(tcdrain(to)?)
    };
    let line = OpenOptions::new().write(true).open(LINE);
    if line.map_err(Into::into).and_then(write).is_err() {
        let _ = std::io::stderr().write_all(lines.as_bytes());
    }
}

/// The modules of the initramfs, in the order of their names.
fn modules() -> Result<Vec<PathBuf>> {
    let mut modules = Vec::new();
    for entry in fs::read_dir(MODULES).with_context(|| format!("cannot list {MODULES}"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "ko") {
            modules.push(path);
        }
    }
    modules.sort();
    Ok(modules)
}

/// Loads one kernel module from its file.
pub(crate) fn load_module(path: &Path) -> Result<()> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    finit_module(&file, c"", ModuleInitFlags::empty())
        .with_context(|| format!("cannot load {}: see the kernel's console", path.display()))
}

/// Runs the verb in a child and collects every orphan until the child ends.
fn run_verb() -> Result<Ended> {
    let child = Command::new("/proc/self/exe")
        .args(std::env::args_os().skip(1))
        .spawn()
        .context("cannot start the verb")?;
    let child = Pid::from_raw(child.id().try_into()?);
    loop {
        match wait() {
            Ok(WaitStatus::Exited(pid, status)) if pid == child => {
                return Ok(Ended::Exited(status));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Ok(Ended::Killed(signal));
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => bail!("cannot wait for the verb: {error}"),
        }
    }
}
