// SPDX-License-Identifier: GPL-2.0-only
//! What loaders set of maps before they ask for them, and their words for what is refused.
//!
//! Source: `create_placeholder_map()` and its like in veristat; `fixupMagicFields()` and
//! `handleMapCreateError()` of cilium/ebpf 0.22; `bpf_create_map()` of aya 0.14.

use crate::load::create::refusal::{E2BIG, EACCES, EINVAL, ENOTSUPP, EOPNOTSUPP, EPERM, ERANGE};
use crate::load::create::refusal::{Errno, Refusal};
use crate::load::loader::Loader;
use crate::load::maps::ringbuf_size;
use crate::map::MapDef;
use crate::uapi::MapType;

impl Loader {
    /// Sets what the loader knows better; fails where it refuses what the object says.
    pub(super) fn set_sizes(self, def: &mut MapDef) -> Result<(), &'static str> {
        match self {
            Self::Auto => set_missing(def),
            Self::Cilium => return set_of_cilium(def),
            Self::Aya => set_of_aya(def),
            Self::Libbpf => {}
        }
        Ok(())
    }

    /// Whether a map that is refused with the types of its key and value is tried without them.
    pub(super) fn tries_again(self, errno: Errno) -> bool {
        match self {
            Self::Cilium => matches!(errno, EINVAL | ENOTSUPP),
            Self::Aya => false,
            Self::Auto | Self::Libbpf => true,
        }
    }

    /// The loader's words for a map `name` that the kernel refuses, or the one inside of it.
    pub(super) fn map_refused(
        self,
        name: &str,
        what: &str,
        def: &MapDef,
        (errno, why): Refusal,
    ) -> String {
        let because = |why: &str| match why.is_empty() {
            true => String::new(),
            false => format!(" ({why})"),
        };
        match self {
            Self::Cilium => {
                let said = because(&of_cilium(def, errno, why));
                format!("map {name}: map create: {}{said}", strerror(errno))
            }
            Self::Aya => format!(
                "map error: failed to create map `{name}`: {}{}",
                strerror(errno),
                because(why)
            ),
            Self::Auto | Self::Libbpf => {
                format!(
                    "map '{name}': failed to create{what}: {errno}{}",
                    because(why)
                )
            }
        }
    }
}

/// Gives a map without a size one.
fn set_missing(def: &mut MapDef) {
    if def.map_type == MapType::StackTrace && def.value_size == 0 {
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
    if def.max_entries != 0 || without {
        return;
    }
    def.max_entries = match def.map_type {
        MapType::Ringbuf | MapType::UserRingbuf => ringbuf_size(1),
        _ => 1,
    };
}

/// aya gives no types to maps of these types.
fn set_of_aya(def: &mut MapDef) {
    match def.map_type {
        MapType::PerfEventArray
        | MapType::CgroupArray
        | MapType::StackTrace
        | MapType::ArrayOfMaps
        | MapType::HashOfMaps
        | MapType::Devmap
        | MapType::DevmapHash
        | MapType::Cpumap
        | MapType::Xskmap
        | MapType::Sockmap
        | MapType::Sockhash
        | MapType::Queue
        | MapType::Stack
        | MapType::Ringbuf => (def.btf_key_type_id, def.btf_value_type_id) = (0, 0),
        MapType::BloomFilter => def.btf_key_type_id = 0,
        _ => {}
    }
}

/// What depends on the machine, or can only have one value.
fn set_of_cilium(def: &mut MapDef) -> Result<(), &'static str> {
    let four = |size: u32| size == 0 || size == 4;
    match def.map_type {
        MapType::ArrayOfMaps | MapType::HashOfMaps => {
            if !four(def.value_size) {
                return Err("ValueSize must be zero or four for map of map");
            }
            def.value_size = 4;
        }
        MapType::PerfEventArray => {
            if !four(def.key_size) {
                return Err("KeySize must be zero or four for perf event array");
            }
            if !four(def.value_size) {
                return Err("ValueSize must be zero or four for perf event array");
            }
            (def.key_size, def.value_size) = (4, 4);
            // No more than the number of CPUs, which is what 0 stands for.
            def.max_entries = 0;
        }
        // The same; the verifier does not ask how many.
        MapType::Cpumap => def.max_entries = 1,
        _ => {}
    }
    Ok(())
}

/// What cilium/ebpf guesses to be wrong, or what is known of it.
fn of_cilium(def: &MapDef, errno: Errno, why: &str) -> String {
    let no_prealloc = def.map_flags & 1 != 0;
    let needs_no_prealloc = matches!(
        def.map_type,
        MapType::LpmTrie
            | MapType::Rhash
            | MapType::SkStorage
            | MapType::InodeStorage
            | MapType::TaskStorage
            | MapType::CgrpStorage
    );
    match errno {
        EPERM => "MEMLOCK may be too low, consider rlimit.RemoveMemlock".to_owned(),
        EINVAL if def.max_entries == 0 && def.map_type != MapType::PerfEventArray => {
            "MaxEntries may be incorrectly set to zero".to_owned()
        }
        EINVAL if no_prealloc && !needs_no_prealloc => {
            format!(
                "BPF_F_NO_PREALLOC flag may be incompatible with map type {:?}",
                def.map_type
            )
        }
        EINVAL if !no_prealloc && needs_no_prealloc => {
            format!(
                "BPF_F_NO_PREALLOC flag may need to be set for map type {:?}",
                def.map_type
            )
        }
        _ => why.to_owned(),
    }
}

/// As Go and Rust write it.
fn strerror(errno: Errno) -> &'static str {
    match errno {
        EPERM => "operation not permitted",
        E2BIG => "argument list too long",
        EACCES => "permission denied",
        EINVAL => "invalid argument",
        ERANGE => "numerical result out of range",
        EOPNOTSUPP | ENOTSUPP => "operation not supported",
        _ => errno,
    }
}
