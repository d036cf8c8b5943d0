// SPDX-License-Identifier: GPL-2.0-only
//! What a condition that holds says about the arcs of its operands.
//!
//! Source: `regs_refine_cond_op()` in `kernel/bpf/verifier.c` since 7.2.

use bpf::insn::{X, jmp};

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::domain::tnum::Tnum;
use crate::state::reg::RegState;
use crate::state::scalar::comparison::{Comparison, flip_opcode};

/// Narrows both operands by `r1 <op> r2` (`regs_refine_cond_op`).
pub(crate) fn refine(r1: &mut RegState, r2: &mut RegState, cmp: Comparison) {
    let Comparison { op, is_jmp32, .. } = cmp;
    let (r1, r2, op) = match op {
        jmp::JGE | jmp::JGT | jmp::JSGE | jmp::JSGT => (r2, r1, flip_opcode(op)),
        _ => (r1, r2, op),
    };
    // For the operators that need a known operand it is the second.
    let (r1, r2) = if matches!(op & !X, jmp::JNE | jmp::JSET) && !r2.is_const(is_jmp32) {
        (r2, r1)
    } else {
        (r1, r2)
    };
    match (op, is_jmp32) {
        (jmp::JEQ, true) => {
            r1.set_r32(r1.r32().intersect(r2.r32()));
            r2.set_r32(r1.r32());
            let t = r1.var_off.subreg().intersect(r2.var_off.subreg());
            r1.var_off = r1.var_off.with_subreg(t);
            r2.var_off = r2.var_off.with_subreg(t);
        }
        (jmp::JEQ, false) => {
            r1.set_r64(r1.r64().intersect(r2.r64()));
            r2.set_r64(r1.r64());
            r1.var_off = r1.var_off.intersect(r2.var_off);
            r2.var_off = r1.var_off;
        }
        (jmp::JNE, _) if r2.is_const(is_jmp32) => {
            // All but one number: the arc that starts after it and ends before it.
            let val = r2.const_value(is_jmp32);
            if is_jmp32 {
                let base = (val as u32).wrapping_add(1);
                r1.set_r32(r1.r32().intersect(Cnum32 {
                    base,
                    size: u32::MAX - 1,
                }));
            } else {
                let base = val.wrapping_add(1);
                r1.set_r64(r1.r64().intersect(Cnum64 {
                    base,
                    size: u64::MAX - 1,
                }));
            }
        }
        (jmp::JSET, _) if r2.is_const(is_jmp32) => {
            let val = r2.const_value(is_jmp32);
            if !val.is_power_of_two() {
                return;
            }
            if is_jmp32 {
                let t = r1.var_off.subreg() | Tnum::konst(val);
                r1.var_off = r1.var_off.with_subreg(t);
            } else {
                r1.var_off = r1.var_off | Tnum::konst(val);
            }
        }
        (op, _) if op == jmp::JSET | X && r2.is_const(is_jmp32) => {
            let val = r2.const_value(is_jmp32);
            r1.mark_unbounded();
            if is_jmp32 {
                let t = r1.var_off.subreg() & Tnum::konst(!val);
                r1.var_off = r1.var_off.with_subreg(t);
            } else {
                r1.var_off = r1.var_off & Tnum::konst(!val);
            }
        }
        _ => refine_order(r1, r2, op, is_jmp32),
    }
}

/// Narrows both operands by `r1 <op> r2`, where one is below the other.
fn refine_order(r1: &mut RegState, r2: &mut RegState, op: u8, is_jmp32: bool) {
    match (op, is_jmp32) {
        (jmp::JLE, true) => {
            r1.set_r32(r1.r32().intersect(Cnum32::from_urange(0, r2.u32_max())));
            r2.set_r32(
                r2.r32()
                    .intersect(Cnum32::from_urange(r1.u32_min(), u32::MAX)),
            );
        }
        (jmp::JLE, false) => {
            r1.set_r64(r1.r64().intersect(Cnum64::from_urange(0, r2.umax())));
            r2.set_r64(r2.r64().intersect(Cnum64::from_urange(r1.umin(), u64::MAX)));
        }
        (jmp::JLT, true) => {
            r1.set_r32(
                r1.r32()
                    .intersect(Cnum32::from_urange(0, r2.u32_max().wrapping_sub(1))),
            );
            let lo = r1.u32_min().wrapping_add(1);
            r2.set_r32(r2.r32().intersect(Cnum32::from_urange(lo, u32::MAX)));
        }
        (jmp::JLT, false) => {
            r1.set_r64(
                r1.r64()
                    .intersect(Cnum64::from_urange(0, r2.umax().wrapping_sub(1))),
            );
            let lo = r1.umin().wrapping_add(1);
            r2.set_r64(r2.r64().intersect(Cnum64::from_urange(lo, u64::MAX)));
        }
        (jmp::JSLE, true) => {
            r1.set_r32(
                r1.r32()
                    .intersect(Cnum32::from_srange(i32::MIN, r2.s32_max())),
            );
            r2.set_r32(
                r2.r32()
                    .intersect(Cnum32::from_srange(r1.s32_min(), i32::MAX)),
            );
        }
        (jmp::JSLE, false) => {
            r1.set_r64(r1.r64().intersect(Cnum64::from_srange(i64::MIN, r2.smax())));
            r2.set_r64(r2.r64().intersect(Cnum64::from_srange(r1.smin(), i64::MAX)));
        }
        (jmp::JSLT, true) => {
            let hi = r2.s32_max().wrapping_sub(1);
            r1.set_r32(r1.r32().intersect(Cnum32::from_srange(i32::MIN, hi)));
            let lo = r1.s32_min().wrapping_add(1);
            r2.set_r32(r2.r32().intersect(Cnum32::from_srange(lo, i32::MAX)));
        }
        (jmp::JSLT, false) => {
            let hi = r2.smax().wrapping_sub(1);
            r1.set_r64(r1.r64().intersect(Cnum64::from_srange(i64::MIN, hi)));
            let lo = r1.smin().wrapping_add(1);
            r2.set_r64(r2.r64().intersect(Cnum64::from_srange(lo, i64::MAX)));
        }
        _ => {}
    }
}
