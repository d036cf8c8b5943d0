// SPDX-License-Identifier: GPL-2.0-only
//! The laws of numbers that are not known, tried on every release: what a register stands for is still
//! there after it was narrowed, cut, computed with, and compared.

use bpf::insn::{X, alu, class, jmp};
use bpf::uapi::Insn;
use proptest::prelude::*;

use crate::state::reg::RegState;
use crate::state::scalar::branch::is_scalar_branch_taken;
use crate::state::scalar::by_release::{add_to_pointer, apply, subtract_from_pointer};
use crate::state::scalar::comparison::{Branches, Comparison};
use crate::state::scalar::known::is_safe_to_compute;
use crate::state::scalar::members::{Member, holds, release};

fn computed(insn: &Insn, a: u64, b: u64) -> u64 {
    let (wide, sx) = (insn.class() == class::ALU64, insn.off != 0);
    let (a32, b32) = (a as u32, b as u32);
    match (insn.op(), wide) {
        (alu::ADD, true) => a.wrapping_add(b),
        (alu::ADD, false) => a32.wrapping_add(b32).into(),
        (alu::SUB, true) => a.wrapping_sub(b),
        (alu::SUB, false) => a32.wrapping_sub(b32).into(),
        (alu::MUL, true) => a.wrapping_mul(b),
        (alu::MUL, false) => a32.wrapping_mul(b32).into(),
        (alu::AND, true) => a & b,
        (alu::AND, false) => (a32 & b32).into(),
        (alu::OR, true) => a | b,
        (alu::OR, false) => (a32 | b32).into(),
        (alu::XOR, true) => a ^ b,
        (alu::XOR, false) => (a32 ^ b32).into(),
        (alu::NEG, true) => a.wrapping_neg(),
        (alu::NEG, false) => a32.wrapping_neg().into(),
        (alu::DIV, true) if sx => {
            if b == 0 {
                0
            } else {
                (a as i64).wrapping_div(b as i64) as u64
            }
        }
        (alu::DIV, true) => a.checked_div(b).unwrap_or(0),
        (alu::DIV, false) if sx => if b32 == 0 {
            0
        } else {
            (a32 as i32).wrapping_div(b32 as i32) as u32
        }
        .into(),
        (alu::DIV, false) => a32.checked_div(b32).unwrap_or(0).into(),
        (alu::MOD, true) if sx => {
            if b == 0 {
                a
            } else {
                (a as i64).wrapping_rem(b as i64) as u64
            }
        }
        (alu::MOD, true) => a.checked_rem(b).unwrap_or(a),
        (alu::MOD, false) if sx => if b32 == 0 {
            a32
        } else {
            (a32 as i32).wrapping_rem(b32 as i32) as u32
        }
        .into(),
        (alu::MOD, false) => a32.checked_rem(b32).unwrap_or(a32).into(),
        (alu::LSH, true) => a << (b & 63),
        (alu::LSH, false) => (a32 << (b & 31)).into(),
        (alu::RSH, true) => a >> (b & 63),
        (alu::RSH, false) => (a32 >> (b & 31)).into(),
        (alu::ARSH, true) => ((a as i64) >> (b & 63)) as u64,
        (_, _) => (((a32 as i32) >> (b & 31)) as u32).into(),
    }
}

const ALU_OPS: [u8; 12] = [
    alu::ADD,
    alu::SUB,
    alu::MUL,
    alu::AND,
    alu::OR,
    alu::XOR,
    alu::NEG,
    alu::DIV,
    alu::MOD,
    alu::LSH,
    alu::RSH,
    alu::ARSH,
];

