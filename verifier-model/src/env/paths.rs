// SPDX-License-Identifier: GPL-2.0-only
//! Paths that wait to be explored, and the history of the current one.
//!
//! Source: `push_stack()`, `pop_stack()`, `bpf_push_jmp_history()` in `kernel/bpf/verifier.c`.

use crate::env::Env;
use crate::facts::errno::Errno;
use crate::facts::limits::BPF_COMPLEXITY_LIMIT_JMP_SEQ;
use crate::facts::rejection::Checked;
use crate::log::reject;
use crate::state::history::{HistFlags, JmpHistory, LinkedRegs};
use crate::state::{StackElem, VerifierState};

impl Env<'_> {
    /// Remembers a path to explore later and returns its state (`push_stack`).
    pub(crate) fn push_stack(
        &mut self,
        insn_idx: usize,
        prev_insn_idx: usize,
        speculative: bool,
    ) -> Checked<&mut VerifierState> {
        let mut st = self.path.cur.clone();
        st.speculative |= speculative;
        self.path.waiting.push(StackElem {
            st,
            insn_idx,
            prev_insn_idx: prev_insn_idx as i32,
            log_pos: self.log.end_pos(),
        });
        if self.path.waiting.len() > BPF_COMPLEXITY_LIMIT_JMP_SEQ {
            return reject!(
                self,
                TooManyJumps,
                E2BIG,
                "The sequence of {} jumps is too complex.",
                self.path.waiting.len()
            );
        }
        if let Some(parent) = self.path.cur.parent
            && let Some(p) = self.state_mut(parent)
        {
            p.branches += 1;
        }
        match self.path.waiting.last_mut() {
            Some(e) => Ok(&mut e.st),
            None => Err(Errno::EFAULT.into()),
        }
    }

    /// Goes on with the path remembered last; false when there is none (`pop_stack`).
    pub(crate) fn pop_stack(&mut self, prev_insn_idx: &mut i32, pop_log: bool) -> bool {
        let Some(elem) = self.path.waiting.pop() else {
            return false;
        };
        self.path.cur = elem.st;
        if pop_log {
            self.log.reset(elem.log_pos);
        }
        self.path.insn_idx = elem.insn_idx;
        *prev_insn_idx = elem.prev_insn_idx;
        true
    }

    /// Records how the current instruction was reached or what it did (`bpf_push_jmp_history`).
    pub(crate) fn push_jmp_history(
        &mut self,
        flags: HistFlags,
        spi: usize,
        frame: usize,
        linked_regs: LinkedRegs,
    ) {
        if let Some(e) = self
            .path
            .cur_hist_ent
            .and_then(|i| self.path.cur.jmp_history.get_mut(i))
        {
            e.flags.stack_access |= flags.stack_access;
            e.flags.dst_reg_stack |= flags.dst_reg_stack;
            e.flags.src_reg_stack |= flags.src_reg_stack;
            e.flags.stack_arg_access |= flags.stack_arg_access;
            e.spi = spi as u8;
            e.frame = frame as u8;
            e.linked_regs = linked_regs;
            return;
        }
        self.path.cur.jmp_history.push(JmpHistory {
            idx: self.path.insn_idx as u32,
            prev_idx: self.path.prev_insn_idx,
            flags,
            spi: spi as u8,
            frame: frame as u8,
            linked_regs,
        });
        self.path.cur_hist_ent = Some(self.path.cur.jmp_history.len() - 1);
    }
}
