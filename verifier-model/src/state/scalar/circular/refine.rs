// SPDX-License-Identifier: GPL-2.0-only
//! What a condition that holds says about the arcs of its operands.
//!
//! Source: `regs_refine_cond_op()` in `kernel/bpf/verifier.c` since 7.2.

use bpf::insn::{X, jmp};

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::domain::tnum::Tnum;
use crate::state::scalar::circular::number::Number;
use crate::state::scalar::comparison::Comparison;

/// Narrows both operands by `r1 <op> r2`.
pub(crate) fn refine(r1: &mut Number, r2: &mut Number, cmp: Comparison) {
    let Comparison { op, is_jmp32, .. } = cmp;
    let t = match is_jmp32 {
        true => r2.bits.subreg(),
        false => r2.bits,
    };
    let (known, val) = (t.is_const(), t.value);
    match (op, is_jmp32) {
        (jmp::JEQ, true) => {
            r1.r32 = r1.r32.intersect(r2.r32);
            r2.r32 = r1.r32;
            let t = r1.bits.subreg().intersect(r2.bits.subreg());
            r1.bits = r1.bits.with_subreg(t);
            r2.bits = r2.bits.with_subreg(t);
        }
        (jmp::JEQ, false) => {
            r1.r64 = r1.r64.intersect(r2.r64);
            r2.r64 = r1.r64;
            r1.bits = r1.bits.intersect(r2.bits);
            r2.bits = r1.bits;
        }
        (jmp::JNE, _) if known => {
            // All but one number: the arc that starts after it and ends before it.
            if is_jmp32 {
                let base = (val as u32).wrapping_add(1);
                r1.r32 = r1.r32.intersect(Cnum32 {
                    base,
                    size: u32::MAX - 1,
                });
            } else {
                let base = val.wrapping_add(1);
                r1.r64 = r1.r64.intersect(Cnum64 {
                    base,
                    size: u64::MAX - 1,
                });
            }
        }
        (jmp::JSET, _) if known => {
            if !val.is_power_of_two() {
                return;
            }
            if is_jmp32 {
                let t = r1.bits.subreg() | Tnum::konst(val);
                r1.bits = r1.bits.with_subreg(t);
            } else {
                r1.bits = r1.bits | Tnum::konst(val);
            }
        }
        (op, _) if op == jmp::JSET | X && known => {
            (r1.r64, r1.r32) = (Cnum64::UNBOUNDED, Cnum32::UNBOUNDED);
            if is_jmp32 {
                let t = r1.bits.subreg() & Tnum::konst(!val);
                r1.bits = r1.bits.with_subreg(t);
            } else {
                r1.bits = r1.bits & Tnum::konst(!val);
            }
        }
        _ => refine_order(r1, r2, op, is_jmp32),
    }
}

/// Narrows both operands by `r1 <op> r2`, where one is below the other.
fn refine_order(r1: &mut Number, r2: &mut Number, op: u8, is_jmp32: bool) {
    match (op, is_jmp32) {
        (jmp::JLE, true) => {
            r1.r32 = r1.r32.intersect(Cnum32::from_urange(0, r2.r32.umax()));
            r2.r32 = r2
                .r32
                .intersect(Cnum32::from_urange(r1.r32.umin(), u32::MAX));
        }
        (jmp::JLE, false) => {
            r1.r64 = r1.r64.intersect(Cnum64::from_urange(0, r2.r64.umax()));
            r2.r64 = r2
                .r64
                .intersect(Cnum64::from_urange(r1.r64.umin(), u64::MAX));
        }
        (jmp::JLT, true) => {
            r1.r32 = r1
                .r32
                .intersect(Cnum32::from_urange(0, r2.r32.umax().wrapping_sub(1)));
            let lo = r1.r32.umin().wrapping_add(1);
            r2.r32 = r2.r32.intersect(Cnum32::from_urange(lo, u32::MAX));
        }
        (jmp::JLT, false) => {
            r1.r64 = r1
                .r64
                .intersect(Cnum64::from_urange(0, r2.r64.umax().wrapping_sub(1)));
            let lo = r1.r64.umin().wrapping_add(1);
            r2.r64 = r2.r64.intersect(Cnum64::from_urange(lo, u64::MAX));
        }
        (jmp::JSLE, true) => {
            r1.r32 = r1
                .r32
                .intersect(Cnum32::from_srange(i32::MIN, r2.r32.smax()));
            r2.r32 = r2
                .r32
                .intersect(Cnum32::from_srange(r1.r32.smin(), i32::MAX));
        }
        (jmp::JSLE, false) => {
            r1.r64 = r1
                .r64
                .intersect(Cnum64::from_srange(i64::MIN, r2.r64.smax()));
            r2.r64 = r2
                .r64
                .intersect(Cnum64::from_srange(r1.r64.smin(), i64::MAX));
        }
        (jmp::JSLT, true) => {
            let hi = r2.r32.smax().wrapping_sub(1);
            r1.r32 = r1.r32.intersect(Cnum32::from_srange(i32::MIN, hi));
            let lo = r1.r32.smin().wrapping_add(1);
            r2.r32 = r2.r32.intersect(Cnum32::from_srange(lo, i32::MAX));
        }
        (jmp::JSLT, false) => {
            let hi = r2.r64.smax().wrapping_sub(1);
            r1.r64 = r1.r64.intersect(Cnum64::from_srange(i64::MIN, hi));
            let lo = r1.r64.smin().wrapping_add(1);
            r2.r64 = r2.r64.intersect(Cnum64::from_srange(lo, i64::MAX));
        }
        _ => {}
    }
}