fn compared(op: u8, j32: bool, a: u64, b: u64) -> bool {
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

const JMP_OPS: [u8; 11] = [
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
    #![proptest_config(ProptestConfig::with_cases(8000))]

    #[test]
    fn narrowing_keeps_every_value(rules in release(), member in Member::any()) {
        let (mut r, x) = member.of(&rules);
        prop_assert!(holds(&r, x), "{r:?} {x:#x}");
        r.bounds_sync(&rules);
        prop_assert!(holds(&r, x), "{r:?} {x:#x}");
    }

    #[test]
    fn width_changes_keep_every_value(rules in release(), member in Member::any()) {
        let (reg, x) = member.of(&rules);
        let run = |f: &dyn Fn(&mut RegState)| { let mut r = reg; f(&mut r); r };
        for size in [1, 2, 4] {
            let keep = (1u64 << (size * 8)) - 1;
            let got = run(&|r| r.coerce_to_size(size, &rules));
            prop_assert!(holds(&got, x & keep), "{size}: {got:?} {:#x}", x & keep);
            let sx = match size { 1 => x as i8 as i64, 2 => x as i16 as i64, _ => x as i32 as i64 };
            let got = run(&|r| r.coerce_to_size_sx(size, &rules));
            prop_assert!(holds(&got, sx as u64), "{size}: {got:?} {sx:#x}");
        }
        let zext = run(&|r| { r.zext_32_to_64(&rules); r.bounds_sync(&rules) });
        prop_assert!(holds(&zext, x & 0xffff_ffff), "{zext:?}");
        for size in [1, 2] {
            let sx = if size == 1 { x as i8 as i32 } else { x as i16 as i32 };
            let got = run(&|r| {
                r.coerce_subreg_to_size_sx(size, &rules);
                r.zext_32_to_64(&rules);
                r.bounds_sync(&rules)
            });
            prop_assert!(holds(&got, u64::from(sx as u32)), "{got:?} {sx:#x}");
        }
    }

    #[test]
    fn every_operation_is_sound(
        rules in release(), op in prop::sample::select(ALU_OPS.to_vec()),
        (wide, sx, known) in any::<(bool, bool, bool)>(), a in Member::any(), b in Member::any(),
    ) {
        let ((a, x), (mut b, mut y)) = (a.of(&rules), b.of(&rules));
        let shift = matches!(op, alu::LSH | alu::RSH | alu::ARSH);
        if shift { y &= if wide { 63 } else { 31 }; }
        if known || shift { b = RegState::konst(y); }
        let sx = sx && matches!(op, alu::DIV | alu::MOD);
        let class = if wide { class::ALU64 } else { class::ALU };
        let insn = Insn { code: class | op | X, off: sx.into(), ..Insn::default() };
        if !is_safe_to_compute(&insn, &b, &rules) { return Ok(()); }
        let mut r = a;
        apply(&insn, &mut r, &b, &rules);
        let v = computed(&insn, x, y);
        prop_assert!(holds(&r, v), "{op:#x} wide {wide} sx {sx}: {a:?} {x:#x} op {b:?} {y:#x} = {v:#x} not in {r:?}");
    }

    #[test]
    fn a_pointer_is_where_its_offset_says(
        rules in release(), a in Member::any(), b in Member::any(), known: bool,
    ) {
        let ((mut a, x), (mut b, y)) = (a.of(&rules), b.of(&rules));
        if known { b = RegState::konst(y); }
        a.ranges.forget32();
        let (mut sum, mut difference) = (a, a);
        add_to_pointer(&mut sum, &b, &rules);
        subtract_from_pointer(&mut difference, &b, &rules);
        prop_assert!(holds(&sum, x.wrapping_add(y)), "{a:?} + {b:?} = {sum:?}");
        prop_assert!(holds(&difference, x.wrapping_sub(y)), "{a:?} - {b:?} = {difference:?}");
    }

    #[test]
    fn no_real_path_is_lost(
        rules in release(), op in prop::sample::select(JMP_OPS.to_vec()),
        (is_jmp32, known, known_left) in any::<(bool, bool, bool)>(),
        a in Member::any(), b in Member::any(),
    ) {
        let ((mut a, x), (mut b, y)) = (a.of(&rules), b.of(&rules));
        if known_left { a = RegState::konst(x); }
        if known { b = RegState::konst(y); }
        let mut sides = Branches { taken: (a, b), fallthrough: (a, b) };
        let cmp = Comparison { op, is_jmp32, one_reg: false };
        let pred = is_scalar_branch_taken(&a, &b, cmp, &mut sides, &rules);
        let real = compared(op, is_jmp32, x, y);
        match pred {
            Some(p) => prop_assert_eq!(p, real, "{:#x} {:?} {:#x} {:?} {:#x}", op, a, x, b, y),
            None => {
                let side = if real { sides.taken } else { sides.fallthrough };
                prop_assert!(holds(&side.0, x) && holds(&side.1, y), "{op:#x} {side:?} {x:#x} {y:#x}");
            }
        }
    }

    #[test]
    fn a_number_compared_with_itself_keeps_its_values(
        rules in release(), op in prop::sample::select(JMP_OPS.to_vec()), is_jmp32: bool,
        a in Member::any(),
    ) {
        let (a, x) = a.of(&rules);
        let mut sides = Branches { taken: (a, a), fallthrough: (a, a) };
        let cmp = Comparison { op, is_jmp32, one_reg: true };
        let pred = is_scalar_branch_taken(&a, &a, cmp, &mut sides, &rules);
        let real = compared(op, is_jmp32, x, x);
        prop_assert!(pred.is_none_or(|p| p == real), "{op:#x} {a:?}");
        let side = if real { sides.taken } else { sides.fallthrough };
        prop_assert!(pred.is_some() || holds(&side.1, x), "{op:#x} {side:?} {x:#x}");
    }
}
