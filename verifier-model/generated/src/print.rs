// SPDX-License-Identifier: GPL-2.0-only
//! A generated program as text that resembles C.

use std::fmt::{self, Display, Formatter};

use crate::ast::{
    AluOp, AtomicOp, Block, CmpOp, Cond, Function, Mask, Memory, Operand, Place, Program, Size,
    Stmt, Walk, Way,
};

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)?;
        if self.checkpoints {
            write!(f, ", a state at every chance")?;
        }
        writeln!(f)?;
        function(f, "main()", &self.main)?;
        for (i, sub) in self.statics.iter().enumerate() {
            function(f, &format!("static{i}(r6, r7, outer)"), sub)?;
        }
        for (i, sub) in self.globals.iter().enumerate() {
            function(f, &format!("global{i}(r6, r7)"), sub)?;
        }
        for (i, sub) in self.callbacks.iter().enumerate() {
            function(f, &format!("callback{i}(r6, outer)"), sub)?;
        }
        Ok(())
    }
}

fn function(f: &mut Formatter<'_>, name: &str, function: &Function) -> fmt::Result {
    writeln!(f, "{name}")?;
    block(f, &function.body, 1)?;
    writeln!(f, "    return {}", function.result)
}

fn block(f: &mut Formatter<'_>, stmts: &Block, depth: usize) -> fmt::Result {
    for stmt in stmts {
        let pad = 4 * depth;
        write!(f, "{:pad$}", "")?;
        match stmt {
            Stmt::Set(to, value, size @ (Size::B | Size::H | Size::W)) => {
                writeln!(f, "({size}){to} = {value}")?;
            }
            Stmt::Set(to, value, Size::D) => writeln!(f, "{to} = {value}")?,
            Stmt::Random(to) => writeln!(f, "{to} = random()")?,
            Stmt::Alu { op, wide, to, by } => {
                let width = if *wide { "" } else { "(u32)" };
                writeln!(f, "{width}{to} {op} {by}")?;
            }
            Stmt::If(cond, _, other) => {
                writeln!(f, "if {cond}")?;
                block(f, stmt.blocks()[0], depth + 1)?;
                if !other.is_empty() {
                    writeln!(f, "{:pad$}else", "")?;
                    block(f, other, depth + 1)?;
                }
                continue;
            }
            Stmt::Count(place, n, _) => writeln!(f, "for {place} in 0..{n}")?,
            Stmt::MayGoto(false, _) => writeln!(f, "while may_goto")?,
            Stmt::MayGoto(true, _) => writeln!(f, "loop, may_goto back")?,
            Stmt::Iterate(walk, item, _) => match item {
                Some(item) => writeln!(f, "for {item} in {walk}")?,
                None => writeln!(f, "for {walk}")?,
            },
            Stmt::Repeat(n, callback) => writeln!(f, "bpf_loop({n}, callback{callback})")?,
            Stmt::Call(sub, [a, b], to) => writeln!(f, "{to} = static{sub}({a}, {b})")?,
            Stmt::CallGlobal(sub, [a, b], to) => writeln!(f, "{to} = global{sub}({a}, {b})")?,
            Stmt::Access {
                memory,
                index,
                limit,
                offset,
                size,
                way,
            } => {
                if let Some(limit) = limit {
                    write!(f, "if {index} <= {limit}: ")?;
                }
                let at = format!("({size}){memory}[{index}{offset:+}]");
                match way {
                    Way::Load(to) => writeln!(f, "{to} = {at}")?,
                    Way::Store(value) => writeln!(f, "{at} = {value}")?,
                }
            }
            Stmt::Atomic(op, cell, place) => writeln!(f, "{op}(cell{cell}, {place})")?,
            Stmt::Rcu(_) => writeln!(f, "rcu")?,
            Stmt::Hold(_) => writeln!(f, "if held = bpf_cpumask_create()")?,
            Stmt::Renew => writeln!(f, "held = bpf_cpumask_acquire(held), old one released")?,
            Stmt::LookUp(hash, key, _) => {
                let map = if *hash { "hash" } else { "array" };
                writeln!(f, "if found = {map}[{key}]")?;
            }
            Stmt::Break => writeln!(f, "break")?,
            Stmt::Return(value) => writeln!(f, "return {value}")?,
            Stmt::Throw => writeln!(f, "bpf_throw(0)")?,
            Stmt::TailCall => writeln!(f, "tail call")?,
            Stmt::Trap => writeln!(f, "trap")?,
        }
        for inner in stmt.blocks() {
            block(f, inner, depth + 1)?;
        }
    }
    Ok(())
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reg(n) => write!(f, "r{}", 6 + n),
            Self::Cell(n) => write!(f, "cell{n}"),
            Self::Outer(n) => write!(f, "outer{n}"),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Imm(n) => write!(f, "{n}"),
            Self::At(place) => place.fmt(f),
        }
    }
}

impl Display for Cond {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let width = if self.wide { "" } else { "(u32)" };
        write!(f, "{width}{} {} {}", self.left, self.op, self.right)
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::B => "u8",
            Self::H => "u16",
            Self::W => "u32",
            Self::D => "u64",
        })
    }
}

impl Display for AluOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "+=",
            Self::Sub => "-=",
            Self::Mul => "*=",
            Self::Div => "/=",
            Self::Or => "|=",
            Self::And => "&=",
            Self::Lsh => "<<=",
            Self::Rsh => ">>=",
            Self::Mod => "%=",
            Self::Xor => "^=",
            Self::Arsh => "s>>=",
        })
    }
}

impl Display for CmpOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Sgt => "s>",
            Self::Sge => "s>=",
            Self::Slt => "s<",
            Self::Sle => "s<=",
            Self::Set => "&",
        })
    }
}

impl Display for Walk {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Num(from, to) => write!(f, "num({from}, {to})"),
            Self::Bits => write!(f, "bits(buffer)"),
            Self::Cpus(mask) => write!(f, "cpumask({mask})"),
            Self::Seq(value, n) => write!(f, "testmod_seq({value}, {n})"),
        }
    }
}

impl Display for Mask {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Possible => "possible",
            Self::Task => "current->cpus_ptr",
            Self::Held => "held",
        })
    }
}

impl Display for Memory {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buffer => "buffer",
            Self::Value => "value",
            Self::Found => "found",
        })
    }
}

impl Display for AtomicOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "atomic_add",
            Self::FetchAdd => "atomic_fetch_add",
            Self::Xchg => "atomic_xchg",
            Self::Cmpxchg => "atomic_cmpxchg",
        })
    }
}
