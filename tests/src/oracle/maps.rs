// SPDX-License-Identifier: GPL-2.0-only
//! Whether the kernel makes maps: each a line of numbers in a file,
//!
//! ```text
//! map_type key_size value_size max_entries map_flags map_extra btf_key_type_id btf_value_type_id inner caps
//! ```
//!
//! where `inner` is the type of the map inside, like the first of that type in the file, or 0, and
//! `caps` has a bit for each capability of who makes it. The types are in a file of BTF beside it.
//! What a line is answered with is 0, or the error's number.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::process::ExitCode;
use std::ptr::null_mut;

use anyhow::{Context, Result, ensure};
use libbpf_rs::libbpf_sys::{bpf_btf_load, bpf_map_create, bpf_map_create_opts, size_t};
use nix::errno::Errno;
use rustix::thread::CapabilitySet;

use super::caps;

/// A line.
#[derive(Clone, Copy)]
struct Map {
    map_type: u32,
    sizes: [u32; 4],
    extra: u64,
    types: [u32; 2],
    inner: u32,
    caps: CapabilitySet,
}

/// Answers for every line of the file.
pub(super) fn run(path: &Path) -> Result<ExitCode> {
    let lines = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let btf = load_btf(&fs::read(path.with_extension("btf"))?)?;
    let mut first: BTreeMap<u32, Map> = BTreeMap::new();
    for line in lines.lines() {
        let map = parse(line).with_context(|| format!("'{line}' is no map"))?;
        first.entry(map.map_type).or_insert(map);
    }
    for line in lines.lines() {
        let map = parse(line).context("a line is no map")?;
        let inner = first.get(&map.inner).map(|inner| create(inner, &btf, None));
        let answer = match inner.transpose() {
            // There is no map to put inside.
            Err(_) => None,
            Ok(inner) => Some(ask(&map, &btf, inner.as_ref())?),
        };
        super::print(&answer)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn parse(line: &str) -> Option<Map> {
    let numbers: Vec<u64> = line
        .split(' ')
        .map(|n| n.parse().ok())
        .collect::<Option<_>>()?;
    let small = |n: u64| u32::try_from(n).ok();
    let &[
        map_type,
        key,
        value,
        entries,
        flags,
        extra,
        key_type,
        value_type,
        inner,
        caps,
    ] = &numbers[..]
    else {
        return None;
    };
    Some(Map {
        map_type: small(map_type)?,
        sizes: [small(key)?, small(value)?, small(entries)?, small(flags)?],
        extra,
        types: [small(key_type)?, small(value_type)?],
        inner: small(inner)?,
        caps: CapabilitySet::from_bits_retain(caps),
    })
}

fn load_btf(btf: &[u8]) -> Result<OwnedFd> {
    // SAFETY: the bytes and their number belong together; no options is what NULL means.
    let fd = unsafe { bpf_btf_load(btf.as_ptr().cast(), btf.len() as size_t, null_mut()) };
    ensure!(
        fd >= 0,
        "the kernel does not take the BTF: {}",
        Errno::last()
    );
    // SAFETY: the call gave a descriptor that is nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes it as one who is capable of what it says.
fn ask(map: &Map, btf: &OwnedFd, inner: Option<&OwnedFd>) -> Result<i32> {
    let _only = (!map.caps.is_all()).then(|| caps::only(map.caps, caps::ALLOWED));
    let _only = _only.transpose()?;
    Ok(match create(map, btf, inner) {
        Ok(_) => 0,
        Err(errno) => errno,
    })
}

fn create(map: &Map, btf: &OwnedFd, inner: Option<&OwnedFd>) -> Result<OwnedFd, i32> {
    let [key, value, entries, flags] = map.sizes;
    // Without CAP_BPF there is none.
    let typed = map.types != [0, 0] && map.caps.intersects(caps::BTF);
    let [key_type, value_type] = if typed { map.types } else { [0, 0] };
    let options = bpf_map_create_opts {
        sz: size_of::<bpf_map_create_opts>() as size_t,
        btf_fd: if typed { btf.as_raw_fd() as u32 } else { 0 },
        btf_key_type_id: key_type,
        btf_value_type_id: value_type,
        inner_map_fd: inner.map_or(0, |fd| fd.as_fd().as_raw_fd() as u32),
        map_flags: flags,
        map_extra: map.extra,
        ..Default::default()
    };
    // SAFETY: the name is a C string, and the options outlive the call.
    let fd = unsafe {
        bpf_map_create(
            map.map_type,
            c"map".as_ptr(),
            key,
            value,
            entries,
            &raw const options,
        )
    };
    if fd < 0 {
        return Err(Errno::last_raw());
    }
    // SAFETY: the call gave a descriptor that is nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
