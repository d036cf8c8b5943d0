// SPDX-License-Identifier: GPL-2.0-only
//! What the verifier finds out about instructions, functions and maps.
//!
//! Source: `struct bpf_insn_aux_data`, `bpf_subprog_info` in `include/linux/bpf_verifier.h`.

pub mod arg_track;
pub mod call_summary;
pub mod cfg;
pub mod const_fold;
pub mod fastcall;
pub mod fields;
pub mod func_args;
pub mod kfunc_arg;
pub mod kfuncs;
pub mod live_regs;
pub mod liveness;
pub mod resolve;
pub mod struct_ops;
pub mod subprog;
pub mod target;
pub mod type_match;

use bpf::kernel::fields::BtfRecord;
use bpf::map::MapDef;

use crate::env::marks::AluMask;
use crate::facts::limits::MAX_BPF_FUNC_REG_ARGS;
use crate::facts::types::{ArgType, RegType};
use crate::state::reg::Meta;

/// What the verifier finds out about an instruction.
#[derive(Clone, Debug, Default)]
pub struct InsnAux {
    /// Pointer type of a load or store, once seen.
    pub ptr_type: RegType,
    /// Map of a `ld_imm64`, by index into [`crate::env::Env::maps`].
    pub map: Option<usize>,
    /// Offset into the map's value.
    pub map_off: u32,
    /// Type of a kernel variable.
    pub btf_var: Option<(RegType, Meta)>,
    /// Map of a tail call.
    pub helper_map: Option<usize>,
    /// Paths come to the tail call with different maps.
    pub helper_map_poisoned: bool,
    /// `bpf_loop` can be inlined: (callback, flags zero so far).
    pub loop_inline: Option<(usize, bool)>,
    /// Successors beside the usual ones.
    pub jt: Option<Vec<usize>>,
    /// Call of an iterator's `next`.
    pub is_iter_next: bool,
    /// History must be recorded on arrival.
    pub jmp_point: bool,
    /// States are compared and kept here.
    pub prune_point: bool,
    /// A state is kept here in any case.
    pub force_checkpoint: bool,
    /// Calls a callback.
    pub calls_callback: bool,
    /// Some jump or call leads here.
    pub jump_target: bool,
    /// Loop of the control flow graph this is in, 0 for none.
    pub scc: usize,
    /// Registers that are read before they are written again.
    pub live_regs_before: u16,
    /// The walk came here.
    pub seen: bool,
    /// Part of a spill and fill around a call that keeps registers.
    pub fastcall_pattern: bool,
    /// Registers with a known value.
    pub const_reg_mask: u16,
    /// Registers with a known map.
    pub const_reg_map_mask: u16,
    /// Registers with a known function.
    pub const_reg_subprog_mask: u16,
    /// What they hold.
    pub const_reg_vals: [u32; 10],
    /// No processor gets here on a speculative path: there is a barrier before.
    pub nospec: bool,
    /// No processor leaves here on a speculative path: there is a barrier behind.
    pub nospec_result: bool,
    /// Whether its arithmetic is on pointers into the arena, once known.
    pub arena_alu: Option<bool>,
    /// How its arithmetic is masked.
    pub alu_mask: AluMask,
}

/// An argument of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubprogArg {
    /// What it takes.
    pub arg_type: ArgType,
    /// Size of the memory.
    pub mem_size: u32,
    /// Type of the structure.
    pub btf_id: u32,
}

/// What is known about a function of the program.
#[derive(Clone, Debug, Default)]
pub struct SubprogInfo {
    /// First instruction.
    pub start: usize,
    /// First entry in [`crate::env::Env::postorder`].
    pub postorder_start: usize,
    /// Some `exit` of it.
    pub exit_idx: usize,
    /// Deepest stack use.
    pub stack_depth: i32,
    /// Slots from here on serve spills around calls only.
    pub fastcall_stack_off: i32,
    /// Calls `bpf_tail_call`.
    pub has_tail_call: bool,
    /// A tail call can happen in it or in what it calls.
    pub tail_call_reachable: bool,
    /// Has legacy packet loads.
    pub has_ld_abs: bool,
    /// Used as a callback.
    pub is_cb: bool,
    /// Used as an asynchronous callback.
    pub is_async_cb: bool,
    /// The exception callback.
    pub is_exception_cb: bool,
    /// `args` are set.
    pub args_cached: bool,
    /// Changes packet data.
    pub changes_pkt_data: bool,
    /// May sleep.
    pub might_sleep: bool,
    /// May throw.
    pub might_throw: bool,
    /// Arguments.
    pub args: Vec<SubprogArg>,
    /// Stack arguments, incoming and outgoing.
    pub stack_arg_cnt: usize,
}

impl SubprogInfo {
    /// Arguments that come on the stack.
    pub fn in_stack_arg_cnt(&self) -> usize {
        self.args.len().saturating_sub(MAX_BPF_FUNC_REG_ARGS)
    }
}

/// What is known about a function with BTF.
#[derive(Clone, Copy, Debug, Default)]
pub struct FuncInfoAux {
    /// Verified on its own, whatever calls it.
    pub global: bool,
    /// Not global and not external.
    pub is_static: bool,
    /// Its BTF does not tell what it is called with.
    pub unreliable: bool,
    /// Called from a context that cannot and can sleep.
    pub called: [bool; 2],
    /// Verified for such a context.
    pub verified: [bool; 2],
}

/// A map with what the verifier needs beside its definition.
#[derive(Clone, Debug)]
pub struct MapInfo<'a> {
    /// The definition.
    pub def: &'a MapDef,
    /// The map inside, by index into [`crate::env::Env::maps`].
    pub inner: Option<usize>,
    /// Special fields of the value.
    pub record: BtfRecord,
}

impl MapInfo<'_> {
    /// The name as the kernel has it, at most 15 characters.
    pub fn kernel_name(&self) -> &str {
        let n = self.def.name.len().min(15);
        self.def.name.get(..n).unwrap_or(&self.def.name)
    }

    /// Whether reads give what the loader put there.
    pub fn is_rdonly(&self) -> bool {
        const BPF_F_RDONLY_PROG: u32 = 1 << 7;
        self.def.map_flags & BPF_F_RDONLY_PROG != 0 && self.def.frozen
    }
}

/// Successors of an instruction.
#[derive(Clone, Debug, Default)]
pub struct Succ {
    pub(crate) few: [usize; 2],
    pub(crate) len: usize,
    pub(crate) many: Vec<usize>,
}

impl Succ {
    pub(crate) fn from_slice(s: &[usize]) -> Self {
        Self {
            many: s.to_vec(),
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, idx: usize) {
        self.few[self.len] = idx;
        self.len += 1;
    }

    /// In order: the next instruction first.
    pub fn as_slice(&self) -> &[usize] {
        if self.many.is_empty() {
            &self.few[..self.len]
        } else {
            &self.many
        }
    }
}
