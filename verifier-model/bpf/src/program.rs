// SPDX-License-Identifier: GPL-2.0-only
//! What `bpf(BPF_PROG_LOAD)` is given: the interface between the loader and the verifier.
//!
//! The loader ([`crate::load`]) does what libbpf does in user space and hands over a [`ProgLoad`];
//! the verifier takes it together with the [`Kernel`](crate::kernel::Kernel) it is to be loaded into. File descriptors
//! become indices, since nothing here is a running kernel:
//!
//! | instruction                                  | field       | a running kernel  | here                            |
//! |----------------------------------------------|-------------|-------------------|---------------------------------|
//! | `ld_imm64`, `src = BPF_PSEUDO_MAP_FD`        | `imm`       | map fd            | index into [`ProgLoad::maps`]   |
//! | `ld_imm64`, `src = BPF_PSEUDO_MAP_VALUE`     | `imm`       | map fd            | index into [`ProgLoad::maps`]   |
//! |                                              | next `imm`  | offset in value   | the same                        |
//! | `ld_imm64`, `src = BPF_PSEUDO_MAP_IDX[_VALUE]` | `imm`     | fd_array index    | index into [`ProgLoad::fd_array`] |
//! | `ld_imm64`, `src = BPF_PSEUDO_BTF_ID`        | `imm`       | BTF type id       | the same                        |
//! |                                              | next `imm`  | BTF object fd     | [`BtfObj`] number, 0 = vmlinux  |
//! | `ld_imm64`, `src = BPF_PSEUDO_FUNC`          | `imm`       | pc-relative insns | the same                        |
//! | `call`, `src = BPF_PSEUDO_CALL`              | `imm`       | pc-relative insns | the same                        |
//! | `call`, `src = BPF_PSEUDO_KFUNC_CALL`        | `imm`       | BTF FUNC id       | the same                        |
//! |                                              | `off`       | fd_array index    | index into [`ProgLoad::fd_array`] |
//!
//! A map fd that the object brings itself, without a relocation, is stored as its complement (`!fd`,
//! negative), so that it is not taken for an index.
//!
//! Source: `union bpf_attr` and `struct bpf_insn` in `include/uapi/linux/bpf.h`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::btf::Btf;
use crate::map::MapDef;
use crate::uapi::{AttachType, Insn, ProgType};

pub(crate) use crate::kernel::BtfObj;

/// One program, ready for the verifier: the arguments of `BPF_PROG_LOAD`.
#[derive(Debug, Clone)]
pub struct ProgLoad {
    /// Name of the main function; libbpf's program name, not cut to `BPF_OBJ_NAME_LEN`.
    pub name: String,
    /// ELF section that the program came from, e.g. `"?fentry.s/do_nanosleep"`; empty for raw instructions.
    pub section: String,
    /// Whether libbpf would load it without being asked: false for `SEC("?…")`.
    pub autoload: bool,
    /// `prog_type`.
    pub prog_type: ProgType,
    /// `expected_attach_type`; 0 ([`AttachType::CgroupInetIngress`]) when there is none, as in `bpf_attr`.
    pub expected_attach_type: AttachType,
    /// `prog_flags`.
    pub prog_flags: ProgFlags,
    /// The instructions after relocation: the main program, then the subprograms it calls.
    pub insns: Vec<Insn>,
    /// `func_info`, ascending by `insn_off`; empty when the object has none for this program.
    pub func_info: Vec<FuncInfo>,
    /// `line_info`, ascending by `insn_off`.
    pub line_info: Vec<LineInfo>,
    /// `prog_btf_fd`: BTF of the object, after libbpf's fixups. `func_info` and `line_info` refer to it.
    pub btf: Option<Arc<Btf>>,
    /// `attach_btf_id` with `attach_btf_obj_fd` or `attach_prog_fd`.
    pub attach: Option<AttachTarget>,
    /// `license`; empty when the object has none.
    pub license: String,
    /// All maps of the object, used by this program or not; shared between its programs.
    pub maps: Arc<[MapDef]>,
    /// What the object refers to and the kernel does not have: instruction → what. The instruction
    /// calls a helper that does not exist, so that the verifier rejects a program that can reach it.
    pub unresolved: BTreeMap<u32, Unresolved>,
    /// `fd_array`. Index 0 is left [`FdSlot::Empty`] by libbpf: a kfunc call with `off == 0` is vmlinux's.
    pub fd_array: Vec<FdSlot>,
}

impl ProgLoad {
    /// A GPL program of this name and type that has nothing else yet: no instructions, maps or BTF.
    pub fn bare(name: &str, prog_type: ProgType, expected_attach_type: AttachType) -> Self {
        Self {
            name: name.to_owned(),
            section: String::new(),
            autoload: true,
            prog_type,
            expected_attach_type,
            prog_flags: ProgFlags::empty(),
            insns: Vec::new(),
            func_info: Vec::new(),
            line_info: Vec::new(),
            btf: None,
            attach: None,
            license: "GPL".to_owned(),
            maps: Arc::from([]),
            unresolved: BTreeMap::new(),
            fd_array: Vec::new(),
        }
    }

    /// Whether the license is one that the kernel takes for GPL (`license_is_gpl_compatible()`).
    pub fn gpl_compatible(&self) -> bool {
        const GPL: [&str; 6] = [
            "GPL",
            "GPL v2",
            "GPL and additional rights",
            "Dual BSD/GPL",
            "Dual MIT/GPL",
            "Dual MPL/GPL",
        ];
        GPL.contains(&self.license.as_str())
    }

