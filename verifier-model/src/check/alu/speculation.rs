// SPDX-License-Identifier: GPL-2.0-only
//! Speculative execution, for loaders without CAP_PERFMON.
//!
//! A processor may run ahead on the wrong side of a branch. So beside each path that the program can
//! take, the walk follows the one that it cannot, with what the branch would have told forgotten:
//! a *speculative* path. What is unsafe there is no reason to refuse the program: a barrier before
//! the instruction ends that path (`nospec`). And pointer arithmetic is masked so that it cannot
//! leave the object even when its bounds were checked in vain, which only works if all paths agree
//! on the mask (Spectre v1). A store to the stack that turns a pointer into data, or data into a
//! pointer, gets a barrier behind it (Spectre v4).
//!
//! Source: `sanitize_ptr_alu()`, `sanitize_val_alu()`, `sanitize_speculative_path()` in
//! `kernel/bpf/verifier.c`.

use bpf::insn::alu;
use bpf::uapi::Insn;

use crate::env::Env;
use crate::env::marks::{AluMask, Reason};
use crate::facts::access::AccessSrc;
use crate::facts::errno::Errno;
use crate::facts::limits::{MAX_BPF_STACK, REG_NAMES};
use crate::facts::rejection::{Checked, Stop};
use crate::facts::types::RegType;
use crate::log::reject;
use crate::state::reg::RegState;

const BPF_ALU_SANITIZE_SRC: u32 = 1;

const BPF_ALU_SANITIZE_DST: u32 = 2;

const BPF_ALU_NEG_VALUE: u32 = 4;

const BPF_ALU_NON_POINTER: u32 = 8;

const BPF_ALU_IMMEDIATE: u32 = 16;

/// The mask as it is found out before the operation, to be narrowed after it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SanitizeInfo {
    mask: AluMask,
    to_left: bool,
}

const fn is_needed(op: u8) -> bool {
    matches!(op, alu::ADD | alu::SUB)
}

