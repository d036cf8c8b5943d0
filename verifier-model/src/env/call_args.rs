// SPDX-License-Identifier: GPL-2.0-only
//! What the arguments of a call turned out to be.
//!
//! Source: `struct bpf_call_arg_meta` in `kernel/bpf/verifier.c`.

use bpf::kernel::BtfRef;

use crate::facts::helper_proto::HelperProto;
use crate::state::iter_slots::IterAt;
use crate::state::reg::DynptrType;

/// A dynptr that is passed (`struct bpf_dynptr_desc`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct DynptrArg {
    /// Its type, invalid for none.
    pub kind: DynptrType,
    /// Its id.
    pub id: u32,
    /// Id of the object that it belongs to.
    pub parent_id: u32,
}

/// What is passed that holds a reference (`struct ref_obj_desc`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct RefObj {
    /// Id of the last one, 0 for none.
    pub id: u32,
    /// How many there are.
    pub count: u8,
}

impl RefObj {
    /// One more (`update_ref_obj`).
    pub(crate) const fn update(&mut self, id: u32) {
        self.id = id;
        self.count += 1;
    }
}

/// What is found out about a call while its arguments are checked (`struct bpf_call_arg_meta`).
#[derive(Clone, Debug, Default)]
pub(crate) struct CallArgs {
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
    /// Dynptr passed.
    pub dynptr: DynptrArg,
    /// Referenced object passed.
    pub ref_obj: RefObj,
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
    /// Iterator passed.
    pub iter: Option<IterAt>,
    /// The helper finds one CPU's part of a per-CPU object.
    pub returns_cpu_specific_alloc_ptr: bool,
    /// List head or tree root passed.
    pub graph_root: Option<bpf::kernel::fields::Field>,
}