    /// The same without BTF, as libbpf loads it where the kernel refuses BTF: to loaders without
    /// CAP_BPF, and when it finds fault with it.
    #[must_use]
    pub fn without_btf(&self) -> Self {
        let maps = self.maps.iter().cloned().map(|m| MapDef { btf: None, ..m });
        Self {
            func_info: Vec::new(),
            line_info: Vec::new(),
            btf: None,
            maps: maps.collect(),
            ..self.clone()
        }
    }

    /// Whether the program may sleep (`BPF_F_SLEEPABLE`).
    pub fn sleepable(&self) -> bool {
        self.prog_flags.contains(ProgFlags::SLEEPABLE)
    }
}

bitflags::bitflags! {
    /// `prog_flags` of `BPF_PROG_LOAD`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct ProgFlags: u32 {
        /// `BPF_F_STRICT_ALIGNMENT`
        const STRICT_ALIGNMENT = 1 << 0;
        /// `BPF_F_ANY_ALIGNMENT`
        const ANY_ALIGNMENT = 1 << 1;
        /// `BPF_F_TEST_RND_HI32`
        const TEST_RND_HI32 = 1 << 2;
        /// `BPF_F_TEST_STATE_FREQ`: a checkpoint at every pruning point.
        const TEST_STATE_FREQ = 1 << 3;
        /// `BPF_F_SLEEPABLE`
        const SLEEPABLE = 1 << 4;
        /// `BPF_F_XDP_HAS_FRAGS`
        const XDP_HAS_FRAGS = 1 << 5;
        /// `BPF_F_XDP_DEV_BOUND_ONLY`
        const XDP_DEV_BOUND_ONLY = 1 << 6;
        /// `BPF_F_TEST_REG_INVARIANTS`: inconsistent register bounds are an error.
        const TEST_REG_INVARIANTS = 1 << 7;
        const _ = !0;
    }
}

/// Something that an instruction refers to and that is not there, in libbpf's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unresolved {
    /// A CO-RE relocation: a field, type or enumerator.
    CoreRelo(String),
    /// A map that is not created, by its name.
    Map(String),
    /// A kernel function, by its name.
    Kfunc(String),
    /// One of the former, loaded by cilium/ebpf: it leaves the kernel its words and says what they mean.
    Cilium(Box<Unresolved>),
}

impl Unresolved {
    /// What libbpf puts in the place of the instruction in the verifier's log.
    pub fn instruction(&self) -> &'static str {
        match self {
            Self::CoreRelo(_) => "<invalid CO-RE relocation>",
            Self::Map(_) => "<invalid BPF map reference>",
            Self::Kfunc(_) => "<invalid kfunc call>",
            Self::Cilium(what) => what.instruction(),
        }
    }

    /// What libbpf puts in the place of the verifier's message, or cilium/ebpf before it.
    pub fn message(&self) -> String {
        match self {
            Self::CoreRelo(what) => format!("failed to resolve CO-RE relocation {what}"),
            Self::Map(map) => format!("BPF map '{map}' is referenced but wasn't created"),
            Self::Kfunc(kfunc) => format!("kfunc '{kfunc}' is referenced but wasn't resolved"),
            Self::Cilium(what) => match **what {
                Self::Kfunc(_) => "unknown kfunc".to_owned(),
                _ => "bad CO-RE relocation".to_owned(),
            },
        }
    }
}

/// `struct bpf_func_info`: where a function starts and what its BTF FUNC is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FuncInfo {
    /// First instruction, counted from the program's start.
    pub insn_off: u32,
    /// BTF id of the FUNC in [`ProgLoad::btf`].
    pub type_id: u32,
}

/// `struct bpf_line_info`: the source line of the instructions from `insn_off` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineInfo {
    /// First instruction, counted from the program's start.
    pub insn_off: u32,
    /// Offset of the file name in the BTF strings.
    pub file_name_off: u32,
    /// Offset of the line's text in the BTF strings.
    pub line_off: u32,
    /// `line << 10 | column`.
    pub line_col: u32,
}

impl LineInfo {
    /// Line number, from 1.
    pub fn line(&self) -> u32 {
        self.line_col >> 10
    }

    /// Column, from 1; 0 when unknown.
    pub fn column(&self) -> u32 {
        self.line_col & 0x3ff
    }
}

/// What a tracing, LSM, struct_ops or extension program attaches to.
#[derive(Debug, Clone)]
pub enum AttachTarget {
    /// `attach_btf_id` in a kernel BTF object. For struct_ops it is the STRUCT, and
    /// `expected_attach_type` holds the member's index instead (see [`StructOpsMember`]).
    Kernel {
        /// vmlinux or a module.
        btf_obj: BtfObj,
        /// FUNC, TYPEDEF (`tp_btf`) or STRUCT (struct_ops).
        btf_id: u32,
        /// Set for struct_ops programs only: the raw `expected_attach_type` is this member index.
        member: Option<StructOpsMember>,
    },
    /// `attach_prog_fd`: another BPF program (`freplace`, or `fentry`/`fexit` of a BPF function).
    Prog {
        /// The program attached to.
        prog: Arc<ProgLoad>,
        /// BTF id of the FUNC in that program's BTF.
        btf_id: u32,
    },
}

/// The member of a struct_ops structure that a program implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StructOpsMember {
    /// Index of the member in the kernel's structure.
    pub index: u32,
}

/// One entry of `fd_array`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FdSlot {
    /// Nothing there (fd 0).
    Empty,
    /// A kernel BTF object.
    Btf(BtfObj),
    /// A map, by index into [`ProgLoad::maps`].
    Map(u32),
}
