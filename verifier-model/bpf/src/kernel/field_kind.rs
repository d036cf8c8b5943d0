// SPDX-License-Identifier: GPL-2.0-only
//! Kinds of special fields, and since when kernels know them.
//!
//! Source: `enum btf_field_type` in `include/linux/bpf.h`, `btf_get_field_type()` in `kernel/bpf/btf.c`.

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

    /// The size and alignment of its structure.
    pub(super) const fn layout(self) -> (u32, u32) {
        match self {
            Self::SpinLock | Self::ResSpinLock | Self::Refcount => (4, 4),
            Self::TaskWork | Self::KptrUnref | Self::KptrRef | Self::KptrPercpu | Self::Uptr => {
                (8, 8)
            }
            Self::Timer | Self::Workqueue | Self::ListHead | Self::RbRoot => (16, 8),
            Self::ListNode => (24, 8),
            Self::RbNode => (32, 8),
        }
    }

    /// Whether a value has one at most.
    pub(super) const fn is_unique(self) -> bool {
        matches!(
            self,
            Self::SpinLock
                | Self::ResSpinLock
                | Self::Timer
                | Self::Workqueue
                | Self::TaskWork
                | Self::Refcount
        )
    }

    /// The kind of a structure of this name in the kernels from `version` on (`KERNEL_VERSION`).
    pub(super) fn of_struct(name: &str, version: u32) -> Option<Self> {
        let kind = match name {
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
        };
        kind.is_known(version).then_some(kind)
    }

    /// The kind of a pointer with this type tag.
    pub(super) fn of_tag(tag: &str, version: u32) -> Option<Self> {
        let renamed = is_at_least(version, KPTRS_RENAMED);
        let kind = match tag {
            "kptr_untrusted" if renamed => Self::KptrUnref,
            "kptr" if !renamed => Self::KptrUnref,
            "kptr" => Self::KptrRef,
            "kptr_ref" if !renamed => Self::KptrRef,
            "percpu_kptr" => Self::KptrPercpu,
            "uptr" => Self::Uptr,
            _ => return None,
        };
        kind.is_known(version).then_some(kind)
    }

    /// Whether kernels of this version have it.
    fn is_known(self, version: u32) -> bool {
        is_at_least(version, self.since())
    }

    /// The release that brought it: major and minor number.
    const fn since(self) -> (u32, u32) {
        match self {
            Self::SpinLock => (5, 1),
            Self::Timer => (5, 15),
            Self::KptrUnref | Self::KptrRef => (5, 19),
            Self::ListHead | Self::ListNode => (6, 2),
            Self::RbRoot | Self::RbNode => (6, 3),
            Self::Refcount => (6, 4),
            Self::KptrPercpu => (6, 7),
            Self::Workqueue => (6, 10),
            Self::Uptr => (6, 13),
            Self::ResSpinLock => (6, 15),
            Self::TaskWork => (6, 18),
        }
    }
}

/// `__kptr` was `__kptr_ref` before, and `__kptr_untrusted` was `__kptr`.
const KPTRS_RENAMED: (u32, u32) = (6, 4);

/// Whether kernels of this version know of all special fields of a value together (`struct btf_record`, 6.2).
pub(super) const fn knows_records(version: u32) -> bool {
    is_at_least(version, (6, 2))
}

/// Whether a version is of this release or a newer one. A kernel that does not say its own is new.
const fn is_at_least(version: u32, (major, minor): (u32, u32)) -> bool {
    version == 0 || version >> 8 >= major << 8 | minor
}

#[cfg(test)]
mod tests {
    use super::*;

    const V6_1: u32 = 6 << 16 | 1 << 8 | 176;
    const V6_4: u32 = 6 << 16 | 4 << 8;

    #[test]
    fn tags_changed_their_meaning() {
        let of = FieldKind::of_tag;
        assert_eq!(of("kptr", V6_1), Some(FieldKind::KptrUnref));
        assert_eq!(of("kptr_ref", V6_1), Some(FieldKind::KptrRef));
        assert_eq!(of("kptr_untrusted", V6_1), None);
        for version in [V6_4, 0] {
            assert_eq!(of("kptr", version), Some(FieldKind::KptrRef));
            assert_eq!(of("kptr_ref", version), None);
            assert_eq!(of("kptr_untrusted", version), Some(FieldKind::KptrUnref));
        }
        assert_eq!(
            (of("uptr", V6_4), of("uptr", 0)),
            (None, Some(FieldKind::Uptr))
        );
    }

    #[test]
    fn structures_come_with_a_release() {
        let of = FieldKind::of_struct;
        assert_eq!(of("bpf_timer", V6_1), Some(FieldKind::Timer));
        assert_eq!(of("bpf_refcount", V6_1), None);
        assert_eq!(of("bpf_refcount", V6_4), Some(FieldKind::Refcount));
    }
}
