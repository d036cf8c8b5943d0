// SPDX-License-Identifier: GPL-2.0-only
//! The module's own life: it stays while a program uses it, and takes nothing
//! with it or behind it when it goes.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use libtest_mimic::Trial;
use nix::errno::Errno;
use nix::kmod::{DeleteModuleFlags, delete_module, init_module};
use object::{Object as _, ObjectSection as _};

use super::bpf::Bpf;
use super::console::records;
use super::memory::{Usage, leaks, usage};
use super::{is_patched, trial};
use crate::init::{MODULES, load_module};

const MODULE: &str = "bpf_iter_cpumask.ko";

/// Whether the iterator is a module here; a kernel can also have it built in.
pub(super) fn is_module() -> bool {
    Path::new(MODULES).join(MODULE).exists()
}

/// The tests of this file.
pub(super) fn trials() -> Vec<Trial> {
    if !is_module() {
        return vec![];
    }
    vec![
        trial("module::stays_while_in_use", stays_while_in_use),
        trial("module::gone_without_trace", gone_without_trace),
        trial("module::without_btf", without_btf),
        trial("module::unfit_flags", unfit_flags),
        trial("module::names_taken", names_taken),
        trial("module::no_growth", no_growth),
    ]
}

/// A test that makes the kernel complain.
pub(super) fn warned() -> Vec<Trial> {
    match is_module() {
        true => vec![trial("module::registered_twice", registered_twice)],
        false => vec![],
    }
}

fn load() -> Result<()> {
    load_module(&Path::new(MODULES).join(MODULE))
}

/// Unloads the module, once: `EWOULDBLOCK` means that it is in use.
fn unload() -> Result<(), Errno> {
    delete_module(c"bpf_iter_cpumask", DeleteModuleFlags::O_NONBLOCK)
}

/// Unloads the module when its last program has gone: the kernel frees a
/// program some time after its last user has closed it.
fn unload_soon() -> Result<()> {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        match unload() {
            Ok(()) => return Ok(()),
            Err(Errno::EWOULDBLOCK) if Instant::now() < end => sleep(Duration::from_millis(5)),
            Err(error) => return Err(error).context("cannot unload the module"),
        }
    }
}

/// A loaded program holds the module, attached or not.
fn stays_while_in_use() -> Result<()> {
    let bpf = Bpf::load("walks/masks")?;
    let refused = unload();
    ensure!(
        refused == Err(Errno::EWOULDBLOCK),
        "unloading a module in use: {refused:?}"
    );
    // The refusal has not harmed it.
    bpf.run("online_cpus")?;
    drop(bpf);
    unload_soon()?;
    load()
}

/// Without the module there are no kfuncs to call, and with it there are again.
fn gone_without_trace() -> Result<()> {
    unload_soon()?;
    let orphan = Bpf::load("walks/masks")
        .err()
        .map(|error| error.to_string());
    load()?;
    let Some(log) = orphan else {
        bail!("a program was loaded without the module")
    };
    let message = "kfunc 'bpf_cpu_possible_mask' is referenced but wasn't resolved";
    ensure!(log.contains(message), "no {message:?} in\n{log}");
    Bpf::load("walks/masks")?.run("online_cpus")?;
    Ok(())
}

/// Stripped of its BTF, the module is refused, and the kernel's log says why: C's registration would
/// return 0 and leave programs without kfuncs.
fn without_btf() -> Result<()> {
    let mut module = file()?;
    // The kernel looks for the section's name.
    change(&mut module, ".shstrtab", b"\0.BTF\0", b"\0.XXX\0")?;
    refused(&module, Errno::ENOEXEC)?;
    ensure!(said(": no BTF comes with the module")?, "the log lacks why");
    Bpf::load("walks/masks")?.run("online_cpus")?;
    Ok(())
}

/// A kfunc with flags that are not for it: registration fails, and with it the load.
fn unfit_flags() -> Result<()> {
    const RCU_NEW: u32 = 1 << 7 | 1 << 8;
    const NEXT: u32 = 1 << 9;
    const RCU_PROTECTED: u32 = 1 << 11;
    let mut module = file()?;
    // Flags that one kfunc alone has: a snapshot's new, or the only new.
    let from = match is_patched()? {
        true => RCU_NEW | RCU_PROTECTED,
        false => RCU_NEW,
    };
    let (from, to) = (from.to_ne_bytes(), (from | NEXT).to_ne_bytes());
    change(&mut module, ".BTF_ids", &from, &to)?;
    refused(&module, Errno::EINVAL)?;
    Bpf::load("walks/masks")?.run("online_cpus")?;
    Ok(())
}

