// SPDX-License-Identifier: GPL-2.0-only
//! Conditions over scalars: which way a jump goes, and what each way says about its operands.
//!
//! Source: `is_scalar_branch_taken()`, `simulate_both_branches_taken()` in `kernel/bpf/verifier.c`.

use bpf::insn::jmp;

use crate::facts::rule::{Profile, Rule};
use crate::state::reg::RegState;
use crate::state::scalar::by_release::refine;
use crate::state::scalar::comparison::{Branches, Comparison, rev_opcode};
use crate::state::scalar::min_max::constants;

/// As [`is_scalar_branch_taken`], where both operands are one register.
fn is_same_reg_branch_taken(r: &RegState, op: u8, is_jmp32: bool) -> Option<bool> {
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
    cmp: Comparison,
    branches: &mut Branches,
    rules: &Profile,
) -> Option<bool> {
    if !rules.has(Rule::UNKNOWN_OPERANDS) {
        return constants::is_branch_taken(r1, r2, cmp, branches, rules);
    }
    if cmp.one_reg && rules.has(Rule::BRANCHES_TRIED) {
        return is_same_reg_branch_taken(r1, cmp.op, cmp.is_jmp32);
    }
    match decided(r1, r2, cmp.op, cmp.is_jmp32) {
        Decided::Taken(taken) => Some(taken),
        Decided::Never => None,
        Decided::Not => simulate_both_branches(cmp, branches, rules),
    }
}

/// What the operands say of a jump.
enum Decided {
    Taken(bool),
    /// Nothing, and nothing is learnt of it.
    Never,
    Not,
}

fn decided(r1: &RegState, r2: &RegState, op: u8, is_jmp32: bool) -> Decided {
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
                return Decided::Never;
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
    decided.map_or(Decided::Not, Decided::Taken)
}

/// Narrows the operands on both sides; a side where nothing is left is not possible.
fn simulate_both_branches(cmp: Comparison, b: &mut Branches, rules: &Profile) -> Option<bool> {
    let impossible = |side: &mut (RegState, RegState), op: u8| {
        let cmp = Comparison { op, ..cmp };
        refine(&mut side.0, &mut side.1, cmp, rules);
        side.0.is_impossible() || side.1.is_impossible()
    };
    let tried = rules.has(Rule::BRANCHES_TRIED);
    if impossible(&mut b.fallthrough, rev_opcode(cmp.op)) && tried {
        return Some(true);
    }
    if impossible(&mut b.taken, cmp.op) && tried {
        return Some(false);
    }
    None
}
