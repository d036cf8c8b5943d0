// SPDX-License-Identifier: GPL-2.0-only
//! The `bench` verb: what each way to walk CPUs takes, mask by mask.
//!
//! Prints a [`Boot`] as one line of JSON. Each method is an object of `/bpf/bench` with a program
//! `walk` and, where there is an iterator, a program `make` that only makes and destroys it.

mod program;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use bench::guest::{Boot, Method, Shape, Walk};
use clap::Args;

use program::{Measured, Object};

/// The ways to walk; the order is that of the tables.
const METHODS: [&str; 6] = [
    "cpumask",
    "cpumask_c",
    "for_test",
    "loop_test",
    "bits",
    "kernel",
];

/// The iterator's companions, which are measured where the kernel has them: a patched one may be
/// built from the first patches alone.
const COMPANIONS: [&str; 3] = ["cpumask_and", "cpumask_andnot", "cpumask_snapshot"];

/// Loads of each program; the one that took the verifier the least time counts.
const LOADS: usize = 5;

/// How to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Runs of each program; the fastest one counts.
    #[arg(long, default_value_t = 9)]
    runs: usize,
    /// The clock counts instructions: more than half of the runs have to agree.
    #[arg(long)]
    exact: bool,
}

/// Measures everything.
pub(crate) fn run(options: Options) -> Result<ExitCode> {
    let nr_cpu_ids = nr_cpu_ids()?;
    let meter = Meter {
        options,
        nr_cpu_ids,
    };
    let empty = Object::load("empty", nr_cpu_ids)?;
    let empty = meter.measure(&empty, "walk", &[])?.ticks;
    let symbols = fs::read_to_string("/proc/kallsyms")?;
    let there = |name: &&str| symbols.contains(&format!(" bpf_iter_{name}_new"));
    let methods = METHODS
        .into_iter()
        .chain(COMPANIONS.into_iter().filter(there));
    let methods = methods.map(|name| meter.method(name, empty));
    let boot = Boot {
        nr_cpu_ids,
        cpu_model: cpu_model()?,
        version: fs::read_to_string("/proc/version")?.trim().to_owned(),
        empty,
        methods: methods.collect::<Result<_>>()?,
    };
    println!("{}", serde_json::to_string(&boot)?);
    Ok(ExitCode::SUCCESS)
}

struct Meter {
    options: Options,
    nr_cpu_ids: u32,
}

impl Meter {
    fn method(&self, name: &str, empty: u64) -> Result<Method> {
        let object = Object::load(name, self.nr_cpu_ids)?;
        let mut verified = object.verified("walk")?;
        for _ in 1..LOADS {
            let again = Object::load(name, self.nr_cpu_ids)?.verified("walk")?;
            verified.usec = verified.usec.min(again.usec);
        }
        let mut walks = Vec::new();
        for shape in Shape::ALL {
            let cpus = shape.cpus(self.nr_cpu_ids);
            let measured = self
                .measure(&object, "walk", &cpus)
                .with_context(|| format!("{name}, {}", shape.name()))?;
            let sum = cpus.iter().map(|&cpu| u64::from(cpu)).sum::<u64>();
            ensure!(
                (measured.visited, measured.sum) == (cpus.len() as u64, sum),
                "{name}, {}: visited {} CPUs with the sum {}, not {} with {sum}",
                shape.name(),
                measured.visited,
                measured.sum,
                cpus.len()
            );
            walks.push(Walk {
                shape,
                visited: measured.visited,
                ticks: measured.ticks.saturating_sub(empty),
            });
        }
        let make = if object.has("make") {
            let measured = self.measure(&object, "make", &Shape::All.cpus(self.nr_cpu_ids));
            let measured = measured.with_context(|| format!("{name}, make"))?;
            Some(measured.ticks.saturating_sub(empty))
        } else {
            None
        };
        Ok(Method {
            name: name.to_owned(),
            verified_insns: verified.insns,
            verification_usec: verified.usec,
            make,
            walks,
        })
    }

    /// The fastest of all runs: an interrupt can only make one slower.
    fn measure(&self, object: &Object, program: &str, cpus: &[u32]) -> Result<Measured> {
        object.set_mask(cpus)?;
        let runs = (0..self.options.runs).map(|_| object.run(program));
        let runs = runs.collect::<Result<Vec<_>>>()?;
        let fastest = runs.iter().min_by_key(|run| run.ticks);
        let fastest = *fastest.context("no run was asked for")?;
        let equal = runs.iter().filter(|run| run.ticks == fastest.ticks).count();
        if self.options.exact && equal * 2 <= runs.len() {
            let ticks: Vec<u64> = runs.iter().map(|run| run.ticks).collect();
            bail!("the runs do not agree: {ticks:?}");
        }
        Ok(fastest)
    }
}

/// One more than the highest possible CPU number.
fn nr_cpu_ids() -> Result<u32> {
    let possible = fs::read_to_string("/sys/devices/system/cpu/possible")?;
    let last = possible.trim().rsplit(['-', ',']).next().unwrap_or("");
    let last: u32 = last
        .parse()
        .with_context(|| format!("the possible CPUs are no list: {possible:?}"))?;
    Ok(last + 1)
}

/// What `/proc/cpuinfo` calls it, which arm64 has a number for.
fn cpu_model() -> Result<String> {
    let info = fs::read_to_string("/proc/cpuinfo")?;
    let model = info.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        match key.trim() {
            "model name" => Some(value.trim().to_owned()),
            "CPU part" => Some(format!("part {}", value.trim())),
            _ => None,
        }
    });
    model.context("/proc/cpuinfo has no model name")
}
