// SPDX-License-Identifier: GPL-2.0-only
//! What the walk writes down about instructions.
//!
//! Source: `struct bpf_insn_aux_data` in `include/linux/bpf_verifier.h`.

use crate::analysis::code::{Code, FuncArgs};
use crate::facts::types::RegType;

/// Where slots for spills around calls begin once something else was seen to use them.
pub(crate) const NO_FASTCALL_STACK: i32 = i16::MIN as i32;

/// What the walk writes down about the program, on whatever path it is.
#[derive(Debug)]
pub(crate) struct Marks {
    /// Per instruction.
    pub(crate) insns: Vec<InsnMarks>,
    /// Per function.
    pub(crate) funcs: Vec<FuncMarks>,
}

impl Marks {
    /// What the code says of itself.
    pub(crate) fn new(code: &Code<'_>) -> Self {
        let insns = code.aux.iter().map(|aux| InsnMarks {
            ptr_type: aux.ptr_type,
            fastcall_pattern: aux.fastcall_pattern,
            ..InsnMarks::default()
        });
        let funcs = code.subprogs.iter().map(|sub| FuncMarks {
            stack_depth: sub.stack_depth,
            fastcall_stack_off: sub.fastcall_stack_off,
            is_cb: sub.is_exception_cb,
            is_async_cb: sub.is_exception_cb,
            tail_call_reachable: sub.tail_call_reachable,
            ..FuncMarks::default()
        });
        Self {
            insns: insns.collect(),
            funcs: funcs.collect(),
        }
    }
}

/// The contexts that a function is met in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Contexts {
    may_sleep: bool,
    may_not_sleep: bool,
}

impl Contexts {
    pub(crate) fn insert(&mut self, sleepable: bool) {
        match sleepable {
            true => self.may_sleep = true,
            false => self.may_not_sleep = true,
        }
    }

    /// Whether this one was met.
    pub(crate) fn contains(self, sleepable: bool) -> bool {
        match sleepable {
            true => self.may_sleep,
            false => self.may_not_sleep,
        }
    }
}

/// What the walk writes down about a function.
#[derive(Clone, Debug, Default)]
pub(crate) struct FuncMarks {
    /// What it takes.
    pub(crate) args: FuncArgs,
    /// Its BTF does not tell what it is called with.
    pub(crate) unreliable: bool,
    /// Contexts it is called from.
    pub(crate) called: Contexts,
    /// Contexts it was verified for.
    pub(crate) verified: Contexts,
    /// Used as a callback.
    pub(crate) is_cb: bool,
    /// Used as an asynchronous callback.
    pub(crate) is_async_cb: bool,
    /// Deepest stack use in bytes.
    pub(crate) stack_depth: i32,
    /// Slots from here on serve spills around calls only.
    pub(crate) fastcall_stack_off: i32,
    /// A tail call can happen in it or in what it calls.
    pub(crate) tail_call_reachable: bool,
}

/// What the walk writes down about an instruction, on whatever path it comes to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct InsnMarks {
    /// Pointer type of a load or store, once seen.
    pub ptr_type: RegType,
    /// Part of a spill and fill around a call that keeps registers.
    pub fastcall_pattern: bool,
    /// Call of an iterator's `next`.
    pub is_iter_next: bool,
    /// The walk came here.
    pub seen: bool,
    /// No processor gets here on a speculative path: there is a barrier before.
    pub nospec: bool,
    /// No processor leaves here on a speculative path: there is a barrier behind.
    pub nospec_result: bool,
    /// Whether its arithmetic is on pointers into the arena, once known.
    pub arena_alu: Option<bool>,
    /// How its arithmetic is masked.
    pub alu_mask: AluMask,
    /// What the calls of this `bpf_loop` had in common.
    pub loop_inline: Option<LoopInline>,
    /// Map of a tail call.
    pub helper_map: Option<usize>,
    /// Paths come to the tail call with different maps.
    pub helper_map_poisoned: bool,
}

/// Whether calls of `bpf_loop` at one place can be inlined (`struct bpf_loop_inline_state`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoopInline {
    /// The subprogram that the first call passed.
    pub callback: usize,
    /// All calls so far passed it, and flags of zero.
    pub fit_for_inline: bool,
}

/// How an addition or subtraction is masked (`alu_state` and `alu_limit`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct AluMask {
    /// `BPF_ALU_*`, 0 for not masked.
    pub(crate) state: u32,
    pub(crate) limit: u32,
}

/// Why an operation cannot be masked.
#[derive(Clone, Copy)]
pub(crate) enum Reason {
    Bounds,
    Type,
    Paths,
    Limit,
    Stack,
}

impl AluMask {
    pub(crate) fn update(&mut self, state: u32, limit: u32) -> Result<(), Reason> {
        let new = Self { state, limit };
        if self.state != 0 && *self != new {
            return Err(Reason::Paths);
        }
        *self = new;
        Ok(())
    }
}
