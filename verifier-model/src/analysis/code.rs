// SPDX-License-Identifier: GPL-2.0-only
//! What the verifier finds out about instructions, functions and maps.
//!
//! Source: `struct bpf_insn_aux_data`, `bpf_subprog_info` in `include/linux/bpf_verifier.h`.

use std::rc::Rc;

use bpf::kernel::Kernel;
use bpf::kernel::fields::BtfRecord;
use bpf::map::{BPF_F_RDONLY_PROG, MapDef};
use bpf::program::ProgLoad;
use bpf::uapi::Insn;

use crate::analysis::kfunc_tab::KfuncTab;
use crate::analysis::liveness::instance::Liveness;
use crate::facts::errno::Errno;
use crate::facts::limits::MAX_BPF_FUNC_REG_ARGS;
use crate::facts::rejection::Checked;
use crate::facts::types::{ArgType, RegType};
use crate::state::reg::{About, RegState};

/// The program's code, and what it tells before any path is walked.
#[derive(Debug, Default)]
pub(crate) struct Code<'a> {
    /// Instructions; branches that are never taken are rewritten.
    pub(crate) insns: Vec<Insn>,
    /// Per instruction.
    pub(crate) aux: Vec<InsnAux>,
    /// Functions, ascending; one more at the end marks the program's end.
    pub(crate) subprogs: Vec<SubprogInfo>,
    /// Functions as BTF sees them; empty without BTF.
    pub(crate) func_info_aux: Vec<FuncInfoAux>,
    /// Callees before callers.
    pub(crate) subprog_topo_order: Vec<usize>,
    /// The exception callback.
    pub(crate) exception_callback_subprog: usize,
    /// Maps of the object, then the maps inside them.
    pub(crate) maps: Vec<MapInfo<'a>>,
    /// The kfuncs that are called.
    pub(crate) kfuncs: KfuncTab<'a>,
    /// Maps the program names, in order.
    pub(crate) used_maps: Vec<usize>,
    /// The program's arena.
    pub(crate) arena: Option<usize>,
    /// Instructions in post-order, function by function.
    pub(crate) postorder: Vec<usize>,
    /// What stack is live where.
    pub(crate) liveness: Liveness,
}

impl<'a> Code<'a> {
    /// Nothing but the program.
    pub(crate) fn new(prog: &'a ProgLoad, kernel: &Kernel) -> Self {
        let mut maps: Vec<MapInfo<'a>> = Vec::new();
        for def in prog.maps.iter() {
            maps.push(map_info(def, kernel));
        }
        for i in 0..maps.len() {
            if let Some(inner) = maps[i].def.inner_map.as_deref() {
                maps[i].inner = Some(maps.len());
                maps.push(map_info(inner, kernel));
            }
        }
        Self {
            aux: vec![InsnAux::default(); prog.insns.len()],
            insns: prog.insns.clone(),
            maps,
            ..Self::default()
        }
    }
}

/// What the verifier finds out about an instruction.
#[derive(Clone, Debug, Default)]
pub(crate) struct InsnAux {
    /// Pointer type of a `ld_imm64` of a function.
    pub(crate) ptr_type: RegType,
    /// Part of a spill and fill around a call that keeps registers, as far as the code tells.
    pub(crate) fastcall_pattern: bool,
    /// Map of a `ld_imm64`, by index into [`Code::maps`].
    pub map: Option<usize>,
    /// Offset into the map's value.
    pub map_off: u32,
    /// Type of a kernel variable.
    pub btf_var: Option<(RegType, About)>,
    /// Successors beside the usual ones.
    pub jt: Option<Vec<usize>>,
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
    /// Registers with a known value.
    pub const_reg_mask: u16,
    /// Registers with a known map.
    pub const_reg_map_mask: u16,
    /// Registers with a known function.
    pub const_reg_subprog_mask: u16,
    /// What they hold.
    pub const_reg_vals: [u32; 10],
}

/// An argument of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SubprogArg {
    /// What it takes.
    pub arg_type: ArgType,
    /// Size of the memory.
    pub mem_size: u32,
    /// Type of the structure.
    pub btf_id: u32,
}

