// SPDX-License-Identifier: GPL-2.0-only
//! Arithmetic and comparisons, as `Documentation/bpf/standardization/instruction-set.rst` has them.

use bpf::insn::{alu, jmp};

use crate::interp::memory::{Pointer, Value};
use crate::interp::{Machine, Stop, unsupported};

impl Machine<'_> {
    /// `left op right` of 64 bits, where addresses stay addresses while they are moved.
    pub(super) fn alu64(&self, op: u8, left: Value, right: Value) -> Result<Value, Stop> {
        let moved = |p: Pointer, by: u64| {
            Value::Pointer(Pointer {
                offset: p.offset.wrapping_add(by as i64),
                ..p
            })
        };
        Ok(match (op, left, right) {
            (alu::MOV, _, v) => {
                self.number(v)?;
                v
            }
            (alu::ADD, Value::Pointer(p), Value::Number(n))
            | (alu::ADD, Value::Number(n), Value::Pointer(p)) => moved(p, n),
            (alu::SUB, Value::Pointer(p), Value::Number(n)) => moved(p, n.wrapping_neg()),
            _ => Value::Number(number64(op, self.number(left)?, self.number(right)?)?),
        })
    }

    /// The same of 32 bits: always a number.
    pub(super) fn alu32(&self, op: u8, left: Value, right: Value) -> Result<Value, Stop> {
        let left = match op {
            alu::MOV => 0,
            _ => self.number(left)? as u32,
        };
        let right = self.number(right)? as u32;
        Ok(Value::Number(number32(op, left, right)?.into()))
    }

    /// Whether a conditional jump is taken.
    pub(super) fn taken(
        &self,
        op: u8,
        wide: bool,
        left: Value,
        right: Value,
    ) -> Result<bool, Stop> {
        let (l, r) = (self.number(left)?, self.number(right)?);
        let (l, r, sl, sr) = match wide {
            true => (l, r, l as i64, r as i64),
            false => {
                let (l, r) = (l as u32, r as u32);
                (l.into(), r.into(), (l as i32).into(), (r as i32).into())
            }
        };
        Ok(match op {
            jmp::JEQ => l == r,
            jmp::JNE => l != r,
            jmp::JGT => l > r,
            jmp::JGE => l >= r,
            jmp::JLT => l < r,
            jmp::JLE => l <= r,
            jmp::JSET => l & r != 0,
            jmp::JSGT => sl > sr,
            jmp::JSGE => sl >= sr,
            jmp::JSLT => sl < sr,
            jmp::JSLE => sl <= sr,
            _ => return unsupported("a jump"),
        })
    }
}

fn number64(op: u8, l: u64, r: u64) -> Result<u64, Stop> {
    Ok(match op {
        alu::ADD => l.wrapping_add(r),
        alu::SUB => l.wrapping_sub(r),
        alu::MUL => l.wrapping_mul(r),
        alu::DIV => l.checked_div(r).unwrap_or(0),
        alu::MOD => l.checked_rem(r).unwrap_or(l),
        alu::OR => l | r,
        alu::AND => l & r,
        alu::XOR => l ^ r,
        alu::LSH => l.wrapping_shl(r as u32),
        alu::RSH => l.wrapping_shr(r as u32),
        alu::ARSH => (l as i64).wrapping_shr(r as u32) as u64,
        alu::NEG => l.wrapping_neg(),
        _ => return unsupported("arithmetic"),
    })
}

fn number32(op: u8, l: u32, r: u32) -> Result<u32, Stop> {
    Ok(match op {
        alu::ADD => l.wrapping_add(r),
        alu::SUB => l.wrapping_sub(r),
        alu::MUL => l.wrapping_mul(r),
        alu::DIV => l.checked_div(r).unwrap_or(0),
        alu::MOD => l.checked_rem(r).unwrap_or(l),
        alu::OR => l | r,
        alu::AND => l & r,
        alu::XOR => l ^ r,
        alu::LSH => l.wrapping_shl(r),
        alu::RSH => l.wrapping_shr(r),
        alu::ARSH => (l as i32).wrapping_shr(r) as u32,
        alu::NEG => l.wrapping_neg(),
        alu::MOV => r,
        _ => return unsupported("arithmetic"),
    })
}
