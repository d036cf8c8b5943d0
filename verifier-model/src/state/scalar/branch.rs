// SPDX-License-Identifier: GPL-2.0-only
//! Conditions over scalars: which way a jump goes, and what each way says about its operands.
//!
//! Source: `is_scalar_branch_taken()`, `regs_refine_cond_op()`, `simulate_both_branches_taken()`
//! in `kernel/bpf/verifier.c`.

use bpf::insn::{X, jmp};

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::domain::tnum::Tnum;
use crate::facts::rule::{Profile, Rule};
use crate::state::reg::RegState;

/// The operands as they are on each side of a jump.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Branches {
    /// Where it is taken: destination, source.
    pub taken: (RegState, RegState),
    /// Where it is not.
    pub fallthrough: (RegState, RegState),
}

/// `a <op> b` with the operands exchanged is `b <flip> a`.
pub(crate) const fn flip_opcode(op: u8) -> u8 {
    match op {
        jmp::JGE => jmp::JLE,
        jmp::JGT => jmp::JLT,
        jmp::JLE => jmp::JGE,
        jmp::JLT => jmp::JGT,
        jmp::JSGE => jmp::JSLE,
        jmp::JSGT => jmp::JSLT,
        jmp::JSLE => jmp::JSGE,
        jmp::JSLT => jmp::JSGT,
        other => other,
    }
}

/// What holds where `op` does not. `JSET` has no opposite; it is marked with `X`.
const fn rev_opcode(op: u8) -> u8 {
    match op {
        jmp::JEQ => jmp::JNE,
        jmp::JNE => jmp::JEQ,
        jmp::JGE => jmp::JLT,
        jmp::JGT => jmp::JLE,
        jmp::JLE => jmp::JGT,
        jmp::JLT => jmp::JGE,
        jmp::JSGE => jmp::JSLT,
        jmp::JSGT => jmp::JSLE,
        jmp::JSLE => jmp::JSGT,
        jmp::JSLT => jmp::JSGE,
        jmp::JSET => jmp::JSET | X,
        _ => 0,
    }
}

/// As [`is_scalar_branch_taken`], where both operands are one register.
pub(crate) fn is_same_reg_branch_taken(r: &RegState, op: u8, is_jmp32: bool) -> Option<bool> {
    let (bits, smin, smax) = if is_jmp32 {
        (r.var_off.subreg(), r.s32_min().into(), r.s32_max().into())
    } else {
        (r.var_off, r.smin(), r.smax())
    };
    match op {
        jmp::JGE | jmp::JLE | jmp::JSGE | jmp::JSLE | jmp::JEQ => Some(true),
        jmp::JGT | jmp::JLT | jmp::JSGT | jmp::JSLT | jmp::JNE => Some(false),
        jmp::JSET if bits.is_const() => Some(bits.value != 0),
        jmp::JSET if smin <= 0 && smax >= 0 => None,
        jmp::JSET => Some(true),
        _ => None,
    }
}

