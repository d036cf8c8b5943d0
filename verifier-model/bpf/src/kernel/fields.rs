// SPDX-License-Identifier: GPL-2.0-only
//! Special fields of map values and allocated objects: locks, timers, kptrs, list heads …
//!
//! Source: `btf_parse_fields()`, `btf_find_field()` in `kernel/bpf/btf.c`.

use std::collections::HashSet;

use crate::btf::{Btf, Kind, Type};
pub use crate::kernel::field_kind::FieldKind;
use crate::kernel::field_kind::knows_records;
use crate::kernel::{BtfRef, Kernel};

/// Structures and arrays are looked into less deep than this.
const MAX_RESOLVE_DEPTH: u32 = 32;

/// Looking for fields ends here.
const MAX_FIELDS: usize = 512;

/// A value has at most this many special fields.
const BTF_FIELDS_MAX: usize = 11;

/// A special field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Kind.
    pub kind: FieldKind,
    /// Offset in bytes.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
    /// For kptrs: BTF object of what they point to; for roots: of what they contain.
    pub btf: BtfRef,
    /// Its type.
    pub btf_id: u32,
    /// For roots: where in what they contain the node is.
    pub node_offset: u32,
}

/// All special fields of a type, by offset.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BtfRecord {
    /// The fields.
    pub fields: Vec<Field>,
}

impl BtfRecord {
    /// Fields of a structure, or of a global data section.
    pub fn parse(btf: &Btf, type_id: u32, kernel: &Kernel) -> Self {
        // The kernel makes the map all the same, as if it had none.
        let mut fields = Self::find_fields(btf, type_id, kernel).unwrap_or_default();
        if fields.len() > BTF_FIELDS_MAX {
            fields.clear();
        }
        fields.sort_by_key(|f: &Field| f.offset);
        let record = Self { fields };
        if record.is_consistent() {
            record
        } else {
            Self::default()
        }
    }

    /// None when one of them is broken.
    pub(crate) fn find_fields(btf: &Btf, type_id: u32, kernel: &Kernel) -> Option<Vec<Field>> {
        let mut finder = Finder {
            btf,
            kernel,
            barren: HashSet::new(),
            out: Vec::new(),
            broken_kptrs: false,
        };
        let t = btf.skip_mods_and_typedefs(type_id);
        match t.kind() {
            Kind::Struct | Kind::Union => finder.composite(t.id(), 0, 0),
            Kind::Datasec => {
                let vars = t.var_secinfos().take(MAX_FIELDS * 8);
                let vars = vars.filter_map(|v| Some((btf.type_by_id(v.type_id)?, v.offset)));
                vars.map(|(var, off)| finder.member(var.type_id(), (var.id(), None), off, 0))
                    .collect::<Option<()>>()
            }
            _ => Some(()),
        }?;
        if finder.broken_kptrs {
            finder.out.retain(|field| !field.kind.is_kptr_or_uptr());
        }
        Some(finder.out)
    }

    /// One lock at most, a lock with every root, a reference count in what can be in two
    /// collections at a time.
    fn is_consistent(&self) -> bool {
        let has = |k: FieldKind| self.fields.iter().any(|f| f.kind == k);
        let (spin, res) = (has(FieldKind::SpinLock), has(FieldKind::ResSpinLock));
        let roots = has(FieldKind::ListHead) || has(FieldKind::RbRoot);
        let two_nodes = has(FieldKind::ListNode) && has(FieldKind::RbNode);
        !(spin && res) && (!roots || spin || res) && (!two_nodes || has(FieldKind::Refcount))
    }

    /// Whether freeing the value where an NMI may run is not safe.
    pub fn has_nmi_unsafe_fields(&self) -> bool {
        self.fields.iter().any(|f| {
            !matches!(
                f.kind,
                FieldKind::SpinLock
                    | FieldKind::ResSpinLock
                    | FieldKind::Timer
                    | FieldKind::Workqueue
                    | FieldKind::TaskWork
                    | FieldKind::KptrUnref
                    | FieldKind::Refcount
            )
        })
    }

