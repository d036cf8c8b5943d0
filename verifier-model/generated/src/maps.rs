// SPDX-License-Identifier: GPL-2.0-only
//! Maps of every type that a kernel is asked to make: one that it makes, then with other sizes, flags,
//! types of key and value, maps inside, and by loaders of other capabilities.

use std::fmt;
use std::sync::Arc;

use bpf::btf::{Btf, BtfBuilder, Kind};
use bpf::caps::Caps;
use bpf::map::MapDef;
use bpf::uapi::MapType;

/// What `BPF_MAP_CREATE` is given, as a line of numbers: `map_type key_size value_size max_entries
/// map_flags map_extra btf_key_type_id btf_value_type_id inner caps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapCase {
    /// `map_type`
    pub map_type: MapType,
    /// `key_size`, `value_size`, `max_entries`, `map_flags`
    pub sizes: [u32; 4],
    /// `map_extra`
    pub extra: u64,
    /// Ids in [`btf`] of the types of key and value; 0 for none.
    pub types: [u32; 2],
    /// The map inside is a working one of this type.
    pub inner: Option<MapType>,
    /// What who makes it is capable of.
    pub caps: Caps,
}

impl fmt::Display for MapCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [key, value, entries, flags] = self.sizes;
        let [key_type, value_type] = self.types;
        let inner = self.inner.map_or(0, |inner| inner as u32);
        let caps = match self.caps.is_all() {
            true => u64::MAX,
            false => self.caps.bits(),
        };
        write!(
            f,
            "{} {key} {value} {entries} {flags} {} {key_type} {value_type} {inner} {caps}",
            self.map_type as u32, self.extra
        )
    }
}

impl MapCase {
    /// The map, named `map`.
    pub fn def(&self) -> MapDef {
        let [key, value, entries, flags] = self.sizes;
        let typed = self.types != [0, 0] && self.caps.has(Caps::BPF);
        let [key_type, value_type] = if typed { self.types } else { [0, 0] };
        MapDef {
            map_flags: flags,
            map_extra: self.extra,
            btf: typed.then(|| BTF.clone()),
            btf_key_type_id: key_type,
            btf_value_type_id: value_type,
            inner_map: self.inner.map(|inner| Box::new(working(inner).def())),
            ..MapDef::new("map", self.map_type, key, value, entries)
        }
    }
}

/// The maps, of all types but struct_ops, which needs a kernel's structure.
pub fn cases() -> Vec<MapCase> {
    let mut all = Vec::new();
    for map_type in MapType::ALL {
        if !matches!(map_type, MapType::Unspec | MapType::StructOps) {
            of_type(*map_type, &mut all);
        }
    }
    all
}

const KEYS: [u32; 16] = [
    0, 1, 3, 4, 5, 6, 8, 12, 16, 20, 260, 261, 512, 513, 65535, 65536,
];
const VALUES: [u32; 25] = [
    0,
    1,
    3,
    4,
    5,
    8,
    12,
    16,
    32,
    1016,
    1024,
    4064,
    4096,
    32760,
    32768,
    32769,
    65408,
    65448,
    65464,
    65472,
    65536,
    4_194_000,
    4_194_304,
    4_194_305,
    u32::MAX,
];
const ENTRIES: [u32; 12] = [
    0,
    1,
    2,
    3,
    4096,
    8192,
    12288,
    65536,
    1 << 20,
    1 << 31,
    (1 << 31) + 1,
    u32::MAX,
];
const EXTRA: [u64; 8] = [1, 2, 15, 16, 4096, 65535, 65536, 1 << 32];

/// `BPF_F_TOKEN_FD` wants a token.
const TOKEN_FD: u32 = 16;