/// Which way the jump goes, if only one is possible. The branches are left as the narrowing of both
/// sides made them, when it came to that.
pub(crate) fn is_scalar_branch_taken(
    r1: &RegState,
    r2: &RegState,
    op: u8,
    is_jmp32: bool,
    branches: &mut Branches,
    rules: &Profile,
) -> Option<bool> {
    let bits = |r: &RegState| {
        if is_jmp32 {
            r.var_off.subreg()
        } else {
            r.var_off
        }
    };
    let unsigned = |r: &RegState| {
        if is_jmp32 {
            (r.u32_min().into(), r.u32_max().into())
        } else {
            (r.umin(), r.umax())
        }
    };
    let signed = |r: &RegState| -> (i64, i64) {
        if is_jmp32 {
            (r.s32_min().into(), r.s32_max().into())
        } else {
            (r.smin(), r.smax())
        }
    };
    let (mut t1, mut t2) = (bits(r1), bits(r2));
    let ((umin1, umax1), (umin2, umax2)): ((u64, u64), (u64, u64)) = (unsigned(r1), unsigned(r2));
    let ((smin1, smax1), (smin2, smax2)) = (signed(r1), signed(r2));
    let disjoint = || {
        !t1.overlap(t2)
            || umin1 > umax2
            || umax1 < umin2
            || smin1 > smax2
            || smax1 < smin2
            || !is_jmp32
                && (r1.u32_min() > r2.u32_max()
                    || r1.u32_max() < r2.u32_min()
                    || r1.s32_min() > r2.s32_max()
                    || r1.s32_max() < r2.s32_min())
    };
    let ordered = |always: bool, never: bool| match (always, never) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let decided = match op {
        jmp::JEQ | jmp::JNE => {
            let eq = if t1.is_const() && t2.is_const() {
                Some(t1.value == t2.value)
            } else if disjoint() {
                Some(false)
            } else {
                None
            };
            eq.map(|eq| eq == (op == jmp::JEQ))
        }
        jmp::JSET => {
            let mut konst = r2;
            if !konst.is_const(is_jmp32) {
                core::mem::swap(&mut t1, &mut t2);
                konst = r1;
            }
            if !konst.is_const(is_jmp32) {
                return None;
            }
            ordered(
                !t1.mask & t1.value & t2.value != 0,
                (t1.mask | t1.value) & t2.value == 0,
            )
        }
        jmp::JGT => ordered(umin1 > umax2, umax1 <= umin2),
        jmp::JSGT => ordered(smin1 > smax2, smax1 <= smin2),
        jmp::JLT => ordered(umax1 < umin2, umin1 >= umax2),
        jmp::JSLT => ordered(smax1 < smin2, smin1 >= smax2),
        jmp::JGE => ordered(umin1 >= umax2, umax1 < umin2),
        jmp::JSGE => ordered(smin1 >= smax2, smax1 < smin2),
        jmp::JLE => ordered(umax1 <= umin2, umin1 > umax2),
        jmp::JSLE => ordered(smax1 <= smin2, smin1 > smax2),
        _ => None,
    };
    decided.or_else(|| simulate_both_branches(op, is_jmp32, branches, rules))
}

/// Narrows the operands on both sides; a side where nothing is left is not possible.
fn simulate_both_branches(
    op: u8,
    is_jmp32: bool,
    b: &mut Branches,
    rules: &Profile,
) -> Option<bool> {
    let impossible = |side: &mut (RegState, RegState), op: u8| {
        refine(&mut side.0, &mut side.1, op, is_jmp32);
        side.0.bounds_sync(rules);
        side.1.bounds_sync(rules);
        side.0.range_bounds_violation() || side.1.range_bounds_violation()
    };
    let tried = rules.has(Rule::BRANCHES_TRIED);
    if impossible(&mut b.fallthrough, rev_opcode(op)) && tried {
        return Some(true);
    }
    if impossible(&mut b.taken, op) && tried {
        return Some(false);
    }
    None
}

