// SPDX-License-Identifier: GPL-2.0-only
//! Comparisons with the packet's end: where they lead, and how many bytes they prove.
//!
//! Source: `try_match_pkt_pointers()`, `find_good_pkt_pointers()`, `is_pkt_ptr_branch_taken()` in
//! `kernel/bpf/verifier.c`.

use bpf::insn::{class, jmp};
use bpf::uapi::Insn;

use crate::facts::types::RegType;
use crate::state::VerifierState;
use crate::state::reg::{About, RegState};
use crate::state::scalar::comparison::flip_opcode;

const MAX_PACKET_OFF: u64 = 0xffff;

const AT_PKT_END: i32 = -1;

const BEYOND_PKT_END: i32 = -2;

/// A comparison with the packet's end tells how many bytes are there (`try_match_pkt_pointers`):
/// behind the packet's start if offsets are `merged`, else behind the part of them that is not known.
pub(crate) fn try_match_pkt_pointers(
    insn: &Insn,
    this: &mut VerifierState,
    other: &mut VerifierState,
    merged: bool,
) -> bool {
    if !insn.src_is_reg() || insn.class() == class::JMP32 {
        return false;
    }
    let (d, s) = (insn.dst(), insn.src());
    let (dst, src) = (this.frame().regs[d], this.frame().regs[s]);
    let init =
        |r: &RegState| r.typ == RegType::PTR_TO_PACKET && r.id == 0 && r.var_off.equals_const(0);
    let pkt_vs_end = |p: &RegState, e: &RegState| {
        p.typ == RegType::PTR_TO_PACKET && e.typ == RegType::PTR_TO_PACKET_END
            || p.typ == RegType::PTR_TO_PACKET_META && init(e)
    };
    let (pkt, regno, op) = if pkt_vs_end(&dst, &src) {
        (dst, d, insn.op())
    } else if pkt_vs_end(&src, &dst) {
        (src, s, flip_opcode(insn.op()))
    } else {
        return false;
    };
    // With the packet pointer on the left: where is it inside, and is the end excluded there?
    let (inside, outside, open) = match op {
        jmp::JGT => (this, other, false),
        jmp::JLT => (other, this, true),
        jmp::JGE => (this, other, true),
        jmp::JLE => (other, this, false),
        _ => return false,
    };
    if let Some(off) = bytes_before(&pkt, merged) {
        find_good_pkt_pointers(inside, &pkt, off, open);
    }
    let reg = &mut outside.frame_mut().regs[regno];
    if reg.typ == RegType::PTR_TO_PACKET {
        reg.about = About::Range(if open { AT_PKT_END } else { BEYOND_PKT_END });
    }
    true
}

/// Whether it is a pointer to packet data or to its end.
pub(crate) fn is_pkt_pointer_any(reg: &RegState) -> bool {
    reg.typ.is_pkt_pointer() || reg.typ == RegType::PTR_TO_PACKET_END
}

/// Which way a comparison with the end goes, if one before told.
pub(crate) fn is_pkt_ptr_branch_taken(dst: &RegState, src: &RegState, op: u8) -> Option<bool> {
    let end = RegType::PTR_TO_PACKET_END;
    let (pkt, op) = if src.typ == end {
        (dst, op)
    } else if dst.typ == end {
        (src, flip_opcode(op))
    } else {
        return None;
    };
    match (op, pkt.range()) {
        (jmp::JLE | jmp::JGT, BEYOND_PKT_END) => Some(op == jmp::JGT),
        (jmp::JLT | jmp::JGE, BEYOND_PKT_END | AT_PKT_END) => Some(op == jmp::JGE),
        _ => None,
    }
}

/// How many bytes are before the pointer, counted from where `merged` says; None if it points before that.
fn bytes_before(pkt: &RegState, merged: bool) -> Option<u64> {
    match merged {
        true => Some(pkt.umax()),
        false => u64::try_from(pkt.delta).ok(),
    }
}

fn find_good_pkt_pointers(st: &mut VerifierState, pkt: &RegState, off: u64, open: bool) {
    if off == 0 && open || pkt.umax().max(off) > MAX_PACKET_OFF {
        return;
    }
    let new_range = off as i32 + i32::from(open);
    st.change_regs(
        |reg| reg.typ == pkt.typ && reg.id == pkt.id,
        |reg| reg.about = About::Range(reg.range().max(new_range)),
    );
}
