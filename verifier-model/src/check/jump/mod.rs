// SPDX-License-Identifier: GPL-2.0-only
//! Conditional jumps: the path that goes on here and the path to explore later.
//!
//! Source: `check_cond_jmp_op()`, `mark_ptr_or_null_regs()` in `kernel/bpf/verifier.c`.

pub(crate) mod indirect;
pub(crate) mod packet;

use bpf::insn::{class, jmp};
use bpf::uapi::Insn;

use crate::analysis::Known;
use crate::check::jump::packet::{
    is_pkt_pointer_any, is_pkt_ptr_branch_taken, try_match_pkt_pointers,
};
use crate::env::Env;
use crate::facts::errno::Errno;
use crate::facts::limits::BPF_MAX_VAR_OFF;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::log::reject;
use crate::state::VerifierState;
use crate::state::history::{HistFlags, LinkedRegs};
use crate::state::reference::RefKind;
use crate::state::reg::RegState;
use crate::state::scalar::branch::is_scalar_branch_taken;
use crate::state::scalar::comparison::{Branches, Comparison, flip_opcode};

impl Env<'_> {
    /// A conditional jump (`check_cond_jmp_op`). Falls through here; the taken branch waits.
    pub(crate) fn check_cond_jmp_op(&mut self, insn: &Insn) -> Checked {
        let (d, s, op) = (insn.dst(), insn.src(), insn.op());
        let idx = self.path.insn_idx;
        if op == jmp::JCOND {
            return self.check_may_goto(insn);
        }
        if op == jmp::JA || op > jmp::JCOND {
            return reject!(
                self,
                MalformedInstruction,
                EINVAL,
                "invalid BPF_JMP/JMP32 opcode {op:x}"
            );
        }
        let src = self.check_jmp_operands(insn)?;
        let mut linked = LinkedRegs::default();
        if insn.src_is_reg() && src.is_scalar() && src.id != 0 {
            self.collect_linked_regs(src.id, &mut linked);
        }
        let dst = *self.reg(d);
        if dst.is_scalar() && dst.id != 0 {
            self.collect_linked_regs(dst.id, &mut linked);
        }
        // Ids may have been dropped when there were too many; look again.
        let dst = *self.reg(d);
        let src = if insn.src_is_reg() { *self.reg(s) } else { src };
        let is_jmp32 = insn.class() == class::JMP32;
        let mut branches = Branches {
            taken: (dst, src),
            fallthrough: (dst, src),
        };
        let pred = self.is_branch_taken(insn, &dst, &src, &mut branches);
        if let Some(taken) = pred {
            return self.follow_known_branch(insn, taken, &dst, &src);
        }
        if linked.len() > 1 {
            self.push_jmp_history(HistFlags::default(), 0, 0, linked);
        }
        let to = (idx as i64 + i64::from(insn.off) + 1).max(0) as usize;
        self.push_stack(to, idx, false)?;
        for (reg, ctx) in [
            (&mut branches.taken.0, "true_reg1"),
            (&mut branches.taken.1, "true_reg2"),
            (&mut branches.fallthrough.0, "false_reg1"),
            (&mut branches.fallthrough.1, "false_reg2"),
        ] {
            self.bounds_sanity_check(reg, ctx)?;
        }
        self.regs()[d] = branches.fallthrough.0;
        if insn.src_is_reg() {
            self.regs()[s] = branches.fallthrough.1;
        }
        // With one register on both sides the second write is the one that stays.
        let mut other = match self.path.waiting.pop() {
            Some(e) => e,
            None => return Err(Errno::EFAULT.into()),
        };
        let other_regs = &mut other.st.frame_mut().regs;
        other_regs[d] = branches.taken.0;
        if insn.src_is_reg() {
            other_regs[s] = branches.taken.1;
        }
        let result = self.both_branches(insn, &mut other.st, &linked, is_jmp32, branches);
        self.path.waiting.push(other);
        result?;
        if self.log.level1() {
            self.print_insn_state();
        }
        Ok(())
    }

    /// What is compared must be known, and no pointer; gives the right side.
    fn check_jmp_operands(&mut self, insn: &Insn) -> Checked<RegState> {
        let (d, s) = (insn.dst(), insn.src());
        self.check_src_reg(d)?;
        let mut flags = HistFlags::default();
        let src = if insn.src_is_reg() {
            self.check_src_reg(s)?;
            let pkt_any = is_pkt_pointer_any(self.reg(d)) && is_pkt_pointer_any(self.reg(s));
            if !pkt_any && self.is_pointer_value(s) {
                return reject!(
                    self,
                    AddressLeak[s],
                    EACCES,
                    "R{s} pointer comparison prohibited"
                );
            }
            flags.src_reg_stack = self.reg(s).typ == RegType::PTR_TO_STACK;
            *self.reg(s)
        } else {
            RegState::konst(i64::from(insn.imm) as u64)
        };
        flags.dst_reg_stack = self.reg(d).typ == RegType::PTR_TO_STACK;
        if flags != HistFlags::default() {
            self.push_jmp_history(flags, 0, 0, LinkedRegs::default());
        }
        Ok(src)
    }

    /// Goes on where the jump is known to go; what that was known from must then be precise.
    fn follow_known_branch(
        &mut self,
        insn: &Insn,
        taken: bool,
        dst: &RegState,
        src: &RegState,
    ) -> Checked {
        let idx = self.path.insn_idx;
        if dst.is_scalar() || dst.typ == RegType::NOT_INIT {
            self.mark_chain_precision(insn.dst())?;
        }
        if insn.src_is_reg() && src.is_scalar() {
            self.mark_chain_precision(insn.src())?;
        }
        if !self.input.bypass_spec_v1 {
            let off = if taken { 0 } else { i64::from(insn.off) };
            let next = (idx as i64 + off + 1).max(0) as usize;
            self.sanitize_speculative_path(Some(insn), next)?;
        }
        if self.log.level1() {
            self.print_insn_state();
        }
        if taken {
            self.path.insn_idx = idx.wrapping_add_signed(insn.off.into());
        }
        Ok(())
    }

    /// What both branches know besides the operands themselves.
    fn both_branches(
        &mut self,
        insn: &Insn,
        other: &mut VerifierState,
        linked: &LinkedRegs,
        is_jmp32: bool,
        branches: Branches,
    ) -> Checked {
        let (d, s, op) = (insn.dst(), insn.src(), insn.op());
        let sync = |env: &mut Self, regno: usize, other: &mut VerifierState| {
            let reg = *env.reg(regno);
            if reg.is_scalar() && reg.id != 0 {
                let mut cur = core::mem::take(&mut env.path.cur);
                env.sync_linked_regs(&mut cur, regno, linked);
                env.path.cur = cur;
                env.sync_linked_regs(other, regno, linked);
            }
        };
        if insn.src_is_reg() {
            sync(self, s, other);
        }
        sync(self, d, other);

        let dst = *self.reg(d);
        let src = if insn.src_is_reg() {
            *self.reg(s)
        } else {
            branches.fallthrough.1
        };
        let btf = RegType::PTR_TO_BTF_ID;
        if !is_jmp32
            && self.input.profile.has(Rule::EQUAL_POINTERS)
            && insn.src_is_reg()
            && src.typ.is_pointer()
            && dst.typ.is_pointer()
            && src.typ.base() != btf
            && dst.typ.base() != btf
            && matches!(op, jmp::JEQ | jmp::JNE)
        {
            // Equal to something that is not NULL is not NULL.
            let (dst_ok, src_ok) = match self.input.profile.has(Rule::EQUAL_TO_NOT_NULL) {
                true => (self.reg_not_null(&dst), self.reg_not_null(&src)),
                false => (!dst.typ.may_be_null(), !src.typ.may_be_null()),
            };
            let known = self.known;
            let eq = if op == jmp::JEQ {
                &mut *other
            } else {
                &mut self.path.cur
            };
            let regs = &mut eq.frame_mut().regs;
            if dst_ok && src.typ.may_be_null() {
                known.mark_ptr_not_null(&mut regs[s]);
            }
            if src_ok && dst.typ.may_be_null() {
                known.mark_ptr_not_null(&mut regs[d]);
            }
        }
        let dst = *self.reg(d);
        let null_check = !is_jmp32
            && matches!(op, jmp::JEQ | jmp::JNE)
            && dst.typ.may_be_null()
            && if insn.src_is_reg() {
                self.input.profile.has(Rule::ZERO_REGISTER_NULL) && self.reg(s).is_null()
            } else {
                insn.imm == 0
            };
        if null_check {
            if insn.src_is_reg() {
                self.mark_known_zero_precise(s)?;
            }
            let not_null = self.not_null(&dst);
            let (here, there) = match op {
                jmp::JNE => (Tested::Null, not_null),
                _ => (not_null, Tested::Null),
            };
            mark_ptr_or_null_regs(self.known, &mut self.path.cur, d, here);
            mark_ptr_or_null_regs(self.known, other, d, there);
        } else if !self.match_pkt_pointers(insn, other) && self.is_pointer_value(d) {
            return reject!(
                self,
                AddressLeak[d],
                EACCES,
                "R{d} pointer comparison prohibited"
            );
        }
        Ok(())
    }

    fn match_pkt_pointers(&mut self, insn: &Insn, other: &mut VerifierState) -> bool {
        let merged = self.input.profile.has(Rule::PACKET_OFFSETS_MERGED);
        try_match_pkt_pointers(insn, &mut self.path.cur, other, merged)
    }

    /// `may_goto` jumps when the program ran for too long: the loop's body is explored later, with
    /// imprecise scalars forgotten; the exit is taken now.
    fn check_may_goto(&mut self, insn: &Insn) -> Checked {
        let idx = self.path.insn_idx;
        if insn.off == 0 && !self.input.profile.has(Rule::MAY_GOTO_ZERO) {
            return reject!(
                self,
                MalformedInstruction,
                EINVAL,
                "invalid may_goto off 0 imm {}",
                insn.imm
            );
        }
        let prev = self
            .path
            .cur
            .parent
            .and_then(|p| self.state(p))
            .and_then(|parent| self.find_prev_entry(parent, idx));
        self.push_stack(idx + 1, idx, false)?.may_goto_depth += 1;
        if let Some(prev) = prev {
            self.widen_queued(prev);
        }
        self.path.insn_idx = idx.wrapping_add_signed(insn.off.into());
        Ok(())
    }

    /// Which way the jump goes, if only one is possible.
    fn is_branch_taken(
        &self,
        insn: &Insn,
        r1: &RegState,
        r2: &RegState,
        branches: &mut Branches,
    ) -> Option<bool> {
        let (op, is_jmp32) = (insn.op(), insn.class() == class::JMP32);
        if is_pkt_pointer_any(r1) && is_pkt_pointer_any(r2) && !is_jmp32 {
            return is_pkt_ptr_branch_taken(r1, r2, op);
        }
        if !r1.typ.is_pointer() && !r2.typ.is_pointer() {
            let cmp = Comparison {
                op,
                is_jmp32,
                one_reg: insn.src_is_reg() && insn.dst() == insn.src(),
            };
            return is_scalar_branch_taken(r1, r2, cmp, branches, self.input.profile);
        }
        if is_jmp32 && self.input.profile.has(Rule::HALVES_OF_POINTERS) {
            return None;
        }
        let known_left = self.input.profile.has(Rule::KERNEL_POINTERS_NOT_NULL);
        let (r1, r2, op) = if r2.is_const(is_jmp32) || !known_left {
            (r1, r2, op)
        } else {
            (r2, r1, flip_opcode(op))
        };
        if !r2.is_const(is_jmp32) || !self.reg_not_null(r1) || r2.const_value(is_jmp32) != 0 {
            return None;
        }
        match op {
            jmp::JEQ => Some(false),
            jmp::JNE => Some(true),
            _ => None,
        }
    }

    /// Whether a pointer is known not to be NULL.
    pub(crate) fn reg_not_null(&self, reg: &RegState) -> bool {
        let strict = self.input.profile.has(Rule::EQUAL_TO_NOT_NULL);
        let far = reg.smin() <= -BPF_MAX_VAR_OFF || reg.smax() >= BPF_MAX_VAR_OFF;
        if reg.typ.may_be_null() || strict && far {
            return false;
        }
        let every = self.input.profile.has(Rule::KERNEL_POINTERS_NOT_NULL);
        match reg.typ.base() {
            RegType::PTR_TO_SOCKET
            | RegType::PTR_TO_TCP_SOCK
            | RegType::PTR_TO_MAP_VALUE
            | RegType::PTR_TO_MAP_KEY
            | RegType::PTR_TO_SOCK_COMMON => true,
            _ if !every => false,
            RegType::PTR_TO_XDP_SOCK | RegType::PTR_TO_BUF => strict,
            RegType::CONST_PTR_TO_MAP => true,
            RegType::PTR_TO_BTF_ID => self.is_trusted_reg(reg),
            RegType::PTR_TO_MEM => !reg.typ.has(Flag::PTR_UNTRUSTED),
            _ => false,
        }
    }
}

