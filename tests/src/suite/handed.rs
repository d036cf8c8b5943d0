// SPDX-License-Identifier: GPL-2.0-only
//! Memory of others as a mask: a page of user space, and the value that a program gets from the
//! iterator over a map. It is walked while it is given back.

use std::io::Read as _;
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd};
use std::process::id;

use anyhow::{Context, Result, ensure};
use libbpf_rs::{Iter, IterOpts, MapCore as _, MapFlags, MapIterOpts};
use libtest_mimic::Trial;
use nix::errno::Errno;
use nix::libc;

use super::bpf::Bpf;
use super::lifetime::{MASK, OTHER, ours, refuses_memory};
use super::masks::filled;
use super::trial;
use super::walks::same;

const OBJECT: &str = "lifetime/handed";

/// The tests of this file.
pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("lifetime::of_user_memory", of_user_memory),
        trial("lifetime::of_map_element", of_map_element),
    ]
}

/// A page with a mask at its start.
#[repr(align(4096))]
struct Page([u8; 4096]);

/// The kernel holds the page for as long as the task's storage has it; it may be written to all the
/// while.
fn of_user_memory() -> Result<()> {
    let Some(bpf) = loaded("of_user_memory")? else {
        return Ok(());
    };
    let mut page = Box::new(Page([0; 4096]));
    let mask = filled(bpf.size("other")?, |bit| MASK.contains(&bit));
    page.0[..mask.len()].copy_from_slice(&mask);
    let task = this_task()?;
    for _ in 0..100 {
        let (key, value) = (task.as_raw_fd().to_ne_bytes(), &raw mut *page);
        let pages = bpf.map("pages")?;
        let kept = pages.update(&key, &(value as usize).to_ne_bytes(), MapFlags::ANY);
        kept.context("the page cannot be kept")?;
        bpf.clear("walk")?;
        let returned = bpf.run("of_user_memory")?;
        ensure!(returned == 0, "of_user_memory returned {}", returned as i32);
        same(&bpf.walk("walk")?, &MASK)?;
    }
    Ok(())
}

/// What the iterator is at is deleted, and what comes into the map then may be at the same place.
fn of_map_element() -> Result<()> {
    let Some(bpf) = loaded("of_map_element")? else {
        return Ok(());
    };
    let size = bpf.size("other")?;
    let mask = filled(size, |bit| MASK.contains(&bit));
    bpf.write("other", &filled(size, |bit| OTHER.contains(&bit)))?;
    for _ in 0..100 {
        let values = bpf.map("values")?;
        // What the round before has left.
        let _ = values.delete(&2u32.to_ne_bytes());
        values.update(&1u32.to_ne_bytes(), &mask, MapFlags::ANY)?;
        bpf.clear("walk")?;
        let options = IterOpts::Map(MapIterOpts::from_fd(values.as_fd()));
        let link = bpf
            .program("of_map_element")?
            .attach_iter_with_opts(options);
        let link = link.context("cannot attach to the map's iterator")?;
        Iter::new(&link)?.read_to_end(&mut Vec::new())?;
        ours(&bpf)?;
    }
    Ok(())
}

/// The program; none if the kernel has the patches, which refuse this memory.
fn loaded(program: &str) -> Result<Option<Bpf>> {
    refuses_memory(Bpf::load_one(OBJECT, program))
}

fn this_task() -> Result<OwnedFd> {
    let pid = i32::try_from(id())?;
    // SAFETY: It takes two numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = Errno::result(fd).context("pidfd_open")?;
    // SAFETY: Just opened.
    Ok(unsafe { OwnedFd::from_raw_fd(fd.try_into()?) })
}
