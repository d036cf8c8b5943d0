// SPDX-License-Identifier: GPL-2.0-only
//! Arithmetic instructions: registers, links between scalars, pointers.
//!
//! What operations do to ranges is in [`crate::state::scalar::alu`].
//!
//! Source: `check_alu_op()`, `adjust_reg_min_max_vals()` in `kernel/bpf/verifier.c`.

pub(crate) mod pointer;
pub(crate) mod speculation;

use bpf::insn::{ADDR_SPACE_CAST, alu, class};
use bpf::uapi::Insn;

use crate::env::Env;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::RegType;
use crate::log::reject;
use crate::state::reg::{ADD_CONST, ADD_CONST32, ADD_CONST64, RegState};
use crate::state::scalar::by_release;
use crate::state::scalar::known::{is_cut_to_32, is_safe_to_compute};

impl Env<'_> {
    /// An instruction of class `ALU` or `ALU64`.
    pub(crate) fn check_alu_op(&mut self, insn: &Insn) -> Checked {
        let (d, s, op) = (insn.dst(), insn.src(), insn.op());
        match op {
            alu::END | alu::NEG => {
                self.check_src_reg(d)?;
                if self.is_pointer_value(d) {
                    return reject!(
                        self,
                        PointerArithmetic[d],
                        EACCES,
                        "R{d} pointer arithmetic prohibited"
                    );
                }
                if self.reg(d).is_scalar() {
                    self.check_dst_reg(d, false)?;
                    let src = *self.reg(d);
                    self.adjust_scalar_min_max_vals(insn, src)?;
                } else {
                    self.check_dst_reg(d, true)?;
                }
            }
            alu::MOV => {
                if insn.src_is_reg() {
                    if insn.off == ADDR_SPACE_CAST && self.code.arena.is_none() {
                        return reject!(
                            self,
                            Arena,
                            EINVAL,
                            "addr_space_cast insn can only be used in a program that has an associated arena"
                        );
                    }
                    self.check_src_reg(s)?;
                }
                self.check_dst_reg(d, false)?;
                if insn.src_is_reg() {
                    self.check_mov_reg(insn)?;
                } else {
                    let unknown = self.unknown();
                    let reg = &mut self.regs()[d];
                    *reg = unknown;
                    let wide = insn.class() == class::ALU64;
                    let imm = i64::from(insn.imm) as u64;
                    reg.mark_known(if wide { imm } else { u64::from(imm as u32) });
                }
            }
            _ => {
                if insn.src_is_reg() {
                    self.check_src_reg(s)?;
                }
                self.check_src_reg(d)?;
                if matches!(op, alu::MOD | alu::DIV) && !insn.src_is_reg() && insn.imm == 0 {
                    return reject!(self, DivisionByZero, EINVAL, "div by zero");
                }
                if matches!(op, alu::LSH | alu::RSH | alu::ARSH) && !insn.src_is_reg() {
                    let size = if insn.class() == class::ALU64 { 64 } else { 32 };
                    if insn.imm < 0 || insn.imm >= size {
                        return reject!(
                            self,
                            MalformedInstruction,
                            EINVAL,
                            "invalid shift {}",
                            insn.imm
                        );
                    }
                }
                self.check_dst_reg(d, false)?;
                self.adjust_reg_min_max_vals(insn)?;
            }
        }
        self.reg_sanity_check(d, "alu")
    }

    fn check_mov_reg(&mut self, insn: &Insn) -> Checked {
        let (d, s) = (insn.dst(), insn.src());
        let rules = self.input.profile;
        let wide = insn.class() == class::ALU64;
        let mut src = *self.reg(s);
        if wide && insn.off == ADDR_SPACE_CAST {
            self.mark_reg_unknown(d);
            if insn.imm == 1 {
                self.regs()[d].typ = RegType::PTR_TO_ARENA;
            }
            return Ok(());
        }
        if wide && insn.off == 0 {
            Self::assign_scalar_id_before_mov(&mut self.path.id_gen, &mut src);
            self.regs()[s] = src;
            self.regs()[d] = src;
            return Ok(());
        }
        if self.is_pointer_value(s) {
            let what = if wide {
                "sign-extension part"
            } else {
                "partial copy"
            };
            return reject!(self, PointerArithmetic[s], EACCES, "R{s} {what} of pointer");
        }
        if src.is_scalar() {
            let keeps_value = if insn.off == 0 {
                src.width() <= 32
            } else {
                src.umax() < 1u64 << (insn.off - 1)
            };
            let links = keeps_value && (wide || rules.has(Rule::HALVES_LINKED));
            if links {
                Self::assign_scalar_id_before_mov(&mut self.path.id_gen, &mut src);
                self.regs()[s] = src;
            }
            let mut dst = src;
            if !links {
                dst.clear_scalar_id();
            }
            match (wide, insn.off) {
                (_, 0) => {}
                (true, off) => dst.coerce_to_size_sx(off as u32 >> 3, rules),
                (false, off) => dst.coerce_subreg_to_size_sx(off as u32 >> 3, rules),
            }
            self.regs()[d] = dst;
        } else {
            self.mark_reg_unknown(d);
        }
        if !wide {
            let reg = &mut self.regs()[d];
            reg.zext_32_to_64(rules);
            reg.bounds_sync(rules);
        }
        Ok(())
    }

    fn adjust_reg_min_max_vals(&mut self, insn: &Insn) -> Checked {
        let (d, s, op) = (insn.dst(), insn.src(), insn.op());
        let alu32 = insn.class() != class::ALU64;
        let dst = *self.reg(d);
        let src = if insn.src_is_reg() {
            *self.reg(s)
        } else {
            RegState::konst(i64::from(insn.imm) as u64)
        };
        if self.check_arena_alu(insn, &dst, &src)? {
            return Ok(());
        }
        let dst_is_ptr = !dst.is_scalar();
        if insn.src_is_reg() {
            if !src.is_scalar() {
                if dst_is_ptr {
                    if op == alu::SUB && self.input.allow_ptr_leaks {
                        self.mark_reg_unknown(d);
                        return Ok(());
                    }
                    return reject!(
                        self,
                        PointerArithmetic[d],
                        EACCES,
                        "R{d} pointer {} pointer prohibited",
                        alu::symbol(op)
                    );
                }
                self.mark_chain_precision(d)?;
                return self.adjust_ptr_min_max_vals(insn, s, src, dst);
            }
            if dst_is_ptr {
                self.mark_chain_precision(s)?;
                return self.adjust_ptr_min_max_vals(insn, d, dst, src);
            }
            if dst.precise {
                self.mark_chain_precision(s)?;
            }
        } else if dst_is_ptr {
            return self.adjust_ptr_min_max_vals(insn, d, dst, src);
        }
        let dst_umax = dst.umax();
        self.adjust_scalar_min_max_vals(insn, src)?;
        self.track_add_const(insn, &src, alu32, dst_umax);
        Ok(())
    }

    /// Anything may be done to a pointer into the arena; true when one of the operands is such. The
    /// compiler makes 32-bit operations of them, so an instruction is either for them or not.
    fn check_arena_alu(&mut self, insn: &Insn, dst: &RegState, src: &RegState) -> Checked<bool> {
        let arena = RegType::PTR_TO_ARENA;
        let right = insn.src_is_reg() && self.input.profile.has(Rule::ARENA_ON_THE_RIGHT);
        let with = dst.typ == arena || right && src.typ == arena;
        if with && dst.typ != arena {
            self.regs()[insn.dst()] = *src;
        }
        let apart = self.input.profile.has(Rule::ARENA_INSNS_APART);
        if apart && insn.class() == class::ALU64 && (with || self.code.arena.is_some()) {
            let idx = self.path.insn_idx;
            if *self.marks.insns[idx].arena_alu.get_or_insert(with) != with {
                return reject!(
                    self,
                    Arena,
                    EINVAL,
                    "same insn cannot be used with and without arena pointer"
                );
            }
        }
        Ok(with)
    }

    /// `r2 = r1; r2 += 8` keeps the link between the two, at a distance.
    fn track_add_const(&mut self, insn: &Insn, src: &RegState, alu32: bool, dst_umax: u64) {
        let d = insn.dst();
        let same_reg = insn.src_is_reg() && insn.src() == d;
        let bpf_capable = self.input.bpf_capable;
        let above = insn.op() == alu::ADD && !alu32 && src.const_value(false) <= i32::MAX as u64;
        let fits = above || self.input.profile.has(Rule::LINKED_BELOW);
        let stale = !self.input.profile.has(Rule::DELTAS_CLEARED);
        let unlinks = same_reg && self.input.profile.has(Rule::SELF_ADDITIONS);
        // A register added to itself is looked at when the sum is there.
        let src = if same_reg { *self.reg(d) } else { *src };
        let dst = &mut self.regs()[d];
        let linkable = bpf_capable
            && fits
            && matches!(insn.op(), alu::ADD | alu::SUB)
            && dst.id != 0
            && src.is_const(alu32)
            && !unlinks;
        let delta = || {
            let val = src.const_value(alu32);
            if alu32 {
                if dst_umax > u32::MAX.into() {
                    return None;
                }
            } else if i32::try_from(val as i64).is_err() {
                return None;
            }
            let off = val as i32;
            if insn.op() == alu::SUB {
                off.checked_neg()
            } else {
                Some(off)
            }
        };
        match linkable.then(delta).flatten() {
            Some(off) if dst.id & ADD_CONST == 0 => {
                dst.id |= if alu32 { ADD_CONST32 } else { ADD_CONST64 };
                dst.delta = off;
            }
            _ if stale && !(linkable && dst.id & ADD_CONST != 0) => dst.id = 0,
            _ => dst.clear_scalar_id(),
        }
    }

    /// Whether the verifier knows this operation's ranges.
    fn is_tracked(&self, insn: &Insn) -> bool {
        let rule = match insn.op() {
            alu::NEG => Rule::NEGATION,
            alu::DIV | alu::MOD => Rule::DIVISION,
            alu::END => Rule::BYTE_SWAP,
            _ => return true,
        };
        self.input.profile.has(rule)
    }

    /// Scalar operation on the destination register.
    fn adjust_scalar_min_max_vals(&mut self, insn: &Insn, src: RegState) -> Checked {
        let d = insn.dst();
        let mut dst = *self.reg(d);
        let rules = self.input.profile;
        if !is_safe_to_compute(insn, &src, rules) || !self.is_tracked(insn) {
            // Only the value is lost; the kernel forgets everything else as well.
            self.mark_reg_unknown(d);
            if is_cut_to_32(insn, &src, rules) {
                let reg = &mut self.regs()[d];
                reg.zext_32_to_64(rules);
                reg.bounds_sync(rules);
            }
            return Ok(());
        }
        self.sanitize_val_alu(insn)?;
        let forks = src.var_off.is_const() && self.input.profile.has(Rule::SIGNS_FORKED);
        if forks && matches!(insn.op(), alu::AND | alu::OR) {
            self.maybe_fork_scalars(insn, &mut dst)?;
        }
        by_release::apply(insn, &mut dst, &src, rules);
        self.regs()[d] = dst;
        Ok(())
    }

    /// A register that is 0 or -1, as `s>>= 63` leaves it, is looked at as two paths.
    fn maybe_fork_scalars(&mut self, insn: &Insn, dst: &mut RegState) -> Checked {
        let alu32 = if dst.smin() == -1 && dst.smax() == 0 {
            false
        } else if dst.s32_min() == -1 && dst.s32_max() == 0 {
            true
        } else {
            return Ok(());
        };
        let idx = self.path.insn_idx;
        let branch = self.push_stack(idx, idx, false)?;
        let other = &mut branch.frame_mut().regs[insn.dst()];
        if alu32 {
            other.mark_known32(0);
            dst.mark_known32(u32::MAX);
        } else {
            other.mark_known(0);
            dst.mark_known(u64::MAX);
        }
        Ok(())
    }
}
