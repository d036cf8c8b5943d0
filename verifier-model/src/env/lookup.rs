// SPDX-License-Identifier: GPL-2.0-only
//! What a lookup gives where the value stands for something else: a map of maps or of sockets.
//!
//! Source: `refine_map_lookup_value()` in `kernel/bpf/verifier.c`.

use bpf::uapi::MapType;

use crate::analysis::Known;
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::state::reg::{About, RegState};

/// Objects whose map is asked for where they are started.
const WITH_MAP: [&str; 3] = ["bpf_timer", "bpf_wq", "bpf_task_work"];

impl Known<'_> {
    /// The register holds a value of a map, or NULL; afterwards what the value stands for.
    pub(crate) fn refine_map_lookup(&self, reg: &mut RegState) {
        let Some(map) = reg.map().map(|m| &self.code.maps[m]) else {
            return;
        };
        let maybe_null = reg.typ.flags() & Flag::PTR_MAYBE_NULL;
        if let Some(inner) = map.inner {
            reg.typ = RegType::CONST_PTR_TO_MAP.with(maybe_null);
            reg.about = About::Map(inner);
            let record = &self.code.maps[inner].record;
            let counts = WITH_MAP.iter().any(|name| record.off_of(name).is_some());
            if counts || self.input.profile.has(Rule::LOOKUPS_REFINED) {
                reg.map_uid = reg.id;
            }
            return;
        }
        let other = match map.def.map_type {
            MapType::Xskmap => RegType::PTR_TO_XDP_SOCK,
            MapType::Sockmap | MapType::Sockhash => RegType::PTR_TO_SOCKET,
            _ => return,
        };
        reg.typ = other.with(maybe_null);
        reg.map_uid = 0;
    }

    /// A pointer that is known not to be NULL.
    pub(crate) fn mark_ptr_not_null(&self, reg: &mut RegState) {
        reg.typ = reg.typ.without(Flag::PTR_MAYBE_NULL);
        let refined = self.input.profile.has(Rule::LOOKUPS_REFINED);
        if !refined && reg.typ.base() == RegType::PTR_TO_MAP_VALUE {
            self.refine_map_lookup(reg);
        }
    }

    /// What a pointer is taken for where it is passed as memory and may be NULL.
    pub(crate) fn passed_as_memory(&self, reg: &RegState) -> RegState {
        let mut passed = *reg;
        if reg.typ.may_be_null() && !self.input.profile.has(Rule::LOOKUPS_REFINED) {
            self.mark_ptr_not_null(&mut passed);
        }
        passed
    }
}
