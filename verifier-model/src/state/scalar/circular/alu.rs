// SPDX-License-Identifier: GPL-2.0-only
//! What arithmetic does to the ranges and bits of scalars.
//!
//! Source: the `scalar*_min_max_*()` functions in `kernel/bpf/verifier.c`.

use bpf::insn::{alu, class};
use bpf::uapi::Insn;

use crate::domain::cnum::{Cnum32, Cnum64};
use crate::domain::tnum::Tnum;
use crate::facts::rule::Profile;
use crate::state::reg::RegState;
use crate::state::scalar::circular::bounds::{bounds_sync, update_bounds, update_bounds32};
use crate::state::scalar::circular::mul_div;
use crate::state::scalar::circular::width::{coerce_to_size, zext_32_to_64};

/// `dst = dst <op> src`
pub(crate) fn apply(insn: &Insn, dst: &mut RegState, src: &RegState, rules: &Profile) {
    let alu32 = insn.class() != class::ALU64;
    match insn.op() {
        alu::ADD => add(dst, src, rules),
        alu::SUB => {
            dst.set_r32(dst.r32().add(src.r32().negate()));
            dst.set_r64(dst.r64().add(src.r64().negate()));
            dst.var_off = dst.var_off - src.var_off;
        }
        alu::NEG => {
            let old = *dst;
            dst.mark_known(0);
            dst.set_r32(dst.r32().add(old.r32().negate()));
            dst.set_r64(dst.r64().add(old.r64().negate()));
            dst.var_off = -old.var_off;
        }
        alu::MUL => mul_div::mul(dst, src),
        alu::DIV => mul_div::div(insn, dst, src),
        alu::MOD => mul_div::modulo(insn, dst, src),
        alu::AND => {
            dst.var_off = dst.var_off & src.var_off;
            bitwise(
                dst,
                src,
                |d32, s| (d32.value as u32, s.dst.u32_max().min(s.src.u32_max())),
                |d, s| (d.value, s.dst.umax().min(s.src.umax())),
                Some(rules),
            );
        }
        alu::OR => {
            dst.var_off = dst.var_off | src.var_off;
            bitwise(
                dst,
                src,
                |t, s| {
                    (
                        s.dst.u32_min().max(s.src.u32_min()),
                        (t.value | t.mask) as u32,
                    )
                },
                |t, s| (s.dst.umin().max(s.src.umin()), t.value | t.mask),
                Some(rules),
            );
        }
        alu::XOR => {
            dst.var_off = dst.var_off ^ src.var_off;
            bitwise(
                dst,
                src,
                |t, _| (t.value as u32, (t.value | t.mask) as u32),
                |t, _| (t.value, t.value | t.mask),
                None,
            );
        }
        alu::LSH => lsh(dst, src, alu32, rules),
        alu::RSH => rsh(dst, src, alu32, rules),
        alu::ARSH => arsh(dst, src, alu32, rules),
        alu::END => byte_swap(insn, dst, rules),
        _ => {}
    }
    if alu32 && insn.op() != alu::END {
        zext_32_to_64(dst);
    }
    bounds_sync(dst, rules);
}

/// `dst = dst + src`, without a look at what else is known.
pub(crate) fn add(dst: &mut RegState, src: &RegState, _: &Profile) {
    dst.set_r32(dst.r32().add(src.r32()));
    dst.set_r64(dst.r64().add(src.r64()));
    dst.var_off = dst.var_off + src.var_off;
}

struct Operands {
    dst: RegState,
    src: RegState,
}

/// AND, OR, XOR: `dst.var_off` has the result's bits already; both known give a known result.
fn bitwise(
    dst: &mut RegState,
    src: &RegState,
    range32: impl Fn(Tnum, &Operands) -> (u32, u32),
    range64: impl Fn(Tnum, &Operands) -> (u64, u64),
    update: Option<&Profile>,
) {
    let t32 = dst.var_off.subreg();
    let ops = Operands {
        dst: *dst,
        src: *src,
    };
    if src.var_off.subreg_is_const() && t32.is_const() {
        dst.mark_known32(t32.value as u32);
    } else {
        let (lo, hi) = range32(t32, &ops);
        dst.set_r32(Cnum32::from_urange(lo, hi));
    }
    if src.var_off.is_const() && dst.var_off.is_const() {
        dst.mark_known(dst.var_off.value);
        return;
    }
    let (lo, hi) = range64(dst.var_off, &ops);
    dst.set_r64(Cnum64::from_urange(lo, hi));
    if let Some(rules) = update {
        update_bounds(dst, rules);
    }
}

