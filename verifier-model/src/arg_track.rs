// SPDX-License-Identifier: GPL-2.0-only
//! Where pointers into stack frames go: a data-flow analysis before verification proper.
//!
//! At each instruction each register, and each spilled slot of the function's own frame, is either
//! no stack pointer, a pointer into one frame at up to four known offsets (or at an unknown one), or
//! a pointer into one of several frames. From that follows what each load, store and call reads and
//! writes of each frame's stack.
//!
//! Source: `struct arg_track` and `compute_subprog_args()` in `kernel/bpf/liveness.c` (since 7.2).

use crate::env::Env;
use crate::insn::{LOAD_ACQ, MAX_BPF_REG, REG_FP, STORE_REL, alu, class, jmp, mode};
use crate::liveness::{Instance, Spis};
use crate::state::MAX_CALL_FRAMES;
use crate::uapi::Insn;

/// Offsets kept before a pointer's offset is given up.
const MAX_ARG_OFFSETS: usize = 4;
/// Stack arguments tracked.
pub const MAX_STACK_ARG_SLOTS: usize = 7;
/// Registers and stack arguments.
pub const MAX_AT_TRACK_REGS: usize = MAX_BPF_REG + MAX_STACK_ARG_SLOTS;
const MAX_ARG_SPILL_SLOTS: usize = 64;
const STACK_SLOT_SZ: i64 = 4;
/// Number of bytes that a call accesses when that is not known (`S64_MIN` in the kernel).
pub const UNKNOWN_BYTES: i64 = i64::MIN;

/// What a register is, as far as stack pointers go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ArgTrack {
    /// No path leads here yet.
    #[default]
    Unvisited,
    /// No stack pointer.
    None,
    /// A pointer into one of these frames, at an unknown offset.
    Imprecise(u16),
    /// A pointer into one frame.
    Fp(u8, Offsets),
}

/// Up to four offsets, ascending; none means not known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Offsets {
    off: [i16; MAX_ARG_OFFSETS],
    cnt: u8,
}

/// Registers and stack arguments at one instruction.
pub type Args = [ArgTrack; MAX_AT_TRACK_REGS];
type Spills = [ArgTrack; MAX_ARG_SPILL_SLOTS];

/// Results by function, and the spilled pointers at each call.
#[derive(Debug)]
pub struct SubprogAt {
    /// Arguments at each instruction of each function analysed.
    pub at_in: Vec<Option<Vec<Args>>>,
    callsite_at_stack: Vec<Option<Box<Spills>>>,
}

impl SubprogAt {
    /// Nothing analysed yet.
    pub fn new(subprog_cnt: usize, insn_cnt: usize) -> Self {
        Self {
            at_in: vec![None; subprog_cnt],
            callsite_at_stack: vec![None; insn_cnt],
        }
    }

    /// Arguments at the `i`-th instruction of a function.
    pub fn args_at(&self, subprog: usize, i: usize) -> Args {
        let args = self.at_in.get(subprog).and_then(|a| a.as_ref()?.get(i));
        args.copied().unwrap_or_default()
    }
}

impl Offsets {
    const UNKNOWN: Self = Self {
        off: [0; MAX_ARG_OFFSETS],
        cnt: 0,
    };

    fn single(off: i16) -> Self {
        Self {
            off: [off, 0, 0, 0],
            cnt: 1,
        }
    }

    fn as_slice(&self) -> &[i16] {
        &self.off[..usize::from(self.cnt)]
    }

    fn merge(self, o: Self) -> Self {
        let mut all: Vec<i16> = self
            .as_slice()
            .iter()
            .chain(o.as_slice())
            .copied()
            .collect();
        all.sort_unstable();
        all.dedup();
        if all.len() > MAX_ARG_OFFSETS {
            return Self::UNKNOWN;
        }
        let mut out = Self {
            cnt: all.len() as u8,
            ..Self::UNKNOWN
        };
        out.off[..all.len()].copy_from_slice(&all);
        out
    }

    /// Each offset plus `delta`; unknown when one does not fit.
    fn add(self, delta: i64) -> Self {
        let mut out = self;
        for o in &mut out.off[..usize::from(self.cnt)] {
            match add_off(*o, delta) {
                Some(v) => *o = v,
                None => return Self::UNKNOWN,
            }
        }
        out
    }
}

