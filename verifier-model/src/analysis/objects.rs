// SPDX-License-Identifier: GPL-2.0-only
//! Which registers point to objects that the program made.
//!
//! Source: `type_is_ptr_alloc_obj()`, `type_is_non_owning_ref()` in `include/linux/bpf_verifier.h`.

use crate::analysis::Known;
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};

impl Known<'_> {
    /// Object from `bpf_obj_new` or a kptr of such.
    pub(crate) fn is_ptr_alloc_obj(&self, t: RegType) -> bool {
        let made = t.base() == RegType::PTR_TO_BTF_ID && t.has(Flag::MEM_ALLOC);
        made && (!t.has(Flag::PTR_UNTRUSTED) || !self.input.profile.has(Rule::UNTRUSTED_OBJECTS))
    }

    /// Reference to a node owned by its collection.
    pub(crate) fn is_non_owning_ref(&self, t: RegType) -> bool {
        self.is_ptr_alloc_obj(t) && t.has(Flag::NON_OWN_REF)
    }
}
