// SPDX-License-Identifier: GPL-2.0-only
//! What is known of a call before the walk comes to it.
//!
//! Source: `bpf_get_call_summary()`, `bpf_helper_stack_access_bytes()` in `kernel/bpf/verifier.c`.

use bpf::kernel::kfuncs::KfuncFlags;
use bpf::uapi::Insn;

use crate::analysis::Known;
use crate::facts::helpers::id;
use crate::facts::special_kfunc::SpecialKfunc;
use crate::facts::types::{ArgType, Flag, RetType};

/// What is known of a call without its arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallSummary {
    pub num_params: usize,
    /// Nothing is returned.
    pub is_void: bool,
    /// It becomes a few instructions that leave the other registers alone.
    pub fastcall: bool,
}

impl Known<'_> {
    /// Whether a helper may sleep.
    pub(crate) fn helper_might_sleep(&self, func_id: i32) -> bool {
        self.input
            .helper_proto(func_id)
            .is_some_and(|p| p.might_sleep)
    }

    /// Calls a function back before it returns.
    pub(crate) fn is_sync_callback_calling(&self, insn: &Insn) -> bool {
        if insn.is_helper_call() {
            return matches!(
                insn.imm,
                id::FOR_EACH_MAP_ELEM | id::FIND_VMA | id::LOOP | id::USER_RINGBUF_DRAIN
            );
        }
        let kfunc = self.input.special_kfunc(insn);
        kfunc.is_some_and(SpecialKfunc::is_rbtree_add)
    }

    /// Calls a function back later.
    pub(crate) fn is_async_callback_calling(&self, insn: &Insn) -> bool {
        if insn.is_helper_call() {
            return insn.imm == id::TIMER_SET_CALLBACK;
        }
        let kfunc = self.input.special_kfunc(insn);
        kfunc.is_some_and(SpecialKfunc::is_async_callback_calling)
    }

    /// What is known of a call (`bpf_get_call_summary`).
    pub(crate) fn call_summary(&self, insn: &Insn) -> Option<CallSummary> {
        if insn.is_helper_call() {
            let p = self.input.helper_proto(insn.imm)?;
            return Some(CallSummary {
                num_params: p.args.len(),
                is_void: p.ret == RetType::RET_VOID,
                fastcall: p.allow_fastcall,
            });
        }
        if insn.is_kfunc_call() {
            let k = self.input.kfunc_quiet(insn)?;
            return Some(CallSummary {
                num_params: k.params.len(),
                is_void: k.ret_type_id == 0,
                fastcall: k.flags.contains(KfuncFlags::FASTCALL),
            });
        }
        None
    }

    /// Bytes of stack that an argument of a helper makes it access; negative when written.
    pub(crate) fn helper_stack_access_bytes(&self, insn: &Insn, arg: usize, idx: usize) -> i64 {
        const UNKNOWN: i64 = crate::analysis::arg_track::access::UNKNOWN_BYTES;
        let Some(proto) = self.input.helper_proto(insn.imm) else {
            return UNKNOWN;
        };
        let at = proto.arg_type(arg);
        let aux = &self.code.aux[idx];
        let size = match at.base() {
            ArgType::ARG_PTR_TO_MAP_KEY | ArgType::ARG_PTR_TO_MAP_VALUE => {
                let is_key = at.base() == ArgType::ARG_PTR_TO_MAP_KEY;
                let of = |m: usize| {
                    let d = self.code.maps[m].def;
                    i64::from(if is_key { d.key_size } else { d.value_size })
                };
                let map_arg =
                    (0..arg).find(|i| proto.arg_type(*i).base() == ArgType::ARG_CONST_MAP_PTR);
                let known = map_arg
                    .map(|i| i + 1)
                    .filter(|r| aux.const_reg_map_mask >> r & 1 != 0)
                    .map(|r| of(aux.const_reg_vals[r] as usize));
                let largest = || {
                    let inner = self
                        .code
                        .used_maps
                        .iter()
                        .filter_map(|m| self.code.maps[*m].inner);
                    self.code
                        .used_maps
                        .iter()
                        .copied()
                        .chain(inner)
                        .map(of)
                        .max()
                        .unwrap_or(0)
                };
                match known.unwrap_or_else(largest) {
                    0 if known.is_none() => return UNKNOWN,
                    n => n,
                }
            }
            ArgType::ARG_PTR_TO_MEM => {
                let next = proto.arg_type(arg + 1);
                if at.has(Flag::MEM_FIXED_SIZE) {
                    proto.args[arg].size.into()
                } else if matches!(next, ArgType::ARG_MEM_SIZE | ArgType::ARG_MEM_SIZE_OR_ZERO) {
                    let r = arg + 2;
                    if aux.const_reg_mask >> r & 1 != 0 {
                        i64::from(aux.const_reg_vals[r])
                    } else if at.has(Flag::MEM_UNINIT) {
                        return 0;
                    } else {
                        return crate::facts::limits::MAX_BPF_STACK.into();
                    }
                } else {
                    return UNKNOWN;
                }
            }
            ArgType::ARG_PTR_TO_DYNPTR => 16,
            ArgType::ARG_PTR_TO_STACK => return 0,
            _ => return UNKNOWN,
        };
        if at.has(Flag::MEM_UNINIT) {
            -size
        } else {
            size
        }
    }
}