/// What a test for NULL tells of a pointer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tested {
    Null,
    NotNull,
    /// And its id has done its work.
    NotNullNorLinked,
}

impl Env<'_> {
    /// What is known of a pointer that is not NULL.
    fn not_null(&self, reg: &RegState) -> Tested {
        let keeps_id = self.input.profile.has(Rule::NULL_CHECKED_IDS)
            || self.path.cur.holds_reference(reg.id)
            || self.reg_may_point_to_spin_lock(reg);
        match keeps_id {
            true => Tested::NotNull,
            false => Tested::NotNullNorLinked,
        }
    }
}

/// On one branch the register is NULL, on the other it is not; all that share its id follow.
fn mark_ptr_or_null_regs(known: &Known<'_>, st: &mut VerifierState, regno: usize, tested: Tested) {
    let id = st.frame().regs[regno].id;
    if tested == Tested::Null {
        // An acquisition that gave NULL acquired nothing.
        let held = st
            .refs
            .iter()
            .position(|r| r.id == id && matches!(r.kind, RefKind::Ptr { .. }));
        if let Some(i) = held {
            st.refs.remove(i);
        }
    }
    let linked = |reg: &RegState| reg.typ.may_be_null() && reg.id == id;
    st.change_regs(linked, |reg| {
        let object = known.is_ptr_alloc_obj(reg.typ);
        if !object && !reg.var_off.equals_const(0) {
            return;
        }
        if tested == Tested::Null {
            reg.mark_known(0);
            reg.typ = RegType::SCALAR_VALUE;
            return;
        }
        known.mark_ptr_not_null(reg);
        if tested == Tested::NotNullNorLinked {
            reg.id = 0;
        }
    });
}
