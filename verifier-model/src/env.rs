// SPDX-License-Identifier: GPL-2.0-only
//! Everything one verification carries along.
//!
//! Source: `struct bpf_verifier_env` in `include/linux/bpf_verifier.h`; `push_stack()` and
//! `pop_stack()` in `kernel/bpf/verifier.c`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::backtrack::Backtrack;
use crate::btf::Btf;
use crate::btf_record::BtfRecord;
use crate::error::{Check, Errno};
use crate::insn::MAX_BPF_REG;
use crate::liveness::Liveness;
use crate::log::{Log, verbose};
use crate::observe::Observer;
use crate::profile::Profile;
use crate::prog_load::{Kernel, MapDef, ProgLoad};
use crate::reg_state::{BtfRef, Meta, RegState};
use crate::sanitize::AluMask;
use crate::state::{
    FuncState, HistFlags, JmpHistory, LinkedRegs, StateId, VerifierState, get_spi, not_init,
};
use crate::states::{SccVisit, StateListNode};
use crate::types::{ArgType, RegType};
use crate::uapi::Insn;
use crate::verify::Options;

/// Paths that may wait to be explored.
pub const BPF_COMPLEXITY_LIMIT_JMP_SEQ: usize = 8192;
/// Instructions that may be processed.
pub const BPF_COMPLEXITY_LIMIT_INSNS: u32 = 1_000_000;
/// Registers a call clobbers: R0 to R5.
pub const CALLER_SAVED_REGS: usize = 6;
/// Arguments passed in registers.
pub const MAX_BPF_FUNC_REG_ARGS: usize = 5;
/// Arguments a function may take.
pub const MAX_BPF_FUNC_ARGS: usize = 12;
/// Largest offset of a pointer.
pub const BPF_MAX_VAR_OFF: i64 = 1 << 29;
/// Largest size of memory passed to a helper.
pub const BPF_MAX_VAR_SIZ: u64 = 1 << 29;

/// What the verifier finds out about an instruction.
#[derive(Clone, Debug, Default)]
pub struct InsnAux {
    /// Pointer type of a load or store, once seen.
    pub ptr_type: RegType,
    /// Map of a `ld_imm64`, by index into [`Env::maps`].
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
    /// First entry in [`Env::postorder`].
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
    /// The map inside, by index into [`Env::maps`].
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

/// A path that waits to be explored.
#[derive(Debug)]
pub struct StackElem {
    /// Its state.
    pub st: VerifierState,
    /// Where it goes on.
    pub insn_idx: usize,
    /// Where it comes from.
    pub prev_insn_idx: i32,
    /// End of the log when it was found.
    pub log_pos: usize,
}

/// One verification.
#[derive(Debug)]
pub struct Env<'a> {
    /// The program.
    pub prog: &'a ProgLoad,
    /// The kernel.
    pub kernel: &'a Kernel,
    /// The rules.
    pub profile: &'a Profile,
    /// How to verify.
    pub opts: &'a Options,
    /// Instructions; branches that are never taken are rewritten.
    pub insns: Vec<Insn>,
    /// The log.
    pub log: Log,
    /// Per instruction.
    pub aux: Vec<InsnAux>,
    /// Functions, ascending; one more at the end marks the program's end.
    pub subprogs: Vec<SubprogInfo>,
    /// Functions as BTF sees them; empty without BTF.
    pub func_info_aux: Vec<FuncInfoAux>,
    /// Callees before callers.
    pub subprog_topo_order: Vec<usize>,
    /// The exception callback.
    pub exception_callback_subprog: usize,
    /// Maps of the object, then the maps inside them.
    pub maps: Vec<MapInfo<'a>>,
    /// Maps the program names, in order.
    pub used_maps: Vec<usize>,
    /// The program's arena.
    pub arena: Option<usize>,
    /// Instructions in post-order, function by function.
    pub postorder: Vec<usize>,
    /// What stack is live where.
    pub liveness: Liveness,
    /// Current instruction.
    pub insn_idx: usize,
    /// The one before, -1 at the start.
    pub prev_insn_idx: i32,
    /// Current state.
    pub cur: VerifierState,
    /// Paths that wait, last one first.
    pub head: Vec<StackElem>,
    /// Kept states; [`StateId`] is an index.
    pub states: Vec<Option<Box<StateListNode>>>,
    /// Kept states by instruction and call site; the last in a bucket is the newest.
    pub explored: Vec<Vec<StateId>>,
    /// States that are no longer compared but still needed.
    pub free_list_size: u32,
    /// States that are compared.
    pub explored_states_size: u32,
    /// Loop ends waiting for their loop to be done.
    pub num_backedges: u32,
    /// Visits of loops.
    pub scc_visits: Vec<SccVisit>,
    /// Their indices by call chain.
    pub scc_index: HashMap<Vec<usize>, usize>,
    /// History entry of the current instruction, by index.
    pub cur_hist_ent: Option<usize>,
    /// What backtracking looks for.
    pub bt: Backtrack,
    /// The callback that a call is about to enter, where callbacks are walked into once.
    pub callback_once: Option<FuncState>,
    /// Last id given out.
    pub id_gen: u32,
    /// Instructions processed.
    pub insn_processed: u32,
    /// The same when a state was last kept.
    pub prev_insn_processed: u32,
    /// Jumps processed.
    pub jmps_processed: u32,
    /// The same when a state was last kept.
    pub prev_jmps_processed: u32,
    /// Most states compared at one instruction.
    pub max_states_per_insn: u32,
    /// States kept in all.
    pub total_states: u32,
    /// Most states kept at a time.
    pub peak_states: u32,
    /// Deepest stack of all functions together.
    pub max_stack_depth: i32,
    /// Pointers may be leaked (CAP_PERFMON).
    pub allow_ptr_leaks: bool,
    /// Stack that was not written may be read (CAP_PERFMON).
    pub allow_uninit_stack: bool,
    /// CAP_BPF.
    pub bpf_capable: bool,
    /// No mitigation of speculation (CAP_PERFMON).
    pub bypass_spec_v1: bool,
    /// Scalars are compared strictly, so that all paths to masked arithmetic are walked.
    pub explore_alu_limits: bool,
    /// Misaligned accesses are errors everywhere.
    pub strict_alignment: bool,
    /// Keep a state at every pruning point.
    pub test_state_freq: bool,
    /// Inconsistent bounds are an error.
    pub test_reg_invariants: bool,
    /// Facts looked up in the kernel's BTF by name, once.
    pub named_types: HashMap<&'static str, Option<u32>>,
    /// Who is told how verification goes.
    pub observer: Option<&'a mut dyn Observer>,
}

