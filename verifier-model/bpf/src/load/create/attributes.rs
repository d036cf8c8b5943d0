// SPDX-License-Identifier: GPL-2.0-only
//! What a map's type takes of sizes and flags.
//!
//! Source: `map_alloc_check()` and `map_alloc()` of each type.

use crate::btf::Kind;
use crate::kernel::Kernel;
use crate::load::create::refusal::{E2BIG, EINVAL, ENOTSUPP, ERANGE, Refusal};
use crate::map::MapDef;
use crate::uapi::MapType;

/// Whether sizes and flags are such.
pub(super) fn check_attributes(def: &MapDef, kernel: &Kernel) -> Result<(), Refusal> {
    use MapType as M;
    let (key, value, entries) = (def.key_size, def.value_size, def.max_entries);
    let storage = flag::NUMA_NODE | flag::RDONLY | flag::WRONLY;
    let both = flag::RDONLY | flag::WRONLY;
    refuse_if(def.map_flags & both == both, FLAGS)?;
    match def.map_type {
        M::Array | M::PercpuArray => array(def),
        M::ProgArray | M::PerfEventArray | M::CgroupArray | M::ArrayOfMaps => fd_array(def),
        M::ReuseportSockarray => {
            refuse_if(value != 4 && value != 8, VALUE)?;
            array(def)
        }
        M::Hash | M::PercpuHash | M::LruHash | M::LruPercpuHash => hash(def),
        M::HashOfMaps => {
            inner_map(def)?;
            refuse_if(value != 4, VALUE)?;
            hash(def)
        }
        M::Rhash => rhash(def),
        M::LpmTrie => {
            refuse_if(entries == 0, NO_SIZE)?;
            flags_are_of(def, flag::NO_PREALLOC | flag::NUMA_NODE | flag::ACCESS)?;
            refuse_if(
                def.map_flags & flag::NO_PREALLOC == 0,
                (EINVAL, NEEDS_NO_PREALLOC),
            )?;
            refuse_if(!(5..=260).contains(&key), KEY)?;
            refuse_if(value == 0 || value > KMALLOC_MAX_SIZE - 256 - 40, VALUE)
        }
        M::StackTrace => stack_trace(def),
        M::Ringbuf | M::UserRingbuf => {
            let overwrites = if def.map_type == M::Ringbuf {
                flag::RB_OVERWRITE
            } else {
                0
            };
            refuse_if(def.map_flags & !(flag::NUMA_NODE | overwrites) != 0, FLAGS)?;
            refuse_if(key != 0, KEY)?;
            refuse_if(value != 0, VALUE)?;
            let pages = entries.is_power_of_two() && entries.is_multiple_of(PAGE_SIZE);
            refuse_if(!pages, (EINVAL, "max_entries is no power of two of pages"))
        }
        M::Queue | M::Stack => {
            refuse_if(entries == 0, NO_SIZE)?;
            refuse_if(key != 0, KEY)?;
            refuse_if(value == 0, VALUE)?;
            flags_are_of(def, flag::NUMA_NODE | flag::ACCESS)?;
            refuse_if(
                value > KMALLOC_MAX_SIZE || entries >= u32::MAX / value,
                TOO_BIG,
            )
        }
        M::BloomFilter => bloom(def),
        M::Devmap | M::DevmapHash | M::Sockmap | M::Xskmap => {
            refuse_if(entries == 0, NO_SIZE)?;
            refuse_if(key != 4, KEY)?;
            let eight = def.map_type != M::Xskmap && value == 8;
            refuse_if(value != 4 && !eight, VALUE)?;
            refuse_if(def.map_flags & !storage != 0, FLAGS)?;
            refuse_if(def.map_type == M::Sockmap && entries >= 1 << 31, TOO_MANY)?;
            refuse_if(def.map_type == M::DevmapHash && entries > 1 << 31, TOO_MANY)
        }
        M::Sockhash => {
            refuse_if(entries == 0, NO_SIZE)?;
            refuse_if(key == 0, KEY)?;
            refuse_if(value != 4 && value != 8, VALUE)?;
            refuse_if(def.map_flags & !storage != 0, FLAGS)?;
            refuse_if(key > 512, TOO_BIG)?;
            // Buckets, a power of two, are counted in 16 bytes each.
            refuse_if(entries > 1 << 27, TOO_MANY)
        }
        M::InsnArray => {
            refuse_if(entries == 0, NO_SIZE)?;
            refuse_if(key != 4, KEY)?;
            refuse_if(value != 16, VALUE)?;
            refuse_if(def.map_flags != 0, FLAGS)
        }
        M::Cpumap => {
            refuse_if(entries == 0, NO_SIZE)?;
            refuse_if(key != 4, KEY)?;
            refuse_if(value != 4 && value != 8, VALUE)?;
            refuse_if(def.map_flags & !flag::NUMA_NODE != 0, FLAGS)?;
            let cpus = kernel
                .kconfig
                .get("CONFIG_NR_CPUS")
                .and_then(|n| n.parse().ok());
            refuse_if(
                cpus.is_some_and(|n: u32| entries > n),
                (E2BIG, "more CPUs than CONFIG_NR_CPUS"),
            )
        }
        M::CgroupStorage | M::PercpuCgroupStorage => cgroup_storage(def, kernel),
        M::SkStorage | M::InodeStorage | M::TaskStorage | M::CgrpStorage => {
            local_storage(def, kernel)
        }
        M::Arena => arena(def),
        _ => Ok(()),
    }
}

