// SPDX-License-Identifier: GPL-2.0-only
//! Which registers may still be read at each instruction.
//!
//! Source: `bpf_compute_live_registers()` in `kernel/bpf/liveness.c`.

use crate::env::Env;
use crate::error::Stop;
use crate::insn::{CMPXCHG, FETCH, LOAD_ACQ, STORE_REL, alu, class, jmp, mode};
use crate::uapi::Insn;

impl Env<'_> {
    /// Finds which registers are live before each instruction (`bpf_compute_live_registers`).
    pub fn compute_live_registers(&mut self) -> Result<(), Stop> {
        let n = self.insns.len();
        let def_use: Vec<_> = (0..n)
            .map(|i| self.live_regs_def_use(&self.insns[i]))
            .collect();
        self.compute_stack_liveness()?;
        let mut live_in = vec![0u16; n];
        let mut changed = true;
        while changed {
            changed = false;
            for &idx in &self.postorder {
                let mut out = 0;
                for &to in self.successors(idx).as_slice() {
                    out |= live_in.get(to).copied().unwrap_or(0);
                }
                let (def, usage) = def_use[idx];
                let new_in = out & !def | usage;
                changed |= new_in != live_in[idx];
                live_in[idx] = new_in;
            }
        }
        for (aux, live) in self.aux.iter_mut().zip(live_in) {
            aux.live_regs_before = live;
        }
        Ok(())
    }

    /// Registers written and read. The kernel tells the halves of registers apart, for zero
    /// extension. Every write is to both halves and `live_regs_before` takes either, so one bit a
    /// register gives the same.
    fn live_regs_def_use(&self, insn: &Insn) -> (u16, u16) {
        let (src, dst) = (1u16 << (insn.src_reg & 15), 1u16 << (insn.dst_reg & 15));
        let x = insn.src_is_reg();
        match insn.class() {
            class::LD if insn.mode() == mode::IMM && insn.size() == 8 => (dst, 0),
            class::LDX if matches!(insn.mode(), mode::MEM | mode::MEMSX) => (dst, src),
            class::ST if insn.mode() == mode::MEM => (0, dst),
            class::STX if insn.mode() == mode::MEM => (0, dst | src),
            class::STX if insn.mode() == mode::ATOMIC => match insn.imm {
                CMPXCHG => (1, 1 | dst | src),
                LOAD_ACQ => (dst, src),
                STORE_REL => (0, dst | src),
                i if i & FETCH != 0 => (src, dst | src),
                _ => (0, dst | src),
            },
            class::ALU | class::ALU64 => match (insn.op(), x) {
                (alu::END, _) => (dst, dst),
                (alu::MOV, false) => (dst, 0),
                (alu::MOV, true) => (dst, src),
                (_, false) => (dst, dst),
                (_, true) => (dst, dst | src),
            },
            class::JMP | class::JMP32 => match insn.op() {
                jmp::JA if x => (0, dst),
                jmp::JA | jmp::JCOND => (0, 0),
                jmp::EXIT => (0, 1),
                jmp::CALL => {
                    let params = self.call_summary(insn).map_or(5, |s| s.num_params.min(5));
                    (0x3f, ((1 << params) - 1) << 1)
                }
                _ if x => (0, dst | src),
                _ => (0, dst),
            },
            _ => (0, u16::MAX),
        }
    }
}
