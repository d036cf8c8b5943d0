// SPDX-License-Identifier: GPL-2.0-only
//! Whether the kernel takes an object's BTF. If not, libbpf goes on without, and the verifier knows
//! neither the functions' names nor which of them are global.
//!
//! Source: `btf_parse()`, `btf_parse_struct_metas()` in `kernel/bpf/btf.c`,
//! `bpf_object__sanitize_and_load_btf()`.

mod meta;
mod resolve;

use crate::btf::{Btf, Kind, Type};
use crate::kernel::Kernel;
use crate::kernel::fields::{BtfRecord, Kptr};

/// Members of these types make a structure one with special fields.
const ALLOC_OBJ_FIELDS: [&str; 6] = [
    "bpf_spin_lock",
    "bpf_list_head",
    "bpf_list_node",
    "bpf_rb_root",
    "bpf_rb_node",
    "bpf_refcount",
];

/// Whether nothing is wrong with it.
pub(super) fn is_taken(btf: &Btf, kernel: &Kernel) -> bool {
    let broken = |t: Type<'_>| match t.kind() {
        Kind::Struct | Kind::Union => {
            has_special_field(btf, t, kernel)
                && BtfRecord::find_fields(btf, t.id(), kernel).is_none()
        }
        _ => false,
    };
    meta::is_sound(btf) && resolve::is_sound(btf) && !btf.types().any(broken)
}

/// Of a structure with such a field all must be well-formed. A `struct task_struct __kptr *` is not
/// where the object has but the declaration of `struct task_struct`.
fn has_special_field(btf: &Btf, t: Type<'_>, kernel: &Kernel) -> bool {
    t.members().any(|member| {
        let field = btf.type_by_id(member.type_id());
        field.is_some_and(|field| match field.kind() {
            Kind::Struct => ALLOC_OBJ_FIELDS.contains(&field.name()),
            Kind::Ptr => matches!(Kptr::of(btf, field.type_id(), kernel), Kptr::To(..)),
            _ => false,
        })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::btf::BtfBuilder;

    fn is_taken(build: impl FnOnce(&mut BtfBuilder)) -> bool {
        let mut builder = BtfBuilder::default();
        builder.string("");
        build(&mut builder);
        let btf = Btf::parse(&builder.build(), None).unwrap();
        let empty = Btf::parse(&BtfBuilder::default().build(), None).unwrap();
        super::is_taken(&btf, &Kernel::new(Arc::new(empty)))
    }

    #[test]
    fn parameters_have_names() {
        let function = |name: &str, type_id: u32| {
            is_taken(|b| {
                let int = b.string("int");
                b.push(Kind::Int, int, 0, false, 4, &[32]);
                let name = if name.is_empty() { 0 } else { b.string(name) };
                b.push(Kind::FuncProto, 0, 1, false, 1, &[name, type_id]);
                let f = b.string("f");
                b.push(Kind::Func, f, 1, false, 2, &[]);
            })
        };
        assert!(function("x", 1));
        assert!(!function("", 1));
        assert!(function("", 0), "that is `...`");
    }

    #[test]
    fn a_kptr_beside_a_lock_points_to_a_structure() {
        let value = |lock: &str, declared_only: bool| {
            is_taken(|b| {
                let task = b.string("task_struct");
                match declared_only {
                    true => b.push(Kind::Fwd, task, 0, false, 0, &[]),
                    false => b.push(Kind::Struct, task, 0, false, 8, &[]),
                };
                let kptr = b.string("kptr");
                b.push(Kind::TypeTag, kptr, 0, false, 1, &[]);
                b.push(Kind::Ptr, 0, 0, false, 2, &[]);
                let lock = b.string(lock);
                b.push(Kind::Struct, lock, 0, false, 4, &[]);
                let (v, l, t) = (b.string("value"), b.string("lock"), b.string("task"));
                b.push(Kind::Struct, v, 2, false, 16, &[l, 4, 0, t, 3, 64]);
            })
        };
        assert!(value("bpf_spin_lock", false));
        assert!(!value("bpf_spin_lock", true));
        assert!(value("some_lock", true), "the kernel does not look");
    }
}
