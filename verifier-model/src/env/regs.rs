// SPDX-License-Identifier: GPL-2.0-only
//! Registers of the path: reading, writing and forgetting them.
//!
//! Source: `check_reg_arg()`, `reg_bounds_sanity_check()` in `kernel/bpf/verifier.c`.

use bpf::insn::MAX_BPF_REG;

use crate::domain::number::Hex;
use crate::domain::ranges::Ranges;
use crate::env::Env;
use crate::facts::limits::CALLER_SAVED_REGS;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::RegType;
use crate::log::reject;
use crate::state::not_init;
use crate::state::reg::{ADD_CONST, RegState};

impl Env<'_> {
    /// Before a scalar is copied, gives it an id that the copy will share.
    pub(crate) fn assign_scalar_id_before_mov(id_gen: &mut u32, src: &mut RegState) {
        if !src.is_scalar() {
            return;
        }
        if src.id & ADD_CONST != 0 {
            src.clear_scalar_id();
        }
        if src.id == 0 && !src.var_off.is_const() {
            *id_gen += 1;
            src.id = *id_gen;
        }
    }

    /// Registers that a call clobbers become unwritten.
    pub(crate) fn clear_caller_saved_regs(&mut self) {
        let not_init = self.not_init();
        for r in 0..CALLER_SAVED_REGS {
            self.regs()[r] = not_init;
            self.log.scratch_reg(r);
        }
        self.mark_caller_saved_written();
    }

    /// Stack arguments are gone after a call.
    pub(crate) fn invalidate_outgoing_stack_args(&mut self) {
        let not_init = self.not_init();
        self.path.cur.frame_mut().stack_arg_regs.fill(not_init);
    }

    /// Registers of the current frame.
    pub(crate) fn regs(&mut self) -> &mut [RegState; MAX_BPF_REG] {
        &mut self.path.cur.frame_mut().regs
    }

    /// A register of the current frame.
    pub(crate) fn reg(&self, regno: usize) -> &RegState {
        &self.path.cur.frame().regs[regno]
    }

    /// An unknown scalar.
    pub(crate) fn unknown(&self) -> RegState {
        RegState {
            precise: !self.input.bpf_capable,
            ..RegState::unknown_imprecise()
        }
    }

    /// A register becomes unknown.
    pub(crate) fn mark_reg_unknown(&mut self, regno: usize) {
        let unknown = self.unknown();
        self.regs()[regno] = unknown;
    }

    /// A register becomes a known pointer offset of zero; the type is set by the caller.
    pub(crate) fn mark_reg_known_zero(&mut self, regno: usize) {
        self.regs()[regno].mark_known(0);
    }

    /// The scalar 0.
    pub(crate) fn const_zero(&self) -> RegState {
        RegState {
            precise: !self.input.bpf_capable,
            ..RegState::konst(0)
        }
    }

    /// A register that was not written.
    pub(crate) fn not_init(&self) -> RegState {
        not_init(self.input.bpf_capable)
    }

    /// A register or slot becomes unusable: unknown for the privileged, unwritten for others.
    pub(crate) fn invalid_reg(&self) -> RegState {
        if self.input.allow_ptr_leaks {
            self.unknown()
        } else {
            self.not_init()
        }
    }

    /// A register is about to be read (`check_reg_arg` with `SRC_OP`).
    pub(crate) fn check_src_reg(&mut self, regno: usize) -> Checked {
        self.log.scratch_reg(regno);
        if self.reg(regno).typ == RegType::NOT_INIT {
            return reject!(self, UnwrittenRegister[regno], EACCES, "R{regno} !read_ok");
        }
        self.mark_reg_read(regno);
        Ok(())
    }

    /// A register is about to be written (`check_reg_arg` with `DST_OP` or `DST_OP_NO_MARK`).
    pub(crate) fn check_dst_reg(&mut self, regno: usize, mark: bool) -> Checked {
        self.log.scratch_reg(regno);
        if regno == usize::from(bpf::insn::REG_FP) {
            return reject!(self, FramePointer, EACCES, "frame pointer is read only");
        }
        self.mark_reg_written(regno);
        if mark {
            self.mark_reg_unknown(regno);
        }
        Ok(())
    }

    /// Whether leaking the register would leak a pointer.
    pub(crate) fn is_pointer_value(&self, regno: usize) -> bool {
        !self.input.allow_ptr_leaks && self.reg(regno).typ.is_pointer()
    }

    /// Bounds that disagree are a bug; ranges are forgotten, or the program is refused if it asked
    /// for that (`reg_bounds_sanity_check`).
    pub(crate) fn bounds_sanity_check(
        &mut self,
        reg: &mut crate::state::reg::RegState,
        ctx: &str,
    ) -> Checked {
        let Some(msg) = reg.invariant_violation() else {
            return Ok(());
        };
        if !self.input.profile.has(Rule::UNKNOWN_OPERANDS) {
            return Ok(());
        }
        let ranges = self.ranges_text(&reg.ranges);
        let (value, mask) = (Hex(reg.var_off.value), Hex(reg.var_off.mask));
        let stop = self.log.verifier_bug(format_args!(
            "REG INVARIANTS VIOLATION ({ctx}): {msg} {ranges} var_off=({value}, {mask})"
        ));
        if self.input.test_reg_invariants {
            return stop;
        }
        reg.mark_unbounded();
        Ok(())
    }

    /// Ranges as the message of a violation has them.
    fn ranges_text(&self, ranges: &Ranges) -> String {
        if self.input.profile.has(Rule::CIRCULAR_RANGES) {
            let (r64, r32) = ranges.arcs();
            return format!(
                "r64={{.base={}, .size={}}} r32={{.base={}, .size={}}}",
                Hex(r64.base),
                Hex(r64.size),
                Hex(r32.base.into()),
                Hex(r32.size.into())
            );
        }
        let (r64, r32) = ranges.bounds();
        let pair = |min: u64, max: u64| format!("[{}, {}]", Hex(min), Hex(max));
        let half = |min: u32, max: u32| pair(min.into(), max.into());
        format!(
            "u64={} s64={} u32={} s32={}",
            pair(r64.umin, r64.umax),
            pair(r64.smin as u64, r64.smax as u64),
            half(r32.umin, r32.umax),
            half(r32.smin as u32, r32.smax as u32)
        )
    }

    /// The same for a register of the current frame.
    pub(crate) fn reg_sanity_check(&mut self, regno: usize, ctx: &str) -> Checked {
        let mut reg = *self.reg(regno);
        self.bounds_sanity_check(&mut reg, ctx)?;
        self.regs()[regno] = reg;
        Ok(())
    }
}
