// SPDX-License-Identifier: GPL-2.0-only
//! A generated program as instructions, before a kernel's numbers are put in.
//!
//! What a program names of the kernel, kfuncs and a field of `struct task_struct`, is kept beside
//! the instruction that needs it. [`Code::prog_load`] resolves it in a [`Kernel`]; the guest does
//! the same for kfuncs in the running one (see [`super::batch`]).

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use bpf::btf::{Btf, BtfBuilder, BtfError, Kind};
use bpf::kernel::Kernel;
use bpf::map::MapDef;
use bpf::program::{FdSlot, FuncInfo, ProgFlags, ProgLoad};
use bpf::uapi::{AttachType, Insn, MapType, ProgType};

use crate::ast::ProgKind;

/// The kfuncs that programs call.
pub const KFUNCS: [&str; 19] = [
    "bpf_iter_num_new",
    "bpf_iter_num_next",
    "bpf_iter_num_destroy",
    "bpf_iter_bits_new",
    "bpf_iter_bits_next",
    "bpf_iter_bits_destroy",
    "bpf_iter_cpumask_new",
    "bpf_iter_cpumask_next",
    "bpf_iter_cpumask_destroy",
    "bpf_iter_testmod_seq_new",
    "bpf_iter_testmod_seq_next",
    "bpf_iter_testmod_seq_destroy",
    "bpf_rcu_read_lock",
    "bpf_rcu_read_unlock",
    "bpf_cpumask_create",
    "bpf_cpumask_acquire",
    "bpf_cpumask_release",
    "bpf_cpu_possible_mask",
    "bpf_throw",
];

/// The maps that programs have: type, key size, value size, entries, flags.
pub const MAPS: [(MapType, u32, u32, u32, u32); 5] = [
    (MapType::Array, 4, 16, 1, 0),
    (MapType::Hash, 4, 16, 4, 0),
    (MapType::ProgArray, 4, 4, 1, 0),
    (MapType::ProgArray, 4, 4, 1, 0),
    (MapType::ProgArray, 4, 4, 1, 0),
];

/// Index in [`MAPS`].
#[expect(missing_docs, reason = "each is its map's type")]
pub mod map {
    pub const ARRAY: i32 = 0;
    pub const HASH: i32 = 1;
    /// An array of programs takes programs of one type alone, from the first it is used by.
    pub const RAW_TRACEPOINTS: i32 = 2;
    pub const SYSCALLS: i32 = 3;
    pub const SOCKET_FILTERS: i32 = 4;
}

/// What an instruction names of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The call of a kfunc, by its place in [`KFUNCS`].
    Kfunc(usize),
    /// The offset is that of `cpus_ptr` in `struct task_struct`.
    CpusPtr,
}

/// Functions by the prototypes they have in [`btf`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FuncType {
    /// `long main(void *ctx)`, global.
    Main,
    /// `long static_fn(u64 a, u64 b, void *cells)`, static.
    Static,
    /// `long global_fn(u64 a, u64 b)`, global.
    Global,
    /// `long callback(u64 index, void *cells)`, static.
    Callback,
}

impl FuncType {
    /// All, in the order of their types.
    pub const ALL: [Self; 4] = [Self::Main, Self::Static, Self::Global, Self::Callback];

    /// Its FUNC in [`btf`].
    pub fn type_id(self) -> u32 {
        FIRST_FUNC + self as u32
    }

    /// Its name there.
    pub fn name(self) -> &'static str {
        ["main", "static_fn", "global_fn", "callback"][self as usize]
    }
}

/// A program as instructions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Its type.
    pub kind: ProgKind,
    /// `BPF_F_TEST_STATE_FREQ`
    pub checkpoints: bool,
    /// The instructions; a map is named by its place in [`MAPS`].
    pub insns: Vec<Insn>,
    /// Where functions start, ascending.
    pub funcs: Vec<(u32, FuncType)>,
    /// Instruction → what it names.
    pub names: BTreeMap<usize, Name>,
}

/// What a kernel lacks that a program names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the kernel has no '{0}'")]
pub struct Missing(pub String);

impl Code {
    /// `prog_type`
    pub fn prog_type(&self) -> ProgType {
        match self.kind {
            ProgKind::RawTracepoint => ProgType::RawTracepoint,
            ProgKind::Syscall | ProgKind::SyscallBpf => ProgType::Syscall,
            ProgKind::SocketFilter => ProgType::SocketFilter,
        }
    }

    /// `prog_flags`
    pub fn prog_flags(&self) -> ProgFlags {
        let mut flags = ProgFlags::empty();
        flags.set(ProgFlags::TEST_STATE_FREQ, self.checkpoints);
        flags.set(ProgFlags::SLEEPABLE, self.kind.sleepable());
        flags
    }

    /// Functions by their prototypes; none where the loader may not tell them.
    pub fn func_info(&self) -> &[(u32, FuncType)] {
        match self.kind.may_have_btf() {
            true => &self.funcs,
            false => &[],
        }
    }

