// SPDX-License-Identifier: GPL-2.0-only
//! Constants known before verification proper: a forward data-flow analysis over R0 to R9.
//!
//! Each register is in a small lattice: not reached, then one known thing (a constant, a map, a
//! place in a map's value, a function), then unknown. Branches with a known outcome become plain
//! jumps, so that what they skip does not count as reading registers.
//!
//! Source: `kernel/bpf/const_fold.c` (since 7.1).

use bpf::insn::{MAX_BPF_REG, alu, class, jmp, mode};
use bpf::uapi::{Insn, pseudo};

use crate::analysis::Known;
use crate::facts::rejection::Checked;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Arg {
    #[default]
    Unvisited,
    Unknown,
    Const(u64),
    MapPtr(usize),
    /// Map and offset into its value.
    MapValue(usize, u64),
    Subprog(u64),
}

type Args = [Arg; MAX_BPF_REG];

impl Known<'_> {
    /// Finds the constants and stores those that fit into 32 bits (`bpf_compute_const_regs`).
    pub(crate) fn compute_const_regs(&mut self) {
        let n = self.code.insns.len();
        let mut at: Vec<Args> = vec![Args::default(); n];
        for s in 0..self.code.subprog_cnt() {
            at[self.code.subprogs[s].start] = [Arg::Unknown; MAX_BPF_REG];
        }
        loop {
            let mut changed = false;
            for &idx in self.code.postorder.iter().rev() {
                let mut out = at[idx];
                self.xfer(&mut out, idx);
                for &to in self.code.successors(idx).as_slice() {
                    if let Some(target) = at.get_mut(to) {
                        changed |= join(target, &out);
                    }
                }
            }
            if !changed {
                break;
            }
        }
        for (aux, args) in self.code.aux.iter_mut().zip(&at) {
            for (r, arg) in args.iter().enumerate().take(aux.const_reg_vals.len()) {
                match *arg {
                    Arg::Const(v) if v == u64::from(v as u32) => {
                        aux.const_reg_mask |= 1 << r;
                        aux.const_reg_vals[r] = v as u32;
                    }
                    Arg::MapPtr(m) => {
                        aux.const_reg_map_mask |= 1 << r;
                        aux.const_reg_vals[r] = m as u32;
                    }
                    Arg::Subprog(s) => {
                        aux.const_reg_subprog_mask |= 1 << r;
                        aux.const_reg_vals[r] = s as u32;
                    }
                    _ => {}
                }
            }
        }
    }

    fn xfer(&self, out: &mut Args, idx: usize) {
        let insn = &self.code.insns[idx];
        if insn.is_stack_arg_st() || insn.is_stack_arg_stx() {
            return;
        }
        if insn.is_stack_arg_ldx() {
            out[insn.dst()] = Arg::Unknown;
            return;
        }
        let call = |out: &mut Args| out[..=5].fill(Arg::Unknown);
        match insn.class() {
            class::ALU | class::ALU64 => xfer_alu(out, insn),
            class::LD => match insn.mode() {
                mode::ABS | mode::IND => call(out),
                mode::IMM if insn.size() == 8 => out[insn.dst()] = self.xfer_ld_imm(insn, idx),
                _ => {}
            },
            class::LDX => {
                out[insn.dst()] = match out[insn.src()] {
                    Arg::MapValue(map, off) => self.read_map_value(map, off, insn),
                    _ => Arg::Unknown,
                }
            }
            class::JMP if insn.code == class::JMP | jmp::CALL => call(out),
            class::STX => {
                if let Some(r) = insn.atomic_load_reg() {
                    out[r] = Arg::Unknown;
                }
            }
            _ => {}
        }
    }

    fn xfer_ld_imm(&self, insn: &Insn, idx: usize) -> Arg {
        let aux = &self.code.aux[idx];
        match insn.src_reg {
            pseudo::FUNC => self
                .code
                .callee_of(idx)
                .map_or(Arg::Unknown, |s| Arg::Subprog(s as u64)),
            pseudo::MAP_VALUE | pseudo::MAP_IDX_VALUE => aux
                .map
                .map_or(Arg::Unknown, |m| Arg::MapValue(m, aux.map_off.into())),
            pseudo::MAP_FD | pseudo::MAP_IDX => aux.map.map_or(Arg::Unknown, Arg::MapPtr),
            0 => {
                let hi = self.code.insns.get(idx + 1).map_or(0, |i| i.imm as u32);
                Arg::Const(u64::from(insn.imm as u32) | u64::from(hi) << 32)
            }
            _ => Arg::Unknown,
        }
    }

    fn read_map_value(&self, map: usize, off: u64, insn: &Insn) -> Arg {
        let off = (off as i32).wrapping_add(insn.off.into());
        let info = &self.code.maps[map];
        if !info.is_rdonly() || off < 0 {
            return Arg::Unknown;
        }
        let sx = insn.mode() == mode::MEMSX;
        match crate::facts::map_rules::direct_read(info.def, off as u32, insn.size() as u32, sx) {
            Some(v) => Arg::Const(v),
            None => Arg::Unknown,
        }
    }

    /// Turns branches with a known outcome into jumps (`bpf_prune_dead_branches`).
    pub(crate) fn prune_dead_branches(&mut self) -> Checked {
        let mut changed = false;
        for i in 0..self.code.insns.len() {
            let (insn, aux) = (self.code.insns[i], &self.code.aux[i]);
            if !insn.is_cond_jump() || insn.is_may_goto() {
                continue;
            }
            let known = |r: usize| {
                (r < 10 && aux.const_reg_mask >> r & 1 != 0)
                    .then(|| u64::from(aux.const_reg_vals[r]))
            };
            let Some(mut dst) = known(insn.dst()) else {
                continue;
            };
            let mut src = i64::from(insn.imm) as u64;
            if insn.src_is_reg() {
                let Some(v) = known(insn.src()) else { continue };
                src = v;
            }
            if insn.class() == class::JMP32 {
                dst = dst as i32 as u64;
                src = src as i32 as u64;
            }
            let Some(taken) = eval_branch(insn.op(), dst, src) else {
                continue;
            };
            self.code.insns[i] = Insn {
                code: class::JMP | jmp::JA,
                off: if taken { insn.off } else { 0 },
                ..Insn::default()
            };
            changed = true;
        }
        if changed {
            self.compute_postorder();
        }
        Ok(())
    }
}

