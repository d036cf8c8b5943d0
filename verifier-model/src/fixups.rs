// SPDX-License-Identifier: GPL-2.0-only
//! After the walk: what the rewriting of an accepted program may still stumble over.
//!
//! Source: `bpf_opt_remove_dead_code()`, `jit_subprogs()` in `kernel/bpf/fixups.c`.

use crate::env::Env;
use crate::error::Check;
use crate::uapi::pseudo;

impl Env<'_> {
    /// Linux 7.3 removes functions that were never walked, such as the callback of a `bpf_loop()`
    /// that is called zero times, but not the instruction that takes their address. That one then
    /// leads to the function behind; where there is none, the compiler of several functions misses
    /// it and gives the program back with EFAULT:
    ///
    /// ```text
    /// main:      r2 = callback      ┐         main:    r2 = …, behind the end
    ///            call bpf_loop      │  ──►             call bpf_loop
    /// static:    exit               │         static:  exit
    /// callback:  exit, never walked ┘
    /// ```
    ///
    /// The kernel's message has the number of an instruction of the program as rewritten by then,
    /// which is not known here; it is that of the program as loaded.
    pub fn check_removed_subprogs(&mut self) -> Check {
        let kept = |i: usize| self.aux[self.subprogs[i].start].seen;
        let Some(last) = (0..self.subprog_cnt()).rfind(|i| kept(*i)) else {
            return Ok(());
        };
        // The entry is always kept; alone it is not compiled as one of several. Exceptions bring a
        // hidden function with them.
        let throws = |at: usize| {
            let insn = self.insns[at];
            self.aux[at].seen && self.is_special_kfunc(&insn, &["bpf_throw"])
        };
        if last == 0 && !(0..self.insns.len()).any(throws) {
            return Ok(());
        }
        let last_start = self.subprogs[last].start as i64;
        for (at, insn) in self.insns.iter().enumerate() {
            let start = at as i64 + 1 + i64::from(insn.imm);
            if self.aux[at].seen
                && insn.is_ld_imm64()
                && insn.src_reg == pseudo::FUNC
                && start > last_start
            {
                return self.verifier_bug(format_args!(
                    "No program to jit at insn {start} (subprog < 0)"
                ));
            }
        }
        Ok(())
    }
}
