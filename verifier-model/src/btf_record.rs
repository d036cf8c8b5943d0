// SPDX-License-Identifier: GPL-2.0-only
//! Special fields of map values and allocated objects: locks, timers, kptrs, list heads …
//!
//! Source: `btf_parse_fields()`, `btf_find_field()` in `kernel/bpf/btf.c`.

use crate::btf::{Btf, Kind};
use crate::prog_load::Kernel;
use crate::reg_state::BtfRef;

/// Structures are looked into this deep.
const MAX_DEPTH: u32 = 4;
/// Looking for fields ends here.
const MAX_FIELDS: usize = 512;
/// A value has at most this many special fields.
const BTF_FIELDS_MAX: usize = 11;

/// Kind of a special field (`enum btf_field_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "each is the kernel's BPF_*")]
pub enum FieldKind {
    SpinLock,
    ResSpinLock,
    Timer,
    Workqueue,
    TaskWork,
    KptrUnref,
    KptrRef,
    KptrPercpu,
    Uptr,
    ListHead,
    ListNode,
    RbRoot,
    RbNode,
    Refcount,
}

impl FieldKind {
    /// The name in messages (`btf_field_type_name`).
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::SpinLock => "bpf_spin_lock",
            Self::ResSpinLock => "bpf_res_spin_lock",
            Self::Timer => "bpf_timer",
            Self::Workqueue => "bpf_wq",
            Self::TaskWork => "bpf_task_work",
            Self::KptrUnref | Self::KptrRef => "kptr",
            Self::KptrPercpu => "percpu_kptr",
            Self::Uptr => "uptr",
            Self::ListHead => "bpf_list_head",
            Self::ListNode => "bpf_list_node",
            Self::RbRoot => "bpf_rb_root",
            Self::RbNode => "bpf_rb_node",
            Self::Refcount => "bpf_refcount",
        }
    }

    /// Whether programs may load it like a pointer.
    pub const fn is_kptr_or_uptr(self) -> bool {
        matches!(
            self,
            Self::KptrUnref | Self::KptrRef | Self::KptrPercpu | Self::Uptr
        )
    }

    fn of_struct(name: &str) -> Option<Self> {
        Some(match name {
            "bpf_spin_lock" => Self::SpinLock,
            "bpf_res_spin_lock" => Self::ResSpinLock,
            "bpf_timer" => Self::Timer,
            "bpf_wq" => Self::Workqueue,
            "bpf_task_work" => Self::TaskWork,
            "bpf_list_head" => Self::ListHead,
            "bpf_list_node" => Self::ListNode,
            "bpf_rb_root" => Self::RbRoot,
            "bpf_rb_node" => Self::RbNode,
            "bpf_refcount" => Self::Refcount,
            _ => return None,
        })
    }
}

