// SPDX-License-Identifier: GPL-2.0-only
//! One small change to a program's instructions: what a slip of the pen or of a compiler does.

use bpf::insn::class;
use bpf::uapi::Insn;

use crate::ast::Program;
use crate::code::Code;
use crate::lower::lower;

/// A program, with or without a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The program.
    pub program: Program,
    /// The change.
    pub mutation: Option<Mutation>,
}

/// A change to one instruction: the `at`th, counted round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutation {
    /// Which instruction.
    pub at: u16,
    /// What happens to it.
    pub change: Change,
}

/// What happens to an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is gone: a destroy, an unlock, a check …
    Drop,
    /// It changes place with the next.
    SwapWithNext,
    /// It moves so many instructions on, past no jump.
    Move(u8),
    /// Its registers change roles.
    SwapRegisters,
    /// Another destination.
    Destination(u8),
    /// Another source.
    Source(u8),
    /// Another offset.
    Offset(i16),
    /// Another immediate.
    Immediate(i32),
}

/// `goto +0`
const NOP: Insn = Insn {
    code: class::JMP,
    dst_reg: 0,
    src_reg: 0,
    off: 0,
    imm: 0,
};

impl Case {
    /// Its instructions.
    pub fn code(&self) -> Code {
        let mut code = lower(&self.program);
        if let Some(mutation) = self.mutation {
            mutation.apply(&mut code);
        }
        code
    }
}

impl Mutation {
    /// One at random.
    pub fn random(random: &mut fastrand::Rng) -> Self {
        Self {
            at: random.u16(..),
            change: match random.u8(..8) {
                0..2 => Change::Drop,
                2 => Change::SwapWithNext,
                3 => Change::Move(random.u8(1..6)),
                4 => Change::SwapRegisters,
                5 if random.bool() => Change::Destination(random.u8(..10)),
                5 => Change::Source(random.u8(..11)),
                6 => Change::Offset(8 * random.i16(-9..3)),
                _ => Change::Immediate(random.i32(-3..20)),
            },
        }
    }

    /// Makes the change. One that would tear an instruction of two words apart, or lose a jump's
    /// way, is none.
    pub fn apply(self, code: &mut Code) {
        let n = code.insns.len();
        let at = usize::from(self.at) % n;
        let whole = |i: usize| {
            let second = i > 0 && code.insns[i - 1].is_ld_imm64();
            i < n && !second && !code.insns[i].is_ld_imm64()
        };
        if !whole(at) {
            return;
        }
        let insn = code.insns[at];
        match self.change {
            Change::Drop if !insn.is_exit() => {
                code.insns[at] = NOP;
                code.names.remove(&at);
            }
            Change::Drop => {}
            Change::SwapWithNext => Self::move_on(code, at, 1),
            Change::Move(by) => Self::move_on(code, at, by),
            Change::SwapRegisters if !insn.is_any_call() && has_source(&insn) => {
                code.insns[at].dst_reg = insn.src_reg;
                code.insns[at].src_reg = insn.dst_reg;
            }
            Change::Destination(reg) if has_immediate(&insn) || has_source(&insn) => {
                code.insns[at].dst_reg = reg;
            }
            Change::Source(reg) if !insn.is_any_call() && has_source(&insn) => {
                code.insns[at].src_reg = reg;
            }
            Change::SwapRegisters | Change::Destination(_) | Change::Source(_) => {}
            Change::Offset(off) if matches!(insn.class(), class::LDX | class::ST | class::STX) => {
                code.insns[at].off = off;
            }
            Change::Offset(_) => {}
            Change::Immediate(imm) if has_immediate(&insn) => code.insns[at].imm = imm,
            Change::Immediate(_) => {}
        }
    }

    fn move_on(code: &mut Code, at: usize, by: u8) {
        for i in at..at + usize::from(by) {
            let Some(next) = code.insns.get(i + 1) else {
                return;
            };
            let relative = |insn: &Insn| {
                insn.is_ld_imm64()
                    || insn.is_jmp_class() && !insn.is_kfunc_call() && !insn.is_helper_call()
            };
            if relative(&code.insns[i]) || relative(next) {
                return;
            }
            code.insns.swap(i, i + 1);
            let (a, b) = (code.names.remove(&i), code.names.remove(&(i + 1)));
            if let Some(name) = a {
                code.names.insert(i + 1, name);
            }
            if let Some(name) = b {
                code.names.insert(i, name);
            }
        }
    }
}

/// Whether the source register is an operand.
fn has_source(insn: &Insn) -> bool {
    match insn.class() {
        class::LDX | class::STX => true,
        class::ALU | class::ALU64 | class::JMP | class::JMP32 => insn.src_is_reg(),
        _ => false,
    }
}

/// Whether the immediate is an operand.
fn has_immediate(insn: &Insn) -> bool {
    match insn.class() {
        class::ST => true,
        class::ALU | class::ALU64 => !insn.src_is_reg(),
        class::JMP | class::JMP32 => {
            insn.is_cond_jump() && !insn.src_is_reg() && !insn.is_may_goto()
        }
        _ => false,
    }
}
