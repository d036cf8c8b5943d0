// SPDX-License-Identifier: GPL-2.0-only
//! The kfuncs of `tests/example-kfunc`, which the documentation teaches with.
//! What they refuse is with the other refused programs.

use std::process::id;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;

use super::bpf::Bpf;
use super::trial;

/// The tests of this file.
pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("example::plain", plain),
        trial("example::acquire_and_release", acquire_and_release),
    ]
}

/// The greatest common divisor divides both, and no greater number does.
fn plain() -> Result<()> {
    let bpf = Bpf::load("example/calls")?;
    for (a, b) in [
        (54u64, 24u64),
        (24, 54),
        (17, 5),
        (12, 12),
        (1 << 40, 1 << 33),
        (1, u64::MAX),
    ] {
        bpf.write("a", &a.to_ne_bytes())?;
        bpf.write("b", &b.to_ne_bytes())?;
        bpf.run("divide")?;
        let gcd = bpf.get_u64("gcd")?;
        ensure!(
            gcd != 0 && a % gcd == 0 && b % gcd == 0,
            "{gcd} does not divide {a} and {b}"
        );
        let greater = (gcd + 1..=gcd.saturating_add(1000)).find(|n| a % n == 0 && b % n == 0);
        ensure!(
            greater.is_none(),
            "{greater:?} divides {a} and {b}, not only {gcd}"
        );
    }
    for (a, b) in [(0u64, 7u64), (7, 0)] {
        bpf.write("a", &a.to_ne_bytes())?;
        bpf.write("b", &b.to_ne_bytes())?;
        bpf.run("divide")?;
        let gcd = bpf.get_u64("gcd")?;
        ensure!(gcd == 7, "the divisor of {a} and {b} is {gcd}");
    }
    Ok(())
}

/// Run from any thread, the leader is this process.
fn acquire_and_release() -> Result<()> {
    let bpf = Bpf::load("example/calls")?;
    std::thread::scope(|scope| scope.spawn(|| bpf.run("lead")).join())
        .unwrap_or_else(|_| anyhow::bail!("the thread panicked"))?;
    let leader = bpf.get("leader_pid")?;
    ensure!(leader == id(), "the leader is {leader}, expected {}", id());
    Ok(())
}
