// SPDX-License-Identifier: GPL-2.0-only
//! Three words of four bits: every mask, every `nr_cpu_ids`, every change between two reads.
//!
//! A change between two reads is no more than that the second one gives another value than the first
//! would have. So every read is let give every value, in every state that a walk can come to. What
//! holds of each such step holds of every walk, however long and whatever others write meanwhile.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::walks::{self, Steps};

const WORDS: u32 = 3;

/// A walk that stands somewhere, and what its caller knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    walk: (i32, u32),
    /// The CPUs below it are done with.
    from: u32,
    ended: bool,
}

/// The reads of one step: which word, and what it was then.
type Reads = Vec<(usize, usize)>;

/// Makes every step that a walk can make and looks at each. How many there are, or what one did.
fn prove<W: Steps>(nr_cpu_ids: u32) -> Result<u64, String> {
    let start = State {
        walk: W::new().state(),
        from: 0,
        ended: false,
    };
    let mut known = BTreeSet::from([start]);
    let mut todo = vec![start];
    let mut steps = 0;
    while let Some(state) = todo.pop() {
        // The values of the reads, counted up like the digits of a number.
        let mut values = Vec::new();
        loop {
            let (next, reads) = step::<W>(nr_cpu_ids, state, &values)?;
            steps += 1;
            if known.insert(next) {
                todo.push(next);
            }
            values = reads.into_iter().map(|(_, value)| value).collect();
            let last = values.iter().rposition(|&value| value + 1 < 1 << W::BITS);
            let Some(last) = last else { break };
            values[last] += 1;
            values.truncate(last + 1);
        }
    }
    Ok(steps)
}

/// One step from `state`, whose reads give `values` and then 0. What it comes to, unless it breaks a
/// promise.
fn step<W: Steps>(
    nr_cpu_ids: u32,
    state: State,
    values: &[usize],
) -> Result<(State, Reads), String> {
    let reads = RefCell::new(Reads::new());
    let mut walk = W::at(state.walk);
    let cpu = walk.step(nr_cpu_ids, |i| {
        let mut reads = reads.borrow_mut();
        let value = values.get(reads.len()).copied().unwrap_or(0);
        reads.push((i, value));
        value
    });
    let reads = reads.into_inner();
    promises::<W>(nr_cpu_ids, state, cpu, &reads).map_err(|broken| {
        format!("{broken}: {cpu:?} of {nr_cpu_ids} after {state:?}, {reads:?}")
    })?;
    let next = State {
        walk: walk.state(),
        from: cpu.map_or(state.from, |cpu| cpu + 1),
        ended: cpu.is_none(),
    };
    Ok((next, reads))
}

/// What `Walk` promises of a step.
fn promises<W: Steps>(
    nr_cpu_ids: u32,
    state: State,
    cpu: Option<u32>,
    reads: &Reads,
) -> Result<(), &'static str> {
    let was = |cpu: u32, set: bool| {
        let of_cpu = |&&(i, _): &&(usize, usize)| i == (cpu / W::BITS) as usize;
        let mut values = reads.iter().filter(of_cpu);
        values.any(|(_, value)| (value >> (cpu % W::BITS) & 1 == 1) == set)
    };
    let beyond = |&(i, _): &(usize, usize)| i >= nr_cpu_ids.div_ceil(W::BITS) as usize;
    if reads.iter().any(beyond) {
        return Err("reads beyond the mask");
    }
    if let Some(cpu) = cpu {
        if state.ended {
            return Err("goes on after the end");
        }
        if cpu >= nr_cpu_ids {
            return Err("returns no CPU");
        }
        if cpu < state.from {
            return Err("goes back");
        }
        if !was(cpu, true) {
            return Err("returns a CPU that no read had");
        }
    }
    let passed = state.from..cpu.unwrap_or(nr_cpu_ids);
    if !state.ended && passed.into_iter().any(|cpu| !was(cpu, false)) {
        return Err("passes over a CPU that every read had");
    }
    Ok(())
}

/// For every `nr_cpu_ids`.
fn prove_all<W: Steps>() -> Result<u64, String> {
    (1..=WORDS * W::BITS).map(prove::<W>).sum()
}

#[test]
fn every_step_keeps_the_promises() {
    let steps = prove_all::<walks::bits_4::Walk>().unwrap_or_else(|broken| panic!("{broken}"));
    assert!(steps > 10_000, "only {steps} steps were made");
}

#[test]
fn every_mask_is_walked_exactly() {
    for nr_cpu_ids in 1..=WORDS * 4 {
        for mask in 0..1_usize << (WORDS * 4) {
            let mut walk = walks::bits_4::Walk::new();
            let step = || walk.step(nr_cpu_ids, |i| mask >> (4 * i) & 0xf);
            let walked: Vec<u32> = std::iter::from_fn(step).collect();
            let cpus = (0..nr_cpu_ids).filter(|cpu| mask >> cpu & 1 == 1);
            assert!(walked.iter().copied().eq(cpus), "{mask:#x}: {walked:?}");
        }
    }
}

#[test]
fn every_bug_is_found() {
    macro_rules! found {
        ($($bug:ident)*) => {
            $({
                let found = prove_all::<walks::$bug::Walk>();
                let broken = found.expect_err(stringify!($bug));
                println!("{}: {broken}", stringify!($bug));
            })*
        };
    }
    walks::bugs!(found);
}