/// What is known about a function of the program.
#[derive(Clone, Debug, Default)]
pub(crate) struct SubprogInfo {
    /// First instruction.
    pub start: usize,
    /// First entry in [`Code::postorder`].
    pub postorder_start: usize,
    /// Some `exit` of it.
    pub exit_idx: usize,
    /// Deepest stack use.
    pub stack_depth: i32,
    /// Slots from here on serve spills around calls only.
    pub fastcall_stack_off: i32,
    /// Some such spills go when the program is accepted, with the calls that are made of instructions.
    pub removes_spills: bool,
    /// Some stay, because what is called there stays a call.
    pub keeps_spills: bool,
    /// Calls `bpf_tail_call`.
    pub has_tail_call: bool,
    /// A tail call can happen in it or in what it calls.
    pub tail_call_reachable: bool,
    /// Has legacy packet loads.
    pub has_ld_abs: bool,
    /// The exception callback.
    pub is_exception_cb: bool,
    /// Changes packet data.
    pub changes_pkt_data: bool,
    pub might_sleep: bool,
    pub might_throw: bool,
}

/// What a function takes, found out when it is first called or verified.
#[derive(Clone, Debug, Default)]
pub(crate) struct FuncArgs {
    /// All that follows is set.
    pub(crate) cached: bool,
    pub(crate) args: Vec<SubprogArg>,
    /// Stack arguments, incoming and outgoing.
    pub(crate) stack_arg_cnt: usize,
}

impl FuncArgs {
    /// Arguments that come on the stack.
    pub(crate) fn in_stack_arg_cnt(&self) -> usize {
        self.args.len().saturating_sub(MAX_BPF_FUNC_REG_ARGS)
    }
}

/// What is known about a function with BTF.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FuncInfoAux {
    /// Verified on its own, whatever calls it.
    pub global: bool,
    /// Not global and not external.
    pub is_static: bool,
}

/// A map with what the verifier needs beside its definition.
#[derive(Clone, Debug)]
pub(crate) struct MapInfo<'a> {
    pub def: &'a MapDef,
    /// The map inside, by index into [`Code::maps`].
    pub inner: Option<usize>,
    /// Special fields of the value.
    pub record: Rc<BtfRecord>,
}

impl MapInfo<'_> {
    /// Whether reads give what the loader put there.
    pub(crate) fn is_rdonly(&self) -> bool {
        self.def.map_flags & BPF_F_RDONLY_PROG != 0 && self.def.frozen
    }
}

/// Successors of an instruction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Succ {
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
    pub(crate) fn as_slice(&self) -> &[usize] {
        if self.many.is_empty() {
            &self.few[..self.len]
        } else {
            &self.many
        }
    }
}

impl<'a> Code<'a> {
    /// The map that a pointer belongs to.
    pub(crate) fn map_of(&self, reg: &RegState) -> Checked<&crate::analysis::code::MapInfo<'a>> {
        reg.map()
            .and_then(|m| self.maps.get(m))
            .ok_or_else(|| Errno::EFAULT.into())
    }
}

impl Code<'_> {
    /// Function that contains an instruction.
    pub(crate) fn find_containing_subprog(&self, off: usize) -> Option<usize> {
        if off >= self.insns.len() {
            return None;
        }
        let known = &self.subprogs[..self.subprog_cnt()];
        known.partition_point(|s| s.start <= off).checked_sub(1)
    }

    /// Function that starts at an instruction.
    pub(crate) fn find_subprog(&self, off: i64) -> Option<usize> {
        let off = usize::try_from(off).ok()?;
        let s = self.find_containing_subprog(off)?;
        (self.subprogs[s].start == off).then_some(s)
    }

    /// Function that the call or `ld_imm64` at `idx` names.
    pub(crate) fn callee_of(&self, idx: usize) -> Option<usize> {
        self.find_subprog(idx as i64 + i64::from(self.insns.get(idx)?.imm) + 1)
    }

    /// Number of functions.
    pub(crate) fn subprog_cnt(&self) -> usize {
        self.subprogs.len().saturating_sub(1)
    }

    /// Whether a function is verified on its own.
    pub(crate) fn subprog_is_global(&self, subprog: usize) -> bool {
        self.func_info_aux.get(subprog).is_some_and(|f| f.global)
    }

    /// Successors of an instruction in the control flow graph (`bpf_insn_successors`).
    pub(crate) fn successors(&self, idx: usize) -> Succ {
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
}

fn map_info<'a>(def: &'a MapDef, kernel: &Kernel) -> MapInfo<'a> {
    let record = match (&def.btf, def.btf_value_type_id) {
        (Some(btf), id) if id != 0 => Rc::new(BtfRecord::parse(btf, id, kernel)),
        _ => Rc::default(),
    };
    MapInfo {
        def,
        inner: None,
        record,
    }
}