/// A special field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Kind.
    pub kind: FieldKind,
    /// Offset in bytes.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
    /// For kptrs: BTF object of what they point to.
    pub btf: BtfRef,
    /// Its type.
    pub btf_id: u32,
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
        let mut fields = Vec::new();
        let t = btf.skip_mods_and_typedefs(type_id);
        match t.kind() {
            Kind::Struct | Kind::Union => find(btf, t.id(), 0, 0, kernel, &mut fields),
            Kind::Datasec => {
                for v in t.var_secinfos().take(MAX_FIELDS * 8) {
                    let Some(var) = btf.type_by_id(v.type_id) else {
                        continue;
                    };
                    member(btf, var.type_id(), v.offset, 0, kernel, &mut fields);
                }
            }
            _ => {}
        }
        if fields.len() > BTF_FIELDS_MAX {
            // The kernel makes the map all the same, as if it had none.
            fields.clear();
        }
        fields.sort_by_key(|f: &Field| f.offset);
        Self { fields }
    }

    /// Whether freeing the value where an NMI may run is not safe.
    pub fn has_nmi_unsafe_fields(&self) -> bool {
        use FieldKind as K;
        self.fields.iter().any(|f| {
            !matches!(
                f.kind,
                K::SpinLock
                    | K::ResSpinLock
                    | K::Timer
                    | K::Workqueue
                    | K::TaskWork
                    | K::KptrUnref
                    | K::Refcount
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
        self.find(FieldKind::of_struct(name)?)
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

/// Looks into a structure; calls itself at most [`MAX_DEPTH`] deep.
fn find(btf: &Btf, id: u32, base: u32, depth: u32, kernel: &Kernel, out: &mut Vec<Field>) {
    let Some(t) = btf.type_by_id(id) else { return };
    for m in t.members() {
        if m.bitfield_size() != 0 {
            continue;
        }
        let off = base.saturating_add(m.bit_offset() / 8);
        member(btf, m.type_id(), off, depth, kernel, out);
    }
}

fn member(btf: &Btf, id: u32, off: u32, depth: u32, kernel: &Kernel, out: &mut Vec<Field>) {
    let mut t = btf.skip_mods_and_typedefs(id);
    let mut nelems = 1;
    while let Some(a) = t.array() {
        nelems = a
            .nelems
            .min(MAX_FIELDS as u32)
            .saturating_mul(nelems)
            .min(MAX_FIELDS as u32);
        t = btf.skip_mods_and_typedefs(a.type_id);
    }
    let Ok(size) = btf.resolve_size(t.id()) else {
        return;
    };
    for i in 0..nelems {
        if out.len() >= MAX_FIELDS {
            return;
        }
        let off = off.saturating_add(i.saturating_mul(size));
        match t.kind() {
            Kind::Ptr => match kptr(btf, t.type_id(), kernel) {
                Some((kind, kbtf, btf_id)) => {
                    out.push(Field {
                        kind,
                        offset: off,
                        size: 8,
                        btf: kbtf,
                        btf_id,
                    });
                }
                None => return,
            },
            Kind::Struct => match FieldKind::of_struct(t.name()) {
                Some(kind) => {
                    out.push(Field {
                        kind,
                        offset: off,
                        size,
                        btf: BtfRef::Prog,
                        btf_id: t.id(),
                    });
                }
                None if depth < MAX_DEPTH => {
                    let before = out.len();
                    find(btf, t.id(), off, depth + 1, kernel, out);
                    if out.len() == before {
                        return;
                    }
                }
                None => return,
            },
            _ => return,
        }
    }
}

/// What a pointer with a type tag points to. The structure is looked for in the kernel by name; one
/// that only the program has is an object from `bpf_obj_new`.
fn kptr(btf: &Btf, id: u32, kernel: &Kernel) -> Option<(FieldKind, BtfRef, u32)> {
    let mut t = btf.type_by_id(id)?;
    let mut kind = None;
    for _ in 0..32 {
        match t.kind() {
            Kind::TypeTag => {
                kind = match t.name() {
                    "kptr_untrusted" => Some(FieldKind::KptrUnref),
                    "kptr" => Some(FieldKind::KptrRef),
                    "percpu_kptr" => Some(FieldKind::KptrPercpu),
                    "uptr" => Some(FieldKind::Uptr),
                    _ => kind,
                };
                t = btf.type_by_id(t.type_id())?;
            }
            k if k.is_modifier() || k == Kind::Typedef => t = btf.type_by_id(t.type_id())?,
            _ => break,
        }
    }
    let kind = kind?;
    if !t.is_composite() {
        return None;
    }
    if kind == FieldKind::Uptr {
        return Some((kind, BtfRef::Prog, t.id()));
    }
    let found = kernel
        .btfs()
        .find_map(|(n, b)| Some((n, b.find_own_by_name_kind(t.name(), t.kind())?.id())));
    Some(match found {
        Some((n, id)) => (kind, BtfRef::Kernel(n), id),
        None => (kind, BtfRef::Prog, t.id()),
    })
}