fn of_type(map_type: MapType, all: &mut Vec<MapCase>) {
    let base = working(map_type);
    all.push(base);
    for (at, sizes) in [&KEYS[..], &VALUES, &ENTRIES].into_iter().enumerate() {
        for &size in sizes {
            let mut case = base;
            case.sizes[at] = size;
            all.push(case);
        }
    }
    for key in [4, 8, 16] {
        for value in [4, 8, 4_194_000] {
            let mut case = base;
            (case.sizes[0], case.sizes[1]) = (key, value);
            all.push(case);
        }
    }
    let bits = || (0..24).filter(|bit| *bit != TOKEN_FD);
    for a in bits() {
        for b in bits().filter(|b| *b >= a) {
            let mut case = base;
            case.sizes[3] ^= 1 << a;
            if a != b {
                case.sizes[3] ^= 1 << b;
            }
            all.push(case);
        }
    }
    all.extend(EXTRA.map(|extra| MapCase { extra, ..base }));
    let types: Vec<(u32, u32)> = (1..BTF.nr_types())
        .map(|id| (id, BTF.resolve_size(id).unwrap_or(4)))
        .collect();
    for &(value_type, size) in &types {
        for keyed in [false, true] {
            // Storage has no key in its values' way, others a number or nothing.
            let mut case = base;
            case.types = [if keyed { int_of(base.sizes[0]) } else { 0 }, value_type];
            if base.sizes[1] != 0 {
                case.sizes[1] = size;
            }
            all.push(case);
            let mut read_only = case;
            read_only.sizes[3] |= bpf::map::BPF_F_RDONLY_PROG;
            all.push(read_only);
        }
    }
    for &(key_type, size) in &types {
        for fits in [false, true] {
            let mut case = base;
            case.types = [key_type, int_of(base.sizes[1])];
            if fits {
                case.sizes[0] = size;
            }
            all.push(case);
        }
    }
    if base.inner.is_some() {
        let inner = MapType::ALL.iter().map(|inner| Some(*inner));
        let inner = inner.filter(|i| *i != Some(MapType::StructOps) && *i != Some(MapType::Unspec));
        all.extend(inner.chain([None]).map(|inner| MapCase { inner, ..base }));
    }
    let caps = [
        Caps::empty(),
        Caps::BPF,
        Caps::NET_ADMIN,
        Caps::PERFMON,
        Caps::BPF | Caps::NET_ADMIN,
        Caps::SYS_ADMIN,
    ];
    all.extend(caps.map(|caps| MapCase { caps, ..base }));
}

/// A map of the type that the kernel makes.
fn working(map_type: MapType) -> MapCase {
    use MapType as M;
    const NO_PREALLOC: u32 = 1;
    const MMAPABLE: u32 = 1 << 10;
    let sizes = match map_type {
        M::CgroupStorage | M::PercpuCgroupStorage => [8, 8, 0, 0],
        M::SkStorage | M::InodeStorage | M::TaskStorage | M::CgrpStorage => [4, 8, 0, NO_PREALLOC],
        M::LpmTrie | M::Rhash => [8, 8, 2, NO_PREALLOC],
        M::Queue | M::Stack | M::BloomFilter => [0, 8, 2, 0],
        M::Ringbuf | M::UserRingbuf => [0, 0, 4096, 0],
        M::Arena => [0, 0, 2, MMAPABLE],
        M::StackTrace => [4, 16, 2, 0],
        M::InsnArray => [4, 16, 2, 0],
        M::Array | M::PercpuArray | M::Hash | M::PercpuHash | M::LruHash | M::LruPercpuHash => {
            [4, 8, 2, 0]
        }
        _ => [4, 4, 2, 0],
    };
    let storage = matches!(
        map_type,
        M::SkStorage | M::InodeStorage | M::TaskStorage | M::CgrpStorage
    );
    MapCase {
        map_type,
        sizes,
        extra: 0,
        types: if storage {
            [int_of(4), int_of(8)]
        } else {
            [0, 0]
        },
        inner: matches!(map_type, M::ArrayOfMaps | M::HashOfMaps).then_some(M::Array),
        caps: Caps::all(),
    }
}

/// The number of this size in [`btf`], if there is one, or else of four bytes.
fn int_of(size: u32) -> u32 {
    let int = BTF
        .types()
        .find(|t| t.kind() == Kind::Int && t.size() == size);
    int.map_or(1, |t| t.id())
}

static BTF: std::sync::LazyLock<Arc<Btf>> = std::sync::LazyLock::new(|| {
    let btf = Btf::parse(&btf(), None);
    Arc::new(btf.expect("what is built is well-formed"))
});

