// SPDX-License-Identifier: GPL-2.0-only
//! Which registers may still be read at each instruction.
//!
//! The halves of registers are told apart: where the upper one is never read, an instruction that
//! writes the lower one need not clear it. A set of halves is a word, as in the kernel:
//!
//! ```text
//! bit 31 … 27 26 25 … 16 | 15 … 11 10  9 … 0
//!            r10 r9 … r0           r10 r9 … r0
//!            upper halves           lower halves
//! ```
//!
//! Source: `bpf_compute_live_registers()` in `kernel/bpf/liveness.c`, `bpf_insn_def32()` in
//! `kernel/bpf/fixups.c`.

use bpf::insn::{ADDR_SPACE_CAST, CMPXCHG, DW, FETCH, LOAD_ACQ, STORE_REL, alu, class, jmp, mode};
use bpf::uapi::Insn;

use crate::analysis::Known;
use crate::facts::rejection::Stop;
use crate::log::{verbose, vlog_alignment};

/// `BPF_F_NO_USER_CONV`: pointers of an arena's users are not converted by the JIT.
const NO_USER_CONV: u32 = 1 << 18;

/// What one instruction does.
#[derive(Clone, Copy, Debug, Default)]
struct LiveRegs {
    /// Halves read.
    usage: u32,
    /// Halves written.
    def: u32,
    /// Halves that may be read before they are written, from before the instruction on.
    live_in: u32,
    /// From behind it on; none where no path leads.
    live_out: u32,
}

impl Known<'_> {
    /// Finds which registers are live before each instruction (`bpf_compute_live_registers`).
    pub(crate) fn compute_live_registers(&mut self) -> Result<(), Stop> {
        let insns = self.code.insns.iter();
        let mut state: Vec<LiveRegs> = insns.map(|insn| self.insn_live_regs(insn)).collect();
        self.compute_stack_liveness()?;
        let mut changed = true;
        while changed {
            changed = false;
            for &idx in &self.code.postorder {
                let live_out = self.live_out(&state, idx);
                let live = &mut state[idx];
                let live_in = live_out & !live.def | live.usage;
                changed |= live_in != live.live_in;
                (live.live_in, live.live_out) = (live_in, live_out);
            }
        }
        for (aux, live) in self.code.aux.iter_mut().zip(&state) {
            aux.live_regs_before = (live.live_in | live.live_in >> 16) as u16;
        }
        if self.log.level2() {
            self.print_live_regs(&state);
        }
        Ok(())
    }

    /// Halves that may be read behind an instruction.
    fn live_out(&self, state: &[LiveRegs], idx: usize) -> u32 {
        let successors = self.code.successors(idx);
        let live_in = |to: &usize| state.get(*to).map_or(0, |live| live.live_in);
        successors
            .as_slice()
            .iter()
            .map(live_in)
            .fold(0, |a, b| a | b)
    }

    /// What an instruction reads and writes (`compute_insn_live_regs`).
    fn insn_live_regs(&self, insn: &Insn) -> LiveRegs {
        let (src, dst) = (both(insn.src_reg), both(insn.dst_reg));
        let wide = |wide: bool, regs: u32| if wide { regs } else { regs & 0xffff };
        let dw = insn.size_field() == DW;
        let operands = match insn.src_is_reg() {
            true => dst | src,
            false => dst,
        };
        let (def, usage) = match insn.class() {
            class::LD if insn.mode() == mode::IMM && dw => (dst, 0),
            class::LDX if matches!(insn.mode(), mode::MEM | mode::MEMSX) => (dst, src),
            class::ST if insn.mode() == mode::MEM => (0, dst),
            class::STX if insn.mode() == mode::MEM => (0, dst | wide(dw, src)),
            class::STX if insn.mode() == mode::ATOMIC => match insn.imm {
                CMPXCHG => (both(0), dst | wide(dw, both(0) | src)),
                LOAD_ACQ => (dst, src),
                STORE_REL => (0, dst | wide(dw, src)),
                i if i & FETCH != 0 => (src, dst | wide(dw, src)),
                _ => (0, dst | wide(dw, src)),
            },
            class @ (class::ALU | class::ALU64) => match insn.op() {
                alu::END => (dst, dst),
                alu::MOV if insn.src_is_reg() => (dst, wide(class == class::ALU64, src)),
                alu::MOV => (dst, 0),
                _ => (dst, wide(class == class::ALU64, operands)),
            },
            class @ (class::JMP | class::JMP32) => match insn.op() {
                jmp::JA if insn.src_is_reg() => (0, dst),
                jmp::JA | jmp::JCOND => (0, 0),
                jmp::EXIT => (0, both(0)),
                jmp::CALL => {
                    let params = self.call_summary(insn).map_or(5, |s| s.num_params.min(5));
                    let args = ((1u32 << params) - 1) << 1;
                    (0x3f | 0x3f << 16, args | args << 16)
                }
                _ => (0, wide(class == class::JMP, operands)),
            },
            _ => (0, u32::MAX),
        };
        LiveRegs {
            usage,
            def,
            ..LiveRegs::default()
        }
    }

    /// Each instruction behind its loop, if it is in one, and the registers live before it; and
    /// whether it has to clear the upper half of what it writes.
    fn print_live_regs(&mut self, state: &[LiveRegs]) {
        verbose!(self, "Live regs before insn:\n");
        let mut i = 0;
        while i < self.code.insns.len() {
            match self.code.aux[i].scc {
                0 => verbose!(self, "    "),
                scc => verbose!(self, "{scc:3} "),
            }
            let live = self.code.aux[i].live_regs_before;
            let regs: String = (b'0'..=b'9')
                .enumerate()
                .map(|(r, digit)| {
                    if live >> r & 1 != 0 {
                        digit as char
                    } else {
                        '.'
                    }
                })
                .collect();
            let text = self.insn_text(i);
            verbose!(self, "{i:3}: {regs} {text}");
            let out = state[i].live_out;
            if self
                .def32(&self.code.insns[i])
                .is_some_and(|r| out >> (16 + r) & 1 != 0)
            {
                verbose!(self, "{:1$}; zext", ' ', vlog_alignment(text.len()));
            }
            verbose!(self, "\n");
            i += self.code.insns[i].slots();
        }
    }

    /// The register of which an instruction writes the lower half (`bpf_insn_def32`).
    fn def32(&self, insn: &Insn) -> Option<usize> {
        let narrow = insn.size_field() != DW;
        let (reg, half) = match insn.class() {
            class::JMP | class::JMP32 | class::ST => return None,
            class::STX => (insn.atomic_load_reg()?, narrow),
            class::LDX => (insn.dst(), narrow && insn.mode() == mode::MEM),
            class::LD => (insn.dst(), insn.is_ld_abs_ind()),
            _ if insn.op() == alu::END => (insn.dst(), insn.imm != 64),
            class::ALU => (insn.dst(), true),
            _ => (insn.dst(), self.is_addr_space_cast32(insn)),
        };
        half.then_some(reg)
    }

    /// A cast between address spaces that the kernel turns into a 32-bit move.
    fn is_addr_space_cast32(&self, insn: &Insn) -> bool {
        let arena = self.code.arena.map(|map| self.code.maps[map].def.map_flags);
        insn.code == class::ALU64 | alu::MOV | bpf::insn::X
            && insn.off == ADDR_SPACE_CAST
            && match insn.imm {
                1 => true,
                0x10000 => arena.is_some_and(|flags| flags & NO_USER_CONV != 0),
                _ => false,
            }
    }
}

/// Both halves of a register.
fn both(reg: u8) -> u32 {
    0x10001 << (reg & 15)
}