/// A second set for the hook of the first: the kernel warns, forgets the first, and refuses. The
/// module does not load, and the next one has all of its hooks.
fn registered_twice() -> Result<()> {
    let mut module = file()?;
    // What `init` passes for struct_ops: 27; and 26 for tracing.
    let [struct_ops, tracing] = [27, 26].map(second_argument);
    change(&mut module, ".init.text", &struct_ops, &tracing)?;
    fs::write("/proc/sys/kernel/printk", "1")?;
    refused(&module, Errno::EINVAL)?;
    ensure!(
        said("register_btf_kfunc_id_set+")?,
        "the log has no warning"
    );
    for object in ["types/fentry", "types/scheduler", "types/syscall"] {
        Bpf::load(object)?;
    }
    Ok(())
}

/// The instruction that passes a number as the second argument: `mov $N, %esi`.
#[cfg(target_arch = "x86_64")]
fn second_argument(number: u8) -> [u8; 5] {
    [0xbe, number, 0, 0, 0]
}

/// The same: `mov w1, #N`.
#[cfg(target_arch = "aarch64")]
fn second_argument(number: u8) -> [u8; 4] {
    (0x5280_0001 | u32::from(number) << 5).to_le_bytes()
}

/// A second module with kfuncs of the same names does not get in, nor in the way of the first.
fn names_taken() -> Result<()> {
    let bpf = Bpf::load("walks/masks")?;
    let mut module = file()?;
    let (name, other) = (b"bpf_iter_cpumask\0", b"bpf_iter_cpumasq\0");
    change(&mut module, ".gnu.linkonce.this_module", name, other)?;
    change(&mut module, ".modinfo", name, other)?;
    let refused = init_module(&module, c"");
    if refused.is_ok() {
        delete_module(c"bpf_iter_cpumasq", DeleteModuleFlags::O_NONBLOCK)?;
    }
    ensure!(
        refused == Err(Errno::EINVAL),
        "loading the same kfuncs twice: {refused:?}"
    );
    ensure!(
        said(" is already present in module bpf_iter_cpumask.")?,
        "the log lacks why"
    );
    bpf.run("online_cpus")?;
    Ok(())
}

/// The module as it is in its file.
fn file() -> Result<Vec<u8>> {
    Ok(fs::read(Path::new(MODULES).join(MODULE))?)
}

/// Replaces what a section of the module has exactly once.
fn change(module: &mut [u8], section: &str, from: &[u8], to: &[u8]) -> Result<()> {
    let file = object::File::parse(&*module)?;
    let found = file.section_by_name(section);
    let found = found.with_context(|| format!("the module has no section {section}"))?;
    let (start, _) = found.file_range().context("a section without bytes")?;
    let mut windows = found.data()?.windows(from.len()).enumerate();
    let places = windows.by_ref().filter(|(_, bytes)| *bytes == from);
    let [at] = places.map(|(at, _)| at).collect::<Vec<_>>()[..] else {
        bail!("{section} does not have {from:?} once");
    };
    module[usize::try_from(start)? + at..][..to.len()].copy_from_slice(to);
    Ok(())
}

/// Loads this in place of the module, which must fail in this way, and then the module.
fn refused(module: &[u8], expected: Errno) -> Result<()> {
    unload_soon()?;
    let refused = init_module(module, c"");
    if refused.is_ok() {
        unload_soon()?;
    }
    load()?;
    ensure!(
        refused == Err(expected),
        "loading ended with {refused:?}, expected {expected}"
    );
    Ok(())
}

/// Whether the kernel's log has this.
fn said(message: &str) -> Result<bool> {
    Ok(records()?.iter().any(|record| record.contains(message)))
}

/// Loads, uses and unloads the module over and over; nothing may stay behind.
///
/// What leaks a page or an object of some cache each round grows by as much as
/// there are rounds, less what the kernel's other business frees meanwhile: a
/// few objects after the warm-up, tens before it. So a leak is what grows by
/// half the rounds each time that they are gone through. What the kernel has
/// yet to free looks the same for a while, but not for ever: what is suspected
/// after two times has to grow a third time. Smaller leaks than one object a
/// round, such as one on the first load alone, are not seen.
fn no_growth() -> Result<()> {
    const WARM_UP: u64 = 10;
    const ROUNDS: u64 = 25;
    let rounds = |count: u64| -> Result<Usage> {
        for _ in 0..count {
            unload_soon()?;
            load()?;
            Bpf::load("types/fentry")?.run("walk_online")?;
        }
        usage()
    };
    let mut usages = vec![rounds(WARM_UP)?, rounds(ROUNDS)?, rounds(ROUNDS)?];
    if !leaks(&usages, ROUNDS / 2).is_empty() {
        // kfree_rcu() may sit on what it frees for KFREE_DRAIN_JIFFIES, five seconds, which is
        // longer than all the rounds take (mm/slab_common.c). What goes then was on its way out.
        sleep(Duration::from_secs(7));
        usages[2] = usage()?;
        usages.push(rounds(ROUNDS)?);
    }
    let leaks = leaks(&usages, ROUNDS / 2);
    ensure!(
        leaks.is_empty(),
        "grew every time in {ROUNDS} rounds: {}",
        leaks.join("; ")
    );
    Ok(())
}
