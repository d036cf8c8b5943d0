// SPDX-License-Identifier: GPL-2.0-only
//! What is done to the number of a register, by the domain that the release has.
//!
//! This is all that the rest of the model asks of a domain; what it says of a register is
//! [`RegState::umin`] and its like.

use bpf::insn::{X, alu, class, jmp};
use bpf::uapi::Insn;

use crate::domain::ranges::Ranges;
use crate::facts::rule::{Profile, Rule};
use crate::state::reg::RegState;
use crate::state::scalar::comparison::{Comparison, flip_opcode};
use crate::state::scalar::domain::Domain;
use crate::state::scalar::{circular, min_max};

/// Calls a function with the domain of a release.
macro_rules! by_release {
    ($rules:expr, $function:ident($($arg:expr),*)) => {
        if $rules.has(Rule::CIRCULAR_RANGES) {
            $function::<circular::number::Number>($($arg),*)
        } else {
            $function::<min_max::number::Number>($($arg),*)
        }
    };
}

/// Changes a number by a method of its domain.
macro_rules! change {
    ($reg:expr, $rules:expr, $method:ident($($arg:expr),*)) => {{
        fn method<D: Domain>(reg: &mut RegState, change: impl FnOnce(&mut D)) {
            let mut number = D::of(reg);
            change(&mut number);
            number.put(reg);
        }
        by_release!($rules, method($reg, |number| number.$method($($arg),*)));
    }};
}

impl RegState {
    /// Narrows each description of the value by the others: bits, range, range of the low half.
    pub(crate) fn bounds_sync(&mut self, rules: &Profile) {
        let value = self.var_off.value;
        if self.var_off.is_const() && self.ranges == Ranges::known(value) {
            return;
        }
        change!(self, rules, sync(rules));
    }

    /// Narrows the 32-bit range by the bits.
    pub(crate) fn update_bounds32(&mut self, rules: &Profile) {
        change!(self, rules, update32());
    }

    /// The low half becomes the whole value.
    pub(crate) fn zext_32_to_64(&mut self, rules: &Profile) {
        change!(self, rules, zext_32_to_64());
    }

    /// The low `size` bytes become the whole value, zero-extended.
    pub(crate) fn coerce_to_size(&mut self, size: u32, rules: &Profile) {
        change!(self, rules, coerce_to_size(size, rules));
    }

    /// The low `size` bytes become the whole value, sign-extended to 64 bits.
    pub(crate) fn coerce_to_size_sx(&mut self, size: u32, rules: &Profile) {
        change!(self, rules, coerce_to_size_sx(size));
    }

    /// The low `size` bytes become the low half, sign-extended to 32 bits.
    pub(crate) fn coerce_subreg_to_size_sx(&mut self, size: u32, rules: &Profile) {
        change!(self, rules, coerce_subreg_to_size_sx(size));
    }

    /// Leaves no number but those from `min` to `max`.
    pub(crate) fn narrow_signed(&mut self, min: i32, max: i32, rules: &Profile) {
        change!(self, rules, narrow_signed(min, max));
        self.bounds_sync(rules);
    }
}

/// Changes a number by another.
fn by<D: Domain>(reg: &mut RegState, by: &RegState, change: impl FnOnce(&mut D, &D)) {
    let mut number = D::of(reg);
    change(&mut number, &D::of(by));
    number.put(reg);
}

/// `dst = dst <op> src`
pub(crate) fn apply(insn: &Insn, dst: &mut RegState, src: &RegState, rules: &Profile) {
    let alu32 = insn.class() != class::ALU64;
    let op = insn.op();
    let swapped = op == alu::END && (!alu32 || insn.src_is_reg() || insn.imm != 64);
    if swapped {
        dst.clear_scalar_id();
    } else if op == alu::NEG || src.var_off.is_const() && bits_of(op, dst, src) {
        dst.forget_links();
    }
    by_release!(
        rules,
        by(dst, src, |number, by| {
            number.compute(insn, by, rules);
            if alu32 && op != alu::END {
                number.zext_32_to_64();
            }
            number.sync(rules);
        })
    );
}

/// Whether all bits of a bitwise operation's result are known.
fn bits_of(op: u8, dst: &RegState, src: &RegState) -> bool {
    let bits = match op {
        alu::AND => dst.var_off & src.var_off,
        alu::OR => dst.var_off | src.var_off,
        alu::XOR => dst.var_off ^ src.var_off,
        _ => return false,
    };
    bits.is_const()
}

/// A number moves by a distance that is known, without a word on what else it may be.
pub(crate) fn add_distance(reg: &mut RegState, distance: &RegState, rules: &Profile) {
    by_release!(rules, by(reg, distance, |number, by| number.add(by, rules)));
}

/// The offset of a pointer moves up.
pub(crate) fn add_to_pointer(ptr: &mut RegState, off: &RegState, rules: &Profile) {
    by_release!(
        rules,
        by(ptr, off, |number, by| number.add_to_pointer(by, rules))
    );
}

/// The offset of a pointer moves down.
pub(crate) fn subtract_from_pointer(ptr: &mut RegState, off: &RegState, rules: &Profile) {
    by_release!(
        rules,
        by(ptr, off, |number, by| number
            .subtract_from_pointer(by, rules))
    );
}

/// Narrows both operands by `r1 <op> r2`, which holds, and by what follows (`regs_refine_cond_op`).
pub(crate) fn refine(r1: &mut RegState, r2: &mut RegState, cmp: Comparison, rules: &Profile) {
    fn narrow<D: Domain>(a: &mut RegState, b: &mut RegState, cmp: Comparison, rules: &Profile) {
        let (mut left, mut right) = (D::of(a), D::of(b));
        left.refine(&mut right, cmp);
        left.sync(rules);
        right.sync(rules);
        left.put(a);
        right.put(b);
    }
    let Comparison { op, is_jmp32, .. } = cmp;
    let known = r2.is_const(is_jmp32);
    // What a domain is told is that the first is below the second, or equal to it, or how it is to one
    // that is known.
    let turned = match op & !X {
        jmp::JGE | jmp::JGT | jmp::JSGE | jmp::JSGT => true,
        jmp::JNE | jmp::JSET if !known && r1.is_const(is_jmp32) => true,
        _ => false,
    };
    if turned {
        let op = if op & X == 0 { flip_opcode(op) } else { op };
        let cmp = Comparison { op, ..cmp };
        by_release!(rules, narrow(r2, r1, cmp, rules));
    } else {
        by_release!(rules, narrow(r1, r2, cmp, rules));
    }
}
