// SPDX-License-Identifier: GPL-2.0-only
//! Walks and copies in interrupts.

use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use libbpf_rs::libbpf_sys::{
    PERF_COUNT_SW_CPU_CLOCK, PERF_FLAG_FD_CLOEXEC, PERF_TYPE_SOFTWARE, perf_event_attr,
};
use libtest_mimic::Trial;
use nix::errno::Errno;
use nix::libc;

use super::anywhere::has;
use super::bpf::Bpf;
use super::console::records;
use super::cpus::sysfs;
use super::walks::same;
use super::{is_patched, trial};

const OBJECT: &str = "interrupted/walks";

/// The tests of this file but for [`nmi`].
pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("interrupted::hardirq", hardirq),
        trial("interrupted::perf_event", perf_event),
    ]
}

/// Where a kernel with `CONFIG_MAGIC_SYSRQ` is asked; ours is built without.
const ASK: &str = "/proc/sysrq-trigger";

/// A test that makes the kernel print what looks like a complaint.
pub(super) fn nmi() -> Vec<Trial> {
    // arm64 has no such tracepoint, and asks by what is an NMI on the newest machines only.
    let can_ask = Path::new(ASK).exists() && has("__tracepoint_nmi_handler");
    vec![trial("interrupted::nmi", in_nmi).with_ignored_flag(!can_ask)]
}

fn hardirq() -> Result<()> {
    let bpf = armed("in_hardirq")?;
    let _link = bpf.attach("in_hardirq")?;
    walked(&bpf)
}

/// Without a counter in hardware the samples are a timer's.
fn perf_event() -> Result<()> {
    let bpf = armed("sampled")?;
    let clock = cpu_clock()?;
    let program = bpf.program("sampled")?;
    let link = program.attach_perf_event(clock.as_raw_fd());
    let _link = link.context("cannot attach to the event")?;
    walked(&bpf)
}

/// The kernel asks every CPU by NMI what it is at, and lists the calls.
fn in_nmi() -> Result<()> {
    const LIST_CALLS: &str = "Call Trace:";
    let bpf = armed("in_nmi")?;
    let _link = bpf.attach("in_nmi")?;
    let before = records()?.len();
    fs::write("/proc/sys/kernel/printk", "1")?;
    fs::write("/proc/sys/kernel/sysrq", "1")?;
    fs::write(ASK, "l").context("cannot ask for backtraces")?;
    walked(&bpf)?;
    let mut since = records()?.split_off(before);
    since.retain(|record| !record.contains(LIST_CALLS));
    super::console::complaints(&since)
}

/// When this program comes for the first time it is to walk.
fn armed(program: &str) -> Result<Bpf> {
    let bpf = Bpf::load_one(OBJECT, program)?;
    bpf.set("armed", 1)?;
    Ok(bpf)
}

/// It has walked the CPUs that are online, and a copy of those possible.
fn walked(bpf: &Bpf) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(10);
    while bpf.get("done")? == 0 {
        ensure!(Instant::now() < end, "no program came");
        sleep(Duration::from_millis(10));
    }
    same(&bpf.walk("online")?, &sysfs("online")?)?;
    if is_patched()? {
        return Ok(());
    }
    match bpf.get("made")? as i32 {
        0 => same(&bpf.walk("copy")?, &sysfs("possible")?),
        error => bail!("no copy was made: {}", Errno::from_raw(-error)),
    }
}

/// An event at every millisecond that CPU 0 runs.
fn cpu_clock() -> Result<OwnedFd> {
    let mut attr = perf_event_attr {
        type_: PERF_TYPE_SOFTWARE,
        size: size_of::<perf_event_attr>().try_into()?,
        config: PERF_COUNT_SW_CPU_CLOCK.into(),
        ..perf_event_attr::default()
    };
    attr.__bindgen_anon_1.sample_period = 1_000_000;
    let (every_task, cpu, no_group) = (-1, 0, -1);
    // SAFETY: The kernel reads `attr`, which says how large it is.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attr,
            every_task,
            cpu,
            no_group,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    let fd = Errno::result(fd).context("perf_event_open")?;
    // SAFETY: Just opened.
    Ok(unsafe { OwnedFd::from_raw_fd(fd.try_into()?) })
}
