// SPDX-License-Identifier: GPL-2.0-only
//! Decoding of instructions: the fields of an opcode and the questions the verifier asks.
//!
//! Source: `include/uapi/linux/bpf.h`, `include/linux/filter.h`, `include/linux/bpf_verifier.h`.

use crate::uapi::{Insn, pseudo};

/// Instruction classes, the low three bits of an opcode.
pub mod class {
    /// Legacy loads and `ld_imm64`.
    pub const LD: u8 = 0x00;
    /// Load into a register.
    pub const LDX: u8 = 0x01;
    /// Store of an immediate.
    pub const ST: u8 = 0x02;
    /// Store of a register, and atomics.
    pub const STX: u8 = 0x03;
    /// 32-bit arithmetic.
    pub const ALU: u8 = 0x04;
    /// Jumps that compare 64 bits, calls, exit.
    pub const JMP: u8 = 0x05;
    /// Jumps that compare 32 bits, and the long `gotol`.
    pub const JMP32: u8 = 0x06;
    /// 64-bit arithmetic.
    pub const ALU64: u8 = 0x07;
}

/// Arithmetic operations, the high four bits of an opcode.
#[expect(
    missing_docs,
    reason = "the constants are the kernel's BPF_ADD, BPF_SUB and so on"
)]
pub mod alu {
    pub const ADD: u8 = 0x00;
    pub const SUB: u8 = 0x10;
    pub const MUL: u8 = 0x20;
    pub const DIV: u8 = 0x30;
    pub const OR: u8 = 0x40;
    pub const AND: u8 = 0x50;
    pub const LSH: u8 = 0x60;
    pub const RSH: u8 = 0x70;
    pub const NEG: u8 = 0x80;
    pub const MOD: u8 = 0x90;
    pub const XOR: u8 = 0xa0;
    pub const MOV: u8 = 0xb0;
    pub const ARSH: u8 = 0xc0;
    pub const END: u8 = 0xd0;

    /// The operator as the kernel writes it (`bpf_alu_string`).
    pub fn symbol(op: u8) -> &'static str {
        const SYMBOLS: [&str; 16] = [
            "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=",
            "endian", "", "",
        ];
        SYMBOLS[usize::from(op >> 4)]
    }
}

/// Jump operations, the high four bits of an opcode.
#[expect(
    missing_docs,
    reason = "the constants are the kernel's BPF_JEQ, BPF_JGT and so on"
)]
pub mod jmp {
    pub const JA: u8 = 0x00;
    pub const JEQ: u8 = 0x10;
    pub const JGT: u8 = 0x20;
    pub const JGE: u8 = 0x30;
    pub const JSET: u8 = 0x40;
    pub const JNE: u8 = 0x50;
    pub const JSGT: u8 = 0x60;
    pub const JSGE: u8 = 0x70;
    pub const CALL: u8 = 0x80;
    pub const EXIT: u8 = 0x90;
    pub const JLT: u8 = 0xa0;
    pub const JLE: u8 = 0xb0;
    pub const JSLT: u8 = 0xc0;
    pub const JSLE: u8 = 0xd0;
    pub const JCOND: u8 = 0xe0;
}

/// Addressing modes of loads and stores, the high three bits of an opcode.
#[expect(
    missing_docs,
    reason = "the constants are the kernel's BPF_IMM, BPF_MEM and so on"
)]
pub mod mode {
    pub const IMM: u8 = 0x00;
    pub const ABS: u8 = 0x20;
    pub const IND: u8 = 0x40;
    pub const MEM: u8 = 0x60;
    pub const MEMSX: u8 = 0x80;
    pub const ATOMIC: u8 = 0xc0;
}

/// The operand is a register rather than an immediate (`BPF_X`).
pub const X: u8 = 0x08;

/// Size field for 8 bytes (`BPF_DW`).
pub const DW: u8 = 0x18;

/// Size field for 4 bytes (`BPF_W`).
pub const W: u8 = 0x00;

/// Size field for one byte (`BPF_B`).
pub const B: u8 = 0x10;

/// Atomic operation returns the old value (`BPF_FETCH`).
pub const FETCH: i32 = 1;

/// Atomic exchange.
pub const XCHG: i32 = 0xe0 | FETCH;

/// Atomic compare and exchange.
pub const CMPXCHG: i32 = 0xf0 | FETCH;

/// Load with acquire semantics.
pub const LOAD_ACQ: i32 = 0x100;

/// Store with release semantics.
pub const STORE_REL: i32 = 0x110;

/// `off` of a `mov` that casts between address spaces.
pub const ADDR_SPACE_CAST: i16 = 1;

/// The pseudo-register R11 through which arguments beyond the fifth are passed.
pub const REG_PARAMS: u8 = 11;

/// Frame pointer.
pub const REG_FP: u8 = 10;

/// Number of registers, R0 to R10 (`MAX_BPF_REG`).
pub const MAX_BPF_REG: usize = 11;

