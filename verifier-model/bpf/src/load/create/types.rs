// SPDX-License-Identifier: GPL-2.0-only
//! What a map's type takes of the types of keys and values, as BTF tells them.
//!
//! Source: `map_check_btf()` in `kernel/bpf/syscall.c`, and the function of that name of each type.

use crate::btf::{Btf, Kind, Type};
use crate::kernel::Kernel;
use crate::kernel::fields::{BtfRecord, FieldKind};
use crate::load::create::refusal::{EINVAL, Errno, Refusal};
use crate::map::{BPF_F_RDONLY_PROG, MapDef};
use crate::uapi::MapType;

const EACCES: Errno = "-EACCES";

const EOPNOTSUPP: Errno = "-EOPNOTSUPP";

/// `BPF_F_WRONLY_PROG`
const F_WRONLY_PROG: u32 = 1 << 8;

/// Whether they are such. The map's value has a type.
pub(super) fn check_types(def: &MapDef, kernel: &Kernel) -> Result<(), Refusal> {
    let Some(btf) = &def.btf else {
        return Ok(());
    };
    let key = match def.btf_key_type_id {
        0 => None,
        id => Some(sized(btf, id, def.key_size).ok_or(KEY)?),
    };
    let value = sized(btf, def.btf_value_type_id, def.value_size).ok_or(VALUE)?;
    check_fields(btf, def, kernel)?;
    check_key(def, key, value)
}

const KEY: Refusal = (EINVAL, "its key has another type than its size says");

const VALUE: Refusal = (EINVAL, "its value has another type than its size says");

/// The type, if it has this size.
fn sized(btf: &Btf, id: u32, size: u32) -> Option<Type<'_>> {
    let of_btf = btf.resolve_size(id).ok()?;
    (of_btf == size).then(|| btf.skip_mods_and_typedefs(id))
}

fn check_fields(btf: &Btf, def: &MapDef, kernel: &Kernel) -> Result<(), Refusal> {
    let record = BtfRecord::parse(btf, def.btf_value_type_id, kernel);
    if record.fields.is_empty() {
        return Ok(());
    }
    if def.map_flags & (BPF_F_RDONLY_PROG | F_WRONLY_PROG) != 0 {
        return Err((EACCES, "special fields, but programs may not read or write"));
    }
    let may_have = |kind: FieldKind| may_have(def.map_type, kind);
    match record.fields.iter().all(|field| may_have(field.kind)) {
        true => Ok(()),
        false => Err((EOPNOTSUPP, "a special field that is not for this type")),
    }
}

/// Which special fields the values of a type of map may have.
fn may_have(map_type: MapType, field: FieldKind) -> bool {
    use FieldKind as F;
    use MapType as M;
    let local_storage = matches!(
        map_type,
        M::SkStorage | M::InodeStorage | M::TaskStorage | M::CgrpStorage
    );
    match field {
        F::SpinLock | F::ResSpinLock => {
            local_storage || matches!(map_type, M::Hash | M::Rhash | M::Array | M::CgroupStorage)
        }
        F::Timer | F::Workqueue | F::TaskWork => {
            matches!(map_type, M::Hash | M::Rhash | M::LruHash | M::Array)
        }
        F::KptrUnref | F::KptrRef | F::KptrPercpu | F::Refcount => {
            local_storage
                || matches!(
                    map_type,
                    M::Hash
                        | M::Rhash
                        | M::PercpuHash
                        | M::LruHash
                        | M::LruPercpuHash
                        | M::Array
                        | M::PercpuArray
                )
        }
        F::Uptr => map_type == M::TaskStorage,
        F::ListHead | F::RbRoot => matches!(map_type, M::Hash | M::LruHash | M::Array),
        // Not looked for in a map's value.
        F::ListNode | F::RbNode => true,
    }
}

fn check_key(def: &MapDef, key: Option<Type<'_>>, value: Type<'_>) -> Result<(), Refusal> {
    use MapType as M;
    let is_int = |bytes: u32| {
        let int = key.filter(|t| t.kind() == Kind::Int && t.size() == bytes);
        int.and_then(Type::int)
            .is_some_and(|int| int.bits() == bytes * 8 && int.offset() == 0)
    };
    let fits = match def.map_type {
        // Of variables, there is one, without a key.
        M::Array | M::PercpuArray if key.is_none() => {
            def.max_entries == 1 && value.kind() == Kind::Datasec
        }
        M::Array | M::PercpuArray => is_int(4),
        M::Hash | M::PercpuHash | M::LruHash | M::LruPercpuHash | M::Rhash => key.is_some(),
        M::SkStorage | M::InodeStorage | M::TaskStorage | M::CgrpStorage => is_int(4),
        M::LpmTrie => key.is_some_and(|t| t.kind() == Kind::Struct),
        M::BloomFilter => key.is_none(),
        M::CgroupStorage | M::PercpuCgroupStorage if def.key_size == 8 => is_int(8),
        M::CgroupStorage | M::PercpuCgroupStorage => {
            key.is_some_and(|t| t.kind() == Kind::Struct && t.vlen() == 2)
        }
        _ => key.is_some(),
    };
    match fits {
        true => Ok(()),
        false => Err((EINVAL, "not a type for its key")),
    }
}