    fn find(&self, kind: FieldKind) -> Option<u32> {
        self.fields
            .iter()
            .find(|f| f.kind == kind)
            .map(|f| f.offset)
    }

    /// Where the spin lock is.
    pub fn spin_lock_off(&self) -> Option<u32> {
        self.find(FieldKind::SpinLock)
    }

    /// Where the resilient spin lock is.
    pub fn res_spin_lock_off(&self) -> Option<u32> {
        self.find(FieldKind::ResSpinLock)
    }

    /// Where the reference count is.
    pub fn refcount_off(&self) -> Option<u32> {
        self.find(FieldKind::Refcount)
    }

    /// Where the field of this structure is.
    pub fn off_of(&self, name: &str) -> Option<u32> {
        self.find(FieldKind::of_struct(name, 0)?)
    }

    /// The kptr or uptr at this offset.
    pub fn kptr_at(&self, off: u32) -> Option<&Field> {
        self.fields
            .iter()
            .find(|f| f.offset == off && f.kind.is_kptr_or_uptr())
    }

    /// How messages call the object whose map must be passed with it.
    pub fn object_name(&self) -> &'static str {
        if self.off_of("bpf_timer").is_some() {
            "timer"
        } else if self.off_of("bpf_task_work").is_some() {
            "bpf_task_work"
        } else {
            "workqueue"
        }
    }
}

/// Looks for fields. None says that one is broken, which costs the value all of them.
struct Finder<'a> {
    btf: &'a Btf,
    kernel: &'a Kernel,
    /// Structures that have none: they are not gone through at each place where they are.
    barren: HashSet<u32>,
    out: Vec<Field>,
    /// Until 6.2 a broken kptr costs the value its kptrs alone.
    broken_kptrs: bool,
}

impl Finder<'_> {
    fn broken_kptr(&mut self) -> Option<()> {
        self.broken_kptrs = true;
        (!knows_records(self.kernel.version)).then_some(())
    }

    /// In a structure; calls itself at most [`MAX_RESOLVE_DEPTH`] deep.
    fn composite(&mut self, id: u32, base: u32, depth: u32) -> Option<()> {
        let t = self.btf.type_by_id(id)?;
        for (i, m) in t.members().enumerate() {
            if m.bitfield_size() == 0 {
                let off = base.saturating_add(m.bit_offset() / 8);
                self.member(m.type_id(), (id, Some(i as u32)), off, depth)?;
            }
        }
        Some(())
    }

    /// In a member or variable; `decl` is what its declaration tags are on.
    fn member(&mut self, id: u32, decl: (u32, Option<u32>), off: u32, depth: u32) -> Option<()> {
        let btf = self.btf;
        let mut t = btf.skip_mods_and_typedefs(id);
        let mut nelems = 1;
        let mut arrays = 0;
        while let Some(a) = t.array() {
            arrays += 1;
            if arrays == MAX_RESOLVE_DEPTH {
                return None;
            }
            nelems = a
                .nelems
                .min(MAX_FIELDS as u32)
                .saturating_mul(nelems)
                .min(MAX_FIELDS as u32);
            t = btf.skip_mods_and_typedefs(a.type_id);
        }
        let Ok(size) = btf.resolve_size(t.id()) else {
            return Some(());
        };
        let found = match t.kind() {
            Kind::Ptr => match Kptr::of(btf, t.type_id(), self.kernel) {
                Kptr::None => None,
                Kptr::Broken => return self.broken_kptr(),
                Kptr::To(kind, pointee) => {
                    let (btf, id) = kptr_target(kind, pointee, self.kernel);
                    if btf == BtfRef::Prog && !knows_records(self.kernel.version) {
                        return self.broken_kptr();
                    }
                    Some((kind, btf, id, 0))
                }
            },
            Kind::Struct => match FieldKind::of_struct(t.name(), self.kernel.version) {
                // Of another size it is none of the kernel's, and not looked into.
                Some(kind) if kind.layout().0 != size => return Some(()),
                Some(kind @ (FieldKind::ListHead | FieldKind::RbRoot)) => {
                    let (id, node_offset) = graph_root(btf, decl, kind)?;
                    Some((kind, BtfRef::Prog, id, node_offset))
                }
                Some(kind) => Some((kind, BtfRef::Prog, t.id(), 0)),
                None => None,
            },
            _ => None,
        };
        if let Some((kind, ..)) = found
            && (kind.is_unique() && self.out.iter().any(|f| f.kind == kind)
                || !off.is_multiple_of(kind.layout().1))
        {
            return None;
        }
        let nested = t.kind() == Kind::Struct && !self.barren.contains(&t.id());
        for i in 0..nelems {
            if self.out.len() >= MAX_FIELDS {
                break;
            }
            let offset = off.saturating_add(i.saturating_mul(size));
            match found {
                Some((kind, btf, btf_id, node_offset)) => self.out.push(Field {
                    kind,
                    offset,
                    size,
                    btf,
                    btf_id,
                    node_offset,
                }),
                None if nested => {
                    if depth + 1 >= MAX_RESOLVE_DEPTH {
                        return None;
                    }
                    let before = self.out.len();
                    self.composite(t.id(), offset, depth + 1)?;
                    if self.out.len() == before {
                        self.barren.insert(t.id());
                        break;
                    }
                }
                None => break,
            }
        }
        Some(())
    }
}

