// SPDX-License-Identifier: GPL-2.0-only
//! An assembler for one function: instructions with labels.

use bpf::insn::{DW, FETCH, X, XCHG, alu, class, jmp, mode};
use bpf::uapi::{Insn, op, pseudo};

use crate::ast::{AluOp, AtomicOp, CmpOp, Size};
use crate::code::Name;
use crate::lower::FuncId;

/// A place to jump to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Label(usize);

/// A function under construction. Jumps are relative, so it can be put anywhere.
#[derive(Default)]
pub(super) struct Asm {
    pub(super) insns: Vec<Insn>,
    /// Instruction → kernel name.
    pub(super) names: Vec<(usize, Name)>,
    /// Instruction → function of the program.
    pub(super) functions: Vec<(usize, FuncId)>,
    jumps: Vec<(usize, Label)>,
    labels: Vec<Option<usize>>,
}

impl Asm {
    pub(super) fn emit(&mut self, code: u8, dst_reg: u8, src_reg: u8, off: i16, imm: i32) {
        self.insns.push(Insn {
            code,
            dst_reg,
            src_reg,
            off,
            imm,
        });
    }

    /// A label that is not yet anywhere.
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Puts a label here.
    pub(super) fn bind(&mut self, label: Label) {
        self.labels[label.0] = Some(self.insns.len());
    }

    /// Whether something jumps to a label.
    pub(super) fn is_used(&self, label: Label) -> bool {
        self.jumps.iter().any(|(_, l)| *l == label)
    }

    /// Puts distances into the jumps; one too far becomes one to itself.
    pub(super) fn resolve(&mut self) {
        for (at, label) in &self.jumps {
            let target = self.labels[label.0].unwrap_or(*at);
            let off = target as i64 - *at as i64 - 1;
            self.insns[*at].off = i16::try_from(off).unwrap_or(-1);
        }
    }

    pub(super) fn mov(&mut self, dst: u8, src: u8) {
        self.emit(class::ALU64 | alu::MOV | X, dst, src, 0, 0);
    }

    pub(super) fn mov32(&mut self, dst: u8, src: u8) {
        self.emit(class::ALU | alu::MOV | X, dst, src, 0, 0);
    }

    pub(super) fn mov_imm(&mut self, dst: u8, imm: i32) {
        self.emit(class::ALU64 | alu::MOV, dst, 0, 0, imm);
    }

    pub(super) fn add_imm(&mut self, dst: u8, imm: i32) {
        self.emit(class::ALU64 | alu::ADD, dst, 0, 0, imm);
    }

    /// `dst op= src`, of 64 or 32 bits.
    pub(super) fn alu(&mut self, op: AluOp, wide: bool, dst: u8, src: u8) {
        self.emit(alu_class(wide) | alu_code(op) | X, dst, src, 0, 0);
    }

    pub(super) fn alu_imm(&mut self, op: AluOp, wide: bool, dst: u8, imm: i32) {
        self.emit(alu_class(wide) | alu_code(op), dst, 0, 0, imm);
    }

    pub(super) fn load(&mut self, size: Size, dst: u8, base: u8, off: i16) {
        self.emit(class::LDX | mode::MEM | size_code(size), dst, base, off, 0);
    }

    pub(super) fn store(&mut self, size: Size, base: u8, off: i16, src: u8) {
        self.emit(class::STX | mode::MEM | size_code(size), base, src, off, 0);
    }

    pub(super) fn store_imm(&mut self, size: Size, base: u8, off: i16, imm: i32) {
        self.emit(class::ST | mode::MEM | size_code(size), base, 0, off, imm);
    }

    pub(super) fn atomic(&mut self, op: AtomicOp, base: u8, off: i16, src: u8) {
        let imm = match op {
            AtomicOp::Add => 0,
            AtomicOp::FetchAdd => FETCH,
            AtomicOp::Xchg => XCHG,
            AtomicOp::Cmpxchg => bpf::insn::CMPXCHG,
        };
        self.emit(class::STX | mode::ATOMIC | DW, base, src, off, imm);
    }

