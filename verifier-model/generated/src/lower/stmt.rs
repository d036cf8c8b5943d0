// SPDX-License-Identifier: GPL-2.0-only
//! Each statement's instructions. A method says whether control goes on behind what it made: the
//! verifier refuses instructions that nothing leads to, so none are made there.

use crate::ast::{
    AluOp, AtomicOp, Block, CmpOp, Cond, Memory, Operand, Place, ProgKind, Size, Stmt, Way,
};
use crate::code::map;
use crate::lower::{BUFFER_OFF, CELLS_OFF, FP, FuncId, KEY_OFF, Lower, R9, Scope};

const MAP_LOOKUP_ELEM: i32 = 1;

const GET_PRANDOM_U32: i32 = 7;

const TAIL_CALL: i32 = 12;

impl Lower<'_> {
    pub(super) fn block(&mut self, block: &Block) -> bool {
        block.iter().all(|stmt| self.stmt(stmt))
    }

    fn stmt(&mut self, stmt: &Stmt) -> bool {
        match stmt {
            Stmt::Set(to, value, size) => self.set(*to, *value, *size),
            Stmt::Random(to) => {
                self.asm.helper(GET_PRANDOM_U32);
                self.put(*to, 0);
            }
            Stmt::Alu { op, wide, to, by } => self.alu(*op, *wide, *to, *by),
            Stmt::If(cond, then, other) => return self.branch(*cond, then, other),
            Stmt::Count(place, n, body) => self.count(*place, *n, body),
            Stmt::MayGoto(back, body) => return self.may_goto(*back, body),
            Stmt::Iterate(walk, item, body) => self.iterate(*walk, *item, body),
            Stmt::Repeat(n, callback) => self.repeat(*n, *callback),
            Stmt::Call(sub, args, to) => self.call_static(*sub, args, *to),
            Stmt::CallGlobal(sub, args, to) => self.call_global(*sub, args, *to),
            Stmt::Access {
                memory,
                index,
                limit,
                offset,
                size,
                way,
            } => self.access(*memory, *index, *limit, *offset, *size, *way),
            Stmt::Atomic(op, cell, place) => self.atomic(*op, *cell, *place),
            Stmt::Rcu(body) => {
                self.asm.kfunc("bpf_rcu_read_lock");
                return self.scoped(Scope::Rcu, body);
            }
            Stmt::Hold(body) => self.hold(body),
            Stmt::Renew => self.renew(),
            Stmt::LookUp(hash, key, body) => self.look_up(*hash, *key, body),
            Stmt::Break => return self.break_(),
            Stmt::Return(value) => {
                self.leave(*value);
                return false;
            }
            Stmt::Throw => {
                self.asm.mov_imm(1, 0);
                self.asm.kfunc("bpf_throw");
            }
            Stmt::TailCall if self.id == FuncId::Main => {
                self.r9 = true;
                self.asm.mov(1, R9);
                let programs = match self.program.kind {
                    ProgKind::RawTracepoint => map::RAW_TRACEPOINTS,
                    ProgKind::Syscall | ProgKind::SyscallBpf => map::SYSCALLS,
                    ProgKind::SocketFilter => map::SOCKET_FILTERS,
                };
                self.asm.map(2, programs, false);
                self.asm.mov_imm(3, 0);
                self.asm.helper(TAIL_CALL);
            }
            Stmt::TailCall => {}
            Stmt::Trap => {
                self.asm.mov_imm(1, 0);
                self.asm.load(Size::D, 1, 1, 0);
            }
        }
        true
    }

    /// A block inside a scope, which it closes where control reaches its end.
    pub(super) fn scoped(&mut self, scope: Scope, body: &Block) -> bool {
        let depth = self.scopes.len();
        self.scopes.push(scope);
        let goes_on = self.block(body);
        if goes_on {
            self.unwind(depth);
        }
        self.scopes.truncate(depth);
        goes_on
    }

    pub(super) fn set(&mut self, to: Place, value: Operand, size: Size) {
        match (to, value) {
            (Place::Reg(n), Operand::At(from @ (Place::Cell(_) | Place::Outer(_)))) => {
                let (base, off) = self.memory_of(from);
                let reg = self.reg(n);
                self.asm.load(size, reg, base, off);
            }
            (Place::Reg(n), value) => {
                let reg = self.reg(n);
                self.get(reg, value);
                match size {
                    Size::D => {}
                    Size::W => self.asm.mov32(reg, reg),
                    Size::H => self.asm.alu_imm(AluOp::And, true, reg, 0xffff),
                    Size::B => self.asm.alu_imm(AluOp::And, true, reg, 0xff),
                }
            }
            (_, Operand::Imm(imm)) => {
                let (base, off) = self.memory_of(to);
                self.asm.store_imm(size, base, off, imm);
            }
            (_, Operand::At(from)) => {
                let from = self.at(1, from);
                let (base, off) = self.memory_of(to);
                self.asm.store(size, base, off, from);
            }
        }
    }

    pub(super) fn alu(&mut self, op: AluOp, wide: bool, to: Place, by: Operand) {
        let left = self.at(1, to);
        match by {
            Operand::Imm(imm) => self.asm.alu_imm(op, wide, left, imm),
            Operand::At(by) => {
                let right = self.at(2, by);
                self.asm.alu(op, wide, left, right);
            }
        }
        self.put(to, left);
    }

    fn branch(&mut self, cond: Cond, then: &Block, other: &Block) -> bool {
        let (yes, end) = (self.asm.label(), self.asm.label());
        let left = self.at(1, cond.left);
        match cond.right {
            Operand::Imm(imm) => self.asm.jump_if_imm(cond.op, cond.wide, left, imm, yes),
            Operand::At(right) => {
                let right = self.at(2, right);
                self.asm.jump_if(cond.op, cond.wide, left, right, yes);
            }
        }
        let other_goes_on = self.block(other);
        if other_goes_on {
            self.asm.ja(end);
        }
        self.asm.bind(yes);
        let then_goes_on = self.block(then);
        self.asm.bind(end);
        then_goes_on || other_goes_on
    }

    pub(super) fn held(&self) -> Option<i16> {
        self.scopes.iter().rev().find_map(|s| match s {
            Scope::Held(slot) => Some(*slot),
            _ => None,
        })
    }

    fn call_static(&mut self, sub: u8, args: &[Operand; 2], to: Place) {
        let first = match self.id {
            FuncId::Main => 0,
            FuncId::Static(i) => i + 1,
            FuncId::Global(_) | FuncId::Callback(_) => return,
        };
        if let Some(sub) = pick(first, self.program.statics.len(), sub) {
            self.args(args);
            self.asm.mov(3, FP);
            self.asm.add_imm(3, CELLS_OFF.into());
            self.asm.call(FuncId::Static(sub));
            self.put(to, 0);
        }
    }

    fn call_global(&mut self, sub: u8, args: &[Operand; 2], to: Place) {
        let first = match self.id {
            FuncId::Main | FuncId::Static(_) => 0,
            FuncId::Global(i) => i + 1,
            FuncId::Callback(_) => return,
        };
        if let Some(sub) = pick(first, self.program.globals.len(), sub) {
            self.args(args);
            self.asm.call(FuncId::Global(sub));
            self.put(to, 0);
        }
    }

    fn args(&mut self, args: &[Operand; 2]) {
        self.get(1, args[0]);
        self.get(2, args[1]);
    }

    fn access(
        &mut self,
        memory: Memory,
        index: Operand,
        limit: Option<u8>,
        offset: i8,
        size: Size,
        way: Way,
    ) {
        let end = self.asm.label();
        self.get(2, index);
        if let Some(limit) = limit {
            self.asm.jump_if_imm(CmpOp::Gt, true, 2, limit.into(), end);
        }
        let found = self.scopes.iter().rev().find_map(|s| match s {
            Scope::Found(slot) => Some(*slot),
            _ => None,
        });
        match (memory, found) {
            (Memory::Buffer, _) => {
                self.asm.mov(1, FP);
                self.asm.add_imm(1, BUFFER_OFF.into());
            }
            (Memory::Found, Some(slot)) => self.asm.load(Size::D, 1, FP, slot),
            (Memory::Found | Memory::Value, _) => self.asm.map(1, map::ARRAY, true),
        }
        self.asm.alu(AluOp::Add, true, 1, 2);
        match way {
            Way::Load(to) => {
                self.asm.load(size, 3, 1, offset.into());
                self.put(to, 3);
            }
            Way::Store(Operand::Imm(imm)) => self.asm.store_imm(size, 1, offset.into(), imm),
            Way::Store(Operand::At(from)) => {
                let from = self.at(3, from);
                self.asm.store(size, 1, offset.into(), from);
            }
        }
        self.asm.bind(end);
    }

    fn atomic(&mut self, op: AtomicOp, cell: u8, place: Place) {
        let (base, off) = self.memory_of(Place::Cell(cell));
        let src = self.at(1, place);
        if op == AtomicOp::Cmpxchg {
            self.asm.mov_imm(0, 0);
        }
        self.asm.atomic(op, base, off, src);
        match op {
            AtomicOp::Add => {}
            AtomicOp::FetchAdd | AtomicOp::Xchg => self.put(place, src),
            AtomicOp::Cmpxchg => self.put(place, 0),
        }
    }

    fn hold(&mut self, body: &Block) {
        let old = self.stack;
        let slot = self.alloc(8);
        let end = self.asm.label();
        self.asm.kfunc("bpf_cpumask_create");
        self.asm.jump_if_imm(CmpOp::Eq, true, 0, 0, end);
        self.asm.store(Size::D, FP, slot, 0);
        self.scoped(Scope::Held(slot), body);
        self.asm.bind(end);
        self.stack = old;
    }

    fn renew(&mut self) {
        if let Some(slot) = self.held() {
            self.asm.load(Size::D, 1, FP, slot);
            self.asm.kfunc("bpf_cpumask_acquire");
            self.asm.load(Size::D, 1, FP, slot);
            self.asm.store(Size::D, FP, slot, 0);
            self.asm.kfunc("bpf_cpumask_release");
        }
    }

    fn look_up(&mut self, hash: bool, key: Operand, body: &Block) {
        let old = self.stack;
        let slot = self.alloc(8);
        let end = self.asm.label();
        match key {
            Operand::Imm(imm) => self.asm.store_imm(Size::W, FP, KEY_OFF, imm),
            Operand::At(place) => {
                let key = self.at(1, place);
                self.asm.store(Size::W, FP, KEY_OFF, key);
            }
        }
        let map = if hash { map::HASH } else { map::ARRAY };
        self.asm.map(1, map, false);
        self.asm.mov(2, FP);
        self.asm.add_imm(2, KEY_OFF.into());
        self.asm.helper(MAP_LOOKUP_ELEM);
        self.asm.jump_if_imm(CmpOp::Eq, true, 0, 0, end);
        self.asm.store(Size::D, FP, slot, 0);
        self.scoped(Scope::Found(slot), body);
        self.asm.bind(end);
        self.stack = old;
    }
}

/// The `n`th of the functions from `first` on, counted round.
pub(super) fn pick(first: usize, len: usize, n: u8) -> Option<usize> {
    let count = len.checked_sub(first).filter(|count| *count > 0)?;
    Some(first + usize::from(n) % count)
}
