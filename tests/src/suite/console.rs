// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's log: nothing in the suite may make the kernel complain.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use nix::libc::O_NONBLOCK;

use super::trial;

/// What the kernel's reports of its own faults begin with or contain.
const TROUBLE: [&str; 14] = [
    "WARNING:",
    "BUG:",
    // The slab allocator's: of which cache, and then what.
    ";BUG ",
    "new suspected memory leak",
    "kernel BUG at",
    "Oops",
    "KASAN",
    "UBSAN",
    "general protection fault",
    "Call Trace:",
    "detected stalls",
    "self-detected stall",
    "soft lockup",
    "blocked for more than",
];

/// The test of this file; it has to come behind those that it watches.
pub(super) fn trials() -> Vec<Trial> {
    vec![trial("console::quiet", || quiet(&records()?))]
}

/// No complaint, from the first record on.
pub(super) fn quiet(records: &[String]) -> Result<()> {
    let sequence = |record: &String| record.split(',').nth(1).map(str::to_owned);
    let first = records.first().and_then(sequence);
    ensure!(
        first.as_deref() == Some("0"),
        "the kernel's log begins at {first:?}: enlarge it"
    );
    complaints(records)
}

/// No record may be a complaint.
pub(super) fn complaints(records: &[String]) -> Result<()> {
    let trouble: Vec<_> = records
        .iter()
        .filter(|record| TROUBLE.iter().any(|word| record.contains(word)))
        .map(String::as_str)
        .collect();
    ensure!(
        trouble.is_empty(),
        "the kernel complains:\n{}",
        trouble.concat()
    );
    Ok(())
}

/// The kernel's log from its beginning. Each read gives one record,
/// `PRIORITY,SEQUENCE,TIME,FLAGS;TEXT`, until there is no more.
pub(super) fn records() -> Result<Vec<String>> {
    let mut kmsg = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open("/dev/kmsg")?;
    let mut records = Vec::new();
    let mut record = [0; 8192];
    loop {
        match kmsg.read(&mut record) {
            Ok(size) => records.push(String::from_utf8_lossy(&record[..size]).into_owned()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(records),
            // Records were lost; the sequence tells.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::quiet;

    #[test]
    fn complaints() {
        let boot = "6,0,0,-;Linux version 7.3.4\n".to_owned();
        assert!(quiet(std::slice::from_ref(&boot)).is_ok());
        for complaint in [
            "WARNING: lib/cpumask.c:1",
            "BUG kmalloc-128 (Not tainted): Right Redzone overwritten",
            "kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
        ] {
            let record = format!("4,1,9,-;{complaint}\n");
            assert!(quiet(&[boot.clone(), record]).is_err(), "{complaint}");
        }
        assert!(quiet(&["6,1,9,-;a lost beginning\n".to_owned()]).is_err());
        assert!(quiet(&[]).is_err());
    }
}
