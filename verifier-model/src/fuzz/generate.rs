// SPDX-License-Identifier: GPL-2.0-only
//! Programs at random, mostly sensible.
//!
//! What makes them sensible is what they are made of: blocks that close what they open, indices that
//! are bounded more often than not, a handful of constants that come back, so that comparisons can
//! be true. What makes them dangerous: a [`Stmt::Trap`] behind conditions, and now and then a
//! statement where it does not belong.

use super::ast::{
    AluOp, AtomicOp, Block, CmpOp, Cond, Function, Mask, Memory, Operand, Place, ProgKind, Program,
    Size, Stmt, Walk, Way,
};

/// How often each kind of statement is made, in proportion to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are statements by name")]
pub struct Weights {
    pub set: u32,
    pub random: u32,
    pub alu: u32,
    pub branch: u32,
    pub count: u32,
    pub may_goto: u32,
    pub iterate: u32,
    pub repeat: u32,
    pub call: u32,
    pub call_global: u32,
    pub access: u32,
    pub atomic: u32,
    pub rcu: u32,
    pub hold: u32,
    pub renew: u32,
    pub look_up: u32,
    pub leave: u32,
    pub throw: u32,
    pub tail_call: u32,
    pub trap: u32,
    /// Most statements of a program.
    pub size: u32,
    /// Programs in a hundred that keep a state at every chance.
    pub checkpoints: u32,
    /// Values are in the registers and two cells alone, those that a function shares with who calls
    /// it: so more often two statements are about the same one.
    pub few_places: bool,
    /// Programs of a user without capabilities ([`ProgKind::SocketFilter`]).
    pub unprivileged: bool,
}

impl Weights {
    /// No statement at all.
    pub const NONE: Self = Self {
        set: 0,
        random: 0,
        alu: 0,
        branch: 0,
        count: 0,
        may_goto: 0,
        iterate: 0,
        repeat: 0,
        call: 0,
        call_global: 0,
        access: 0,
        atomic: 0,
        rcu: 0,
        hold: 0,
        renew: 0,
        look_up: 0,
        leave: 0,
        throw: 0,
        tail_call: 0,
        trap: 0,
        size: 0,
        checkpoints: 0,
        few_places: false,
        unprivileged: false,
    };

    /// What a user without capabilities may hope to load, and now and then a loop.
    pub const UNPRIVILEGED: Self = Self {
        set: 24,
        random: 10,
        alu: 20,
        branch: 20,
        count: 1,
        access: 20,
        atomic: 3,
        look_up: 8,
        leave: 5,
        tail_call: 1,
        trap: 2,
        size: 24,
        unprivileged: true,
        ..Self::NONE
    };
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            set: 24,
            random: 10,
            alu: 14,
            branch: 20,
            count: 3,
            may_goto: 3,
            iterate: 10,
            repeat: 6,
            call: 5,
            call_global: 3,
            access: 12,
            atomic: 3,
            rcu: 3,
            hold: 3,
            renew: 2,
            look_up: 3,
            leave: 5,
            throw: 1,
            tail_call: 1,
            trap: 4,
            size: 24,
            checkpoints: 50,
            few_places: false,
            unprivileged: false,
        }
    }
}

/// The program of a seed.
pub fn generate(seed: u64, weights: &Weights) -> Program {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut pool = [0; 4];
    for value in &mut pool {
        *value = match random.u8(..12) {
            0 => random.i32(..),
            1 | 2 => random.i32(-64..64),
            _ => random.i32(0..18),
        };
    }
    let kind = match random.bool() {
        _ if weights.unprivileged => ProgKind::SocketFilter,
        true => ProgKind::RawTracepoint,
        false => ProgKind::Syscall,
    };
    let checkpoints = random.u32(..100) < weights.checkpoints;
    let budget = 2 + random.u32(..weights.size.max(1));
    let mut g = Generator {
        random,
        weights,
        pool,
        kind,
        budget,
    };
    // The entry first: it gets the largest part of the budget.
    let main = g.function(&Scope::default());
    let statics = g.random.usize(..3);
    let globals = g.random.usize(..2);
    let callbacks = 1 + g.random.usize(..2);
    let mut functions = |n: usize, scope: Scope| -> Vec<Function> {
        (0..n)
            .map(|_| {
                g.budget = 1 + g.random.u32(..8);
                g.function(&scope)
            })
            .collect()
    };
    let inner = Scope {
        inner: true,
        ..Scope::default()
    };
    let callback = Scope {
        callback: true,
        ..inner
    };
    Program {
        kind,
        checkpoints,
        main,
        statics: functions(statics, inner),
        globals: functions(globals, inner),
        callbacks: functions(callbacks, callback),
    }
}