/// What a root contains by its tag `contains:STRUCT:MEMBER`: the structure, and where the node is.
fn graph_root(btf: &Btf, decl: (u32, Option<u32>), kind: FieldKind) -> Option<(u32, u32)> {
    let node = match kind {
        FieldKind::ListHead => "bpf_list_node",
        _ => "bpf_rb_node",
    };
    let tag = btf
        .decl_tags_of(decl.0, decl.1)
        .find_map(|t| t.strip_prefix("contains:"))?;
    let (name, member) = tag.split_once(':')?;
    let value = btf.find_by_name_kind(name, Kind::Struct)?;
    let m = value.members().find(|m| m.name() == member)?;
    let t = btf.type_by_id(m.type_id())?;
    (t.kind() == Kind::Struct && t.name() == node).then_some((value.id(), m.bit_offset() / 8))
}

/// What a pointer's type tags make of it.
pub(crate) enum Kptr<'a> {
    /// They make it no kptr.
    None,
    /// A kptr to what is no structure, or one that is only declared.
    Broken,
    /// A kptr to this structure.
    To(FieldKind, Type<'a>),
}

impl<'a> Kptr<'a> {
    /// Of a pointer to the type `id`, for a kernel.
    pub(crate) fn of(btf: &'a Btf, id: u32, kernel: &Kernel) -> Self {
        let mut next = btf.type_by_id(id);
        let mut kind = None;
        let mut tagged = false;
        for _ in 0..32 {
            let Some(t) = next else { return Self::None };
            match t.kind() {
                Kind::TypeTag => {
                    tagged = true;
                    kind = FieldKind::of_tag(t.name(), kernel.version).or(kind);
                }
                k if k.is_modifier() || k == Kind::Typedef => {}
                _ => break,
            }
            next = btf.type_by_id(t.type_id());
        }
        match (kind, next) {
            (Some(kind), Some(t)) if t.is_composite() => Self::To(kind, t),
            (Some(_), _) => Self::Broken,
            (None, _) if tagged && !knows_records(kernel.version) => Self::Broken,
            (None, _) => Self::None,
        }
    }
}

/// The structure that a kptr points to is looked for in the kernel by name; one that only the
/// program has is an object from `bpf_obj_new`.
fn kptr_target(kind: FieldKind, t: Type<'_>, kernel: &Kernel) -> (BtfRef, u32) {
    if kind == FieldKind::Uptr {
        return (BtfRef::Prog, t.id());
    }
    let found = kernel
        .btfs()
        .find_map(|(n, b)| Some((n, b.find_own_by_name_kind(t.name(), t.kind())?.id())));
    found.map_or((BtfRef::Prog, t.id()), |(n, id)| (BtfRef::Kernel(n), id))
}
