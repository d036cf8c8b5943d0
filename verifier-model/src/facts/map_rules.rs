// SPDX-License-Identifier: GPL-2.0-only
//! What the verifier asks of a map beyond its type.
//!
//! Source: `bpf_map_direct_read()`, `map_mem_size()` in `kernel/bpf/verifier.c`;
//! `map_direct_value_addr` of each map type.

use bpf::map::{BPF_F_RDONLY_PROG, MapDef};
use bpf::uapi::MapType;

const BPF_F_INNER_MAP: u32 = 1 << 12;

const BPF_F_WRONLY_PROG: u32 = 1 << 8;

/// Whether a place in the first value can be named.
pub(crate) fn direct_value_addr_ok(map: &MapDef, off: u32) -> bool {
    match map.map_type {
        MapType::Arena => true,
        MapType::InsnArray => {
            off.is_multiple_of(8) && u64::from(off) < u64::from(map.max_entries) * 8
        }
        _ => map.max_entries == 1 && off < map.value_size,
    }
}

/// What a read-only map holds at `off`, as a load of `size` bytes gives it.
pub(crate) fn direct_read(map: &MapDef, off: u32, size: u32, sign_extend: bool) -> Option<u64> {
    if map.map_type != MapType::Array || map.max_entries != 1 {
        return None;
    }
    if off.checked_add(size)? > map.value_size {
        return None;
    }
    let mut bytes = [0u8; 8];
    let at = off as usize;
    for (i, b) in bytes.iter_mut().enumerate().take(size as usize) {
        *b = map.contents.get(at + i).copied().unwrap_or(0);
    }
    let v = u64::from_le_bytes(bytes);
    Some(match (size, sign_extend) {
        (1, true) => v as i8 as u64,
        (2, true) => v as i16 as u64,
        (4, true) => v as i32 as u64,
        _ => v,
    })
}

/// Bytes that a value pointer may reach.
pub(crate) fn mem_size(map: &MapDef) -> u32 {
    if map.map_type == MapType::InsnArray {
        map.max_entries.saturating_mul(8)
    } else {
        map.value_size
    }
}

/// Whether the map may have another size than it says, so that no key is known to be in it.
pub(crate) fn is_inner_map(map: &MapDef) -> bool {
    map.map_flags & BPF_F_INNER_MAP != 0
}

/// Whether programs may read values.
pub(crate) fn can_read(map: &MapDef) -> bool {
    map.map_flags & BPF_F_WRONLY_PROG == 0
}

/// Whether programs may write values.
pub(crate) fn can_write(map: &MapDef) -> bool {
    !is_rdonly_prog(map)
}

/// Whether `BPF_F_RDONLY_PROG` is set; the kernel sets it for instruction arrays.
pub(crate) fn is_rdonly_prog(map: &MapDef) -> bool {
    map.map_flags & BPF_F_RDONLY_PROG != 0 || map.map_type == MapType::InsnArray
}