/// What is open where a statement goes.
#[derive(Clone, Copy, Default)]
struct Scope {
    depth: u32,
    loops: u32,
    /// What counts a loop here; writing it makes most loops endless.
    counter: Option<Place>,
    in_rcu: bool,
    held: bool,
    found: bool,
    /// Not the entry.
    inner: bool,
    callback: bool,
}

impl Scope {
    fn deeper(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }
}

struct Generator<'a> {
    random: fastrand::Rng,
    weights: &'a Weights,
    /// Constants of this program.
    pool: [i32; 4],
    kind: ProgKind,
    /// Statements left to make.
    budget: u32,
}

impl Generator<'_> {
    fn function(&mut self, scope: &Scope) -> Function {
        let mut body = Vec::new();
        if self.kind == ProgKind::SocketFilter {
            self.initialise_stack(&mut body);
        }
        // Values to begin with.
        for n in 0..self.random.u8(..4) {
            let to = match self.random.bool() {
                true => Place::Reg(n),
                false => Place::Cell(n),
            };
            body.push(Stmt::Set(to, self.constant(), Size::D));
        }
        while self.budget > 0 {
            let stmt = self.stmt(scope);
            body.push(stmt);
            if self.one_in(if scope.inner { 6 } else { 16 }) {
                break;
            }
        }
        let result = match scope.callback {
            true if self.one_in(4) => Operand::At(self.place(scope)),
            true => Operand::Imm((self.one_in(4)).into()),
            false => self.operand(scope),
        };
        Function { body, result }
    }

    /// Without capabilities no stack is read that was not written.
    fn initialise_stack(&mut self, body: &mut Block) {
        for n in (0..4).filter(|_| !self.one_in(16)).collect::<Vec<_>>() {
            body.push(Stmt::Set(Place::Cell(n), self.constant(), Size::D));
        }
        for index in [0, 8] {
            body.push(Stmt::Access {
                memory: Memory::Buffer,
                index: Operand::Imm(index),
                limit: None,
                offset: 0,
                size: Size::D,
                way: Way::Store(self.constant()),
            });
        }
    }

    fn block(&mut self, scope: &Scope) -> Block {
        let mut block = Vec::new();
        while self.budget > 0 {
            block.push(self.stmt(scope));
            if self.one_in(3) {
                break;
            }
        }
        block
    }

    fn stmt(&mut self, scope: &Scope) -> Stmt {
        self.budget = self.budget.saturating_sub(1);
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
        match self.pick(&weights) {
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

    /// A place to write.
    fn target(&mut self, scope: &Scope) -> Place {
        let place = self.place(scope);
        match Some(place) == scope.counter && !self.one_in(30) {
            true => Place::Cell(0),
            false => place,
        }
    }

    fn place(&mut self, scope: &Scope) -> Place {
        if self.weights.few_places {
            return match self.random.u8(..5) {
                n @ 0..3 => Place::Reg(n),
                n if scope.inner => Place::Outer(n - 3),
                n => Place::Cell(n - 3),
            };
        }
        match self.random.u8(..12) {
            0..6 => Place::Reg(self.random.u8(..3)),
            6..9 if scope.inner => Place::Outer(self.random.u8(..4)),
            _ => Place::Cell(self.random.u8(..4)),
        }
    }

    fn operand(&mut self, scope: &Scope) -> Operand {
        match self.random.u8(..5) {
            0..3 => self.constant(),
            _ => Operand::At(self.place(scope)),
        }
    }

    fn constant(&mut self) -> Operand {
        Operand::Imm(match self.one_in(16) {
            true => self.random.i32(..),
            false => self.pool[self.random.usize(..self.pool.len())],
        })
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.random.u32(..n) == 0
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.random.usize(..choices.len())]
    }

    fn pick(&mut self, weights: &[u32]) -> usize {
        let mut left = self.random.u32(..weights.iter().sum::<u32>().max(1));
        for (i, weight) in weights.iter().enumerate() {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return i,
            }
        }
        0
    }
}
