// SPDX-License-Identifier: GPL-2.0-only
//! `demo.bpf.c` in the kernel: loading it, running it, and reading what a run left.

use anyhow::{Context, Result, anyhow, ensure};
use libbpf_rs::btf::types::{Ptr, Struct, TypeTag};
use libbpf_rs::btf::{Btf, ReferencesType};
use libbpf_rs::{MapCore, MapFlags, Object, ObjectBuilder, ProgramInput, ProgramMut};

use super::container::Container;
use super::cpus::nr_cpu_ids;
use crate::verified;

const OBJECT: &str = "/bpf/demo.bpf.o";

// The program's `enum mask`.
pub(super) const POSSIBLE: usize = 0;
pub(super) const PRESENT: usize = 1;
pub(super) const ONLINE: usize = 2;
pub(super) const CONTAINER: usize = 3;
const NR_MASKS: usize = 4;

// The program's pressure states.
pub(super) const IO_SOME: usize = 0;
pub(super) const IO_FULL: usize = 1;
pub(super) const MEM_SOME: usize = 2;
pub(super) const MEM_FULL: usize = 3;
pub(super) const CPU_SOME: usize = 4;
pub(super) const CPU_FULL: usize = 5;
pub(super) const NONIDLE: usize = 6;
const NR_STATES: usize = 7;

/// Nanoseconds in each state.
pub(super) type Times = [u64; NR_STATES];
/// Nanoseconds of a group in each state, the CPUs weighted; there is no total of [`NONIDLE`].
pub(super) type Totals = [u64; NONIDLE];

/// One group's pressure on one CPU: the program's `struct pressure`.
#[derive(Debug)]
pub(super) struct Pressure {
    /// Since the first run.
    pub(super) spent: Times,
    /// The kernel's times, of 32 bits, when it last folded them into the group's totals.
    pub(super) folded: Times,
}

/// One CPU: the program's `struct row`.
#[derive(Debug)]
pub(super) struct Row {
    masks: u64,
    pub(super) nr_running: u64,
    pub(super) system: Pressure,
    pub(super) container: Pressure,
}

/// One mask: the program's `struct sum`.
#[derive(Debug)]
pub(super) struct Sum {
    pub(super) nr_cpus: u64,
    pub(super) nr_running: u64,
    pub(super) system: Times,
    pub(super) container: Times,
}

/// What one run of the program left.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) system_total: Totals,
    pub(super) container_total: Totals,
    /// By mask.
    pub(super) sums: Vec<Sum>,
    /// By CPU.
    pub(super) rows: Vec<Row>,
}

impl Row {
    /// Whether the walk over this mask came by.
    pub(super) fn is_in(&self, mask: usize) -> bool {
        self.masks & (1 << mask) != 0
    }
}

impl Walk {
    /// The CPUs that the walk over this mask came by.
    pub(super) fn cpus(&self, mask: usize) -> Vec<usize> {
        let rows = self.rows.iter().enumerate();
        rows.filter(|(_, row)| row.is_in(mask))
            .map(|(cpu, _)| cpu)
            .collect()
    }
}

/// The loaded program.
pub(super) struct Walker {
    object: Object,
    /// Whether the kernel's BTF calls `psi_group.pcpu` per CPU.
    pub(super) pcpu_is_tagged: bool,
}

impl Walker {
    /// Loads the program for the container's task and the kernel's CPUs.
    pub(super) fn load(container: &Container) -> Result<Self> {
        let pcpu_is_tagged = pcpu_is_tagged()?;
        let mut open = ObjectBuilder::default()
            .open_file(OBJECT)
            .with_context(|| format!("cannot open {OBJECT}"))?;
        for mut map in open.maps_mut() {
            if map.name() == "rows" {
                map.set_max_entries(nr_cpu_ids()?)?;
            } else if map.name() == ".rodata.options" {
                let words = [container.pid(), pcpu_is_tagged.into()];
                let value = map.initial_value_mut().context("no options to set")?;
                value.copy_from_slice(&words.map(u32::to_ne_bytes).concat());
            }
        }
        let object = open
            .load()
            .with_context(|| format!("cannot load {OBJECT}: is this Linux 6.12 or later?"))?;
        Ok(Self {
            object,
            pcpu_is_tagged,
        })
    }

