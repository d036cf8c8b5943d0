// SPDX-License-Identifier: GPL-2.0-only
//! Comparisons with known numbers, as they were before numbers that are not known could be compared.
//!
//! A jump is known to go one way by its right side alone: by bits where it asks for equality, by bounds
//! where it asks for an order. A side of which nothing is left is walked all the same, with what the
//! comparison makes of the bounds, which may then cross.
//!
//! Source: `is_branch32_taken()`, `is_branch64_taken()`, `reg_set_min_max()` and
//! `reg_combine_min_max()` in `kernel/bpf/verifier.c` of 6.1.

use bpf::insn::jmp;

use crate::domain::min_max::{MinMax32, MinMax64};
use crate::domain::tnum::Tnum;
use crate::facts::rule::Profile;
use crate::state::reg::RegState;
use crate::state::scalar::comparison::{Branches, Comparison, flip_opcode};
use crate::state::scalar::domain::Domain;
use crate::state::scalar::min_max::bounds::sync;
use crate::state::scalar::min_max::number::Number;

/// Which way the jump goes, if the right side is known and says so. The branches are left as the
/// comparison made them.
pub(crate) fn is_branch_taken(
    r1: &RegState,
    r2: &RegState,
    cmp: Comparison,
    branches: &mut Branches,
    rules: &Profile,
) -> Option<bool> {
    let Comparison { op, is_jmp32, .. } = cmp;
    if r2.is_const(is_jmp32)
        && let Some(taken) = taken_by(&Number::of(r1), r2.const_value(is_jmp32), op, is_jmp32)
    {
        return Some(taken);
    }
    let Branches {
        taken,
        fallthrough: other,
    } = branches;
    let whole = |r: &RegState| r.is_const(false) || r.is_const(is_jmp32);
    if whole(r2) {
        set_min_max(&mut taken.0, &mut other.0, r2.var_off.value, cmp, rules);
    } else if whole(r1) {
        let cmp = Comparison {
            op: flip_opcode(op),
            ..cmp
        };
        set_min_max(&mut taken.1, &mut other.1, r1.var_off.value, cmp, rules);
    } else if !is_jmp32 && op == jmp::JEQ {
        combine(taken, rules);
    } else if !is_jmp32 && op == jmp::JNE {
        combine(other, rules);
    }
    None
}

/// Which way a jump goes by its left side, where `val` is the right one.
fn taken_by(a: &Number, val: u64, op: u8, is_jmp32: bool) -> Option<bool> {
    let (t, umin, umax, smin, smax, sval) = if is_jmp32 {
        let r = a.r32;
        let (umin, umax) = (r.umin.into(), r.umax.into());
        let (smin, smax) = (r.smin.into(), r.smax.into());
        (
            a.bits.subreg(),
            umin,
            umax,
            smin,
            smax,
            i64::from(val as i32),
        )
    } else {
        let r = a.r64;
        (a.bits, r.umin, r.umax, r.smin, r.smax, val as i64)
    };
    let ordered = |always: bool, never: bool| match (always, never) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    match op {
        jmp::JEQ => t.is_const().then_some(t.value == val),
        jmp::JNE => t.is_const().then_some(t.value != val),
        jmp::JSET => ordered(t.value & val != 0, (t.mask | t.value) & val == 0),
        jmp::JGT => ordered(umin > val, umax <= val),
        jmp::JSGT => ordered(smin > sval, smax <= sval),
        jmp::JLT => ordered(umax < val, umin >= val),
        jmp::JSLT => ordered(smax < sval, smin >= sval),
        jmp::JGE => ordered(umin >= val, umax < val),
        jmp::JSGE => ordered(smin >= sval, smax < sval),
        jmp::JLE => ordered(umax <= val, umin > val),
        jmp::JSLE => ordered(smax <= sval, smin > sval),
        _ => None,
    }
}

