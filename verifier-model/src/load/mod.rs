// SPDX-License-Identifier: GPL-2.0-only
//! From an ELF object to what the kernel is given: the work of libbpf, without a kernel.
//!
//! [`Object::open`] reads the file; [`Object::prepare`] relocates its programs for a [`Kernel`] and
//! hands them out as [`ProgLoad`]s:
//!
//! ```text
//!   ELF ── sections, symbols ──> programs, maps, externs        open
//!   .BTF ── externs made variables, sizes and offsets filled in
//!
//!   externs    resolved in the kernel's BTF and configuration    prepare
//!   CO-RE      field offsets, sizes, existence … patched in
//!   link       each program followed by the functions it calls
//!   data       map indices, variables, kernel variables, kfuncs patched in
//!   attach     the target's BTF type looked up
//! ```
//!
//! libbpf's C (7.3, `tools/lib/bpf`) is the specification; where it asks the running kernel for a
//! feature, the answer here is that of 7.3. What differs: file descriptors are indices (see
//! [`crate::prog_load`]), nothing is pinned or reused, and a program that cannot be prepared does
//! not keep the others from it.

mod attach;
mod btf_ext;
mod btf_load;
mod core_relo;
mod data;
mod elf;
mod error;
mod externs;
mod fixup;
mod kconfig;
mod link;
mod maps;
mod open;
mod prepare;
mod raw;
mod relocs;
mod sections;
mod struct_ops;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use error::LoadError;
pub use raw::raw_program;

use crate::btf::Btf;
use crate::prog_load::{Kernel, MapDef, ProgLoad};
use crate::uapi::{Insn, ProgType};
use btf_ext::BtfExt;
use externs::Extern;
use maps::Map;
use relocs::Reloc;
use sections::SecDef;

/// An object that has been read, not yet relocated: `bpf_object__open()`.
#[derive(Debug, Clone)]
pub struct Object {
    license: String,
    /// By section and offset.
    progs: Vec<Prog>,
    /// Section of functions that are not programs.
    text_shndx: Option<usize>,
    btf: Option<Arc<Btf>>,
    btf_ext: BtfExt,
    maps: Vec<Map>,
    /// By kind, alignment, size and name.
    externs: Vec<Extern>,
    kconfig_map: Option<usize>,
    arena_map: Option<usize>,
    /// Length of the section of variables in the arena.
    arena_data_size: u64,
    jumptables: Vec<u8>,
}

/// A function: a program, or a subprogram if it is in `.text`.
#[derive(Debug, Clone)]
struct Prog {
    name: String,
    section: String,
    sec_idx: usize,
    /// First instruction, counted from the section's start.
    sec_insn_off: usize,
    insns: Vec<Insn>,
    autoload: bool,
    sym_global: bool,
    /// Global in ELF, static in BTF.
    mark_btf_static: bool,
    sec_def: Option<&'static SecDef>,
    /// By instruction.
    relocs: Vec<Reloc>,
}

/// What [`Object::programs`] tells of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramInfo<'a> {
    /// Name of the function.
    pub name: &'a str,
    /// Section, without a leading `?`.
    pub section: &'a str,
    /// Type that the section's name gives.
    pub prog_type: ProgType,
    /// Whether libbpf loads it without being asked.
    pub autoload: bool,
}

/// Which programs [`Object::prepare`] prepares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Autoload<'a> {
    /// Those that libbpf loads without being asked.
    #[default]
    Default,
    /// All, also those of `SEC("?…")`.
    All,
    /// This one alone.
    Only(&'a str),
}

/// A target given by hand: `bpf_program__set_attach_target()`.
#[derive(Debug, Clone)]
pub enum SetAttachTarget {
    /// A kernel function, tracepoint or hook by the name that the section would have after `/`.
    Kernel(String),
    /// A function of another program. With None, the one that the section names.
    Prog(Arc<ProgLoad>, Option<String>),
}

/// How to prepare.
#[derive(Debug, Clone, Default)]
pub struct PrepareOptions<'a> {
    /// Which programs.
    pub autoload: Autoload<'a>,
    /// Program → what it attaches to, for those whose section does not say.
    pub attach_targets: BTreeMap<String, SetAttachTarget>,
    /// BTF that stands for the kernel's in CO-RE relocations: `btf_custom_path` of
    /// `bpf_object_open_opts`.
    pub core_btf: Option<Arc<Btf>>,
}

/// A program, ready to load, or why it is not.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Its name.
    pub name: String,
    /// What the kernel would be given.
    pub load: Result<ProgLoad, LoadError>,
}

impl Object {
    /// Reads an object. `name` is the file's name, which names its global data maps.
    pub fn open(data: &[u8], name: &str) -> Result<Self, LoadError> {
        open::open(data, name)
    }

    /// The programs, by section and offset; without subprograms.
    pub fn programs(&self) -> impl Iterator<Item = ProgramInfo<'_>> {
        self.entry_progs().map(|(_, prog)| ProgramInfo {
            name: &prog.name,
            section: &prog.section,
            prog_type: prog.prog_type(),
            autoload: prog.autoload,
        })
    }

    /// The maps, in the order that indices in instructions refer to.
    pub fn maps(&self) -> impl ExactSizeIterator<Item = &MapDef> {
        self.maps.iter().map(|map| &map.def)
    }

    /// BTF of the object, with externs, sizes and offsets filled in as the kernel wants them.
    pub fn btf(&self) -> Option<&Arc<Btf>> {
        self.btf.as_ref()
    }

    /// Relocates programs for a kernel, one after another as the iterator is asked:
    /// `bpf_object__prepare()`, and what `bpf_object__load()` looks up for each. An error of the
    /// whole is one that libbpf refuses the object for.
    pub fn prepare<'a>(
        &'a self,
        kernel: &'a Kernel,
        options: &'a PrepareOptions<'a>,
    ) -> Result<impl Iterator<Item = Prepared> + use<'a>, LoadError> {
        prepare::prepare(self, kernel, options)
    }

    fn entry_progs(&self) -> impl Iterator<Item = (usize, &Prog)> {
        self.progs
            .iter()
            .enumerate()
            .filter(|(_, prog)| !self.is_subprog(prog))
    }

    fn is_subprog(&self, prog: &Prog) -> bool {
        Some(prog.sec_idx) == self.text_shndx
    }

    /// The function that has this instruction of this section.
    fn prog_at(&self, sec_idx: usize, insn: usize) -> Option<usize> {
        let after = self
            .progs
            .partition_point(|p| (p.sec_idx, p.sec_insn_off) <= (sec_idx, insn));
        let index = after.checked_sub(1)?;
        let prog = &self.progs[index];
        (prog.sec_idx == sec_idx && insn - prog.sec_insn_off < prog.insns.len()).then_some(index)
    }
}

impl Prog {
    fn prog_type(&self) -> ProgType {
        self.sec_def.map_or(ProgType::Unspec, |def| def.prog_type)
    }
}