fn add_off(off: i16, delta: i64) -> Option<i16> {
    off.checked_add(i16::try_from(delta).ok()?)
}

impl ArgTrack {
    fn single(frame: usize, off: i16) -> Self {
        Self::Fp(frame as u8, Offsets::single(off))
    }

    /// Whether it may be a stack pointer.
    pub fn is_fp(self) -> bool {
        matches!(self, Self::Fp(..) | Self::Imprecise(_))
    }

    fn frame_mask(self) -> u16 {
        match self {
            Self::Fp(f, _) => 1 << (f & 15),
            Self::Imprecise(m) => m,
            Self::None | Self::Unvisited => 0,
        }
    }

    fn join(self, b: Self) -> Self {
        use ArgTrack::{Fp, Imprecise, None, Unvisited};
        match (self, b) {
            (a, Unvisited) => a,
            (Unvisited, b) => b,
            (Fp(f, x), Fp(g, y)) if f == g => {
                if x.cnt == 0 || y.cnt == 0 {
                    Fp(f, Offsets::UNKNOWN)
                } else {
                    Fp(f, x.merge(y))
                }
            }
            (None, None) => None,
            // `x = fp - 8` on one path, nothing on the other: the offset may be added later.
            (Fp(f, x), None) | (None, Fp(f, x)) if x.cnt == 1 => Fp(f, x.merge(Offsets::single(0))),
            (Fp(f, x), None) | (None, Fp(f, x)) => Fp(f, x),
            (a, b) => Imprecise(a.frame_mask() | b.frame_mask()),
        }
    }

    fn alu64(self, src: Self) -> Self {
        match (self, src) {
            (Self::Fp(f, _), Self::None) | (Self::None, Self::Fp(f, _)) => {
                Self::Fp(f, Offsets::UNKNOWN)
            }
            (Self::Fp(f, _), Self::Fp(g, _)) if f == g => Self::Fp(f, Offsets::UNKNOWN),
            (Self::None, Self::None) => Self::None,
            (a, b) => Self::Imprecise(a.frame_mask() | b.frame_mask()),
        }
    }

    fn offsets(self) -> Offsets {
        if let Self::Fp(_, o) = self {
            o
        } else {
            Offsets::UNKNOWN
        }
    }

    fn can_be_local_fp(self, depth: usize, regno: usize) -> bool {
        regno == usize::from(REG_FP) || self.frame_mask() >> depth & 1 != 0
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
    (o.cnt != 0).then_some(o)
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
            Some(slot) => result = result.join(stack[slot]),
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
        stack.iter_mut().for_each(|s| *s = s.join(val));
        return;
    };
    for &off in offs.as_slice() {
        let Some(slot) = add_off(off, insn.off.into()).and_then(fp_off_to_slot) else {
            continue;
        };
        stack[slot] = if offs.cnt == 1 {
            val
        } else {
            stack[slot].join(val)
        };
    }
}

fn clear_stack(insn: &Insn, out: &Args, stack: &mut Spills) {
    let forget_all = |stack: &mut Spills| {
        stack.iter_mut().for_each(|s| *s = s.join(ArgTrack::None));
    };
    let Some(offs) = access_offsets(out, insn.dst()) else {
        return forget_all(stack);
    };
    for &off in offs.as_slice() {
        let Some(off) = add_off(off, insn.off.into()) else {
            return forget_all(stack);
        };
        let (lo, hi) = (i32::from(off), i32::from(off) + insn.size());
        for (i, s) in stack.iter_mut().enumerate() {
            let slot = -8 * (i as i32 + 1);
            if slot < hi && slot + 8 > lo {
                *s = if offs.cnt == 1 {
                    ArgTrack::None
                } else {
                    s.join(ArgTrack::None)
                };
            }
        }
    }
}

