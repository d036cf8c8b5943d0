// SPDX-License-Identifier: GPL-2.0-only
//! One instruction must not follow pointers of kinds that are compiled differently.
//!
//! Source: `save_aux_ptr_type()` in `kernel/bpf/verifier.c`.

use crate::env::Env;
use crate::facts::rejection::Checked;
use crate::facts::types::{Flag, RegType};
use crate::log::reject;

impl Env<'_> {
    pub(crate) fn save_aux_ptr_type(
        &mut self,
        typ: RegType,
        allow_trust_mismatch: bool,
    ) -> Checked {
        let prev = self.marks.insns[self.path.insn_idx].ptr_type;
        if prev == RegType::NOT_INIT {
            self.marks.insns[self.path.insn_idx].ptr_type = typ;
            return Ok(());
        }
        if typ == prev || mismatch_ok(typ) && mismatch_ok(prev) {
            return Ok(());
        }
        if allow_trust_mismatch && typ.is_mem_or_btf_id() && prev.is_mem_or_btf_id() {
            self.marks.insns[self.path.insn_idx].ptr_type = merge_ptr_types(typ, prev);
            return Ok(());
        }
        reject!(
            self,
            TwoPointerTypes,
            EINVAL,
            "same insn cannot be used with different pointers"
        )
    }
}

fn mismatch_ok(t: RegType) -> bool {
    match t.base() {
        RegType::PTR_TO_CTX
        | RegType::PTR_TO_SOCKET
        | RegType::PTR_TO_SOCK_COMMON
        | RegType::PTR_TO_TCP_SOCK
        | RegType::PTR_TO_XDP_SOCK
        | RegType::PTR_TO_BTF_ID
        | RegType::PTR_TO_ARENA => false,
        RegType::PTR_TO_MEM => !t.may_fault_on_deref(),
        _ => true,
    }
}

fn merge_ptr_types(a: RegType, b: RegType) -> RegType {
    let mem = RegType::PTR_TO_MEM;
    let to_mem = a.base() == mem || b.base() == mem;
    let merged = if to_mem { mem } else { RegType::PTR_TO_BTF_ID };
    if a.may_fault_on_deref() || b.may_fault_on_deref() {
        let merged = if to_mem {
            merged | Flag::MEM_RDONLY
        } else {
            merged
        };
        merged | Flag::PTR_UNTRUSTED
    } else {
        merged.with((a.flags() | b.flags()) & Flag::MEM_RDONLY)
    }
}
