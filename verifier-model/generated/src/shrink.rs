// SPDX-License-Identifier: GPL-2.0-only
//! Smaller programs: each candidate is the program with one thing taken away or made simpler.

use crate::ast::{Block, Operand, Place, Program, Size, Stmt, Walk, Way};
use crate::lower::lower;
use crate::mutate::{Case, Mutation};

/// All candidates, those that take most away first.
pub fn candidates(case: &Case) -> Vec<Case> {
    let mut programs = functions(&case.program);
    if case.program.checkpoints {
        programs.push(Program {
            checkpoints: false,
            ..case.program.clone()
        });
    }
    let Some(mutation) = case.mutation else {
        let plain = |program| Case {
            program,
            mutation: None,
        };
        return programs.into_iter().map(plain).collect();
    };
    let mut out = vec![Case {
        program: case.program.clone(),
        mutation: None,
    }];
    let n = lower(&case.program).insns.len();
    let at = usize::from(mutation.at) % n;
    for program in programs {
        // What was taken away lies behind the mutation, or before it.
        let gone = n.saturating_sub(lower(&program).insns.len());
        for at in [Some(at), at.checked_sub(gone).filter(|_| gone > 0)] {
            let Some(at) = at else { continue };
            out.push(Case {
                program: program.clone(),
                mutation: Some(Mutation {
                    at: at as u16,
                    ..mutation
                }),
            });
        }
    }
    out
}

/// The smallest case that still satisfies `holds`, as far as single steps lead.
pub fn shrink(case: Case, mut holds: impl FnMut(&Case) -> bool) -> Case {
    let mut best = case;
    // Where the last success was: candidates before it failed a moment ago.
    let mut from = 0;
    loop {
        let all = candidates(&best);
        let n = all.len();
        let order = (from..n).chain(0..from.min(n));
        let Some(i) = { order }.find(|&i| holds(&all[i])) else {
            return best;
        };
        best = all.into_iter().nth(i).unwrap_or(best);
        from = i;
    }
}

fn functions(program: &Program) -> Vec<Program> {
    let mut out = Vec::new();
    let count = program.functions().count();
    for i in 0..count {
        let function = nth(program, i);
        for body in blocks(&function.0) {
            out.push(replaced(program, i, Some(body), None));
        }
        for result in operands(function.1) {
            out.push(replaced(program, i, None, Some(result)));
        }
    }
    out
}

fn nth(program: &Program, i: usize) -> (Block, Operand) {
    let function = program.functions().nth(i).unwrap_or(&program.main);
    (function.body.clone(), function.result)
}

fn replaced(program: &Program, i: usize, body: Option<Block>, result: Option<Operand>) -> Program {
    let mut program = program.clone();
    let Program {
        main,
        statics,
        globals,
        callbacks,
        ..
    } = &mut program;
    let subs = statics.iter_mut().chain(globals).chain(callbacks);
    if let Some(function) = std::iter::once(main).chain(subs).nth(i) {
        function.body = body.unwrap_or_else(|| std::mem::take(&mut function.body));
        function.result = result.unwrap_or(function.result);
    }
    program
}

/// Smaller blocks: halves, without a statement, a statement replaced.
fn blocks(block: &Block) -> Vec<Block> {
    let mut out = Vec::new();
    let n = block.len();
    if n > 3 {
        out.push(block[..n / 2].to_vec());
        out.push(block[n / 2..].to_vec());
    }
    for i in 0..n {
        out.push([&block[..i], &block[i + 1..]].concat());
        for inner in block[i].blocks() {
            if !inner.is_empty() {
                out.push([&block[..i], inner, &block[i + 1..]].concat());
            }
        }
    }
    for i in 0..n {
        for stmt in statements(&block[i]) {
            let mut smaller = block.clone();
            smaller[i] = stmt;
            out.push(smaller);
        }
    }
    out
}

