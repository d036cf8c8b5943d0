// SPDX-License-Identifier: GPL-2.0-only
//! Spills and fills around calls that do not clobber what they save.
//!
//! A compiler that may assume less of a callee writes them; the verifier removes them, if nothing
//! else uses the slots. Such slots do not count as stack of the function.
//!
//! Source: `mark_fastcall_patterns()` in `kernel/bpf/verifier.c`.

use bpf::insn::{DW, REG_FP, class, mode};

use crate::analysis::Known;
use crate::facts::limits::CALLER_SAVED_REGS;

impl Known<'_> {
    /// Marks them.
    pub(crate) fn mark_fastcall_patterns(&mut self) {
        for s in 0..self.code.subprog_cnt() {
            let range = self.code.subprogs[s].start..self.code.subprogs[s + 1].start;
            let lowest = self.code.insns[range.clone()]
                .iter()
                .filter(|i| i.code == class::STX | mode::MEM | DW && i.dst_reg == REG_FP)
                .map(|i| i.off)
                .fold(0, i16::min);
            for i in range {
                if self.code.insns[i].is_any_call() {
                    self.mark_fastcall_pattern_for_call(s, i, lowest);
                }
            }
        }
    }

    fn mark_fastcall_pattern_for_call(&mut self, subprog: usize, at: usize, lowest: i16) {
        let Some(cs) = self.call_summary(&self.code.insns[at]) else {
            return;
        };
        let low = usize::from(cs.is_void);
        let clobbered = (low..=cs.num_params).fold(0u32, |m, r| m | 1 << r);
        let mut expected = !clobbered & ((1 << CALLER_SAVED_REGS) - 1);
        let mut off = lowest;
        let mut found = false;
        for i in 1..=CALLER_SAVED_REGS {
            let (Some(before), after) = (at.checked_sub(i), at + i) else {
                break;
            };
            if after >= self.code.insns.len() {
                break;
            }
            if self.code.aux[before + 1].jump_target || self.code.aux[after].jump_target {
                break;
            }
            let (stx, ldx) = (self.code.insns[before], self.code.insns[after]);
            let fits = stx.code == class::STX | mode::MEM | DW
                && ldx.code == class::LDX | mode::MEM | DW
                && stx.dst_reg == REG_FP
                && ldx.src_reg == REG_FP
                && stx.src_reg == ldx.dst_reg
                && expected >> stx.src_reg & 1 != 0
                && stx.off == off
                && ldx.off == off;
            if !fits {
                break;
            }
            expected &= !(1 << stx.src_reg);
            self.code.aux[before].fastcall_pattern = true;
            self.code.aux[after].fastcall_pattern = true;
            found = true;
            off = off.saturating_add(8);
        }
        if found {
            let s = &mut self.code.subprogs[subprog];
            s.fastcall_stack_off = s.fastcall_stack_off.min(off.into());
            match cs.fastcall {
                true => s.removes_spills = true,
                false => s.keeps_spills = true,
            }
        }
    }
}
