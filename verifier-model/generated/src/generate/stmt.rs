// SPDX-License-Identifier: GPL-2.0-only
//! Which statement comes next, and what it is made of.

use crate::ast::{
    AluOp, AtomicOp, Block, CmpOp, Cond, Mask, Memory, Operand, Place, ProgKind, Size, Stmt, Walk,
    Way,
};
use crate::generate::{Generator, Scope};

impl Generator<'_> {
    pub(super) fn stmt(&mut self, scope: &Scope) -> Stmt {
        self.budget = self.budget.saturating_sub(1);
        match self.kind_of_stmt(scope) {
            0 => self.set(scope),
            1 => Stmt::Random(self.target(scope)),
            2 => self.alu(scope),
            3 => {
                let cond = self.cond(scope);
                let deeper = scope.deeper();
                let then = self.block(&deeper);
                let other = match self.one_in(3) {
                    true => self.block(&deeper),
                    false => Vec::new(),
                };
                Stmt::If(cond, then, other)
            }
            4 => {
                let place = Place::Reg(self.random.u8(..3));
                let inside = Scope {
                    counter: Some(place),
                    ..*scope
                };
                Stmt::Count(place, self.random.u8(1..4), self.loop_body(&inside))
            }
            5 => Stmt::MayGoto(self.one_in(6), self.loop_body(scope)),
            6 => self.iterate(scope),
            7 => {
                let n = match self.one_in(3) {
                    true => self.operand(scope),
                    false => Operand::Imm(self.random.i32(0..6)),
                };
                Stmt::Repeat(n, self.random.u8(..2))
            }
            8 => {
                let args = [self.operand(scope), self.operand(scope)];
                Stmt::Call(self.random.u8(..2), args, self.target(scope))
            }
            9 => {
                let args = [self.operand(scope), self.operand(scope)];
                Stmt::CallGlobal(self.random.u8(..2), args, self.target(scope))
            }
            10 => self.access(scope),
            11 => {
                use AtomicOp::{Add, Cmpxchg, FetchAdd, Xchg};
                let op = self.one_of(&[Add, FetchAdd, Xchg, Cmpxchg]);
                Stmt::Atomic(op, self.random.u8(..4), self.target(scope))
            }
            12 => Stmt::Rcu(self.block(&Scope {
                in_rcu: true,
                ..scope.deeper()
            })),
            13 => Stmt::Hold(self.block(&Scope {
                held: true,
                ..scope.deeper()
            })),
            14 => Stmt::Renew,
            15 => {
                let hash = self.random.bool();
                let key = match self.random.bool() {
                    true => Operand::Imm(self.random.i32(0..2)),
                    false => self.operand(scope),
                };
                let inside = Scope {
                    found: true,
                    ..scope.deeper()
                };
                Stmt::LookUp(hash, key, self.block(&inside))
            }
            16 if scope.loops > 0 && !self.one_in(3) => Stmt::Break,
            16 => Stmt::Return(match scope.callback {
                true => Operand::Imm((self.one_in(3)).into()),
                false => self.operand(scope),
            }),
            17 => Stmt::Throw,
            18 => Stmt::TailCall,
            _ => Stmt::Trap,
        }
    }

    /// Which row of [`Self::stmt`] comes next, by the weights of what fits here.
    fn kind_of_stmt(&mut self, scope: &Scope) -> usize {
        let w = *self.weights;
        let nests = scope.depth < 5 && self.budget > 0;
        let block = |weight| if nests { weight } else { 0 };
        // Loops in loops in loops are many instructions to walk and say no more.
        let loops = |weight| if scope.loops < 2 { block(weight) } else { 0 };
        let only = |is: bool, weight: u32| if is { weight } else { 0 };
        // Where a statement does not belong it is still made now and then.
        let wrong = self.one_in(40);
        let weights = [
            w.set,
            w.random,
            w.alu,
            block(w.branch),
            loops(w.count),
            loops(w.may_goto),
            loops(w.iterate),
            only(scope.loops < 2, w.repeat),
            only(!scope.callback, w.call),
            only(!scope.callback, w.call_global),
            w.access,
            w.atomic,
            block(only(!scope.in_rcu || wrong, w.rcu)),
            block(w.hold),
            only(scope.held, w.renew),
            block(w.look_up),
            only(scope.depth > 0, w.leave),
            only(!scope.callback || wrong, w.throw),
            only(!scope.inner, w.tail_call),
            only(scope.depth > 0, w.trap),
        ];
        self.pick(&weights)
    }

    fn loop_body(&mut self, scope: &Scope) -> Block {
        self.block(&Scope {
            loops: scope.loops + 1,
            ..scope.deeper()
        })
    }

    fn set(&mut self, scope: &Scope) -> Stmt {
        let size = match self.random.u8(..8) {
            0 => Size::B,
            1 => Size::H,
            2 => Size::W,
            _ => Size::D,
        };
        Stmt::Set(self.target(scope), self.operand(scope), size)
    }

    fn alu(&mut self, scope: &Scope) -> Stmt {
        use AluOp::{Add, And, Arsh, Div, Lsh, Mod, Mul, Or, Rsh, Sub, Xor};
        let op = self.one_of(&[
            Add, Add, Add, Sub, And, And, Or, Xor, Mul, Div, Mod, Lsh, Rsh, Arsh,
        ]);
        let wide = !self.one_in(4);
        let by = match op {
            Lsh | Rsh | Arsh => Operand::Imm(self.random.i32(0..if wide { 64 } else { 32 })),
            Div | Mod => Operand::Imm(self.random.i32(1..20)),
            _ => self.operand(scope),
        };
        let to = self.target(scope);
        Stmt::Alu { op, wide, to, by }
    }

    fn cond(&mut self, scope: &Scope) -> Cond {
        use CmpOp::{Eq, Ge, Gt, Le, Lt, Ne, Set, Sge, Sgt, Sle, Slt};
        Cond {
            op: self.one_of(&[Eq, Eq, Ne, Ne, Gt, Ge, Lt, Le, Sgt, Sge, Slt, Sle, Set]),
            wide: !self.one_in(4),
            left: self.place(scope),
            right: self.operand(scope),
        }
    }

    fn iterate(&mut self, scope: &Scope) -> Stmt {
        let may_walk = scope.in_rcu || self.kind == ProgKind::RawTracepoint || self.one_in(12);
        let walk = match self.random.u8(..8) {
            0..3 => {
                let from = self.random.i32(0..4);
                Walk::Num(from, from + self.random.i32(0..12))
            }
            3 => Walk::Bits,
            4 | 5 if may_walk => {
                let masks = [Mask::Possible, Mask::Task, Mask::Held];
                Walk::Cpus(self.one_of(&masks))
            }
            _ => Walk::Seq(self.random.i32(-4..20), self.random.i32(0..9)),
        };
        let item = self.random.bool().then(|| self.target(scope));
        Stmt::Iterate(walk, item, self.loop_body(scope))
    }

    fn access(&mut self, scope: &Scope) -> Stmt {
        let memory = match self.random.u8(..3) {
            0 if scope.found => Memory::Found,
            0 | 1 => Memory::Buffer,
            _ => Memory::Value,
        };
        // The stack wants its accesses aligned.
        let size = match memory {
            Memory::Buffer if !self.one_in(6) => Size::B,
            _ => self.one_of(&[Size::B, Size::B, Size::H, Size::W, Size::D]),
        };
        let bytes = 1 << size as i8;
        let limit = match self.random.u8(..8) {
            0..3 => Some(16 - bytes as u8),
            3 => Some(self.random.u8(..20)),
            _ => None,
        };
        let offset = match self.one_in(6) {
            true => self.random.i8(-4..=16),
            false => 0,
        };
        // Nor is it at a variable offset.
        let fixed = self.kind == ProgKind::SocketFilter && memory == Memory::Buffer;
        let index = match self.one_in(8) != fixed {
            true => Operand::Imm(self.random.i32(0..16)),
            false => Operand::At(self.place(scope)),
        };
        let way = match self.random.bool() {
            true => Way::Load(self.target(scope)),
            false => Way::Store(self.operand(scope)),
        };
        Stmt::Access {
            memory,
            index,
            limit,
            offset,
            size,
            way,
        }
    }
}