/// Simpler statements of the same kind.
fn statements(stmt: &Stmt) -> Vec<Stmt> {
    let mut out = Vec::new();
    for i in 0..stmt.blocks().len() {
        for smaller in blocks(stmt.blocks()[i]) {
            let mut stmt = stmt.clone();
            if let Some(block) = stmt.blocks_mut().into_iter().nth(i) {
                *block = smaller;
            }
            out.push(stmt);
        }
    }
    match stmt {
        Stmt::Set(to, value, size) => {
            if *size != Size::D {
                out.push(Stmt::Set(*to, *value, Size::D));
            }
            out.extend(operands(*value).map(|v| Stmt::Set(*to, v, *size)));
            out.extend(places(*to).map(|p| Stmt::Set(p, *value, *size)));
        }
        Stmt::Random(to) => out.extend(places(*to).map(Stmt::Random)),
        Stmt::Alu { op, wide, to, by } => {
            let (op, wide, to, by) = (*op, *wide, *to, *by);
            out.extend(operands(by).map(|by| Stmt::Alu { op, wide, to, by }));
            out.extend(places(to).map(|to| Stmt::Alu { op, wide, to, by }));
            if !wide {
                let wide = true;
                out.push(Stmt::Alu { op, wide, to, by });
            }
        }
        Stmt::If(cond, then, other) => {
            for right in operands(cond.right) {
                let mut cond = *cond;
                cond.right = right;
                out.push(Stmt::If(cond, then.clone(), other.clone()));
            }
            for left in places(cond.left) {
                let mut cond = *cond;
                cond.left = left;
                out.push(Stmt::If(cond, then.clone(), other.clone()));
            }
            if !cond.wide {
                let mut cond = *cond;
                cond.wide = true;
                out.push(Stmt::If(cond, then.clone(), other.clone()));
            }
        }
        Stmt::Iterate(walk, item, body) => {
            let simple = Walk::Num(0, 10);
            if *walk != simple {
                out.push(Stmt::Iterate(simple, *item, body.clone()));
            }
            if item.is_some() {
                out.push(Stmt::Iterate(*walk, None, body.clone()));
            }
        }
        Stmt::Count(place, n, body) if *n > 1 => {
            out.push(Stmt::Count(*place, n / 2, body.clone()));
        }
        Stmt::Repeat(n, callback) => out.extend(operands(*n).map(|n| Stmt::Repeat(n, *callback))),
        Stmt::Call(sub, [a, b], to) => {
            out.extend(operands(*a).map(|a| Stmt::Call(*sub, [a, *b], *to)));
            out.extend(operands(*b).map(|b| Stmt::Call(*sub, [*a, b], *to)));
        }
        Stmt::CallGlobal(sub, [a, b], to) => {
            out.extend(operands(*a).map(|a| Stmt::CallGlobal(*sub, [a, *b], *to)));
            out.extend(operands(*b).map(|b| Stmt::CallGlobal(*sub, [*a, b], *to)));
        }
        Stmt::Access { .. } => accesses(stmt, &mut out),
        Stmt::LookUp(hash, key, body) => {
            out.extend(operands(*key).map(|k| Stmt::LookUp(*hash, k, body.clone())));
        }
        Stmt::Return(value) => out.extend(operands(*value).map(Stmt::Return)),
        _ => {}
    }
    out
}

fn accesses(stmt: &Stmt, out: &mut Vec<Stmt>) {
    for step in 0..4 {
        let mut smaller = stmt.clone();
        let Stmt::Access {
            limit,
            offset,
            size,
            way,
            ..
        } = &mut smaller
        else {
            return;
        };
        match step {
            0 => *limit = None,
            1 => *offset = 0,
            2 => *size = Size::B,
            _ => *way = Way::Store(Operand::Imm(0)),
        }
        if smaller != *stmt {
            out.push(smaller);
        }
    }
}

fn operands(operand: Operand) -> impl Iterator<Item = Operand> {
    let simpler = match operand {
        Operand::Imm(0) => vec![],
        Operand::Imm(1) => vec![Operand::Imm(0)],
        Operand::Imm(n @ 2..=16) => vec![Operand::Imm(0), Operand::Imm(1), Operand::Imm(n - 1)],
        Operand::Imm(n) => vec![Operand::Imm(0), Operand::Imm(1), Operand::Imm(n / 2)],
        Operand::At(place) => {
            let mut all = vec![Operand::Imm(0)];
            all.extend(places(place).map(Operand::At));
            all
        }
    };
    simpler.into_iter()
}

fn places(place: Place) -> impl Iterator<Item = Place> {
    let simpler = match place {
        Place::Reg(0) => vec![],
        Place::Reg(n) => (0..n).map(Place::Reg).collect(),
        Place::Cell(n) => (0..3)
            .map(Place::Reg)
            .chain((0..n).map(Place::Cell))
            .collect(),
        Place::Outer(n) => (0..n).map(Place::Outer).collect(),
    };
    simpler.into_iter()
}
