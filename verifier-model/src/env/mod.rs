// SPDX-License-Identifier: GPL-2.0-only
//! Everything one verification carries along.
//!
//! Source: `struct bpf_verifier_env` in `include/linux/bpf_verifier.h`; `push_stack()` and
//! `pop_stack()` in `kernel/bpf/verifier.c`.

pub mod call_args;
pub mod explored;
pub mod flow;
pub mod held;
pub mod marks;
pub mod observe;
pub mod paths;
pub mod print;

use std::collections::HashMap;
use std::sync::Arc;

use bpf::btf::Btf;
use bpf::insn::MAX_BPF_REG;
use bpf::kernel::{BtfRef, Kernel};
use bpf::program::ProgLoad;
use bpf::uapi::Insn;

use crate::analysis::liveness::Liveness;
use crate::analysis::{FuncInfoAux, InsnAux, MapInfo, SubprogInfo, Succ};
use crate::env::explored::{SccVisit, StateListNode};
use crate::env::observe::Observer;
use crate::facts::errno::{Check, Errno};
use crate::facts::rule::Profile;
use crate::facts::types::RegType;
use crate::input::Extends;
use crate::input::struct_ops::{CtxArg, StructOps};
use crate::input::target::DstProg;
use crate::log::{Log, verbose};
use crate::options::Options;
use crate::state::reg::RegState;
use crate::state::slot::get_spi;
use crate::state::wanted::Backtrack;
use crate::state::{FuncState, StackElem, StateId, VerifierState, not_init};

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
    /// The program that this one attaches to, verified.
    pub dst_prog: Option<Arc<DstProg>>,
    /// This program is of type `BPF_PROG_TYPE_EXT`; [`Env::prog`] has the type of what it extends.
    pub extends: Option<Extends>,
    /// What a struct_ops program implements.
    pub struct_ops: Option<StructOps<'a>>,
    /// Arguments of the context that are more than their types say.
    pub ctx_args: Vec<CtxArg>,
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
            (true, bpf::insn::jmp::EXIT) => (false, false),
            (true, bpf::insn::jmp::JA) => (true, false),
            (true, bpf::insn::jmp::CALL) | (false, _) => (false, true),
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
