// SPDX-License-Identifier: GPL-2.0-only
//! Programs at random, mostly sensible.
//!
//! What makes them sensible is what they are made of: blocks that close what they open, indices that
//! are bounded more often than not, a handful of constants that come back, so that comparisons can
//! be true. What makes them dangerous: a [`Stmt::Trap`] behind conditions, and now and then a
//! statement where it does not belong.

mod stmt;
mod weights;

use crate::ast::{Block, Function, Memory, Operand, Place, ProgKind, Program, Size, Stmt, Way};

pub use self::weights::Weights;

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
        true => ProgKind::RawTracepoint,
        false => ProgKind::Syscall,
    };
    let kind = weights.kind.unwrap_or(kind);
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
