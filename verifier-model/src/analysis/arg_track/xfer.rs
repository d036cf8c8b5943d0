// SPDX-License-Identifier: GPL-2.0-only
//! What one instruction does to the stack pointers in registers and spilled slots.
//!
//! Source: `arg_track_xfer()`, `fill_from_stack()`, `spill_to_stack()`, `clear_stack_for_all_offs()`
//! in `kernel/bpf/liveness.c`.

use bpf::insn::{LOAD_ACQ, MAX_BPF_REG, REG_FP, alu, class, jmp, mode};
use bpf::uapi::Insn;

use crate::analysis::arg_track::{
    ArgTrack, Args, MAX_ARG_SPILL_SLOTS, MAX_STACK_ARG_SLOTS, Offsets, Spills, SubprogAt, add_off,
};
use crate::state::MAX_CALL_FRAMES;

/// One function, as called by the ones around it.
pub(crate) struct Xfer<'a> {
    pub(crate) depth: usize,
    pub(crate) stack_args: [ArgTrack; MAX_STACK_ARG_SLOTS],
    pub(crate) callsites: &'a [usize; MAX_CALL_FRAMES],
    pub(crate) at: &'a SubprogAt,
}

impl Xfer<'_> {
    /// From before the instruction to behind it.
    pub(crate) fn xfer(&self, insn: &Insn, out: &mut Args, stack: &mut Spills) {
        if insn.is_stack_arg_st() || insn.is_stack_arg_stx() {
            if let Some(slot) = stack_arg_slot(insn.off) {
                let stx = insn.is_stack_arg_stx();
                out[MAX_BPF_REG + slot] = if stx { out[insn.src()] } else { ArgTrack::None };
            }
            return;
        }
        if insn.is_stack_arg_ldx() {
            let arg = stack_arg_slot(insn.off).map(|s| self.stack_args[s]);
            out[insn.dst()] = arg.unwrap_or(ArgTrack::None);
            return;
        }
        let (d, s) = (insn.dst(), insn.src());
        match insn.class() {
            class::ALU64 => {
                out[d] = match (insn.src_is_reg(), insn.op(), out[d]) {
                    (false, alu::MOV, _) => ArgTrack::None,
                    (false, alu::ADD, ArgTrack::Fp(f, o)) => {
                        ArgTrack::Fp(f, o.add(insn.imm.into()))
                    }
                    (false, alu::SUB, ArgTrack::Fp(f, o)) => {
                        ArgTrack::Fp(f, o.add(-i64::from(insn.imm)))
                    }
                    (false, _, ArgTrack::Fp(f, _)) => ArgTrack::Fp(f, Offsets::UNKNOWN),
                    (false, _, other) => other,
                    (true, alu::MOV, _) if insn.off == 0 => out[s],
                    (true, alu::MOV, _) => ArgTrack::None,
                    (true, _, dst) => dst.alu64(out[s]),
                }
            }
            class::ALU => out[d] = ArgTrack::None,
            class::JMP if insn.op() == jmp::CALL => out[..=5].fill(ArgTrack::None),
            class::LDX => out[d] = self.load(insn, out, stack),
            class::LD if insn.mode() == mode::IMM => out[d] = ArgTrack::None,
            class::STX => {
                let local = out[d].can_be_local_fp(self.depth, d);
                if local && insn.mode() == mode::MEM {
                    let val = out[s];
                    spill_to_stack(insn, out, stack, val);
                }
                if insn.mode() == mode::ATOMIC {
                    if local && insn.imm != LOAD_ACQ {
                        clear_stack(insn, out, stack);
                    }
                    if let Some(r) = insn.atomic_load_reg() {
                        out[r] = ArgTrack::None;
                    }
                }
            }
            class::ST if insn.mode() == mode::MEM && out[d].can_be_local_fp(self.depth, d) => {
                clear_stack(insn, out, stack);
            }
            _ => {}
        }
    }

    /// A stack pointer can come back from where it was spilled, in this frame or a caller's.
    fn load(&self, insn: &Insn, out: &Args, stack: &Spills) -> ArgTrack {
        let src = out[insn.src()];
        if insn.mode() != mode::MEM || insn.size() != 8 {
            return ArgTrack::None;
        }
        if src.can_be_local_fp(self.depth, insn.src()) {
            return fill_from_stack(insn, out, stack, self.depth);
        }
        match src {
            ArgTrack::Fp(f, _) if usize::from(f) < self.depth => {
                let f = usize::from(f);
                match self.at.spills_at(self.callsites[f]) {
                    Some(parent) => fill_from_stack(insn, out, parent, f),
                    _ => ArgTrack::Imprecise(((1u32 << (f + 1)) - 1) as u16),
                }
            }
            ArgTrack::Imprecise(m) if m != 0 => src,
            _ => ArgTrack::None,
        }
    }
}