/// Narrows both operands by `r1 <op> r2` (`regs_refine_cond_op`).
fn refine(r1: &mut RegState, r2: &mut RegState, op: u8, is_jmp32: bool) {
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
            r1.r32 = r1.r32.intersect(r2.r32);
            r2.r32 = r1.r32;
            let t = r1.var_off.subreg().intersect(r2.var_off.subreg());
            r1.var_off = r1.var_off.with_subreg(t);
            r2.var_off = r2.var_off.with_subreg(t);
        }
        (jmp::JEQ, false) => {
            r1.r64 = r1.r64.intersect(r2.r64);
            r2.r64 = r1.r64;
            r1.var_off = r1.var_off.intersect(r2.var_off);
            r2.var_off = r1.var_off;
        }
        (jmp::JNE, _) if r2.is_const(is_jmp32) => {
            // All but one number: the arc that starts after it and ends before it.
            let val = r2.const_value(is_jmp32);
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
            r1.r32 = r1.r32.intersect(Cnum32::from_urange(0, r2.u32_max()));
            r2.r32 = r2
                .r32
                .intersect(Cnum32::from_urange(r1.u32_min(), u32::MAX));
        }
        (jmp::JLE, false) => {
            r1.r64 = r1.r64.intersect(Cnum64::from_urange(0, r2.umax()));
            r2.r64 = r2.r64.intersect(Cnum64::from_urange(r1.umin(), u64::MAX));
        }
        (jmp::JLT, true) => {
            r1.r32 = r1
                .r32
                .intersect(Cnum32::from_urange(0, r2.u32_max().wrapping_sub(1)));
            let lo = r1.u32_min().wrapping_add(1);
            r2.r32 = r2.r32.intersect(Cnum32::from_urange(lo, u32::MAX));
        }
        (jmp::JLT, false) => {
            r1.r64 = r1
                .r64
                .intersect(Cnum64::from_urange(0, r2.umax().wrapping_sub(1)));
            let lo = r1.umin().wrapping_add(1);
            r2.r64 = r2.r64.intersect(Cnum64::from_urange(lo, u64::MAX));
        }
        (jmp::JSLE, true) => {
            r1.r32 = r1
                .r32
                .intersect(Cnum32::from_srange(i32::MIN, r2.s32_max()));
            r2.r32 = r2
                .r32
                .intersect(Cnum32::from_srange(r1.s32_min(), i32::MAX));
        }
        (jmp::JSLE, false) => {
            r1.r64 = r1.r64.intersect(Cnum64::from_srange(i64::MIN, r2.smax()));
            r2.r64 = r2.r64.intersect(Cnum64::from_srange(r1.smin(), i64::MAX));
        }
        (jmp::JSLT, true) => {
            let hi = r2.s32_max().wrapping_sub(1);
            r1.r32 = r1.r32.intersect(Cnum32::from_srange(i32::MIN, hi));
            let lo = r1.s32_min().wrapping_add(1);
            r2.r32 = r2.r32.intersect(Cnum32::from_srange(lo, i32::MAX));
        }
        (jmp::JSLT, false) => {
            let hi = r2.smax().wrapping_sub(1);
            r1.r64 = r1.r64.intersect(Cnum64::from_srange(i64::MIN, hi));
            let lo = r1.smin().wrapping_add(1);
            r2.r64 = r2.r64.intersect(Cnum64::from_srange(lo, i64::MAX));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::scalar::bounds::tests::{holds, reg_with_member};
    use proptest::prelude::*;

    fn concrete(op: u8, j32: bool, a: u64, b: u64) -> bool {
        let (a, b) = if j32 {
            (a & 0xffff_ffff, b & 0xffff_ffff)
        } else {
            (a, b)
        };
        let s = |v: u64| if j32 { i64::from(v as i32) } else { v as i64 };
        match op {
            jmp::JEQ => a == b,
            jmp::JNE => a != b,
            jmp::JGT => a > b,
            jmp::JGE => a >= b,
            jmp::JLT => a < b,
            jmp::JLE => a <= b,
            jmp::JSGT => s(a) > s(b),
            jmp::JSGE => s(a) >= s(b),
            jmp::JSLT => s(a) < s(b),
            jmp::JSLE => s(a) <= s(b),
            _ => a & b != 0,
        }
    }

    const OPS: [u8; 11] = [
        jmp::JEQ,
        jmp::JNE,
        jmp::JGT,
        jmp::JGE,
        jmp::JLT,
        jmp::JLE,
        jmp::JSGT,
        jmp::JSGE,
        jmp::JSLT,
        jmp::JSLE,
        jmp::JSET,
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_real_path_is_lost(
            op in prop::sample::select(OPS.to_vec()), (j32, known) in any::<(bool, bool)>(),
            (mut a, x) in reg_with_member(), (mut b, y) in reg_with_member(),
        ) {
            a.bounds_sync(&Profile::V7_3);
            b.bounds_sync(&Profile::V7_3);
            if known { b = RegState::konst(y); }
            let mut br = Branches { taken: (a, b), fallthrough: (a, b) };
            let pred = is_scalar_branch_taken(&a, &b, op, j32, &mut br, &Profile::V7_3);
            let real = concrete(op, j32, x, y);
            match pred {
                Some(p) => prop_assert_eq!(p, real, "{:#x} {:?} {:#x} {:?} {:#x}", op, a, x, b, y),
                None => {
                    let side = if real { br.taken } else { br.fallthrough };
                    prop_assert!(holds(&side.0, x) && holds(&side.1, y), "{op:#x} {side:?} {x:#x} {y:#x}");
                }
            }
        }
    }
}
