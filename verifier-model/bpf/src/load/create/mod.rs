// SPDX-License-Identifier: GPL-2.0-only
//! Whether the kernel makes an object's maps. If it refuses one, libbpf refuses the object.
//!
//! A map that is refused with the types of its key and value is tried once more without.
//!
//! Source: `bpf_object__create_map()` in `tools/lib/bpf/libbpf.c`; `map_create_alloc()` in
//! `kernel/bpf/syscall.c`.

mod attributes;
mod refusal;
mod types;

use crate::kernel::Kernel;
use crate::load::create::attributes::check_attributes;
use crate::load::create::refusal::{EINVAL, Refusal};
use crate::load::create::types::check_types;
use crate::load::error::LoadError;
use crate::load::loader::Loader;
use crate::load::maps::ringbuf_size;
use crate::map::MapDef;
use crate::uapi::MapType;

/// Makes a map; what is not given is set first.
pub(super) fn create(def: &mut MapDef, kernel: &Kernel, loader: Loader) -> Result<(), LoadError> {
    let fail = |name: &str, what: &str, (errno, why): Refusal| {
        let why = if why.is_empty() {
            String::new()
        } else {
            format!(" ({why})")
        };
        LoadError::object(format!(
            "map '{name}': failed to create{what}: {errno}{why}"
        ))
    };
    set_size(def, loader);
    let outer = def.name.clone();
    if let Some(inner) = &mut def.inner_map {
        set_size(inner, loader);
        create_or_retry(inner, kernel).map_err(|e| fail(&outer, " inner map", e))?;
    }
    create_or_retry(def, kernel).map_err(|e| fail(&outer, "", e))
}

/// Gives a map without a size one.
fn set_size(def: &mut MapDef, loader: Loader) {
    if def.map_type == MapType::StackTrace && def.value_size == 0 && loader.sizes_empty_maps() {
        // A tool takes the depth of its stacks from an option, or from the kernel's own default.
        def.value_size = 127 * 8;
    }
    let without = matches!(
        def.map_type,
        MapType::SkStorage
            | MapType::TaskStorage
            | MapType::InodeStorage
            | MapType::CgroupStorage
            | MapType::PercpuCgroupStorage
            | MapType::CgrpStorage
            | MapType::StructOps
            // The number of CPUs, which the verifier does not ask for.
            | MapType::PerfEventArray
    );
    if def.max_entries != 0 || without || !loader.sizes_empty_maps() {
        return;
    }
    def.max_entries = match def.map_type {
        MapType::Ringbuf | MapType::UserRingbuf => ringbuf_size(1),
        _ => 1,
    };
}

fn create_or_retry(def: &mut MapDef, kernel: &Kernel) -> Result<(), Refusal> {
    let with_types = def.btf_key_type_id != 0 || def.btf_value_type_id != 0;
    match try_create(def, kernel) {
        Err(_) if with_types && def.struct_ops.is_none() => {
            def.btf = None;
            (def.btf_key_type_id, def.btf_value_type_id) = (0, 0);
            try_create(def, kernel)
        }
        done => done,
    }
}

fn try_create(def: &MapDef, kernel: &Kernel) -> Result<(), Refusal> {
    // Of a struct_ops map the kernel's own type says all, and libbpf has looked at that.
    if def.map_type == MapType::StructOps {
        return Ok(());
    }
    if def.btf_key_type_id != 0 && def.btf_value_type_id == 0 {
        return Err((EINVAL, ""));
    }
    let extra = matches!(
        def.map_type,
        MapType::BloomFilter | MapType::Arena | MapType::Rhash
    );
    if def.map_extra != 0 && !extra {
        return Err((EINVAL, "map_extra is not for this type"));
    }
    if let Some(option) = missing_option(def.map_type, kernel) {
        return Err((EINVAL, option));
    }
    check_attributes(def, kernel)?;
    if def.btf_value_type_id != 0 {
        check_types(def, kernel)?;
    }
    Ok(())
}

/// The option without which the kernel lacks the type.
fn missing_option(map_type: MapType, kernel: &Kernel) -> Option<&'static str> {
    let options: &[&str] = match map_type {
        MapType::CgroupArray | MapType::CgrpStorage => &["CONFIG_CGROUPS"],
        MapType::CgroupStorage | MapType::PercpuCgroupStorage => &["CONFIG_CGROUP_BPF"],
        MapType::StackTrace => &["CONFIG_PERF_EVENTS"],
        MapType::InodeStorage => &["CONFIG_BPF_LSM"],
        MapType::Devmap | MapType::DevmapHash | MapType::SkStorage | MapType::Cpumap => {
            &["CONFIG_NET"]
        }
        MapType::Xskmap => &["CONFIG_NET", "CONFIG_XDP_SOCKETS"],
        MapType::Sockmap | MapType::Sockhash | MapType::ReuseportSockarray => {
            &["CONFIG_NET", "CONFIG_INET"]
        }
        _ => &[],
    };
    let config = &kernel.kconfig;
    let set = |option: &str| config.get(option).is_some_and(|value| value == "y");
    let missing = options.iter().copied().find(|option| !set(option));
    // A configuration that is not known as a whole lacks nothing.
    missing.filter(|_| set("CONFIG_BPF_SYSCALL"))
}