impl Insn {
    /// `BPF_CLASS`
    pub const fn class(&self) -> u8 {
        self.code & 0x07
    }
    /// `BPF_OP`
    pub const fn op(&self) -> u8 {
        self.code & 0xf0
    }
    /// Whether the source operand is a register (`BPF_SRC == BPF_X`).
    pub const fn src_is_reg(&self) -> bool {
        self.code & X != 0
    }
    /// `BPF_MODE`
    pub const fn mode(&self) -> u8 {
        self.code & 0xe0
    }
    /// `BPF_SIZE`
    pub const fn size_field(&self) -> u8 {
        self.code & 0x18
    }
    /// Access size in bytes.
    pub const fn size(&self) -> i32 {
        size_to_bytes(self.size_field())
    }
    /// Whether the class is `ALU` or `ALU64`.
    pub const fn is_alu(&self) -> bool {
        matches!(self.class(), class::ALU | class::ALU64)
    }
    /// Whether the class is `JMP` or `JMP32`.
    pub const fn is_jmp_class(&self) -> bool {
        matches!(self.class(), class::JMP | class::JMP32)
    }
    /// Register named by `dst_reg`.
    pub const fn dst(&self) -> usize {
        self.dst_reg as usize
    }
    /// Register named by `src_reg`.
    pub const fn src(&self) -> usize {
        self.src_reg as usize
    }
    /// Whether this is any call.
    pub const fn is_any_call(&self) -> bool {
        self.code == crate::uapi::op::CALL
    }
    /// Call of a helper.
    pub const fn is_helper_call(&self) -> bool {
        self.is_any_call() && self.src_reg == 0
    }
    /// Call of a function of the program.
    pub const fn is_pseudo_call(&self) -> bool {
        self.is_any_call() && self.src_reg == pseudo::CALL
    }
    /// Call of a kfunc.
    pub const fn is_kfunc_call(&self) -> bool {
        self.is_any_call() && self.src_reg == pseudo::KFUNC_CALL
    }
    /// `exit`
    pub const fn is_exit(&self) -> bool {
        self.code == crate::uapi::op::EXIT
    }
    /// `may_goto`
    pub const fn is_may_goto(&self) -> bool {
        self.code == class::JMP | jmp::JCOND && self.src_reg == 0
    }
    /// Indirect jump.
    pub const fn is_gotox(&self) -> bool {
        self.class() == class::JMP && self.op() == jmp::JA && self.src_is_reg()
    }
    /// Distance that a jump goes, from the next instruction.
    pub const fn jmp_offset(&self) -> i32 {
        if self.code == class::JMP32 | jmp::JA {
            self.imm
        } else {
            self.off as i32
        }
    }
    /// Conditional jump, `may_goto` included (`bpf_insn_is_cond_jump`).
    pub const fn is_cond_jump(&self) -> bool {
        match self.class() {
            class::JMP32 => self.op() != jmp::JA,
            class::JMP => !matches!(self.op(), jmp::JA | jmp::EXIT | jmp::CALL),
            _ => false,
        }
    }
    /// Store of an immediate to memory.
    pub const fn is_st_mem(&self) -> bool {
        self.class() == class::ST && self.mode() == mode::MEM
    }
    /// Legacy packet load.
    pub const fn is_ld_abs_ind(&self) -> bool {
        self.class() == class::LD && matches!(self.mode(), mode::ABS | mode::IND)
    }
    /// Atomic operation of any kind.
    pub const fn is_atomic(&self) -> bool {
        self.class() == class::STX && self.mode() == mode::ATOMIC
    }
    /// Atomic load.
    pub const fn is_atomic_load(&self) -> bool {
        self.is_atomic() && self.imm == LOAD_ACQ
    }
    /// Atomic operation that returns the old value.
    pub const fn is_atomic_fetch(&self) -> bool {
        self.is_atomic() && self.imm & FETCH != 0
    }
    /// Register that an atomic operation writes, if any (`bpf_atomic_load_reg`).
    pub const fn atomic_load_reg(&self) -> Option<usize> {
        if !self.is_atomic() {
            return None;
        }
        match self.imm {
            CMPXCHG => Some(0),
            LOAD_ACQ => Some(self.dst_reg as usize),
            i if i & FETCH != 0 => Some(self.src_reg as usize),
            _ => None,
        }
    }
    /// Read of an incoming stack argument through R11.
    pub const fn is_stack_arg_ldx(&self) -> bool {
        self.code == class::LDX | mode::MEM | DW
            && self.src_reg == REG_PARAMS
            && self.off > 0
            && self.off % 8 == 0
    }
    /// Immediate store of an outgoing stack argument through R11.
    pub const fn is_stack_arg_st(&self) -> bool {
        self.code == class::ST | mode::MEM | DW
            && self.dst_reg == REG_PARAMS
            && self.off < 0
            && self.off % 8 == 0
    }
    /// Register store of an outgoing stack argument through R11.
    pub const fn is_stack_arg_stx(&self) -> bool {
        self.code == class::STX | mode::MEM | DW
            && self.dst_reg == REG_PARAMS
            && self.off < 0
            && self.off % 8 == 0
    }
    /// How many slots the instruction takes, 2 for `ld_imm64`.
    pub const fn slots(&self) -> usize {
        if self.code == crate::uapi::op::LD_IMM64 {
            2
        } else {
            1
        }
    }

    /// `ld_imm64` of a function of the program.
    pub const fn is_pseudo_func(&self) -> bool {
        self.code == crate::uapi::op::LD_IMM64 && self.src_reg == pseudo::FUNC
    }
}

/// Bytes of a size field.
pub const fn size_to_bytes(size: u8) -> i32 {
    match size {
        W => 4,
        0x08 => 2,
        B => 1,
        _ => 8,
    }
}
