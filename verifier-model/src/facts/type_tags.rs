// SPDX-License-Identifier: GPL-2.0-only
//! What the type tags of BTF mean for a pointer (`__rcu`, `__percpu`, `__user`).

use bpf::btf::{Btf, Kind, Type};

use crate::facts::types::Flag;

/// Follows a pointer's target over modifiers, collecting what type tags say.
pub(crate) fn type_tags(btf: &Btf, ptr: Type<'_>, tags: &[(&str, Flag)]) -> (Flag, u32) {
    let mut flags = Flag::NONE;
    let mut id = ptr.type_id();
    for _ in 0..32 {
        let Some(t) = btf.type_by_id(id) else { break };
        match t.kind() {
            Kind::TypeTag => {
                for (name, f) in tags {
                    if t.name() == *name {
                        flags |= *f;
                    }
                }
                id = t.type_id();
            }
            k if k.is_modifier() || k == Kind::Typedef => id = t.type_id(),
            _ => break,
        }
    }
    (flags, id)
}