fn fp_off_to_slot(off: i16) -> Option<usize> {
    if !(-512..0).contains(&off) || off % 8 != 0 {
        return None;
    }
    Some((-off / 8 - 1) as usize)
}

fn stack_arg_slot(off: i16) -> Option<usize> {
    let n = usize::from(off.unsigned_abs()) / 8;
    (n <= MAX_STACK_ARG_SLOTS)
        .then(|| n.checked_sub(1))
        .flatten()
}

/// Offsets that an access through `reg` can have from its frame pointer; None when unknown.
fn access_offsets(out: &Args, reg: usize) -> Option<Offsets> {
    if reg == usize::from(REG_FP) {
        return Some(Offsets::single(0));
    }
    let o = out[reg].offsets();
    (!o.is_unknown()).then_some(o)
}

fn fill_from_stack(insn: &Insn, out: &Args, stack: &Spills, depth: usize) -> ArgTrack {
    let imprecise = ArgTrack::Imprecise(((1u32 << (depth + 1)) - 1) as u16);
    let reg = insn.src();
    let Some(offs) = access_offsets(out, reg) else {
        return imprecise;
    };
    let mut result = if reg == usize::from(REG_FP) {
        ArgTrack::Unvisited
    } else {
        ArgTrack::None
    };
    for &off in offs.as_slice() {
        match add_off(off, insn.off.into()).and_then(fp_off_to_slot) {
            Some(slot) => result = result.join(stack.get(slot)),
            None => return imprecise,
        }
    }
    result
}

fn spill_to_stack(insn: &Insn, out: &Args, stack: &mut Spills, val: ArgTrack) {
    let val = if insn.size() == 8 {
        val
    } else {
        ArgTrack::None
    };
    let Some(offs) = access_offsets(out, insn.dst()) else {
        return stack.join_each(val);
    };
    for &off in offs.as_slice() {
        let Some(slot) = add_off(off, insn.off.into()).and_then(fp_off_to_slot) else {
            continue;
        };
        if offs.is_known() {
            stack.set(slot, val);
        } else {
            stack.join_slot(slot, val);
        }
    }
}

fn clear_stack(insn: &Insn, out: &Args, stack: &mut Spills) {
    let Some(offs) = access_offsets(out, insn.dst()) else {
        return stack.join_each(ArgTrack::None);
    };
    for &off in offs.as_slice() {
        let Some(off) = add_off(off, insn.off.into()) else {
            return stack.join_each(ArgTrack::None);
        };
        let (lo, hi) = (i32::from(off), i32::from(off) + insn.size());
        for slot in 0..MAX_ARG_SPILL_SLOTS {
            let at = -8 * (slot as i32 + 1);
            if at < hi && at + 8 > lo {
                if offs.is_known() {
                    stack.set(slot, ArgTrack::None);
                } else {
                    stack.join_slot(slot, ArgTrack::None);
                }
            }
        }
    }
}