impl<'a> Env<'a> {
    /// A BTF object.
    pub fn btf(&self, btf: BtfRef) -> Option<&'a Arc<Btf>> {
        match btf {
            BtfRef::Prog => self.prog.btf.as_ref(),
            BtfRef::Kernel(obj) => self.kernel.btf(obj),
        }
    }

    /// The next id.
    pub fn new_id(&mut self) -> u32 {
        self.id_gen += 1;
        self.id_gen
    }

    /// Registers of the current frame.
    pub fn regs(&mut self) -> &mut [RegState; MAX_BPF_REG] {
        &mut self.cur.frame_mut().regs
    }

    /// A register of the current frame.
    pub fn reg(&self, regno: usize) -> &RegState {
        &self.cur.frame().regs[regno]
    }

    /// An unknown scalar.
    pub fn unknown(&self) -> RegState {
        RegState {
            precise: !self.bpf_capable,
            ..RegState::unknown_imprecise()
        }
    }

    /// A register becomes unknown.
    pub fn mark_reg_unknown(&mut self, regno: usize) {
        let unknown = self.unknown();
        self.regs()[regno] = unknown;
    }

    /// A register becomes a known pointer offset of zero; the type is set by the caller.
    pub fn mark_reg_known_zero(&mut self, regno: usize) {
        self.regs()[regno].mark_known(0);
    }

    /// The scalar 0.
    pub fn const_zero(&self) -> RegState {
        RegState {
            precise: !self.bpf_capable,
            ..RegState::konst(0)
        }
    }

    /// A register that was not written.
    pub fn not_init(&self) -> RegState {
        not_init(self.bpf_capable)
    }

    /// A register or slot becomes unusable: unknown for the privileged, unwritten for others.
    pub fn invalid_reg(&self) -> RegState {
        if self.allow_ptr_leaks {
            self.unknown()
        } else {
            self.not_init()
        }
    }

    /// The frame that a stack pointer points into.
    pub fn stack_frame(&self, reg: &RegState) -> Option<&FuncState> {
        (reg.typ == RegType::PTR_TO_STACK)
            .then(|| self.cur.frames.get(reg.frameno()))
            .flatten()
    }

    /// Function that contains an instruction.
    pub fn find_containing_subprog(&self, off: usize) -> Option<usize> {
        if off >= self.insns.len() {
            return None;
        }
        let known = &self.subprogs[..self.subprog_cnt()];
        known.partition_point(|s| s.start <= off).checked_sub(1)
    }

    /// Function that starts at an instruction.
    pub fn find_subprog(&self, off: i64) -> Option<usize> {
        let off = usize::try_from(off).ok()?;
        let s = self.find_containing_subprog(off)?;
        (self.subprogs[s].start == off).then_some(s)
    }

    /// Function that the call or `ld_imm64` at `idx` names.
    pub fn callee_of(&self, idx: usize) -> Option<usize> {
        self.find_subprog(idx as i64 + i64::from(self.insns.get(idx)?.imm) + 1)
    }

    /// Number of functions.
    pub fn subprog_cnt(&self) -> usize {
        self.subprogs.len().saturating_sub(1)
    }

    /// Whether a function is verified on its own.
    pub fn subprog_is_global(&self, subprog: usize) -> bool {
        self.func_info_aux.get(subprog).is_some_and(|f| f.global)
    }

    /// A function's name, empty without BTF.
    pub fn subprog_name(&self, subprog: usize) -> &'a str {
        let Some(info) = self.prog.func_info.get(subprog) else {
            return "";
        };
        let btf = self.prog.btf.as_ref();
        btf.and_then(|b| b.type_by_id(info.type_id))
            .map_or("", |t| t.name())
    }

    /// Remembers a path to explore later and returns its state (`push_stack`).
    pub fn push_stack(
        &mut self,
        insn_idx: usize,
        prev_insn_idx: usize,
        speculative: bool,
    ) -> Check<&mut VerifierState> {
        let mut st = self.cur.clone();
        st.speculative |= speculative;
        self.head.push(StackElem {
            st,
            insn_idx,
            prev_insn_idx: prev_insn_idx as i32,
            log_pos: self.log.end_pos(),
        });
        if self.head.len() > BPF_COMPLEXITY_LIMIT_JMP_SEQ {
            verbose!(
                self,
                "The sequence of {} jumps is too complex.\n",
                self.head.len()
            );
            return Err(Errno::E2BIG.into());
        }
        if let Some(parent) = self.cur.parent
            && let Some(p) = self.state_mut(parent)
        {
            p.branches += 1;
        }
        match self.head.last_mut() {
            Some(e) => Ok(&mut e.st),
            None => Err(Errno::EFAULT.into()),
        }
    }

    /// Goes on with the path remembered last; false when there is none (`pop_stack`).
    pub fn pop_stack(&mut self, prev_insn_idx: &mut i32, pop_log: bool) -> bool {
        let Some(elem) = self.head.pop() else {
            return false;
        };
        self.cur = elem.st;
        if pop_log {
            self.log.reset(elem.log_pos);
        }
        self.insn_idx = elem.insn_idx;
        *prev_insn_idx = elem.prev_insn_idx;
        true
    }

    /// Records how the current instruction was reached or what it did (`bpf_push_jmp_history`).
    pub fn push_jmp_history(
        &mut self,
        flags: HistFlags,
        spi: usize,
        frame: usize,
        linked_regs: LinkedRegs,
    ) {
        if let Some(e) = self
            .cur_hist_ent
            .and_then(|i| self.cur.jmp_history.get_mut(i))
        {
            e.flags.stack_access |= flags.stack_access;
            e.flags.dst_reg_stack |= flags.dst_reg_stack;
            e.flags.src_reg_stack |= flags.src_reg_stack;
            e.flags.stack_arg_access |= flags.stack_arg_access;
            e.spi = spi;
            e.frame = frame;
            e.linked_regs = linked_regs;
            return;
        }
        self.cur.jmp_history.push(JmpHistory {
            idx: self.insn_idx,
            prev_idx: self.prev_insn_idx,
            flags,
            spi,
            frame,
            linked_regs,
        });
        self.cur_hist_ent = Some(self.cur.jmp_history.len() - 1);
    }

    /// A kept state.
    pub fn state(&self, id: StateId) -> Option<&VerifierState> {
        self.states.get(id.0)?.as_ref().map(|n| &n.state)
    }

    /// A kept state.
    pub fn state_mut(&mut self, id: StateId) -> Option<&mut VerifierState> {
        self.states.get_mut(id.0)?.as_mut().map(|n| &mut n.state)
    }

    /// The stack slot that a stack pointer with a known offset points to.
    pub fn slot_of(&self, reg: &RegState) -> Option<usize> {
        let off = reg.var_off.value as i64 as i32;
        (off < 0).then(|| get_spi(off))
    }

    /// Successors of an instruction in the control flow graph (`bpf_insn_successors`).
    pub fn successors(&self, idx: usize) -> Succ {
        if let Some(jt) = &self.aux[idx].jt {
            return Succ::from_slice(jt);
        }
        let insn = &self.insns[idx];
        let mut s = Succ::default();
        let (can_jump, can_fall) = match (insn.is_jmp_class(), insn.op()) {
            (true, crate::insn::jmp::EXIT) => (false, false),
            (true, crate::insn::jmp::JA) => (true, false),
            (true, crate::insn::jmp::CALL) | (false, _) => (false, true),
            (true, _) => (true, true),
        };
        if can_fall {
            s.push(idx + insn.slots());
        }
        if can_jump {
            s.push((idx as i64 + i64::from(insn.jmp_offset()) + 1).max(0) as usize);
        }
        s
    }

    /// An internal inconsistency; the kernel warns and fails with `EFAULT`.
    pub fn verifier_bug<T>(&mut self, what: core::fmt::Arguments<'_>) -> Check<T> {
        verbose!(self, "verifier bug: {what}\n");
        Err(Errno::EFAULT.into())
    }
}

/// Successors of an instruction.
#[derive(Clone, Debug, Default)]
pub struct Succ {
    few: [usize; 2],
    len: usize,
    many: Vec<usize>,
}

impl Succ {
    fn from_slice(s: &[usize]) -> Self {
        Self {
            many: s.to_vec(),
            ..Self::default()
        }
    }

    fn push(&mut self, idx: usize) {
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
