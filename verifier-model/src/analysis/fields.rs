// SPDX-License-Identifier: GPL-2.0-only
//! Fields of instructions: does the form exist, and is what it does not use zero?
//!
//! Source: `check_insn_fields()` in `kernel/bpf/verifier.c`.

use bpf::insn::{ADDR_SPACE_CAST, DW, X, alu, class, jmp, mode};
use bpf::uapi::{Insn, op, pseudo};

use crate::facts::rule::{Profile, Rule};

/// Instructions with a form that does not exist.
pub(crate) enum Unknown {
    Opcode,
    Reserved(String),
}

pub(crate) fn check_fields(insn: &Insn, rules: &Profile) -> Result<(), Unknown> {
    if !in_insn_table(insn.code) {
        return Err(Unknown::Opcode);
    }
    check_age(insn, rules)?;
    match insn.class() {
        class::ALU | class::ALU64 => check_alu_fields(insn),
        class::LDX if !matches!(insn.mode(), mode::MEM | mode::MEMSX) || insn.imm != 0 => {
            reserved("BPF_LDX")
        }
        class::STX if insn.mode() == mode::ATOMIC => Ok(()),
        class::STX if insn.mode() != mode::MEM || insn.imm != 0 => reserved("BPF_STX"),
        class::ST if insn.mode() != mode::MEM || insn.src_reg != 0 => reserved("BPF_ST"),
        class::JMP | class::JMP32 => check_jmp_fields(insn),
        class::LD => match insn.mode() {
            m @ (mode::ABS | mode::IND)
                if insn.dst_reg != 0
                    || insn.off != 0
                    || insn.size_field() == DW
                    || m == mode::ABS && insn.src_reg != 0 =>
            {
                reserved("BPF_LD_[ABS|IND]")
            }
            mode::ABS | mode::IND | mode::IMM => Ok(()),
            _ => Err(Unknown::Reserved("invalid BPF_LD mode".into())),
        },
        _ => Ok(()),
    }
}

fn reserved(what: &str) -> Result<(), Unknown> {
    Err(Unknown::Reserved(format!("{what} uses reserved fields")))
}

/// Forms that came with a release of their own.
fn check_age(insn: &Insn, rules: &Profile) -> Result<(), Unknown> {
    let (class, code) = (insn.class(), insn.op());
    // Only loads with acquire and stores with release can be smaller.
    let small_atomic = class == class::STX && insn.mode() == mode::ATOMIC && insn.size() < 4;
    if small_atomic && !rules.has(Rule::ACQUIRE_RELEASE)
        || insn.code == class::JMP | jmp::JCOND && !rules.has(Rule::MAY_GOTO)
        || insn.is_gotox() && !rules.has(Rule::INDIRECT_JUMPS)
    {
        return Err(Unknown::Opcode);
    }
    if rules.has(Rule::CPU_V4) {
        return Ok(());
    }
    match (class, code) {
        (class::LDX, _) if insn.mode() == mode::MEMSX => reserved("BPF_LDX"),
        (class::ALU64, alu::END) => Err(Unknown::Opcode),
        (class::ALU | class::ALU64, alu::MOV) if insn.off != 0 => reserved("BPF_MOV"),
        (class::ALU | class::ALU64, alu::DIV | alu::MOD) if insn.off != 0 => reserved("BPF_ALU"),
        _ => Ok(()),
    }
}

fn check_alu_fields(insn: &Insn) -> Result<(), Unknown> {
    let (wide, reg) = (insn.class() == class::ALU64, insn.src_is_reg());
    let (src, off, imm) = (insn.src_reg, insn.off, insn.imm);
    match insn.op() {
        alu::NEG if reg || src != 0 || off != 0 || imm != 0 => reserved("BPF_NEG"),
        alu::NEG => Ok(()),
        alu::END if src != 0 || off != 0 || !matches!(imm, 16 | 32 | 64) || wide && reg => {
            reserved("BPF_END")
        }
        alu::END => Ok(()),
        alu::MOV if !reg => {
            if src != 0 || off != 0 {
                reserved("BPF_MOV")
            } else {
                Ok(())
            }
        }
        alu::MOV if wide && off == ADDR_SPACE_CAST => match imm {
            1 | 0x10000 => Ok(()),
            _ => Err(Unknown::Reserved(
                "addr_space_cast insn can only convert between address space 1 and 0".into(),
            )),
        },
        alu::MOV => {
            let ok = matches!(off, 0 | 8 | 16) || wide && off == 32;
            if ok && imm == 0 {
                Ok(())
            } else {
                reserved("BPF_MOV")
            }
        }
        o => {
            let off_ok = off == 0 || off == 1 && matches!(o, alu::MOD | alu::DIV);
            let ok = off_ok && if reg { imm == 0 } else { src == 0 };
            if ok { Ok(()) } else { reserved("BPF_ALU") }
        }
    }
}

fn check_jmp_fields(insn: &Insn) -> Result<(), Unknown> {
    let (reg, wide) = (insn.src_is_reg(), insn.class() == class::JMP);
    let (dst, src, off, imm) = (insn.dst_reg, insn.src_reg, insn.off, insn.imm);
    let ok = |b: bool, what: &str| if b { Ok(()) } else { reserved(what) };
    match insn.op() {
        jmp::CALL => ok(
            !reg && (src == pseudo::KFUNC_CALL || off == 0)
                && matches!(src, 0 | pseudo::CALL | pseudo::KFUNC_CALL)
                && dst == 0
                && wide,
            "BPF_CALL",
        ),
        jmp::JA if reg => ok(src == 0 && imm == 0 && off == 0, "BPF_JA|BPF_X"),
        jmp::JA => ok(
            src == 0 && dst == 0 && (!wide || imm == 0) && (wide || off == 0),
            "BPF_JA",
        ),
        jmp::EXIT => ok(!reg && imm == 0 && src == 0 && dst == 0 && wide, "BPF_EXIT"),
        jmp::JCOND => {
            let good = insn.code == class::JMP | jmp::JCOND && src == 0 && dst == 0 && imm == 0;
            let msg = || Unknown::Reserved(format!("invalid may_goto imm {imm}"));
            if good { Ok(()) } else { Err(msg()) }
        }
        _ if reg => ok(imm == 0, "BPF_JMP/JMP32"),
        _ => ok(src == 0, "BPF_JMP/JMP32"),
    }
}

/// Whether an opcode exists (`bpf_opcode_in_insntable`).
fn in_insn_table(code: u8) -> bool {
    let o = code & 0xf0;
    let reg = code & X != 0;
    match code & 7 {
        class::ALU | class::ALU64 => match o {
            alu::NEG => !reg,
            alu::END => code & 7 == class::ALU || !reg,
            _ => o <= alu::ARSH,
        },
        class::JMP => match o {
            jmp::JA => true,
            jmp::CALL => !reg,
            jmp::EXIT | jmp::JCOND => !reg,
            _ => o <= jmp::JSLE,
        },
        class::JMP32 => match o {
            jmp::JA => !reg,
            jmp::CALL | jmp::EXIT => false,
            _ => o <= jmp::JSLE,
        },
        class::LDX => {
            matches!(code & 0xe0, mode::MEM) || code & 0xe0 == mode::MEMSX && code & 0x18 != DW
        }
        class::ST => code & 0xe0 == mode::MEM,
        class::STX => matches!(code & 0xe0, mode::MEM | mode::ATOMIC),
        _ => match code & 0xe0 {
            mode::ABS | mode::IND => code & 0x18 != DW,
            mode::IMM => code == op::LD_IMM64,
            _ => false,
        },
    }
}
