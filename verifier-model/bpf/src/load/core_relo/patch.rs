// SPDX-License-Identifier: GPL-2.0-only
//! Putting a value into an instruction.
//!
//! Source: `bpf_core_patch_insn()` and `bpf_core_poison_insn()`.

use crate::load::core_relo::record::CoreError;
use crate::load::core_relo::value::Value;
use crate::uapi::{Insn, op};

/// The helper number that an instruction calls which could not be relocated: reads "bad relo" in
/// hexadecimal, and tells users so in the verifier's log.
const BAD_RELO: i32 = 0xbad_2310;

/// Patches the first instruction (of two if it is a `ld_imm64`).
pub(super) fn patch(insns: &mut [Insn], value: &Value) -> Result<(), CoreError> {
    let (insn, rest) = insns.split_first_mut().ok_or("there is no instruction")?;
    match insn.code & 7 {
        BPF_ALU | BPF_ALU64 if insn.code & BPF_X == 0 => {
            let Some(new) = value.new else {
                poison(insn);
                return Ok(());
            };
            check(value, i64::from(insn.imm) as u64)?;
            insn.imm = new as i32;
            Ok(())
        }
        BPF_LDX | BPF_ST | BPF_STX => patch_memory(insn, value),
        BPF_LD if insn.is_ld_imm64() => {
            let second = rest.first_mut().ok_or("the ld_imm64 is cut short")?;
            let zero = Insn {
                imm: second.imm,
                ..Insn::default()
            };
            if insn.src_reg != 0 || insn.off != 0 || *second != zero {
                return Err("the ld_imm64 has an unexpected form".into());
            }
            let Some(new) = value.new else {
                poison(insn);
                poison(second);
                return Ok(());
            };
            let imm = u64::from(insn.imm as u32) | (second.imm as u64) << 32;
            check(value, imm)?;
            insn.imm = new as i32;
            second.imm = (new >> 32) as i32;
            Ok(())
        }
        _ => Err(format!("opcode {:#04x} cannot be relocated", insn.code)),
    }
}

/// Whether there was nothing to put into it.
pub(super) fn is_poisoned(insns: &[Insn]) -> bool {
    let is = |insn: &Insn| insn.code == op::CALL && insn.src_reg == 0 && insn.imm == BAD_RELO;
    insns.first().is_some_and(is)
}

const BPF_LD: u8 = 0;

const BPF_LDX: u8 = 1;

const BPF_ST: u8 = 2;

const BPF_STX: u8 = 3;

const BPF_ALU: u8 = 4;

const BPF_ALU64: u8 = 7;

/// Source is a register, in arithmetic.
const BPF_X: u8 = 8;

/// Bits of the opcode that say how much a load or store moves.
const SIZE_BITS: u8 = 0x18;

fn check(value: &Value, found: u64) -> Result<(), CoreError> {
    match value.expected {
        Some(expected) if expected != found => Err(format!(
            "the instruction holds {found}, the compiler noted {expected}"
        )),
        _ => Ok(()),
    }
}

fn patch_memory(insn: &mut Insn, value: &Value) -> Result<(), CoreError> {
    let Some(new) = value.new else {
        poison(insn);
        return Ok(());
    };
    check(value, i64::from(insn.off) as u64)?;
    let off = i16::try_from(new).map_err(|_| format!("offset {new} is too big"))?;
    if value.bad_mem_size {
        poison(insn);
        return Ok(());
    }
    insn.off = off;
    let (old_size, new_size) = value.mem_size;
    if old_size != new_size {
        if bytes(insn.code) != old_size {
            return Err("the instruction moves another size than the field has".into());
        }
        let size = [8, 4, 2, 1].into_iter().position(|size| size == new_size);
        let size = size.ok_or_else(|| format!("a field of {new_size} bytes cannot be loaded"))?;
        insn.code = insn.code & !SIZE_BITS | [0x18, 0x00, 0x08, 0x10][size];
    }
    Ok(())
}

fn bytes(code: u8) -> u32 {
    match code & SIZE_BITS {
        0x00 => 4,
        0x08 => 2,
        0x10 => 1,
        _ => 8,
    }
}

fn poison(insn: &mut Insn) {
    *insn = Insn {
        code: op::CALL,
        imm: BAD_RELO,
        ..Insn::default()
    };
}