/// `BPF_F_*` of `BPF_MAP_CREATE`.
mod flag {
    pub(super) const NO_PREALLOC: u32 = 1 << 0;
    pub(super) const NO_COMMON_LRU: u32 = 1 << 1;
    pub(super) const NUMA_NODE: u32 = 1 << 2;
    pub(super) const RDONLY: u32 = 1 << 3;
    pub(super) const WRONLY: u32 = 1 << 4;
    pub(super) const STACK_BUILD_ID: u32 = 1 << 5;
    pub(super) const ZERO_SEED: u32 = 1 << 6;
    pub(super) const RDONLY_PROG: u32 = 1 << 7;
    pub(super) const WRONLY_PROG: u32 = 1 << 8;
    pub(super) const CLONE: u32 = 1 << 9;
    pub(super) const MMAPABLE: u32 = 1 << 10;
    pub(super) const PRESERVE_ELEMS: u32 = 1 << 11;
    pub(super) const INNER_MAP: u32 = 1 << 12;
    pub(super) const SEGV_ON_FAULT: u32 = 1 << 17;
    pub(super) const NO_USER_CONV: u32 = 1 << 18;
    pub(super) const RB_OVERWRITE: u32 = 1 << 19;

    /// From user space or by programs, reading or writing alone.
    pub(super) const ACCESS: u32 = RDONLY | WRONLY | RDONLY_PROG | WRONLY_PROG;
}

/// `KMALLOC_MAX_SIZE`
const KMALLOC_MAX_SIZE: u32 = 4 << 20;

/// `PCPU_MIN_UNIT_SIZE`
const PCPU_MIN_UNIT_SIZE: u32 = 32 << 10;

const PAGE_SIZE: u32 = 4096;

const NO_SIZE: Refusal = (EINVAL, "max_entries is 0");
const KEY: Refusal = (EINVAL, "not a size for its key");
const VALUE: Refusal = (EINVAL, "not a size for its value");
const FLAGS: Refusal = (EINVAL, "flags that are not for this type");
const TOO_MANY: Refusal = (EINVAL, "too many entries");
const TOO_BIG: Refusal = (E2BIG, "");

fn refuse_if(wrong: bool, why: Refusal) -> Result<(), Refusal> {
    if wrong { Err(why) } else { Ok(()) }
}

/// Flags are of these, and programs may do something.
fn flags_are_of(def: &MapDef, allowed: u32) -> Result<(), Refusal> {
    let neither = flag::RDONLY_PROG | flag::WRONLY_PROG;
    let wrong = def.map_flags & !allowed != 0 || def.map_flags & neither == neither;
    refuse_if(wrong, FLAGS)
}

fn array(def: &MapDef) -> Result<(), Refusal> {
    refuse_if(def.max_entries == 0, NO_SIZE)?;
    refuse_if(def.key_size != 4, KEY)?;
    refuse_if(def.value_size == 0, VALUE)?;
    let mmapable = flag::MMAPABLE | flag::INNER_MAP;
    let allowed = flag::NUMA_NODE | flag::ACCESS | mmapable | flag::PRESERVE_ELEMS;
    flags_are_of(def, allowed)?;
    let percpu = def.map_type == MapType::PercpuArray;
    refuse_if(
        def.map_type != MapType::Array && def.map_flags & mmapable != 0,
        FLAGS,
    )?;
    let perf = def.map_type == MapType::PerfEventArray;
    refuse_if(!perf && def.map_flags & flag::PRESERVE_ELEMS != 0, FLAGS)?;
    refuse_if(percpu && def.map_flags & flag::NUMA_NODE != 0, FLAGS)?;
    refuse_if(def.value_size > i32::MAX as u32, TOO_BIG)?;
    refuse_if(percpu && over_percpu_unit(def.value_size), TOO_BIG)
}

