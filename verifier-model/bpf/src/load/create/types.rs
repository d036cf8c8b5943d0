// SPDX-License-Identifier: GPL-2.0-only
//! What a map's type takes of the types of keys and values, as BTF tells them.
//!
//! Source: `map_check_btf()` in `kernel/bpf/syscall.c`, and the function of that name of each type.

use crate::btf::{Btf, Kind, Type};
use crate::kernel::Kernel;
use crate::kernel::fields::{BtfRecord, Field, FieldKind};
use crate::load::create::refusal::{EACCES, EINVAL, ENOTSUPP, EOPNOTSUPP, Refusal};
use crate::map::{BPF_F_RDONLY_PROG, MapDef};
use crate::uapi::MapType;

/// `BPF_F_WRONLY_PROG`
const F_WRONLY_PROG: u32 = 1 << 8;

/// Whether they are such. The map's value has a type.
pub(super) fn check_types(def: &MapDef, kernel: &Kernel) -> Result<(), Refusal> {
    let Some(btf) = &def.btf else {
        return Ok(());
    };
    let key = match def.btf_key_type_id {
        0 if !asks_about_keys(def.map_type) => return Err(NO_KEY),
        0 => None,
        id => Some(sized(btf, id, def.key_size).ok_or(KEY)?),
    };
    let value = sized(btf, def.btf_value_type_id, def.value_size).ok_or(VALUE)?;
    check_fields(btf, def, kernel)?;
    check_key(btf, def, key, value)
}

const NO_KEY: Refusal = (EINVAL, "not a type for its key");

const KEY: Refusal = (EINVAL, "its key has another type than its size says");

const VALUE: Refusal = (EINVAL, "its value has another type than its size says");

/// The type, if it has this size.
fn sized(btf: &Btf, id: u32, size: u32) -> Option<Type<'_>> {
    let t = btf.type_by_id(id)?;
    let of_btf = btf
        .resolve_size(id)
        .ok()
        .filter(|_| t.kind() != Kind::DeclTag)?;
    // A variable stands for its type.
    let id = match t.kind() {
        Kind::Var => t.type_id(),
        _ => id,
    };
    (of_btf == size).then(|| btf.skip_mods_and_typedefs(id))
}

fn check_fields(btf: &Btf, def: &MapDef, kernel: &Kernel) -> Result<(), Refusal> {
    let mut fields = BtfRecord::parse(btf, def.btf_value_type_id, kernel).fields;
    // In a map's value it does not look for nodes.
    fields.retain(|field| !matches!(field.kind, FieldKind::ListNode | FieldKind::RbNode));
    if fields.is_empty() {
        return Ok(());
    }
    // Programs never write to these.
    let read_only = matches!(def.map_type, MapType::Devmap | MapType::DevmapHash);
    if read_only || def.map_flags & (BPF_F_RDONLY_PROG | F_WRONLY_PROG) != 0 {
        return Err((EACCES, "special fields, but programs may not read or write"));
    }
    let may_have = |kind: FieldKind| may_have(def.map_type, kind);
    match fields.iter().all(|field| may_have(field.kind)) {
        false => Err((EOPNOTSUPP, "a special field that is not for this type")),
        // The user's memory has none of the kernel's structures.
        true if fields.iter().any(|f| is_uptr_to_kernel(btf, f, kernel)) => {
            Err((EINVAL, "a uptr to a structure of the kernel"))
        }
        true => Ok(()),
    }
}

fn is_uptr_to_kernel(btf: &Btf, field: &Field, kernel: &Kernel) -> bool {
    let known = |t: Type<'_>| {
        let mut all = kernel.btfs();
        all.any(|(_, btf)| btf.find_own_by_name_kind(t.name(), t.kind()).is_some())
    };
    field.kind == FieldKind::Uptr && btf.type_by_id(field.btf_id).is_some_and(known)
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
        F::ListNode | F::RbNode => true,
    }
}

/// Whether the kernel looks at the type of its keys at all; if not, there has to be one.
fn asks_about_keys(map_type: MapType) -> bool {
    use MapType as M;
    !matches!(
        map_type,
        M::ProgArray | M::ReuseportSockarray | M::Queue | M::Stack | M::Ringbuf | M::UserRingbuf
    )
}

fn check_key(
    btf: &Btf,
    def: &MapDef,
    key: Option<Type<'_>>,
    value: Type<'_>,
) -> Result<(), Refusal> {
    use MapType as M;
    let is_int = |t: Option<Type<'_>>, bytes: u32| {
        let int = t.filter(|t| t.kind() == Kind::Int && t.size() == bytes);
        int.and_then(Type::int)
            .is_some_and(|int| int.bits() == bytes * 8 && int.offset() == 0)
    };
    let fits = match def.map_type {
        // Of variables, there is one, without a key.
        M::Array | M::PercpuArray if key.is_none() => {
            def.max_entries == 1 && value.kind() == Kind::Datasec
        }
        M::Array | M::PercpuArray => is_int(key, 4),
        M::Hash | M::PercpuHash | M::LruHash | M::LruPercpuHash | M::Rhash => key.is_some(),
        M::SkStorage | M::InodeStorage | M::TaskStorage | M::CgrpStorage => is_int(key, 4),
        M::InsnArray => is_int(key, 4) && is_int(Some(value), 8),
        M::LpmTrie => key.is_some_and(|t| t.kind() == Kind::Struct),
        M::BloomFilter => key.is_none(),
        M::CgroupStorage | M::PercpuCgroupStorage if def.key_size == 8 => is_int(key, 8),
        M::CgroupStorage | M::PercpuCgroupStorage => key.is_some_and(|t| {
            let member = |at: usize, off: u32, bytes: u32| {
                let found = t.members().nth(at).filter(|m| m.bit_offset() == off * 8);
                found.is_some_and(|m| is_int(Some(btf.skip_mods_and_typedefs(m.type_id())), bytes))
            };
            t.kind() == Kind::Struct && t.vlen() == 2 && member(0, 0, 8) && member(1, 8, 4)
        }),
        M::PerfEventArray
        | M::CgroupArray
        | M::ArrayOfMaps
        | M::HashOfMaps
        | M::StackTrace
        | M::Devmap
        | M::DevmapHash
        | M::Cpumap
        | M::Xskmap
        | M::Sockmap
        | M::Sockhash => return Err((ENOTSUPP, "it takes no types of key and value")),
        _ => true,
    };
    match fits {
        true => Ok(()),
        false => Err(NO_KEY),
    }
}
