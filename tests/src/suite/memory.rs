// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel has in use, before and after.

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};

/// How much of each kind the kernel has in use: objects of each slab cache, and
/// pages of per-CPU and of virtually mapped memory.
pub(super) type Usage = BTreeMap<String, u64>;

/// What DEBUG_OBJECTS has of each object that it follows: where CONFIG_DEBUG_OBJECTS_FREE is not, it is
/// not told that one was freed, and goes on to have it.
const NEVER_FREED: &str = "debug_objects_cache";

/// What is in use now, and would be for longer.
pub(super) fn usage() -> Result<Usage> {
    const PAGE_KIB: u64 = 4;
    // What the kernel only keeps in case it is wanted again is no leak.
    fs::write("/proc/sys/vm/drop_caches", "3")?;
    // Each CPU gathers what kfree_rcu() is given in sheaves of up to 60 objects, which count as in
    // use. The first time a cache is shrunk hands them to RCU; what comes of them is free the
    // second time (pcs_flush_all() in mm/slub.c).
    for _ in 0..2 {
        sleep(Duration::from_millis(300));
        for cache in fs::read_dir("/sys/kernel/slab")? {
            fs::write(cache?.path().join("shrink"), "1")?;
        }
    }
    let mut usage = Usage::new();
    let slabs = fs::read_to_string("/proc/slabinfo").context("cannot read /proc/slabinfo")?;
    // A version and a heading; then NAME ACTIVE_OBJECTS …
    for line in slabs.lines().skip(2) {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(objects)) = (words.next(), words.next())
            && name != NEVER_FREED
        {
            usage.insert(name.to_owned(), objects.parse()?);
        }
    }
    let meminfo = fs::read_to_string("/proc/meminfo")?;
    for name in ["Percpu", "VmallocUsed"] {
        let line = meminfo
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = line.and_then(|line| line.split_whitespace().next());
        let kib: u64 = kib
            .with_context(|| format!("no {name} in /proc/meminfo"))?
            .parse()?;
        usage.insert(name.to_owned(), kib / PAGE_KIB);
    }
    Ok(usage)
}

/// What has grown by `enough` from each time to the next.
pub(super) fn leaks(usages: &[Usage], enough: u64) -> Vec<String> {
    let Some(last) = usages.last() else {
        return vec![];
    };
    let counts = |name: &str| -> Vec<u64> {
        let count = |usage: &Usage| usage.get(name).copied().unwrap_or(0);
        usages.iter().map(count).collect()
    };
    last.keys()
        .map(|name| (name, counts(name)))
        .filter(|(_, counts)| counts.windows(2).all(|pair| pair[1] >= pair[0] + enough))
        .map(|(name, counts)| format!("{name}: {counts:?}"))
        .collect()
}

/// Where the kernel counts what each place that allocates has not given back:
/// `CONFIG_MEM_ALLOC_PROFILING`.
pub(super) const PROFILE: &str = "/proc/allocinfo";
/// Where it lists what nothing points to any more: `CONFIG_DEBUG_KMEMLEAK`.
pub(super) const KMEMLEAK: &str = "/sys/kernel/debug/kmemleak";

/// How many objects of the function that allocates are in use, by the profile.
///
/// ```text
///         1024        1 kernel/bpf/iter_cpumask/alloc_nolock.c:15 func:bpf_iter_cpumask_alloc
/// ```
pub(super) fn in_use(function: &str) -> Result<u64> {
    let profile = fs::read_to_string(PROFILE).with_context(|| format!("cannot read {PROFILE}"))?;
    let tag = format!("func:{function}");
    let line = profile
        .lines()
        .find(|line| line.split_whitespace().any(|word| word == tag));
    let line = line.with_context(|| format!("{PROFILE} has no {function}"))?;
    let count = line.split_whitespace().nth(1);
    let count = count.with_context(|| format!("{PROFILE}: {line:?}"))?;
    Ok(count.parse()?)
}

/// The first scan only takes the checksum of what is new, and lets it pass as modified; then nothing may
/// point to it in one scan, or in two (min_unref_scans in mm/kmemleak.c).
const SCANS: u32 = 3;

/// What the leak detector has to say of the time since [`forget_leaks`].
pub(super) fn new_leaks() -> Result<String> {
    // It counts nothing as lost that is younger than five seconds (MSECS_MIN_AGE in mm/kmemleak.c).
    sleep(Duration::from_secs(6));
    for _ in 0..SCANS {
        fs::write(KMEMLEAK, "scan")?;
    }
    Ok(fs::read_to_string(KMEMLEAK)?)
}

/// Lets the leak detector look once, and leave out for ever what it finds.
pub(super) fn forget_leaks() -> Result<()> {
    for order in ["scan", "clear"] {
        fs::write(KMEMLEAK, order).with_context(|| format!("cannot write {KMEMLEAK}"))?;
    }
    Ok(())
}
