// SPDX-License-Identifier: GPL-2.0-only
//! Whether the kernel makes an object's maps. If it refuses one, the loader refuses the object.
//!
//! A map that is refused with the types of its key and value is tried once more without.
//!
//! Source: `bpf_object__create_map()` in `tools/lib/bpf/libbpf.c`; `map_create_alloc()` in
//! `kernel/bpf/syscall.c`.

mod attributes;
mod by_loader;
mod refusal;
mod types;

use crate::caps::Caps;
use crate::kernel::Kernel;
use crate::load::create::attributes::check_attributes;
use crate::load::create::refusal::{EINVAL, EPERM, Refusal};
use crate::load::create::types::check_types;
use crate::load::error::LoadError;
use crate::load::loader::Loader;
use crate::map::MapDef;
use crate::uapi::MapType;

/// Who makes maps, and where.
pub(super) struct Maker<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) caps: Caps,
    pub(super) loader: Loader,
}

impl Maker<'_> {
    /// Makes a map; what is not given is set first.
    pub(super) fn create(&self, def: &mut MapDef) -> Result<(), LoadError> {
        let outer = def.name.clone();
        let fail = |what: &str, def: &MapDef, refusal: Refusal| {
            LoadError::object(self.loader.map_refused(&outer, what, def, refusal))
        };
        if let Some(inner) = &mut def.inner_map {
            self.loader
                .set_sizes(inner)
                .map_err(|why| LoadError::object(format!("map {outer}: {why}")))?;
            self.create_or_retry(inner)
                .map_err(|e| fail(" inner map", inner, e))?;
        }
        self.loader
            .set_sizes(def)
            .map_err(|why| LoadError::object(format!("map {outer}: {why}")))?;
        self.create_or_retry(def).map_err(|e| fail("", def, e))
    }

    fn create_or_retry(&self, def: &mut MapDef) -> Result<(), Refusal> {
        let with_types = def.btf_key_type_id != 0 || def.btf_value_type_id != 0;
        match self.try_create(def) {
            Err((errno, _))
                if with_types && def.struct_ops.is_none() && self.loader.tries_again(errno) =>
            {
                def.btf = None;
                (def.btf_key_type_id, def.btf_value_type_id) = (0, 0);
                self.try_create(def)
            }
            done => done,
        }
    }

    fn try_create(&self, def: &MapDef) -> Result<(), Refusal> {
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
        if let Some(option) = missing_option(def.map_type, self.kernel) {
            return Err((EINVAL, option));
        }
        check_attributes(def, self.kernel)?;
        self.check_caps(def.map_type)?;
        if def.btf_value_type_id != 0 {
            check_types(def, self.kernel)?;
        }
        Ok(())
    }

    /// Whether who makes it may. The kernel asks of the type before it asks who it is.
    fn check_caps(&self, map_type: MapType) -> Result<(), Refusal> {
        let disabled = self.kernel.unprivileged_bpf_disabled;
        let everybody = if disabled { Caps::BPF } else { Caps::empty() };
        let wanted = everybody | caps_for(map_type);
        match wanted.iter().find(|cap| !self.caps.has(*cap)) {
            Some(Caps::NET_ADMIN) => Err((EPERM, "the loader lacks CAP_NET_ADMIN")),
            Some(_) => Err((EPERM, "the loader lacks CAP_BPF")),
            None => Ok(()),
        }
    }
}

/// What `bpf(BPF_MAP_CREATE)` says of a map, of whose maker it is known what it is capable of: the
/// error's name, and why if that is known.
pub fn create_map(
    def: &MapDef,
    kernel: &Kernel,
    caps: Caps,
) -> Result<(), (&'static str, &'static str)> {
    let maker = Maker {
        kernel,
        caps,
        loader: Loader::Libbpf,
    };
    maker.try_create(def)
}

/// What a type of map asks of who makes it.
fn caps_for(map_type: MapType) -> Caps {
    use MapType as M;
    match map_type {
        M::Array
        | M::PercpuArray
        | M::ProgArray
        | M::PerfEventArray
        | M::CgroupArray
        | M::ArrayOfMaps
        | M::Hash
        | M::Rhash
        | M::PercpuHash
        | M::HashOfMaps
        | M::Ringbuf
        | M::UserRingbuf
        | M::CgroupStorage
        | M::PercpuCgroupStorage => Caps::empty(),
        M::Sockmap | M::Sockhash | M::Devmap | M::DevmapHash | M::Xskmap => Caps::NET_ADMIN,
        _ => Caps::BPF,
    }
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
    let mut options = options.iter().copied();
    options.find(|option| kernel.kconfig.lacks(option))
}