    /// The instructions with the field offsets of a kernel.
    pub fn with_fields(&self, cpus_ptr: i16) -> Vec<Insn> {
        let mut insns = self.insns.clone();
        for (&at, name) in &self.names {
            if *name == Name::CpusPtr {
                insns[at].off = cpus_ptr;
            }
        }
        insns
    }

    /// The program for a kernel.
    pub fn prog_load(&self, kernel: &Kernel) -> Result<ProgLoad, Missing> {
        let mut insns = match self.names.values().any(|n| *n == Name::CpusPtr) {
            true => self.with_fields(cpus_ptr_offset(kernel)?),
            false => self.insns.clone(),
        };
        for (&at, name) in &self.names {
            if let Name::Kfunc(kfunc) = *name {
                let (obj, id) = find_kfunc(kernel, KFUNCS[kfunc])?;
                insns[at].imm = id as i32;
                insns[at].off = match obj {
                    0 => 0,
                    n => MAPS.len() as i16 + n as i16 - 1,
                };
            }
        }
        let maps = (0..MAPS.len() as u32).map(FdSlot::Map);
        let modules = (1..=kernel.modules.len() as u32).map(FdSlot::Btf);
        let func_info = |&(insn_off, func): &(u32, FuncType)| FuncInfo {
            insn_off,
            type_id: func.type_id(),
        };
        Ok(ProgLoad {
            prog_flags: self.prog_flags(),
            insns,
            func_info: self.func_info().iter().map(func_info).collect(),
            btf: self.kind.may_have_btf().then(|| BTF.clone()),
            maps: MAP_DEFS.clone(),
            fd_array: maps.chain(modules).collect(),
            ..ProgLoad::bare("main", self.prog_type(), AttachType::CgroupInetIngress)
        })
    }
}

/// Offset of `cpus_ptr` in `struct task_struct`, in bytes.
pub fn cpus_ptr_offset(kernel: &Kernel) -> Result<i16, Missing> {
    let task = kernel
        .vmlinux
        .find_by_name_kind("task_struct", Kind::Struct);
    let mut members = task.iter().flat_map(|t| t.members());
    let member = members.find(|m| m.name() == "cpus_ptr");
    let offset = member.and_then(|m| i16::try_from(m.bit_offset() / 8).ok());
    offset.ok_or_else(|| Missing("task_struct.cpus_ptr".into()))
}

pub(crate) fn find_kfunc(kernel: &Kernel, name: &str) -> Result<(u32, u32), Missing> {
    for (obj, btf) in kernel.btfs() {
        if let Some(func) = btf.find_own_by_name_kind(name, Kind::Func) {
            return Ok((obj, func.id()));
        }
    }
    Err(Missing(name.to_owned()))
}

static MAP_DEFS: LazyLock<Arc<[MapDef]>> = LazyLock::new(|| {
    let def = |&(map_type, key, value, entries, flags): &(MapType, u32, u32, u32, u32)| {
        let mut map = MapDef::new("", map_type, key, value, entries);
        map.map_flags = flags;
        map
    };
    MAPS.iter().map(def).collect()
});

/// BTF of every program, parsed.
static BTF: LazyLock<Arc<Btf>> = LazyLock::new(|| {
    let parsed: Result<Btf, BtfError> = Btf::parse(&btf(), None);
    Arc::new(parsed.expect("what the builder makes is BTF"))
});

/// What comes before the FUNCs in [`btf`]: two integers, a pointer, four prototypes.
const FIRST_FUNC: u32 = 8;

/// BTF of every program: the prototypes of [`FuncType`].
pub fn btf() -> Vec<u8> {
    const STATIC: u32 = 0;
    const GLOBAL: u32 = 1;
    const SIGNED: u32 = 1 << 24;
    let mut b = BtfBuilder::default();
    let name = b.string("long");
    let long = b.push(Kind::Int, name, 0, false, 8, &[SIGNED | 64]);
    let name = b.string("u64");
    let u64_ = b.push(Kind::Int, name, 0, false, 8, &[64]);
    let ptr = b.push(Kind::Ptr, 0, 0, false, 0, &[]);
    let mut proto = |params: &[(&str, u32)]| {
        let mut rest = Vec::new();
        for (name, id) in params {
            rest.extend([b.string(name), *id]);
        }
        b.push(Kind::FuncProto, 0, params.len() as u32, false, long, &rest)
    };
    let protos = [
        (proto(&[("ctx", ptr)]), GLOBAL),
        (proto(&[("a", u64_), ("b", u64_), ("cells", ptr)]), STATIC),
        (proto(&[("a", u64_), ("b", u64_)]), GLOBAL),
        (proto(&[("index", u64_), ("cells", ptr)]), STATIC),
    ];
    for ((proto, linkage), func) in protos.into_iter().zip(FuncType::ALL) {
        let name = b.string(func.name());
        let id = b.push(Kind::Func, name, linkage, false, proto, &[]);
        debug_assert_eq!(id, func.type_id());
    }
    b.build()
}