fn lsh(dst: &mut RegState, src: &RegState, alu32: bool, rules: &Profile) {
    if alu32 {
        lsh_range32(dst, src.u32_min().into(), src.u32_max().into());
        dst.var_off = dst.var_off.subreg().lshift(src.u32_min()).subreg();
        dst.set_r64(Cnum64::UNBOUNDED);
        update_bounds32(dst);
        return;
    }
    lsh_range64(dst, src.umin(), src.umax());
    lsh_range32(dst, src.umin(), src.umax());
    dst.var_off = dst.var_off.lshift(src.umin() as u32);
    update_bounds(dst, rules);
}

fn rsh(dst: &mut RegState, src: &RegState, alu32: bool, rules: &Profile) {
    if alu32 {
        let (lo, hi) = (src.u32_min(), src.u32_max());
        dst.var_off = dst.var_off.subreg().rshift(lo);
        dst.set_r32(Cnum32::from_urange(
            dst.u32_min() >> (hi & 31),
            dst.u32_max() >> (lo & 31),
        ));
        dst.set_r64(Cnum64::UNBOUNDED);
        update_bounds32(dst);
        return;
    }
    let (lo, hi) = (src.umin() as u32, src.umax() as u32);
    dst.var_off = dst.var_off.rshift(lo);
    dst.set_r64(Cnum64::from_urange(
        dst.umin() >> (hi & 63),
        dst.umax() >> (lo & 63),
    ));
    dst.set_r32(Cnum32::UNBOUNDED);
    update_bounds(dst, rules);
}

fn arsh(dst: &mut RegState, src: &RegState, alu32: bool, rules: &Profile) {
    if alu32 {
        let n = src.u32_min();
        dst.set_r32(Cnum32::from_srange(
            dst.s32_min() >> (n & 31),
            dst.s32_max() >> (n & 31),
        ));
        dst.var_off = dst.var_off.subreg().arshift(n, 32);
        dst.set_r64(Cnum64::UNBOUNDED);
        update_bounds32(dst);
        return;
    }
    let n = src.umin() as u32;
    dst.set_r64(Cnum64::from_srange(
        dst.smin() >> (n & 63),
        dst.smax() >> (n & 63),
    ));
    dst.var_off = dst.var_off.arshift(n, 64);
    dst.set_r32(Cnum32::UNBOUNDED);
    update_bounds(dst, rules);
}

fn lsh_range32(dst: &mut RegState, lo: u64, hi: u64) {
    dst.set_r32(if hi > 31 || u64::from(dst.u32_max()) > 1u64 << (31 - hi) {
        Cnum32::from_urange(0, u32::MAX)
    } else {
        Cnum32::from_urange(dst.u32_min() << lo, dst.u32_max() << hi)
    });
}

fn lsh_range64(dst: &mut RegState, lo: u64, hi: u64) {
    let signed = if lo == 32 && hi == 32 {
        Cnum64::from_srange(
            i64::from(dst.s32_min()) << 32,
            i64::from(dst.s32_max()) << 32,
        )
    } else {
        Cnum64::UNBOUNDED
    };
    let unsigned = if dst.umax() > 1u64 << (63 - hi) {
        Cnum64::UNBOUNDED
    } else {
        Cnum64::from_urange(dst.umin() << lo, dst.umax() << hi)
    };
    dst.set_r64(unsigned.intersect(signed));
}

/// Little-endian machine: `le` only cuts, `be` and `bswap` swap as well.
fn byte_swap(insn: &Insn, dst: &mut RegState, rules: &Profile) {
    let swaps = insn.class() == class::ALU64 || insn.src_is_reg();
    let cuts = insn.imm == 16 || insn.imm == 32;
    if swaps || cuts {
        dst.clear_scalar_id();
    }
    if swaps {
        dst.var_off = dst.var_off.bswap(insn.imm as u32);
        dst.mark_unbounded();
    }
    if cuts {
        coerce_to_size(dst, insn.imm as u32 / 8, rules);
    }
}
