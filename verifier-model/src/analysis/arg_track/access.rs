// SPDX-License-Identifier: GPL-2.0-only
//! Which halves of stack slots an instruction reads and writes, through a pointer that is known as far
//! as [`ArgTrack`] knows it.
//!
//! Source: `record_load_store_access()`, `record_stack_access()`, `record_imprecise()` in
//! `kernel/bpf/liveness.c`.

use bpf::insn::{LOAD_ACQ, STORE_REL, class, mode};
use bpf::uapi::Insn;

use crate::analysis::arg_track::{ArgTrack, Args, Offsets};
use crate::analysis::liveness::instance::{Instance, Spis};

const STACK_SLOT_SZ: i64 = 4;

/// Number of bytes that a call accesses when that is not known (`S64_MIN` in the kernel).
pub(crate) const UNKNOWN_BYTES: i64 = i64::MIN;

/// Records what a load or store accesses.
pub(crate) fn record_load_store(inst: &mut Instance, insn: &Insn, at: &Args, idx: usize) {
    if insn.is_stack_arg_stx() || insn.is_stack_arg_st() || insn.is_stack_arg_ldx() {
        return;
    }
    let sz = i64::from(insn.size());
    let (reg, bytes) = match insn.class() {
        class::LDX => (insn.src(), sz),
        class::STX if insn.mode() == mode::ATOMIC => match insn.imm {
            LOAD_ACQ => (insn.src(), sz),
            STORE_REL => (insn.dst(), -sz),
            _ => (insn.dst(), sz),
        },
        class::STX | class::ST => (insn.dst(), -sz),
        _ => return,
    };
    match at[reg] {
        ArgTrack::Fp(f, o) => record_access(inst, f.into(), o.add(insn.off.into()), bytes, idx),
        ArgTrack::Imprecise(m) => record_imprecise(inst, m, idx),
        _ => {}
    }
}

/// Any byte of these frames may be read.
pub(crate) fn record_imprecise(inst: &mut Instance, mask: u16, idx: usize) {
    for f in 0..=inst.depth {
        if mask >> f & 1 != 0 {
            inst.mark_read(f, idx, Spis::MAX);
        }
    }
}

/// Records an access of `bytes` bytes: a read when positive, a sure write when negative.
pub(crate) fn record_access(
    inst: &mut Instance,
    frame: usize,
    offs: Offsets,
    bytes: i64,
    idx: usize,
) {
    if bytes == 0 || frame > inst.depth {
        return;
    }
    if offs.is_unknown() {
        if bytes > 0 || bytes == UNKNOWN_BYTES {
            inst.mark_read(frame, idx, Spis::MAX);
        }
        return;
    }
    if bytes != UNKNOWN_BYTES && bytes < 0 && !offs.is_known() {
        return;
    }
    for &off in offs.as_slice() {
        let below = -i64::from(off);
        if below <= 0 {
            continue;
        }
        if bytes == UNKNOWN_BYTES {
            inst.mark_read(frame, idx, half_slots(0, (below - 1) / STACK_SLOT_SZ));
        } else if bytes > 0 {
            let lo = ((below - bytes) / STACK_SLOT_SZ).max(0);
            inst.mark_read(frame, idx, half_slots(lo, (below - 1) / STACK_SLOT_SZ));
        } else {
            // Only halves that are written whole.
            let lo = ((below + bytes + STACK_SLOT_SZ - 1) / STACK_SLOT_SZ).max(0);
            let hi = below / STACK_SLOT_SZ - 1;
            if lo <= hi {
                inst.mark_write(frame, idx, half_slots(lo, hi));
            }
        }
    }
}

/// Bits `lo` to `hi`.
fn half_slots(lo: i64, hi: i64) -> Spis {
    (lo..=hi.min(127)).fold(0, |m, b| m | 1 << b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accesses_cover_half_slots() {
        let inst = |off, bytes| {
            let mut i = Instance::new(0, 0, 0, 0, 1);
            record_access(&mut i, 0, Offsets::single(off), bytes, 0);
            i
        };
        let bits = |i: &Instance| i.masks_for_test();
        assert_eq!(bits(&inst(-8, 8)), (0b11, 0));
        assert_eq!(bits(&inst(-16, 8)), (0b1100, 0));
        assert_eq!(bits(&inst(-8, -4)), (0, 0b10));
        assert_eq!(bits(&inst(-5, -4)), (0, 0), "no half is written whole");
        assert_eq!(bits(&inst(-5, 1)), (0b10, 0));
    }
}