/// Narrows a register on both sides of a comparison with `val` (`reg_set_min_max`).
fn set_min_max(yes: &mut RegState, no: &mut RegState, val: u64, cmp: Comparison, rules: &Profile) {
    let (mut a, mut b) = (Number::of(yes), Number::of(no));
    let (on, off) = match cmp.op {
        jmp::JEQ => (Some(&mut a), None),
        jmp::JNE => (Some(&mut b), None),
        _ => (None, Some((&mut a, &mut b))),
    };
    if let Some(equal) = on {
        match cmp.is_jmp32 {
            true => equal.set_known32(val as u32),
            false => *equal = Number::known(val),
        }
    } else if let Some((a, b)) = off {
        if cmp.op == jmp::JSET {
            bits_set(a, b, val, cmp.is_jmp32);
        } else if cmp.is_jmp32 {
            order32(&mut a.r32, &mut b.r32, val as u32, cmp.op);
        } else {
            order64(&mut a.r64, &mut b.r64, val, cmp.op);
        }
    }
    for (mut number, reg) in [(a, yes), (b, no)] {
        match cmp.is_jmp32 {
            true => number.combine_32_into_64(rules),
            false => number.combine_64_into_32(rules),
        }
        number.put(reg);
    }
}

/// Where one bit was asked for and is set it is known; where none is set, all are known that were asked
/// for, and the bounds are forgotten.
fn bits_set(yes: &mut Number, no: &mut Number, val: u64, is_jmp32: bool) {
    let val = if is_jmp32 {
        val & u64::from(u32::MAX)
    } else {
        val
    };
    (no.r64, no.r32) = (MinMax64::UNBOUNDED, MinMax32::UNBOUNDED);
    let change = |n: &mut Number, f: fn(Tnum, Tnum) -> Tnum, by: u64| {
        n.bits = match is_jmp32 {
            true => n.bits.with_subreg(f(n.bits.subreg(), Tnum::konst(by))),
            false => f(n.bits, Tnum::konst(by)),
        };
    };
    change(no, |t, by| t & by, !val);
    if val.is_power_of_two() {
        change(yes, |t, by| t | by, val);
    }
}

macro_rules! order {
    ($name:ident, $range:ident, $ut:ident, $st:ident) => {
        /// Narrows what is compared with `val`, where the comparison holds and where it does not.
        fn $name(yes: &mut $range, no: &mut $range, val: $ut, op: u8) {
            let sval = val as $st;
            match op {
                jmp::JGE | jmp::JGT => {
                    let above = op == jmp::JGT;
                    no.umax = no.umax.min(if above { val } else { val.wrapping_sub(1) });
                    yes.umin = yes.umin.max(if above { val.wrapping_add(1) } else { val });
                }
                jmp::JSGE | jmp::JSGT => {
                    let above = op == jmp::JSGT;
                    no.smax = no.smax.min(if above { sval } else { sval.wrapping_sub(1) });
                    yes.smin = yes
                        .smin
                        .max(if above { sval.wrapping_add(1) } else { sval });
                }
                jmp::JLE | jmp::JLT => {
                    let below = op == jmp::JLT;
                    no.umin = no.umin.max(if below { val } else { val.wrapping_add(1) });
                    yes.umax = yes.umax.min(if below { val.wrapping_sub(1) } else { val });
                }
                jmp::JSLE | jmp::JSLT => {
                    let below = op == jmp::JSLT;
                    no.smin = no.smin.max(if below { sval } else { sval.wrapping_add(1) });
                    yes.smax = yes
                        .smax
                        .min(if below { sval.wrapping_sub(1) } else { sval });
                }
                _ => {}
            }
        }
    };
}

order!(order32, MinMax32, u32, i32);

order!(order64, MinMax64, u64, i64);

/// What two numbers that are equal know of each other (`__reg_combine_min_max`).
fn combine(side: &mut (RegState, RegState), rules: &Profile) {
    let (mut a, mut b) = (Number::of(&side.0), Number::of(&side.1));
    a.r64 = a.r64.intersect(b.r64);
    b.r64 = a.r64;
    a.bits = a.bits.intersect(b.bits);
    b.bits = a.bits;
    for (number, reg) in [(&mut a, &mut side.0), (&mut b, &mut side.1)] {
        sync(number, rules);
        number.put(reg);
    }
}