fn over_percpu_unit(size: u32) -> bool {
    size.next_multiple_of(8) > PCPU_MIN_UNIT_SIZE
}

fn fd_array(def: &MapDef) -> Result<(), Refusal> {
    if def.map_type == MapType::ArrayOfMaps {
        inner_map(def)?;
    }
    refuse_if(def.value_size != 4, VALUE)?;
    refuse_if(
        def.map_flags & (flag::RDONLY_PROG | flag::WRONLY_PROG) != 0,
        FLAGS,
    )?;
    if def.map_type == MapType::PerfEventArray && def.max_entries == 0 {
        return array(&MapDef {
            max_entries: 1,
            ..def.clone()
        });
    }
    array(def)
}

/// Maps of maps need one to be like, which is none of maps itself.
fn inner_map(def: &MapDef) -> Result<(), Refusal> {
    let inner = def.inner_map.as_ref().map(|inner| inner.map_type);
    let inner = inner.ok_or((EINVAL, "no inner map: --inner MAP=LIKE names one"))?;
    match inner {
        MapType::ArrayOfMaps | MapType::HashOfMaps => Err((EINVAL, "maps of maps of maps")),
        MapType::ProgArray
        | MapType::CgroupStorage
        | MapType::PercpuCgroupStorage
        | MapType::InsnArray
        | MapType::StructOps => Err((ENOTSUPP, "not a type for an inner map")),
        _ => Ok(()),
    }
}

fn hash(def: &MapDef) -> Result<(), Refusal> {
    let percpu = matches!(def.map_type, MapType::PercpuHash | MapType::LruPercpuHash);
    let lru = matches!(def.map_type, MapType::LruHash | MapType::LruPercpuHash);
    let of_hash = flag::NO_PREALLOC | flag::NO_COMMON_LRU | flag::NUMA_NODE | flag::ZERO_SEED;
    flags_are_of(def, of_hash | flag::ACCESS)?;
    let has = |flag: u32| def.map_flags & flag != 0;
    refuse_if(!lru && has(flag::NO_COMMON_LRU), FLAGS)?;
    refuse_if(
        lru && has(flag::NO_PREALLOC),
        (ENOTSUPP, "BPF_F_NO_PREALLOC is not for LRU maps"),
    )?;
    refuse_if(
        has(flag::NUMA_NODE) && (percpu || has(flag::NO_COMMON_LRU)),
        FLAGS,
    )?;
    refuse_if(def.max_entries == 0, NO_SIZE)?;
    refuse_if(def.key_size == 0, KEY)?;
    refuse_if(def.value_size == 0, VALUE)?;
    let sizes = u64::from(def.key_size) + u64::from(def.value_size);
    refuse_if(sizes >= u64::from(KMALLOC_MAX_SIZE) - 48, TOO_BIG)?;
    refuse_if(percpu && over_percpu_unit(def.value_size), TOO_BIG)?;
    // A bucket has 16 bytes, and their number is a power of two; of resizable ones there are few.
    let most = match def.map_type {
        MapType::Rhash => 1 << 31,
        _ => 1 << 27,
    };
    refuse_if(def.max_entries > most, TOO_BIG)
}

/// What the kernel says of maps that cannot be made of memory beforehand.
const NEEDS_NO_PREALLOC: &str = "BPF_F_NO_PREALLOC has to be set";

fn rhash(def: &MapDef) -> Result<(), Refusal> {
    refuse_if(
        def.map_flags & flag::NO_PREALLOC == 0,
        (EINVAL, NEEDS_NO_PREALLOC),
    )?;
    refuse_if(def.map_flags & flag::ZERO_SEED != 0, FLAGS)?;
    refuse_if(def.key_size > u16::MAX.into(), TOO_BIG)?;
    refuse_if(
        def.map_extra >> 32 != 0,
        (EINVAL, "map_extra is not for this type"),
    )?;
    refuse_if(def.map_extra > u16::MAX.into(), TOO_BIG)?;
    refuse_if(
        def.map_extra > def.max_entries.into(),
        (EINVAL, "map_extra is over max_entries"),
    )?;
    hash(def)
}