fn xfer_alu(out: &mut Args, insn: &Insn) {
    let src = if insn.src() < MAX_BPF_REG {
        out[insn.src()]
    } else {
        Arg::Unknown
    };
    let imm = i64::from(insn.imm) as u64;
    let dst = &mut out[insn.dst()];
    *dst = match (insn.op(), insn.src_is_reg(), *dst) {
        (alu::MOV, false, _) => Arg::Const(imm),
        (alu::MOV, true, _) => match (insn.off, src) {
            (0, v) => v,
            (8, Arg::Const(v)) => Arg::Const(v as i8 as u64),
            (16, Arg::Const(v)) => Arg::Const(v as i16 as u64),
            (32, Arg::Const(v)) => Arg::Const(v as i32 as u64),
            _ => Arg::Unknown,
        },
        (alu::ADD, false, Arg::Const(v)) => Arg::Const(v.wrapping_add(imm)),
        (alu::ADD, false, Arg::MapValue(m, v)) => Arg::MapValue(m, v.wrapping_add(imm)),
        (alu::SUB, false, Arg::Const(v)) => Arg::Const(v.wrapping_sub(imm)),
        (alu::SUB, false, Arg::MapValue(m, v)) => Arg::MapValue(m, v.wrapping_sub(imm)),
        (alu::AND, false, Arg::Const(v)) => Arg::Const(v & imm),
        (alu::AND, false, _) if imm == 0 => Arg::Const(0),
        (alu::AND, true, Arg::Const(0)) => Arg::Const(0),
        (alu::AND, true, d) => match (d, src) {
            (_, Arg::Const(0)) => Arg::Const(0),
            (Arg::Const(a), Arg::Const(b)) => Arg::Const(a & b),
            _ => Arg::Unknown,
        },
        _ => Arg::Unknown,
    };
    if insn.class() == class::ALU {
        *dst = match *dst {
            Arg::Const(v) => Arg::Const(u64::from(v as u32)),
            _ => Arg::Unknown,
        };
    }
}

/// Joins what flows in; true when something changed.
fn join(target: &mut Args, out: &Args) -> bool {
    let mut changed = false;
    for (old, new) in target.iter_mut().zip(out) {
        if *old == Arg::Unvisited {
            if *new != Arg::Unvisited {
                *old = *new;
                changed = true;
            }
        } else if *old != Arg::Unknown && old != new {
            *old = Arg::Unknown;
            changed = true;
        }
    }
    changed
}

fn eval_branch(op: u8, d: u64, s: u64) -> Option<bool> {
    let (sd, ss) = (d as i64, s as i64);
    Some(match op {
        jmp::JEQ => d == s,
        jmp::JNE => d != s,
        jmp::JGT => d > s,
        jmp::JGE => d >= s,
        jmp::JLT => d < s,
        jmp::JLE => d <= s,
        jmp::JSGT => sd > ss,
        jmp::JSGE => sd >= ss,
        jmp::JSLT => sd < ss,
        jmp::JSLE => sd <= ss,
        jmp::JSET => d & s != 0,
        _ => return None,
    })
}