    /// Runs the program once.
    pub(super) fn run(&mut self) -> Result<Walk> {
        let output = self.program()?.test_run(ProgramInput::default())?;
        ensure!(output.return_value == 0, "the container's task is gone");
        let result = &mut self.map(".data.result", 0)?;
        let [_runs] = take(result)?;
        let (system_total, container_total) = (take(result)?, take(result)?);
        let mut sums = Vec::new();
        for _ in 0..NR_MASKS {
            let [nr_cpus, nr_running] = take(result)?;
            sums.push(Sum {
                nr_cpus,
                nr_running,
                system: take(result)?,
                container: take(result)?,
            });
        }
        let mut rows = Vec::new();
        for cpu in 0..nr_cpu_ids()? {
            let row = &mut self.map("rows", cpu)?;
            let [masks, nr_running] = take(row)?;
            rows.push(Row {
                masks,
                nr_running,
                system: pressure(row)?,
                container: pressure(row)?,
            });
        }
        Ok(Walk {
            system_total,
            container_total,
            sums,
            rows,
        })
    }

    /// The program's name, and how many instructions the verifier looked at.
    pub(super) fn verified(&self) -> Result<(String, u32)> {
        let info = verified::info(&self.program()?)?;
        Ok((
            info.name.to_string_lossy().into_owned(),
            info.verified_insns,
        ))
    }

    fn program(&self) -> Result<ProgramMut<'_>> {
        let program = self.object.progs_mut().next();
        program.with_context(|| format!("{OBJECT} has no program"))
    }

    /// The words of a map's value.
    fn map(&self, name: &str, key: u32) -> Result<impl Iterator<Item = u64> + use<>> {
        let mut maps = self.object.maps();
        let map = maps.find(|map| map.name() == name);
        let map = map.with_context(|| format!("{OBJECT} has no map {name}"))?;
        let value = map.lookup(&key.to_ne_bytes(), MapFlags::ANY)?;
        let value = value.with_context(|| format!("{name} has no entry {key}"))?;
        let words = value.as_chunks().0.to_vec();
        Ok(words.into_iter().map(u64::from_ne_bytes))
    }
}

fn pressure(words: &mut impl Iterator<Item = u64>) -> Result<Pressure> {
    Ok(Pressure {
        spent: take(words)?,
        folded: take(words)?,
    })
}

fn take<const N: usize>(words: &mut impl Iterator<Item = u64>) -> Result<[u64; N]> {
    let taken: Vec<u64> = words.take(N).collect();
    let taken = taken.try_into();
    taken.map_err(|_| anyhow!("{OBJECT} was built from other sources than this program"))
}

/// Looks for `psi_group -> member pcpu -> pointer -> type tag "percpu"` in the kernel's BTF.
fn pcpu_is_tagged() -> Result<bool> {
    let btf = Btf::from_vmlinux().context("this kernel has no BTF")?;
    let group: Struct<'_> = btf
        .type_by_name("psi_group")
        .context("this kernel has no PSI")?;
    let pcpu = group
        .iter()
        .find(|member| member.name.is_some_and(|name| name == "pcpu"))
        .context("psi_group has no pcpu")?;
    let pointer: Ptr<'_> = btf
        .type_by_id(pcpu.ty)
        .context("psi_group.pcpu is no pointer")?;
    let tag = TypeTag::try_from(pointer.referenced_type());
    Ok(tag.is_ok_and(|tag| tag.name().is_some_and(|name| name == "percpu")))
}
