// SPDX-License-Identifier: GPL-2.0-only
//! The walks of `kfunc/aya/cpus.rs`, loaded by aya: the same CPUs come as by the header.

use anyhow::{Context, Result, bail, ensure};
use aya::maps::Array;
use aya::programs::{Program, RawTracePointRunOptions, TestRun};
use aya::{Ebpf, EbpfLoader, Pod, include_bytes_aligned};
use libbpf_rs::btf::Btf;
use libbpf_rs::btf::types::{MemberAttr, Struct};
use libtest_mimic::Trial;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use super::anywhere::address;
use super::cpus::{set_online, sysfs};
use super::masks::{Random, cpus, filled};
use super::needs::{possible, running, with_variable};
use super::trial;
use super::walks::{bound, same};

/// The object, compiled once for all kernels.
static WALKS: &[u8] = include_bytes_aligned!("../../aya/walks.elf");
/// As many CPUs as a walk can have.
const MAX: usize = 512;

/// The tests of this file.
pub(super) fn trials() -> Vec<Trial> {
    let trials = [
        trial("aya::possible", || {
            walked("possible_cpus", &sysfs("possible")?)
        }),
        trial("aya::present", || {
            walked("present_cpus", &sysfs("present")?)
        }),
        trial("aya::filter", || {
            let all = sysfs("possible")?;
            let even: Vec<u32> = all.into_iter().filter(|cpu| cpu % 2 == 0).collect();
            walked("every_second", &even)
        }),
        possible(
            5,
            trial("aya::break", || {
                walked("left_by_break", &[0, 1, 2, 3, 4, 1000])
            }),
        ),
        possible(
            3,
            trial("aya::return", || walked("left_by_return", &[0, 1, 2])),
        ),
        running(4, trial("aya::one_offline", one_offline)),
        trial("aya::mask_value", || values("walk_value")),
        trial("aya::copy_of_value", || values("copy_of_value")),
        running(4, trial("aya::task_affinity", affinity)),
        trial("aya::more_than_the_bound", more_than_the_bound),
    ];
    let trials = trials.into_iter();
    trials
        .map(|trial| with_variable("__cpu_possible_mask", trial))
        .collect()
}

fn walked(program: &str, expected: &[u32]) -> Result<()> {
    same(&Walks::load(bound()?)?.run(program)?, expected)
}

/// Masks of which one is not the other: a CPU is offline, and some are absent.
fn one_offline() -> Result<()> {
    let mut walks = Walks::load(bound()?)?;
    set_online(2, false)?;
    let online = sysfs("online");
    let programs = [
        "online_cpus",
        "present_and_online",
        "copy_of_online",
        "possible_not_online",
    ];
    let seen = programs.map(|program| walks.run(program));
    set_online(2, true)?;
    let online = online?;
    ensure!(!online.contains(&2), "CPU 2 is still online");
    let mut others = sysfs("possible")?;
    others.retain(|cpu| !online.contains(cpu));
    let [of_online @ .., not] = seen;
    for walk in of_online {
        same(&walk?, &online)?;
    }
    same(&not?, &others)
}

/// Masks that user space fills in, with bits beyond the last possible CPU.
fn values(program: &str) -> Result<()> {
    let mut walks = Walks::load(bound()?)?;
    let (bound, size) = (bound()?, MAX / 8);
    let mut random = Random::new();
    let mut masks = vec![filled(size, |_| false), filled(size, |_| true)];
    for edge in [0, 63, 64, bound - 1, bound, MAX as u32 - 1] {
        masks.push(filled(size, |bit| bit == edge));
    }
    for round in 0..10 {
        masks.push(filled(size, |_| random.is_set(round)));
    }
    for mask in masks {
        walks.fill(&mask)?;
        same(&walks.run(program)?, &cpus(&mask, bound))?;
    }
    Ok(())
}

/// The running task, which may run on some CPUs.
fn affinity() -> Result<()> {
    let mut walks = Walks::load(bound()?)?;
    let before = sched_getaffinity(Pid::from_raw(0))?;
    let mut seen = Vec::new();
    for cpus in [&[1, 3][..], &[0, 2, 3], &[3]] {
        let mut set = CpuSet::new();
        for &cpu in cpus {
            set.set(cpu as usize)?;
        }
        sched_setaffinity(Pid::from_raw(0), &set)?;
        seen.push((walks.run("task_cpus"), cpus));
    }
    sched_setaffinity(Pid::from_raw(0), &before)?;
    for (walk, cpus) in seen {
        same(&walk?, cpus)?;
    }
    Ok(())
}

