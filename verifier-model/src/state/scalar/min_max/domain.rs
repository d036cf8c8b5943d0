// SPDX-License-Identifier: GPL-2.0-only
//! The domain of a least and a greatest, as the rest of the model asks it.

use bpf::uapi::Insn;

use crate::domain::ranges::Ranges;
use crate::facts::rule::Profile;
use crate::state::reg::RegState;
use crate::state::scalar::comparison::Comparison;
use crate::state::scalar::domain::Domain;
use crate::state::scalar::min_max::number::Number;
use crate::state::scalar::min_max::{alu, bounds, pointer, refine, width};

impl Domain for Number {
    fn of(reg: &RegState) -> Self {
        let (r64, r32) = reg.ranges.bounds();
        Self {
            bits: reg.var_off,
            r64,
            r32,
        }
    }

    fn put(self, reg: &mut RegState) {
        reg.var_off = self.bits;
        reg.ranges = Ranges::of_bounds(self.r64, self.r32);
    }

    fn sync(&mut self, rules: &Profile) {
        bounds::sync(self, rules);
    }

    fn update32(&mut self) {
        bounds::update32(self);
    }

    fn narrow_signed(&mut self, min: i32, max: i32) {
        bounds::narrow_signed(self, min, max);
    }

    fn zext_32_to_64(&mut self) {
        width::zext_32_to_64(self);
    }

    fn coerce_to_size(&mut self, size: u32, rules: &Profile) {
        width::coerce_to_size(self, size, rules);
    }

    fn coerce_to_size_sx(&mut self, size: u32) {
        width::coerce_to_size_sx(self, size);
    }

    fn coerce_subreg_to_size_sx(&mut self, size: u32) {
        width::coerce_subreg_to_size_sx(self, size);
    }

    fn compute(&mut self, insn: &Insn, by: &Self, rules: &Profile) {
        alu::compute(insn, self, by, rules);
    }

    fn add(&mut self, by: &Self, rules: &Profile) {
        alu::add(self, by, rules);
    }

    fn add_to_pointer(&mut self, by: &Self, rules: &Profile) {
        pointer::add(self, by, rules);
    }

    fn subtract_from_pointer(&mut self, by: &Self, rules: &Profile) {
        pointer::sub(self, by, rules);
    }

    fn refine(&mut self, other: &mut Self, cmp: Comparison) {
        refine::refine(self, other, cmp);
    }
}
