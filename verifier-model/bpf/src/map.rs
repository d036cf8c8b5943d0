// SPDX-License-Identifier: GPL-2.0-only
//! What `bpf(BPF_MAP_CREATE)` is given.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::btf::Btf;
use crate::kernel::BtfObj;
use crate::uapi::MapType;

/// Programs can read values only.
pub const BPF_F_RDONLY_PROG: u32 = 1 << 7;

/// A map as `BPF_MAP_CREATE` is given it, plus what libbpf fills into it before programs load.
#[derive(Debug, Clone)]
pub struct MapDef {
    /// Name as libbpf has it: that of the source, or for global data `"object.rodata"`,
    /// `".data.foo"`. The kernel keeps 15 bytes of it: [`MapDef::kernel_name`].
    pub name: String,
    /// `map_type`.
    pub map_type: MapType,
    /// `key_size` in bytes.
    pub key_size: u32,
    /// `value_size` in bytes.
    pub value_size: u32,
    /// `max_entries`. 0 of a `BPF_MAP_TYPE_PERF_EVENT_ARRAY` stands for the number of CPUs, which
    /// libbpf fills in.
    pub max_entries: u32,
    /// `map_flags`: `BPF_F_*` of `BPF_MAP_CREATE`.
    pub map_flags: u32,
    /// `map_extra`: for an arena its user address, for a bloom filter its number of hashes.
    pub map_extra: u64,
    /// BTF that the type ids below are in: the object's. None when the map is made without BTF.
    pub btf: Option<Arc<Btf>>,
    /// `btf_key_type_id`, 0 for none.
    pub btf_key_type_id: u32,
    /// `btf_value_type_id`, 0 for none. Where `bpf_spin_lock`, kptr, timer, `bpf_rb_root` … fields are found.
    pub btf_value_type_id: u32,
    /// The map inside, for `ARRAY_OF_MAPS` and `HASH_OF_MAPS`.
    pub inner_map: Option<Box<MapDef>>,
    /// Values from index 0 on, one after another: of a global data map the only one, of a
    /// `BPF_MAP_TYPE_INSN_ARRAY` all `struct bpf_insn_array_value`. Empty for zeros.
    pub contents: Vec<u8>,
    /// The map is frozen before the programs load, so that reads at constant offsets give constants
    /// (`.rodata`, `.kconfig`).
    pub frozen: bool,
    /// For `BPF_MAP_TYPE_STRUCT_OPS`: the kernel's type of the value.
    pub struct_ops: Option<StructOpsDef>,
}

impl MapDef {
    /// A map without BTF, flags or contents.
    pub fn new(
        name: impl Into<String>,
        map_type: MapType,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
    ) -> Self {
        Self {
            name: name.into(),
            map_type,
            key_size,
            value_size,
            max_entries,
            map_flags: 0,
            map_extra: 0,
            btf: None,
            btf_key_type_id: 0,
            btf_value_type_id: 0,
            inner_map: None,
            contents: Vec::new(),
            frozen: false,
            struct_ops: None,
        }
    }

    /// The name that the kernel knows the map by, and prints.
    pub fn kernel_name(&self) -> &str {
        const BPF_OBJ_NAME_LEN: usize = 16;
        let mut end = self.name.len().min(BPF_OBJ_NAME_LEN - 1);
        while !self.name.is_char_boundary(end) {
            end -= 1;
        }
        &self.name[..end]
    }
}

/// What libbpf finds out about a struct_ops map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StructOpsDef {
    /// The kernel BTF object that has the types.
    pub btf_obj: BtfObj,
    /// The structure, e.g. `tcp_congestion_ops`.
    pub type_id: u32,
    /// `btf_vmlinux_value_type_id`: `bpf_struct_ops_<name>`.
    pub value_type_id: u32,
    /// Member index in the kernel's structure → name of the program that implements it.
    pub progs: BTreeMap<u32, String>,
}
