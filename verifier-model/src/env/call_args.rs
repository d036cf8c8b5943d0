// SPDX-License-Identifier: GPL-2.0-only
//! What the arguments of a call turned out to be.
//!
//! Source: `struct bpf_call_arg_meta` in `kernel/bpf/verifier.c`.

use bpf::kernel::BtfRef;

use crate::facts::helper_proto::HelperProto;
use crate::state::reg::DynptrType;

/// What is found out about a call while its arguments are checked (`struct bpf_call_arg_meta`).
#[derive(Clone, Debug, Default)]
pub(crate) struct CallMeta {
    /// Helper number or BTF id of the kfunc.
    pub func_id: i32,
    /// The helper's prototype.
    pub proto: Option<&'static HelperProto>,
    /// Argument register that is released, 0 for none.
    pub release_regno: usize,
    /// The function passed.
    pub subprogno: usize,
    pub map: Option<usize>,
    /// Which lookup of an inner map it comes from.
    pub map_uid: u32,
    /// Dynptr passed: type, id, object it belongs to.
    pub dynptr: (DynptrType, u32, u32),
    /// Referenced object passed: id, parent, how many.
    pub ref_obj: (u32, u32, u8),
    /// Size of the memory returned.
    pub ret_mem_size: Option<u32>,
    /// Largest size of memory passed.
    pub msize_max: u64,
    /// Map key, when it is known.
    pub const_map_key: Option<u64>,
    /// Type of a per-CPU variable passed.
    pub ret_btf: Option<(BtfRef, u32)>,
    /// kptr field passed.
    pub kptr_field: Option<bpf::kernel::fields::Field>,
    /// Register of the memory that the call fills in, 0 for none.
    pub raw_mem_regno: usize,
    /// Its size.
    pub raw_mem_size: i32,
    /// Known scalar argument.
    pub arg_constant: Option<u64>,
    /// Memory returned is read-only.
    pub r0_rdonly: bool,
    /// Object passed: its type.
    pub arg_btf: Option<(BtfRef, u32)>,
    /// It was an owning reference.
    pub arg_owning_ref: bool,
    /// Iterator passed: frame and slot.
    pub iter: Option<(usize, usize)>,
    /// The helper finds one CPU's part of a per-CPU object.
    pub returns_cpu_specific_alloc_ptr: bool,
    /// List head or tree root passed.
    pub graph_root: Option<bpf::kernel::fields::Field>,
}