impl Env<'_> {
    /// Follows stack pointers through one function and records what it does to stacks.
    pub fn compute_subprog_args(
        &self,
        at: &mut SubprogAt,
        entry: Option<&Args>,
        inst: &mut Instance,
        callsites: &[usize; MAX_CALL_FRAMES],
    ) {
        let (subprog, depth) = (inst.subprog, inst.depth);
        let (start, end) = (
            self.subprogs[subprog].start,
            self.subprogs[subprog + 1].start,
        );
        let range =
            self.subprogs[subprog].postorder_start..self.subprogs[subprog + 1].postorder_start;
        let order = &self.postorder[range];
        let len = end - start;
        let mut at_in: Vec<Args> = vec![Args::default(); len];
        let mut stack_in: Vec<Spills> = vec![[ArgTrack::Unvisited; MAX_ARG_SPILL_SLOTS]; len];

        at_in[0] = [ArgTrack::None; MAX_AT_TRACK_REGS];
        at_in[0][usize::from(REG_FP)] = ArgTrack::single(depth, 0);
        stack_in[0] = [ArgTrack::None; MAX_ARG_SPILL_SLOTS];
        let mut stack_args = [ArgTrack::None; MAX_STACK_ARG_SLOTS];
        if let Some(entry) = entry {
            at_in[0][1..=5].copy_from_slice(&entry[1..=5]);
            stack_args.copy_from_slice(&entry[MAX_BPF_REG..]);
        }
        let ctx = Xfer {
            depth,
            stack_args,
            callsites,
            at,
        };
        loop {
            let mut changed = false;
            for &idx in order.iter().rev() {
                let i = idx - start;
                if at_in[i][0] == ArgTrack::Unvisited && at_in[i][1] == ArgTrack::Unvisited {
                    continue;
                }
                let (mut out, mut stack) = (at_in[i], stack_in[i]);
                ctx.xfer(&self.insns[idx], &mut out, &mut stack);
                for &to in self.successors(idx).as_slice() {
                    if to < start || to >= end {
                        continue;
                    }
                    let ti = to - start;
                    let old = at_in[ti].iter_mut().chain(stack_in[ti].iter_mut());
                    for (old, new) in old.zip(out.iter().chain(&stack)) {
                        let joined = old.join(*new);
                        changed |= joined != *old;
                        *old = joined;
                    }
                }
            }
            if !changed {
                break;
            }
        }
        for &idx in order.iter().rev() {
            let i = idx - start;
            let insn = &self.insns[idx];
            record_load_store(inst, insn, &at_in[i], idx);
            if insn.is_any_call() {
                self.record_call(inst, insn, &at_in[i], idx);
            }
            if insn.is_pseudo_call() || self.aux[idx].calls_callback {
                at.callsite_at_stack[idx] = Some(Box::new(stack_in[i]));
            }
        }
        at.at_in[subprog] = Some(at_in);
    }

    /// What a call of a helper or kfunc reads and writes through its arguments.
    fn record_call(&self, inst: &mut Instance, insn: &Insn, at: &Args, idx: usize) {
        if insn.is_pseudo_call() {
            return;
        }
        let num_params = self.call_summary(insn).map_or(5, |s| s.num_params);
        let regs = (1..=num_params.min(5)).map(|r| (r - 1, at[r]));
        let stack =
            (5..num_params.clamp(5, 5 + MAX_STACK_ARG_SLOTS)).map(|a| (a, at[MAX_BPF_REG + a - 5]));
        for (arg, track) in regs.chain(stack) {
            if !track.is_fp() {
                continue;
            }
            let bytes = if insn.is_helper_call() {
                self.helper_stack_access_bytes(insn, arg, idx)
            } else {
                self.kfunc_stack_access_bytes(insn, arg, idx)
            };
            match track {
                ArgTrack::Fp(f, offs) => record_access(inst, f.into(), offs, bytes, idx),
                ArgTrack::Imprecise(m) if bytes != 0 => record_imprecise(inst, m, idx),
                _ => {}
            }
        }
    }
}

struct Xfer<'a> {
    depth: usize,
    stack_args: [ArgTrack; MAX_STACK_ARG_SLOTS],
    callsites: &'a [usize; MAX_CALL_FRAMES],
    at: &'a SubprogAt,
}

impl Xfer<'_> {
    fn xfer(&self, insn: &Insn, out: &mut Args, stack: &mut Spills) {
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
                match self.at.callsite_at_stack.get(self.callsites[f]) {
                    Some(Some(parent)) => fill_from_stack(insn, out, parent, f),
                    _ => ArgTrack::Imprecise(((1u32 << (f + 1)) - 1) as u16),
                }
            }
            ArgTrack::Imprecise(m) if m != 0 => src,
            _ => ArgTrack::None,
        }
    }
}

