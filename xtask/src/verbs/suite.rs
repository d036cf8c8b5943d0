// SPDX-License-Identifier: GPL-2.0-only
//! Running the guest's suite, and counting what passed.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::build::initramfs;
use crate::guest::qemu::{Accel, Ended, Guest, MEMORY};
use crate::linux::kernel::Place;
use crate::linux::patches::companions;
use crate::linux::target::Target;

/// More CPUs are possible than one word of a mask has bits; few are present, so that it is cheap.
pub(super) const SMP: &str = "4,maxcpus=130";
/// The same for a kernel that checks itself, which takes long to find out about CPUs that are absent.
pub(super) const CHECKED_SMP: &str = "4,maxcpus=75";
/// Freed memory is filled, so that a walk over it shows.
pub(super) const POISON: &str = "slub_debug=P";
/// Tests that keep the verifier busy, for minutes where it is checked, and walk as `anywhere::` does.
const BY_STEPS: &str = "aya::";
const LIMIT: Duration = Duration::from_secs(420);
/// How much memory a kernel takes that checks itself.
const CHECKED_MEMORY: &str = "3G";

/// All of the suite, or the tests with `filter` in their names, with CPUs as QEMU's `-smp` has them,
/// on a kernel told `parameters`.
pub(super) fn whole(
    target: &Target<'_>,
    (smp, parameters): (&str, &str),
    filter: Option<&str>,
) -> Result<Tally> {
    let mut told = vec!["test".to_owned()];
    if let Some(filter) = filter {
        told.extend(["--filter".to_owned(), filter.to_owned()]);
    }
    if target.kernel.iterator()? != Place::Apart {
        // A second "--" would end what the kernel passes on.
        let skipped = companions::TESTS.map(|test| ["--skip", test].map(str::to_owned));
        told.extend(skipped.into_iter().flatten());
    }
    if target.kernel.is_checked()? {
        told.extend(["--skip", BY_STEPS].map(str::to_owned));
    }
    let name = format!("tests on {}", target.kernel.release);
    let initramfs = initramfs::build(target)?;
    run(target, &initramfs, &name, smp, parameters, &told)
}

/// The guest's suite of `initramfs` with CPUs as QEMU's `-smp` has them, on a kernel told `parameters`.
pub(super) fn run(
    target: &Target<'_>,
    initramfs: &Path,
    name: &str,
    smp: &str,
    parameters: &str,
    told: &[String],
) -> Result<Tally> {
    run_known(target, initramfs, name, (smp, parameters), told, &[])
}

/// The same where what has one of `known` in it is no trouble on the console.
pub(super) fn run_known(
    target: &Target<'_>,
    initramfs: &Path,
    name: &str,
    (smp, parameters): (&str, &str),
    told: &[String],
    known: &[&str],
) -> Result<Tally> {
    let is_checked = target.kernel.is_checked()?;
    let guest = Guest {
        target,
        initramfs,
        smp,
        args: told,
        memory: if is_checked { CHECKED_MEMORY } else { MEMORY },
        known,
        limit: LIMIT,
    };
    tally(name, &guest.run_on(name, parameters)?)
}

/// The same in a guest of one CPU and 128 possible ones, whose clock counts instructions.
pub(super) fn count(
    target: &Target<'_>,
    initramfs: &Path,
    name: &str,
    told: &[String],
) -> Result<Tally> {
    let guest = Guest {
        target,
        initramfs,
        smp: "1,maxcpus=128",
        args: told,
        memory: MEMORY,
        known: &[],
        limit: LIMIT,
    };
    let ended = guest.collect_on(Accel::Icount, name)?;
    print!("{}", ended.output);
    tally(name, &ended)
}

fn tally(name: &str, ended: &Ended) -> Result<Tally> {
    let mut tally = Tally::default();
    for line in ended.output.lines() {
        tally.line(line);
    }
    if ended.status != 0 && tally.failed == 0 {
        bail!("{name}: the suite ended with status {}", ended.status);
    }
    Ok(tally)
}

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Says how a test of the host's ended, as the guest's harness does.
    pub(super) fn test(&mut self, name: &str, failure: Option<&str>) {
        match failure {
            None => println!("test {name} ... ok"),
            Some(failure) => println!("test {name} ... FAILED: {failure}"),
        }
        self.passed += u64::from(failure.is_none());
        self.failed += u64::from(failure.is_some());
    }

    /// Takes in a closing line such as `test result: ok. 4 passed; 0 failed; …`.
    pub(super) fn line(&mut self, line: &str) {
        let Some(rest) = line.trim().strip_prefix("test result: ") else {
            return;
        };
        let count = |word: &str| {
            let (before, _) = rest.split_once(word)?;
            before.split_whitespace().last()?.parse::<u64>().ok()
        };
        self.passed += count(" passed").unwrap_or(0);
        self.failed += count(" failed").unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_add_up() {
        let mut tally = Tally::default();
        tally.line("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        tally.line("test result: FAILED. 3 passed; 2 failed; 0 ignored");
        tally.line("test something ... ok");
        assert_eq!(
            tally,
            Tally {
                passed: 15,
                failed: 2
            }
        );
    }
}
