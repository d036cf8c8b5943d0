// SPDX-License-Identifier: GPL-2.0-only
//! An object of `/bpf/bench` in the kernel: its mask to set, its programs to run.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use libbpf_rs::{
    MapCore, MapFlags, ObjectBuilder, PrintLevel, ProgramInput, ProgramMut, set_print,
};

use crate::verified;

/// `BPF_LOG_STATS` of include/linux/bpf_verifier.h: the verifier's log is its closing lines.
const LOG_STATS: u32 = 4;

/// What libbpf said since the last load began; the verifier's logs are in it.
static LOG: Mutex<String> = Mutex::new(String::new());

/// A loaded object.
pub(super) struct Object {
    object: libbpf_rs::Object,
    /// What libbpf and the verifier said of it.
    log: String,
}

/// What one run noted: `result` in bench.h.
#[derive(Clone, Copy)]
pub(super) struct Measured {
    pub(super) ticks: u64,
    pub(super) visited: u64,
    pub(super) sum: u64,
}

/// What a program cost the verifier.
pub(super) struct Verified {
    pub(super) insns: u32,
    pub(super) usec: u64,
}

impl Object {
    /// Loads `/bpf/bench/NAME.bpf.o`.
    pub(super) fn load(name: &str, nr_cpu_ids: u32) -> Result<Self> {
        let path = format!("/bpf/bench/{name}.bpf.o");
        set_print(Some((PrintLevel::Debug, |_, text| {
            LOG.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_str(&text);
        })));
        let log = || std::mem::take(&mut *LOG.lock().unwrap_or_else(PoisonError::into_inner));
        log();
        let mut open = ObjectBuilder::default()
            .open_file(&path)
            .with_context(|| format!("cannot open {path}"))?;
        for mut program in open.progs_mut() {
            program.set_log_level(LOG_STATS);
        }
        let object = open.load();
        let log = log();
        let object = object.map_err(|error| anyhow!("cannot load {path}: {error}\n{log}"))?;
        let object = Self { object, log };
        object.write(".data.nr_cpu_ids", &nr_cpu_ids.to_ne_bytes())?;
        Ok(object)
    }

    /// Whether there is a program of this name.
    pub(super) fn has(&self, program: &str) -> bool {
        self.program(program).is_ok()
    }

    /// Makes `cpus` the CPUs to walk.
    pub(super) fn set_mask(&self, cpus: &[u32]) -> Result<()> {
        let mut bytes = vec![0; self.map(".data.mask")?.value_size() as usize];
        for &cpu in cpus {
            let byte = bytes.get_mut(cpu as usize / 8);
            *byte.with_context(|| format!("no mask has a CPU {cpu}"))? |= 1 << (cpu % 8);
        }
        self.write(".data.mask", &bytes)
    }

    /// Runs a program once.
    pub(super) fn run(&self, program: &str) -> Result<Measured> {
        self.program(program)?.test_run(ProgramInput::default())?;
        let value = self
            .map(".data.result")?
            .lookup(&0_u32.to_ne_bytes(), MapFlags::ANY)?
            .context("no result")?;
        let &[ticks, visited, sum] = value.as_chunks().0 else {
            return Err(anyhow!("the result is not what bench.h says"));
        };
        Ok(Measured {
            ticks: u64::from_ne_bytes(ticks),
            visited: u64::from_ne_bytes(visited),
            sum: u64::from_ne_bytes(sum),
        })
    }

    /// What a program cost the verifier.
    pub(super) fn verified(&self, program: &str) -> Result<Verified> {
        let info = verified::info(&self.program(program)?)?;
        // libbpf shows each program's log between lines that name it.
        let begin = format!("prog '{program}': -- BEGIN PROG LOAD LOG --");
        let usec = self
            .log
            .split_once(&begin)
            .and_then(|(_, log)| log.split_once("verification time "))
            .and_then(|(_, rest)| rest.split_once(" usec"))
            .and_then(|(usec, _)| usec.parse().ok());
        Ok(Verified {
            insns: info.verified_insns,
            usec: usec.with_context(|| format!("no verification time in {:?}", self.log))?,
        })
    }

    fn write(&self, map: &str, bytes: &[u8]) -> Result<()> {
        let map = self.map(map)?;
        map.update(&0_u32.to_ne_bytes(), bytes, MapFlags::ANY)?;
        Ok(())
    }

    fn program(&self, name: &str) -> Result<ProgramMut<'_>> {
        let mut programs = self.object.progs_mut();
        let program = programs.find(|program| program.name() == name);
        program.with_context(|| format!("no program {name}"))
    }

    fn map(&self, name: &str) -> Result<impl MapCore> {
        let mut maps = self.object.maps();
        let map = maps.find(|map| map.name() == name);
        map.with_context(|| format!("no map {name}"))
    }
}