    pub(super) fn ja(&mut self, to: Label) {
        self.jump(class::JMP | jmp::JA, 0, 0, 0, to);
    }

    pub(super) fn may_goto(&mut self, to: Label) {
        self.jump(class::JMP | jmp::JCOND, 0, 0, 0, to);
    }

    /// `if dst op src goto to`
    pub(super) fn jump_if(&mut self, op: CmpOp, wide: bool, dst: u8, src: u8, to: Label) {
        self.jump(jmp_class(wide) | cmp_code(op) | X, dst, src, 0, to);
    }

    pub(super) fn jump_if_imm(&mut self, op: CmpOp, wide: bool, dst: u8, imm: i32, to: Label) {
        self.jump(jmp_class(wide) | cmp_code(op), dst, 0, imm, to);
    }

    fn jump(&mut self, code: u8, dst: u8, src: u8, imm: i32, to: Label) {
        self.jumps.push((self.insns.len(), to));
        self.emit(code, dst, src, 0, imm);
    }

    pub(super) fn exit(&mut self) {
        self.emit(op::EXIT, 0, 0, 0, 0);
    }

    pub(super) fn helper(&mut self, id: i32) {
        self.emit(op::CALL, 0, 0, 0, id);
    }

    pub(super) fn kfunc(&mut self, name: &str) {
        let index = crate::code::KFUNCS.iter().position(|k| *k == name);
        let index = index.expect("the name of a kfunc in KFUNCS");
        self.names.push((self.insns.len(), Name::Kfunc(index)));
        self.emit(op::CALL, 0, pseudo::KFUNC_CALL, 0, 0);
    }

    pub(super) fn call(&mut self, function: FuncId) {
        self.functions.push((self.insns.len(), function));
        self.emit(op::CALL, 0, pseudo::CALL, 0, 0);
    }

    /// `dst = &function`
    pub(super) fn address_of(&mut self, dst: u8, function: FuncId) {
        self.functions.push((self.insns.len(), function));
        self.emit(op::LD_IMM64, dst, pseudo::FUNC, 0, 0);
        self.emit(0, 0, 0, 0, 0);
    }

    /// `dst = map`, or the address of its first value.
    pub(super) fn map(&mut self, dst: u8, map: i32, value: bool) {
        let src = match value {
            true => pseudo::MAP_IDX_VALUE,
            false => pseudo::MAP_IDX,
        };
        self.emit(op::LD_IMM64, dst, src, 0, map);
        self.emit(0, 0, 0, 0, 0);
    }
}

fn alu_class(wide: bool) -> u8 {
    if wide { class::ALU64 } else { class::ALU }
}

fn jmp_class(wide: bool) -> u8 {
    if wide { class::JMP } else { class::JMP32 }
}

fn size_code(size: Size) -> u8 {
    match size {
        Size::B => bpf::insn::B,
        Size::H => 0x08,
        Size::W => bpf::insn::W,
        Size::D => DW,
    }
}

fn alu_code(op: AluOp) -> u8 {
    match op {
        AluOp::Add => alu::ADD,
        AluOp::Sub => alu::SUB,
        AluOp::Mul => alu::MUL,
        AluOp::Div => alu::DIV,
        AluOp::Or => alu::OR,
        AluOp::And => alu::AND,
        AluOp::Lsh => alu::LSH,
        AluOp::Rsh => alu::RSH,
        AluOp::Mod => alu::MOD,
        AluOp::Xor => alu::XOR,
        AluOp::Arsh => alu::ARSH,
    }
}

fn cmp_code(op: CmpOp) -> u8 {
    match op {
        CmpOp::Eq => jmp::JEQ,
        CmpOp::Ne => jmp::JNE,
        CmpOp::Gt => jmp::JGT,
        CmpOp::Ge => jmp::JGE,
        CmpOp::Lt => jmp::JLT,
        CmpOp::Le => jmp::JLE,
        CmpOp::Sgt => jmp::JSGT,
        CmpOp::Sge => jmp::JSGE,
        CmpOp::Slt => jmp::JSLT,
        CmpOp::Sle => jmp::JSLE,
        CmpOp::Set => jmp::JSET,
    }
}
