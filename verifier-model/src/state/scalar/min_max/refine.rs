// SPDX-License-Identifier: GPL-2.0-only
//! What a comparison that holds says about the bounds of its operands.
//!
//! From 6.8 to 7.1; before, see `constants`.

use bpf::insn::{X, jmp};

use crate::domain::min_max::{MinMax32, MinMax64};
use crate::domain::tnum::Tnum;
use crate::state::scalar::comparison::Comparison;
use crate::state::scalar::min_max::number::Number;

/// Narrows both operands by `a <op> b`. One register on both sides is narrowed as either.
pub(crate) fn refine(a: &mut Number, b: &mut Number, cmp: Comparison) {
    match cmp.op {
        jmp::JEQ => refine_equal(a, b, cmp.is_jmp32),
        op if matches!(op & !X, jmp::JNE | jmp::JSET) => {
            let t = match cmp.is_jmp32 {
                true => b.bits.subreg(),
                false => b.bits,
            };
            if t.is_const() {
                refine_by_known(a, t.value, cmp);
            }
        }
        op => refine_order(a, b, op, cmp.is_jmp32),
    }
    if cmp.one_reg {
        (a.r64, a.r32) = (a.r64.intersect(b.r64), a.r32.intersect(b.r32));
        *b = *a;
    }
}

fn refine_equal(a: &mut Number, b: &mut Number, is_jmp32: bool) {
    if is_jmp32 {
        a.r32 = a.r32.intersect(b.r32);
        b.r32 = a.r32;
        let t = a.bits.subreg().intersect(b.bits.subreg());
        a.bits = a.bits.with_subreg(t);
        b.bits = b.bits.with_subreg(t);
    } else {
        a.r64 = a.r64.intersect(b.r64);
        b.r64 = a.r64;
        a.bits = a.bits.intersect(b.bits);
        b.bits = a.bits;
    }
}

/// `JNE`, `JSET` and its opposite, by a known number.
fn refine_by_known(a: &mut Number, val: u64, cmp: Comparison) {
    let keep = match cmp.op {
        jmp::JNE if cmp.is_jmp32 => return a.r32.step_over(val as u32),
        jmp::JNE => return a.r64.step_over(val),
        jmp::JSET if !val.is_power_of_two() => return,
        jmp::JSET => |t: Tnum, val: u64| t | Tnum::konst(val),
        _ => {
            (a.r64, a.r32) = (MinMax64::UNBOUNDED, MinMax32::UNBOUNDED);
            |t: Tnum, val: u64| t & Tnum::konst(!val)
        }
    };
    a.bits = match cmp.is_jmp32 {
        true => a.bits.with_subreg(keep(a.bits.subreg(), val)),
        false => keep(a.bits, val),
    };
}

/// Narrows both operands by `a <op> b`, where one is below the other.
fn refine_order(a: &mut Number, b: &mut Number, op: u8, is_jmp32: bool) {
    match (op, is_jmp32) {
        (jmp::JLE | jmp::JLT, true) => a.r32.below(&mut b.r32, (op == jmp::JLT).into()),
        (jmp::JLE | jmp::JLT, false) => a.r64.below(&mut b.r64, (op == jmp::JLT).into()),
        (jmp::JSLE | jmp::JSLT, true) => a.r32.signed_below(&mut b.r32, (op == jmp::JSLT).into()),
        (jmp::JSLE | jmp::JSLT, false) => a.r64.signed_below(&mut b.r64, (op == jmp::JSLT).into()),
        _ => {}
    }
}

macro_rules! narrowing {
    ($range:ident, $ut:ident, $st:ident) => {
        impl $range {
            /// Leaves `value` out, if it is at an end.
            fn step_over(&mut self, value: $ut) {
                if self.umin == value {
                    self.umin = self.umin.wrapping_add(1);
                }
                if self.umax == value {
                    self.umax = self.umax.wrapping_sub(1);
                }
                if self.smin == value as $st {
                    self.smin = self.smin.wrapping_add(1);
                }
                if self.smax == value as $st {
                    self.smax = self.smax.wrapping_sub(1);
                }
            }

            /// Is below `other` by `by` at least.
            fn below(&mut self, other: &mut Self, by: $ut) {
                self.umax = self.umax.min(other.umax.wrapping_sub(by));
                other.umin = other.umin.max(self.umin.wrapping_add(by));
            }

            /// The same with a sign.
            fn signed_below(&mut self, other: &mut Self, by: $st) {
                self.smax = self.smax.min(other.smax.wrapping_sub(by));
                other.smin = other.smin.max(self.smin.wrapping_add(by));
            }
        }
    };
}

narrowing!(MinMax32, u32, i32);

narrowing!(MinMax64, u64, i64);