impl Env<'_> {
    fn can_skip_alu_sanitation(&self, insn: &Insn) -> bool {
        self.input.bypass_spec_v1
            || !insn.src_is_reg()
            || self.marks.insns[self.path.insn_idx].nospec
    }

    /// Whether an error on a speculative path is settled by a barrier.
    pub(crate) fn recoverable_with_nospec(&self, stop: &Stop) -> bool {
        self.path.cur.speculative
            && matches!(stop, Stop::Rejected(why)
                if matches!(why.errno, Errno::EPERM | Errno::EACCES | Errno::EINVAL))
    }

    /// The path that only a mispredicting processor takes; of a jump, the operands are forgotten.
    pub(crate) fn sanitize_speculative_path(
        &mut self,
        jump: Option<&Insn>,
        next: usize,
    ) -> Checked {
        let unknown = self.unknown();
        let idx = self.path.insn_idx;
        let st = self.push_stack(next, idx, true)?;
        if let Some(insn) = jump {
            let regs = &mut st.frame_mut().regs;
            regs[insn.dst()] = unknown;
            if insn.src_is_reg() {
                regs[insn.src()] = unknown;
            }
        }
        Ok(())
    }

    /// Scalar addition and subtraction: no pointer must get here on another path.
    pub(crate) fn sanitize_val_alu(&mut self, insn: &Insn) -> Checked {
        if !is_needed(insn.op()) || self.can_skip_alu_sanitation(insn) {
            return Ok(());
        }
        let idx = self.path.insn_idx;
        let done = self.marks.insns[idx]
            .alu_mask
            .update(BPF_ALU_NON_POINTER, 0);
        done.or_else(|why| self.sanitize_err(insn, why))
    }

    /// Before a pointer is moved: whether that can be masked, and the path on which it is not moved.
    pub(crate) fn sanitize_ptr_alu(
        &mut self,
        insn: &Insn,
        ptr: &RegState,
        off: &RegState,
        ptr_is_dst: bool,
    ) -> Checked<SanitizeInfo> {
        let mut info = SanitizeInfo::default();
        if !is_needed(insn.op()) || self.can_skip_alu_sanitation(insn) {
            return Ok(info);
        }
        let (imm, neg) = (off.var_off.is_const(), off.smin() < 0);
        if !self.path.cur.speculative {
            if !imm && neg != (off.smax() < 0) {
                return self.sanitize_err(insn, Reason::Bounds);
            }
            info.to_left = (insn.op() == alu::ADD) == neg;
            let limit = match self.ptr_limit(ptr, info.to_left) {
                Ok(limit) => limit,
                Err(why) => return self.sanitize_err(insn, why),
            };
            let side = if ptr_is_dst {
                BPF_ALU_SANITIZE_SRC
            } else {
                BPF_ALU_SANITIZE_DST
            };
            let flag = |on: bool, f: u32| if on { f } else { 0 };
            info.mask = AluMask {
                state: side | flag(neg, BPF_ALU_NEG_VALUE) | flag(imm, BPF_ALU_IMMEDIATE),
                limit,
            };
            self.path.explore_alu_limits |= !imm;
        }
        if !imm {
            let next = self.path.insn_idx + 1;
            if let Err(Stop::Rejected(_)) = self.sanitize_speculative_path(None, next) {
                return self.sanitize_err(insn, Reason::Stack);
            }
        }
        Ok(info)
    }

    /// After a pointer was moved: it must be in bounds, and the mask is as wide as the move.
    pub(crate) fn sanitize_ptr_moved(
        &mut self,
        insn: &Insn,
        dst: &RegState,
        info: SanitizeInfo,
    ) -> Checked {
        self.sanitize_check_bounds(insn, dst)?;
        if !is_needed(insn.op()) || self.can_skip_alu_sanitation(insn) || self.path.cur.speculative
        {
            return Ok(());
        }
        let idx = self.path.insn_idx;
        let done = self.ptr_limit(dst, info.to_left).and_then(|limit| {
            let limit = info.mask.limit.wrapping_sub(limit) as i32;
            let mask = &mut self.marks.insns[idx].alu_mask;
            mask.update(info.mask.state, limit.unsigned_abs())
        });
        done.or_else(|why| self.sanitize_err(insn, why))
    }

    /// How far a pointer may still go in one direction (`retrieve_ptr_limit`).
    fn ptr_limit(&self, ptr: &RegState, to_left: bool) -> Result<u32, Reason> {
        let (max, limit) = match ptr.typ {
            RegType::PTR_TO_STACK => (
                MAX_BPF_STACK as u32 + u32::from(to_left),
                (ptr.var_off.value as u32).wrapping_neg(),
            ),
            RegType::PTR_TO_MAP_VALUE => {
                let size = self.code.map_of(ptr).map_or(0, |m| m.def.value_size);
                let limit = if to_left {
                    ptr.smin() as u32
                } else {
                    ptr.umax() as u32
                };
                (size, limit)
            }
            _ => return Err(Reason::Type),
        };
        if limit >= max {
            return Err(Reason::Limit);
        }
        Ok(limit)
    }

    fn sanitize_check_bounds(&mut self, insn: &Insn, dst: &RegState) -> Checked {
        if self.input.bypass_spec_v1 {
            return Ok(());
        }
        let d = insn.dst();
        match dst.typ {
            RegType::PTR_TO_STACK => {
                let off = dst.var_off.value as i32;
                if !dst.var_off.is_const() {
                    let t = dst.var_off;
                    return reject!(
                        self,
                        Capability[d],
                        EACCES,
                        "R{d} variable stack access prohibited for !root, var_off={t} off={off}"
                    );
                }
                if !(-MAX_BPF_STACK..0).contains(&off) {
                    return reject!(
                        self,
                        PointerArithmetic[d],
                        EACCES,
                        "R{d} stack pointer arithmetic goes out of range, prohibited for !root; off={off}"
                    );
                }
            }
            RegType::PTR_TO_MAP_VALUE => {
                let r = self.check_map_access(dst, REG_NAMES[d], 0, 1, false, AccessSrc::Helper);
                if r.is_err() {
                    return reject!(
                        self,
                        PointerArithmetic[d],
                        EACCES,
                        "R{d} pointer arithmetic of map value goes out of range, prohibited for !root"
                    );
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn sanitize_err<T>(&mut self, insn: &Insn, why: Reason) -> Checked<T> {
        const ERR: &str = "pointer arithmetic with it prohibited for !root";
        let (d, s) = (insn.dst(), insn.src());
        let op = if insn.op() == alu::ADD { "add" } else { "sub" };
        let src_is_scalar = self.reg(s).is_scalar();
        let (scalar, ptr) = if src_is_scalar { (s, d) } else { (d, s) };
        match why {
            Reason::Bounds => reject!(
                self,
                PointerArithmetic[scalar],
                EACCES,
                "R{scalar} has unknown scalar with mixed signed bounds, {ERR}"
            ),
            Reason::Type => reject!(
                self,
                PointerArithmetic[ptr],
                EACCES,
                "R{ptr} has pointer with unsupported alu operation, {ERR}"
            ),
            Reason::Paths => reject!(
                self,
                PointerArithmetic[d],
                EACCES,
                "R{d} tried to {op} from different maps, paths or scalars, {ERR}"
            ),
            Reason::Limit => reject!(
                self,
                PointerArithmetic[d],
                EACCES,
                "R{d} tried to {op} beyond pointer bounds, {ERR}"
            ),
            Reason::Stack => reject!(
                self,
                Capability[d],
                ENOMEM,
                "R{d} could not be pushed for speculative verification, {ERR}"
            ),
        }
    }
}
