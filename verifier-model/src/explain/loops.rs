// SPDX-License-Identifier: GPL-2.0-only
//! The loops of a program: what is between a jump back and where it goes.

use crate::env::Env;

/// A natural loop.
#[derive(Debug, Clone)]
pub(crate) struct Loop {
    /// Where each round begins.
    pub header: usize,
    /// Its instructions, the header included, ascending.
    pub body: Vec<usize>,
}

impl Loop {
    /// Whether the instruction is part of the loop, in the loop's own function.
    pub(crate) fn has(&self, insn: usize) -> bool {
        self.body.binary_search(&insn).is_ok()
    }
}

/// All loops, the larger before those inside them. A call that calls back is a loop of one
/// instruction.
pub(crate) fn find_loops(env: &Env<'_>) -> Vec<Loop> {
    let n = env.code.insns.len();
    let ready = env.code.aux.len() == n && env.code.subprog_cnt() > 0;
    let mut loops: Vec<Loop> = Vec::new();
    if !ready {
        return loops;
    }
    let mut preds = vec![Vec::new(); n];
    for i in 0..n {
        for &s in env.code.successors(i).as_slice() {
            if let Some(p) = preds.get_mut(s) {
                p.push(i);
            }
        }
    }
    for (tail, header) in back_edges(env) {
        let body = body_of(&preds, tail, header);
        match loops.iter_mut().find(|l| l.header == header) {
            Some(l) => {
                l.body.extend(body);
                l.body.sort_unstable();
                l.body.dedup();
            }
            None => loops.push(Loop { header, body }),
        }
    }
    let callbacks = (0..n).filter(|&i| env.code.aux[i].calls_callback);
    loops.extend(callbacks.map(|header| Loop {
        header,
        body: vec![header],
    }));
    loops.sort_by_key(|l| (std::cmp::Reverse(l.body.len()), l.header));
    loops
}

/// Edges to an instruction that a depth-first walk has entered and not left.
fn back_edges(env: &Env<'_>) -> Vec<(usize, usize)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; env.code.insns.len()];
    let mut edges = Vec::new();
    for sub in &env.code.subprogs[..env.code.subprog_cnt()] {
        let mut stack = vec![(sub.start, 0)];
        while let Some((insn, next)) = stack.pop() {
            marks[insn] = Mark::Open;
            let succ = env.code.successors(insn);
            match succ.as_slice().get(next) {
                None => marks[insn] = Mark::Done,
                Some(&to) => {
                    stack.push((insn, next + 1));
                    match marks.get(to) {
                        Some(Mark::New) => stack.push((to, 0)),
                        Some(Mark::Open) => edges.push((insn, to)),
                        _ => {}
                    }
                }
            }
        }
    }
    edges
}

/// What reaches `tail` without passing `header`.
fn body_of(preds: &[Vec<usize>], tail: usize, header: usize) -> Vec<usize> {
    let mut inside = vec![false; preds.len()];
    inside[header] = true;
    let mut todo = vec![tail];
    while let Some(i) = todo.pop() {
        if !std::mem::replace(&mut inside[i], true) {
            todo.extend(&preds[i]);
        }
    }
    (0..inside.len()).filter(|&i| inside[i]).collect()
}