/// With more CPUs than the bound a walk is empty, and that is not hidden.
fn more_than_the_bound() -> Result<()> {
    for program in ["possible_cpus", "copy_of_value"] {
        let mut walks = Walks::load(MAX as u32 + 1)?;
        same(&walks.run(program)?, &[])?;
        ensure!(walks.left_out()? > 0, "{program}: not counted as left out");
    }
    let mut walks = Walks::load(MAX as u32)?;
    walks.run("possible_cpus")?;
    let left_out = walks.left_out()?;
    ensure!(left_out == 0, "left out: {left_out}");
    Ok(())
}

/// Where a walk came by, as the object has it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Walk {
    count: u32,
    cpus: [u32; MAX],
}

impl Walk {
    const NONE: Self = Self {
        count: 0,
        cpus: [0; MAX],
    };
}

// SAFETY: numbers without room between them.
unsafe impl Pod for Walk {}

struct Walks(Ebpf);

impl Walks {
    /// Loads the object, for a machine with so many CPUs.
    fn load(nr_cpu_ids: u32) -> Result<Self> {
        let cpus_ptr = cpus_ptr()?;
        let (possible, present, online) = (mask("possible")?, mask("present")?, mask("online")?);
        let mut loader = EbpfLoader::new();
        loader
            .override_global("NR_CPU_IDS", &nr_cpu_ids, true)
            .override_global("CPU_POSSIBLE_MASK", &possible, true)
            .override_global("CPU_PRESENT_MASK", &present, true)
            .override_global("CPU_ONLINE_MASK", &online, true)
            .override_global("CPUS_PTR", &cpus_ptr, true);
        Ok(Self(loader.load(WALKS).context("aya takes no walks.elf")?))
    }

    /// Where a program came by. What it returns aya's macro has made 0.
    fn run(&mut self, program: &str) -> Result<Vec<u32>> {
        self.walk()?.set(0, Walk::NONE, 0)?;
        let loaded = self.0.program_mut(program).context("no such program")?;
        let Program::RawTracePoint(loaded) = loaded else {
            bail!("{program} is of another type");
        };
        if loaded.fd().is_err() {
            loaded.load()?;
        }
        loaded.test_run(RawTracePointRunOptions::new())?;
        let walk = self.walk()?.get(&0, 0)?;
        Ok(walk.cpus[..walk.count as usize].to_vec())
    }

    fn walk(&mut self) -> Result<Array<&mut aya::maps::MapData, Walk>> {
        let map = self.0.map_mut("WALK").context("no map WALK")?;
        Ok(Array::try_from(map)?)
    }

    fn fill(&mut self, mask: &[u8]) -> Result<()> {
        let map = self.0.map_mut("MASK").context("no map MASK")?;
        let mut map: Array<_, [u8; MAX / 8]> = Array::try_from(map)?;
        map.set(0, <[u8; MAX / 8]>::try_from(mask)?, 0)?;
        Ok(())
    }

    fn left_out(&mut self) -> Result<u64> {
        let map = self.0.map_mut("CPUS_LEFT_OUT");
        let map: Array<_, u64> = Array::try_from(map.context("no map CPUS_LEFT_OUT")?)?;
        Ok(map.get(&0, 0)?)
    }
}

/// Where the kernel has one of its masks.
fn mask(name: &str) -> Result<u64> {
    let symbol = format!("__cpu_{name}_mask");
    let address = address(&symbol).with_context(|| format!("the kernel has no {symbol}"))?;
    Ok(u64::from_str_radix(address, 16)?)
}

/// Where in a task the pointer to its mask is.
fn cpus_ptr() -> Result<u64> {
    let btf = Btf::from_vmlinux()?;
    let task: Struct<'_> = btf.type_by_name("task_struct").context("no task_struct")?;
    let mut members = task.iter();
    let member = members.find(|member| member.name.is_some_and(|name| name == "cpus_ptr"));
    match member.context("no cpus_ptr")?.attr {
        MemberAttr::Normal { offset } => Ok(u64::from(offset) / 8),
        MemberAttr::BitField { .. } => bail!("cpus_ptr is a bit field"),
    }
}