fn record_load_store(inst: &mut Instance, insn: &Insn, at: &Args, idx: usize) {
    if insn.is_stack_arg_stx() || insn.is_stack_arg_st() || insn.is_stack_arg_ldx() {
        return;
    }
    let sz = i64::from(insn.size());
    let (reg, bytes) = match insn.class() {
        class::LDX => (insn.src(), sz),
        class::STX if insn.mode() == mode::ATOMIC => match insn.imm {
            LOAD_ACQ => (insn.src(), sz),
            STORE_REL => (insn.dst(), -sz),
            _ => (insn.dst(), sz),
        },
        class::STX | class::ST => (insn.dst(), -sz),
        _ => return,
    };
    match at[reg] {
        ArgTrack::Fp(f, o) => record_access(inst, f.into(), o.add(insn.off.into()), bytes, idx),
        ArgTrack::Imprecise(m) => record_imprecise(inst, m, idx),
        _ => {}
    }
}

fn record_imprecise(inst: &mut Instance, mask: u16, idx: usize) {
    for f in 0..=inst.depth {
        if mask >> f & 1 != 0 {
            inst.mark_read(f, idx, Spis::MAX);
        }
    }
}

/// Records an access of `bytes` bytes: a read when positive, a sure write when negative.
fn record_access(inst: &mut Instance, frame: usize, offs: Offsets, bytes: i64, idx: usize) {
    if bytes == 0 || frame > inst.depth {
        return;
    }
    if offs.cnt == 0 {
        if bytes > 0 || bytes == UNKNOWN_BYTES {
            inst.mark_read(frame, idx, Spis::MAX);
        }
        return;
    }
    if bytes != UNKNOWN_BYTES && bytes < 0 && offs.cnt != 1 {
        return;
    }
    for &off in offs.as_slice() {
        let below = -i64::from(off);
        if below <= 0 {
            continue;
        }
        if bytes == UNKNOWN_BYTES {
            inst.mark_read(frame, idx, half_slots(0, (below - 1) / STACK_SLOT_SZ));
        } else if bytes > 0 {
            let lo = ((below - bytes) / STACK_SLOT_SZ).max(0);
            inst.mark_read(frame, idx, half_slots(lo, (below - 1) / STACK_SLOT_SZ));
        } else {
            // Only halves that are written whole.
            let lo = ((below + bytes + STACK_SLOT_SZ - 1) / STACK_SLOT_SZ).max(0);
            let hi = below / STACK_SLOT_SZ - 1;
            if lo <= hi {
                inst.mark_write(frame, idx, half_slots(lo, hi));
            }
        }
    }
}

/// Bits `lo` to `hi`.
fn half_slots(lo: i64, hi: i64) -> Spis {
    (lo..=hi.min(127)).fold(0, |m, b| m | 1 << b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fp(off: i16) -> ArgTrack {
        ArgTrack::single(0, off)
    }

    #[test]
    fn join_is_commutative_and_idempotent() {
        let all = [
            ArgTrack::Unvisited,
            ArgTrack::None,
            ArgTrack::Imprecise(1),
            ArgTrack::Imprecise(3),
            fp(-8),
            fp(-16),
            ArgTrack::single(1, -8),
            ArgTrack::Fp(0, Offsets::UNKNOWN),
            fp(-8).join(fp(-16)),
        ];
        for a in all {
            assert_eq!(a.join(a), a);
            for b in all {
                assert_eq!(a.join(b), b.join(a), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn a_fifth_offset_is_one_too_many() {
        let four = (1..=4).fold(ArgTrack::Unvisited, |t, i| t.join(fp(-8 * i)));
        assert_eq!(four.offsets().cnt, 4);
        assert_eq!(four.join(fp(-40)), ArgTrack::Fp(0, Offsets::UNKNOWN));
    }

    #[test]
    fn accesses_cover_half_slots() {
        let inst = |off, bytes| {
            let mut i = Instance::new(0, 0, 0, 0, 1);
            record_access(&mut i, 0, Offsets::single(off), bytes, 0);
            i
        };
        let bits = |i: &Instance| i.masks_for_test();
        assert_eq!(bits(&inst(-8, 8)), (0b11, 0));
        assert_eq!(bits(&inst(-16, 8)), (0b1100, 0));
        assert_eq!(bits(&inst(-8, -4)), (0, 0b10));
        assert_eq!(bits(&inst(-5, -4)), (0, 0), "no half is written whole");
        assert_eq!(bits(&inst(-5, 1)), (0b10, 0));
    }
}
