// SPDX-License-Identifier: GPL-2.0-only
//! Pointer plus or minus scalar.
//!
//! Source: `adjust_ptr_min_max_vals()` in `kernel/bpf/verifier.c`.

use bpf::insn::{alu, class};
use bpf::uapi::Insn;

use crate::env::Env;
use crate::facts::limits::BPF_MAX_VAR_OFF;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::log::reject;
use crate::state::reg::{About, RegState};
use crate::state::scalar::by_release::{add_to_pointer, subtract_from_pointer};

impl Env<'_> {
    pub(crate) fn adjust_ptr_min_max_vals(
        &mut self,
        insn: &Insn,
        ptr_regno: usize,
        ptr: RegState,
        off: RegState,
    ) -> Checked {
        let (d, op) = (insn.dst(), insn.op());
        let known = off.var_off.is_const();
        let (smin, smax, umin, umax) = (off.smin(), off.smax(), off.umin(), off.umax());
        if known && (smin != smax || umin != umax) || smin > smax || umin > umax {
            self.mark_reg_unknown(d);
            return Ok(());
        }
        if insn.class() != class::ALU64 {
            if op == alu::SUB && self.input.allow_ptr_leaks {
                self.mark_reg_unknown(d);
                return Ok(());
            }
            return reject!(
                self,
                PointerArithmetic[d],
                EACCES,
                "R{d} 32-bit pointer arithmetic prohibited"
            );
        }
        self.check_ptr_takes_offset(insn, &ptr, &off)?;
        // The other operand may be the destination; from here on it is the pointer.
        let mut dst = ptr;
        if ptr_regno != d && !self.input.profile.has(Rule::WHOLE_POINTER) {
            (dst.parent_id, dst.map_uid) = (0, 0);
            if ptr.typ == RegType::PTR_TO_STACK {
                dst.about = About::Frame(0);
            }
        }
        if ptr.typ.base() == RegType::PTR_TO_MEM && ptr.typ.has(Flag::PTR_UNTRUSTED) {
            self.regs()[d] = dst;
            return Ok(());
        }
        self.regs()[d] = dst;
        self.check_reg_sane_offset_scalar(&off, ptr.typ)?;
        self.check_reg_sane_offset_ptr(&ptr, ptr.typ)?;
        let mask = self.sanitize_ptr_alu(insn, &ptr, &off, ptr_regno == d)?;
        dst.ranges.forget32();
        let pkt = ptr.typ.is_pkt_pointer();
        let forget_range = self.add_ptr_offset(insn, &mut dst, &off, ptr_regno == d)?;
        if pkt {
            if !self.input.profile.has(Rule::PACKET_OFFSETS_MERGED) {
                dst.delta = ptr.delta.wrapping_add(fixed_offset(insn, &off));
            }
            if !known {
                dst.id = self.new_id();
            }
            if forget_range {
                dst.about = About::Range(0);
            }
        }
        self.check_reg_sane_offset_ptr(&dst, ptr.typ)?;
        let keeps_bounds = pkt && (known || dst.range() > 0);
        if keeps_bounds && self.input.profile.has(Rule::PACKET_BOUNDS_KEPT) {
            dst.update_bounds32(self.input.profile);
        } else {
            dst.bounds_sync(self.input.profile);
        }
        self.regs()[d] = dst;
        self.sanitize_ptr_moved(insn, &dst, mask)
    }

    /// Which pointers take an offset, and which only a known one.
    fn check_ptr_takes_offset(&self, insn: &Insn, ptr: &RegState, off: &RegState) -> Checked {
        let d = insn.dst();
        if ptr.typ.may_be_null() {
            return reject!(
                self,
                PointerArithmetic[d],
                EACCES,
                "R{d} pointer arithmetic on {} prohibited, null-check it first",
                ptr.typ
            );
        }
        let known = off.var_off.is_const();
        let allowed = match ptr.typ.base() {
            RegType::PTR_TO_CTX
            | RegType::PTR_TO_MAP_VALUE
            | RegType::PTR_TO_MAP_KEY
            | RegType::PTR_TO_STACK
            | RegType::PTR_TO_PACKET_META
            | RegType::PTR_TO_PACKET
            | RegType::PTR_TO_TP_BUFFER
            | RegType::PTR_TO_BTF_ID
            | RegType::PTR_TO_MEM
            | RegType::PTR_TO_BUF
            | RegType::PTR_TO_FUNC
            | RegType::CONST_PTR_TO_DYNPTR => true,
            RegType::PTR_TO_FLOW_KEYS if known => true,
            RegType::PTR_TO_FLOW_KEYS | RegType::CONST_PTR_TO_MAP => {
                known && off.smin() == 0 && insn.op() == alu::ADD
            }
            _ => false,
        };
        if !allowed {
            return reject!(
                self,
                PointerArithmetic[d],
                EACCES,
                "R{d} pointer arithmetic on {} prohibited",
                ptr.typ
            );
        }
        Ok(())
    }

    /// Moves a pointer by an offset; says whether what is known of a packet behind it is lost.
    fn add_ptr_offset(
        &self,
        insn: &Insn,
        ptr: &mut RegState,
        off: &RegState,
        ptr_is_dst: bool,
    ) -> Checked<bool> {
        let (d, op, known) = (insn.dst(), insn.op(), off.var_off.is_const());
        let marked = ptr.range() < 0 && self.input.profile.has(Rule::PACKET_OFFSETS_MERGED);
        match op {
            alu::ADD => {
                add_to_pointer(ptr, off, self.input.profile);
                Ok(!known || marked)
            }
            alu::SUB => {
                if !ptr_is_dst {
                    return reject!(
                        self,
                        PointerArithmetic[d],
                        EACCES,
                        "R{d} tried to subtract pointer from scalar"
                    );
                }
                if ptr.typ == RegType::PTR_TO_STACK {
                    return reject!(
                        self,
                        PointerArithmetic[d],
                        EACCES,
                        "R{d} subtraction from stack pointer prohibited"
                    );
                }
                subtract_from_pointer(ptr, off, self.input.profile);
                Ok(!known && off.smin() < 0 || marked)
            }
            alu::AND | alu::OR | alu::XOR => {
                reject!(
                    self,
                    PointerArithmetic[d],
                    EACCES,
                    "R{d} bitwise operator {} on pointer prohibited",
                    alu::symbol(op)
                )
            }
            _ => {
                reject!(
                    self,
                    PointerArithmetic[d],
                    EACCES,
                    "R{d} pointer arithmetic with {} operator prohibited",
                    alu::symbol(op)
                )
            }
        }
    }

    fn check_reg_sane_offset_scalar(&mut self, reg: &RegState, typ: RegType) -> Checked {
        let (val, smin) = (reg.var_off.value as i64, reg.smin());
        let outside = |v: i64| v >= BPF_MAX_VAR_OFF || v <= -BPF_MAX_VAR_OFF;
        if reg.var_off.is_const() && outside(val) {
            reject!(
                self,
                UnboundedOffset,
                EINVAL,
                "math between {typ} pointer and {val} is not allowed"
            )
        } else if smin == i64::MIN {
            reject!(
                self,
                UnboundedOffset,
                EINVAL,
                "math between {typ} pointer and register with unbounded min value is not allowed"
            )
        } else if outside(smin) {
            reject!(
                self,
                UnboundedOffset,
                EINVAL,
                "value {smin} makes {typ} pointer be out of bounds"
            )
        } else {
            Ok(())
        }
    }

    fn check_reg_sane_offset_ptr(&mut self, reg: &RegState, typ: RegType) -> Checked {
        let (val, smin) = (reg.var_off.value as i64, reg.smin());
        let outside = |v: i64| v >= BPF_MAX_VAR_OFF || v <= -BPF_MAX_VAR_OFF;
        let bad = if reg.var_off.is_const() && outside(val) {
            val
        } else if outside(smin) {
            smin
        } else {
            return Ok(());
        };
        reject!(
            self,
            UnboundedOffset,
            EINVAL,
            "{typ} pointer offset {bad} is not allowed"
        )
    }
}

/// By how much a pointer moves, as far as that is known.
fn fixed_offset(insn: &Insn, off: &RegState) -> i32 {
    let by = match off.var_off.is_const() {
        true => off.var_off.value as i32,
        false => 0,
    };
    match insn.op() {
        alu::SUB => by.wrapping_neg(),
        _ => by,
    }
}