fn stack_trace(def: &MapDef) -> Result<(), Refusal> {
    /// `sysctl_perf_event_max_stack`, unless it was set.
    const MAX_STACK: u32 = 127;
    let allowed = flag::NUMA_NODE | flag::RDONLY | flag::WRONLY | flag::STACK_BUILD_ID;
    refuse_if(def.map_flags & !allowed != 0, FLAGS)?;
    refuse_if(def.max_entries == 0, NO_SIZE)?;
    refuse_if(def.key_size != 4, KEY)?;
    let entry = match def.map_flags & flag::STACK_BUILD_ID {
        0 => 8,
        _ => 32,
    };
    let size = def.value_size;
    let whole = size >= 8 && size.is_multiple_of(8) && size.is_multiple_of(entry);
    refuse_if(!whole || size / entry > MAX_STACK, VALUE)?;
    refuse_if(def.max_entries > 1 << 31, TOO_BIG)
}

fn bloom(def: &MapDef) -> Result<(), Refusal> {
    refuse_if(def.value_size > KMALLOC_MAX_SIZE, TOO_BIG)?;
    refuse_if(def.key_size != 0, KEY)?;
    refuse_if(def.value_size == 0, VALUE)?;
    refuse_if(def.max_entries == 0, NO_SIZE)?;
    flags_are_of(def, flag::NUMA_NODE | flag::ZERO_SEED | flag::ACCESS)?;
    // The lower four bits are the number of hashes.
    refuse_if(
        def.map_extra & !0xf != 0,
        (EINVAL, "map_extra is not for this type"),
    )
}

fn arena(def: &MapDef) -> Result<(), Refusal> {
    refuse_if(def.key_size != 0, KEY)?;
    refuse_if(def.value_size != 0, VALUE)?;
    refuse_if(def.max_entries == 0, NO_SIZE)?;
    let allowed = flag::SEGV_ON_FAULT | flag::MMAPABLE | flag::NO_USER_CONV;
    let mmapable = def.map_flags & flag::MMAPABLE != 0;
    refuse_if(!mmapable, (EINVAL, "BPF_F_MMAPABLE has to be set"))?;
    refuse_if(def.map_flags & !allowed != 0, FLAGS)?;
    let start = def.map_extra;
    refuse_if(
        !start.is_multiple_of(u64::from(PAGE_SIZE)),
        (EINVAL, "map_extra is no page's address"),
    )?;
    let size = u64::from(def.max_entries) * u64::from(PAGE_SIZE);
    refuse_if(size > 1 << 32, TOO_BIG)?;
    let end = start.wrapping_add(size - 1);
    refuse_if(
        start >> 32 != end >> 32,
        (ERANGE, "it crosses a 4 GB boundary"),
    )
}

/// The biggest value of a local storage, from the size of the structure around it.
fn max_storage(kernel: &Kernel) -> u32 {
    let elem = kernel
        .vmlinux
        .find_by_name_kind("bpf_local_storage_elem", Kind::Struct);
    u32::from(u16::MAX).saturating_sub(elem.map_or(0, |t| t.size()))
}

fn cgroup_storage(def: &MapDef, kernel: &Kernel) -> Result<(), Refusal> {
    let most = match def.map_type {
        MapType::PercpuCgroupStorage => max_storage(kernel).min(PCPU_MIN_UNIT_SIZE),
        _ => max_storage(kernel),
    };
    refuse_if(!matches!(def.key_size, 8 | 16), KEY)?;
    refuse_if(def.value_size == 0, VALUE)?;
    refuse_if(def.value_size > most, TOO_BIG)?;
    flags_are_of(def, flag::NUMA_NODE | flag::ACCESS)?;
    refuse_if(def.max_entries != 0, (EINVAL, "max_entries has to be 0"))
}

fn local_storage(def: &MapDef, kernel: &Kernel) -> Result<(), Refusal> {
    refuse_if(
        def.map_flags & !(flag::NO_PREALLOC | flag::CLONE) != 0,
        FLAGS,
    )?;
    refuse_if(
        def.map_flags & flag::NO_PREALLOC == 0,
        (EINVAL, NEEDS_NO_PREALLOC),
    )?;
    refuse_if(def.max_entries != 0, (EINVAL, "max_entries has to be 0"))?;
    refuse_if(def.key_size != 4, KEY)?;
    refuse_if(def.value_size == 0, VALUE)?;
    let typed = def.btf_key_type_id != 0 && def.btf_value_type_id != 0;
    refuse_if(!typed, (EINVAL, "key and value need types in BTF"))?;
    refuse_if(def.value_size > max_storage(kernel), TOO_BIG)
}