/// Types that keys and values may have.
pub fn btf() -> Vec<u8> {
    let mut b = BtfBuilder::default();
    b.string("");
    let mut int = |name: &str, size: u32| {
        let name = b.string(name);
        b.push(Kind::Int, name, 0, false, size, &[size * 8]);
    };
    for (name, size) in [("u32", 4), ("u64", 8), ("u8", 1), ("u16", 2), ("u128", 16)] {
        int(name, size);
    }
    const U32: u32 = 1;
    const U64: u32 = 2;
    const U8: u32 = 3;
    let name = b.string("short_int");
    b.push(Kind::Int, name, 0, false, 4, &[31]);
    let name = b.string("number");
    b.push(Kind::Typedef, name, 0, false, U32, &[]);
    b.push(Kind::Const, 0, 0, false, U32, &[]);
    b.push(Kind::Ptr, 0, 0, false, U32, &[]);
    let pointer = b.push(Kind::Ptr, 0, 0, false, 0, &[]);
    b.push(Kind::Array, 0, 0, false, 0, &[U8, U32, 8]);
    let (name, one) = (b.string("choice"), b.string("ONE"));
    b.push(Kind::Enum, name, 1, false, 4, &[one, 1]);
    let name = b.string("real");
    b.push(Kind::Float, name, 0, false, 8, &[]);
    let members = |b: &mut BtfBuilder, name: &str, size: u32, of: &[(&str, u32, u32)]| {
        let name = b.string(name);
        let mut words = Vec::new();
        for (member, type_id, byte) in of {
            words.extend([b.string(member), *type_id, byte * 8]);
        }
        b.push(Kind::Struct, name, of.len() as u32, false, size, &words)
    };
    members(&mut b, "pair", 8, &[("a", U32, 0), ("b", U32, 4)]);
    members(
        &mut b,
        "storage_key",
        16,
        &[("inode", U64, 0), ("type", U32, 8)],
    );
    members(&mut b, "trie_key", 8, &[("len", U32, 0), ("data", U32, 4)]);
    let name = b.string("either");
    let (x, y) = (b.string("x"), b.string("y"));
    b.push(Kind::Union, name, 2, false, 8, &[x, U64, 0, y, pointer, 0]);
    let mut lock = 0;
    for (field, size, odd) in FIELDS {
        let inside = members(&mut b, field, size, &[("opaque", U8, 0)]);
        let end = 16 + size;
        let at = |place| [("number", U64, 0), ("field", inside, place)];
        if field == "bpf_spin_lock" {
            lock = inside;
        }
        if let Some(node) = contained(field) {
            let guarded = [("lock", lock, 0), ("field", inside, 16)];
            let head = members(&mut b, &format!("with_{field}"), end, &guarded);
            let tag = b.string(&format!("contains:with_{node}:field"));
            b.push(Kind::DeclTag, tag, 0, false, head, &[1]);
        } else {
            members(&mut b, &format!("with_{field}"), end, &at(16));
        }
        if odd {
            members(&mut b, &format!("odd_{field}"), end + 4, &at(17));
            let two = [("one", inside, 0), ("two", inside, 32)];
            members(&mut b, &format!("two_{field}"), 64, &two);
        }
    }
    let task = members(&mut b, "task_struct", 8, &[("number", U64, 0)]);
    for tag in ["kptr", "kptr_untrusted", "percpu_kptr", "uptr", "other"] {
        let name = b.string(tag);
        let tagged = b.push(Kind::TypeTag, name, 0, false, task, &[]);
        let pointer = b.push(Kind::Ptr, 0, 0, false, tagged, &[]);
        members(&mut b, &format!("with_{tag}"), 8, &[("field", pointer, 0)]);
    }
    let (name, section) = (b.string("variable"), b.string(".data"));
    let var = b.push(Kind::Var, name, 0, false, U64, &[1]);
    b.push(Kind::Datasec, section, 1, false, 8, &[var, 0, 8]);
    b.build()
}

/// Fields that the kernel knows by name, their sizes (but that of `bpf_res_spin_lock` is 4), and whether it takes BTF that has them twice in a
/// structure or out of place: of the others it looks at every structure.
const FIELDS: [(&str, u32, bool); 10] = [
    ("bpf_spin_lock", 4, false),
    ("bpf_res_spin_lock", 8, true),
    ("bpf_timer", 16, true),
    ("bpf_wq", 16, true),
    ("bpf_task_work", 8, true),
    ("bpf_list_head", 16, false),
    ("bpf_list_node", 24, false),
    ("bpf_rb_root", 16, false),
    ("bpf_rb_node", 32, false),
    ("bpf_refcount", 4, false),
];

/// What is in a list or tree.
fn contained(field: &str) -> Option<&'static str> {
    match field {
        "bpf_list_head" => Some("bpf_list_node"),
        "bpf_rb_root" => Some("bpf_rb_node"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbers() {
        let case = working(MapType::Hash);
        assert_eq!(case.to_string(), format!("1 4 8 2 0 0 0 0 0 {}", u64::MAX));
        assert!(cases().len() > 5000);
    }
}
