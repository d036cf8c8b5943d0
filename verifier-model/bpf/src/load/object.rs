// SPDX-License-Identifier: GPL-2.0-only
//! What an object is made of, once it has been read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::btf::Btf;
use crate::load::btf_ext::BtfExt;
use crate::load::loader::Loader;
use crate::load::sections::SecDef;
use crate::map::MapDef;
use crate::uapi::{AttachType, Insn, ProgType};

/// A map and where the object has it.
#[derive(Debug, Clone)]
pub(super) struct Map {
    pub(super) def: MapDef,
    pub(super) sec_idx: usize,
    pub(super) sec_offset: u64,
    pub(super) struct_ops: Option<StructOps>,
    pub(super) autocreate: bool,
}

/// What the object says of a struct_ops map.
#[derive(Debug, Clone)]
pub(super) struct StructOps {
    /// The structure in the object's BTF.
    pub(super) type_id: u32,
    pub(super) data: Vec<u8>,
    /// Member → program.
    pub(super) progs: BTreeMap<usize, usize>,
}

impl StructOps {
    /// The programs in it.
    pub(super) fn progs(&self) -> impl Iterator<Item = usize> + '_ {
        self.progs.values().copied()
    }
}

/// What the instruction at `insn` of a function refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reloc {
    /// Counted from the function's start.
    pub(super) insn: usize,
    pub(super) target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// `ld_imm64` of a map.
    Map(usize),
    /// `call` of a function: offset of its symbol in `.text`.
    Call(u64),
    /// `ld_imm64` of a variable: its map and the symbol's offset in it.
    Data(usize, u64),
    /// `ld_imm64` of an extern.
    ExternLd64(usize),
    /// `call` of an extern.
    ExternCall(usize),
    /// `ld_imm64` of a function: offset of its symbol in `.text`.
    SubprogAddr(u64),
    /// `ld_imm64` of a jump table: offset and size in `.jumptables`.
    JumpTable(u64, u64),
}

/// An object that has been read, not yet relocated: `bpf_object__open()`.
#[derive(Debug, Clone)]
pub struct Object {
    pub(super) loader: Loader,
    pub(super) license: String,
    /// By section and offset.
    pub(super) progs: Vec<Prog>,
    /// Section of functions that are not programs.
    pub(super) text_shndx: Option<usize>,
    pub(super) btf: Option<Arc<Btf>>,
    pub(super) btf_ext: BtfExt,
    pub(super) maps: Vec<Map>,
    /// By kind, alignment, size and name.
    pub(super) externs: Vec<Extern>,
    pub(super) kconfig_map: Option<usize>,
    pub(super) arena_map: Option<usize>,
    /// Length of the section of variables in the arena.
    pub(super) arena_data_size: u64,
    pub(super) jumptables: Vec<u8>,
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

/// A function: a program, or a subprogram if it is in `.text`.
#[derive(Debug, Clone)]
pub(super) struct Prog {
    pub(super) name: String,
    pub(super) section: String,
    pub(super) sec_idx: usize,
    /// First instruction, counted from the section's start.
    pub(super) sec_insn_off: usize,
    pub(super) insns: Vec<Insn>,
    pub(super) autoload: bool,
    pub(super) sym_global: bool,
    /// Global in ELF, static in BTF.
    pub(super) mark_btf_static: bool,
    pub(super) sec_def: Option<&'static SecDef>,
    /// What is set in place of what the section says.
    pub(super) attach_type: Option<AttachType>,
    /// By instruction.
    pub(super) relocs: Vec<Reloc>,
}

impl Object {
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

    /// Whose ways it is loaded in: those that it was opened for, or those that it was made for.
    pub fn loader(&self) -> Loader {
        self.loader
    }

    /// BTF of the object, with externs, sizes and offsets filled in as the kernel wants them.
    pub fn btf(&self) -> Option<&Arc<Btf>> {
        self.btf.as_ref()
    }

    pub(super) fn entry_progs(&self) -> impl Iterator<Item = (usize, &Prog)> {
        self.progs
            .iter()
            .enumerate()
            .filter(|(_, prog)| !self.is_subprog(prog))
    }

    pub(super) fn is_subprog(&self, prog: &Prog) -> bool {
        Some(prog.sec_idx) == self.text_shndx
    }

    /// The function that has this instruction of this section.
    pub(super) fn prog_at(&self, sec_idx: usize, insn: usize) -> Option<usize> {
        let after = self
            .progs
            .partition_point(|p| (p.sec_idx, p.sec_insn_off) <= (sec_idx, insn));
        let index = after.checked_sub(1)?;
        let prog = &self.progs[index];
        (prog.sec_idx == sec_idx && insn - prog.sec_insn_off < prog.insns.len()).then_some(index)
    }
}

impl Prog {
    pub(super) fn prog_type(&self) -> ProgType {
        self.sec_def.map_or(ProgType::Unspec, |def| def.prog_type)
    }
}

/// One extern.
#[derive(Debug, Clone)]
pub(super) struct Extern {
    pub(super) name: String,
    /// Index in the symbol table.
    pub(super) sym_idx: usize,
    pub(super) is_weak: bool,
    pub(super) kind: ExternKind,
}

#[derive(Debug, Clone)]
pub(super) enum ExternKind {
    Kconfig(KconfigVar),
    /// A kernel variable; `type_id` is its type in the object's BTF without modifiers, 0 for void.
    KsymVar {
        type_id: u32,
    },
    /// A kernel function, with its prototype.
    KsymFunc {
        proto_id: u32,
    },
}

/// A configuration value, in the `.kconfig` map.
#[derive(Debug, Clone)]
pub(super) struct KconfigVar {
    pub(super) ty: KconfigType,
    pub(super) size: u32,
    pub(super) align: u32,
    /// Where in the map.
    pub(super) offset: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KconfigType {
    Char,
    Bool,
    Int { signed: bool },
    Tristate,
    CharArray,
}

impl ExternKind {
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Kconfig(_) => 0,
            _ => 1,
        }
    }
}
