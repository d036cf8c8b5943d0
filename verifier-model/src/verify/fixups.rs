// SPDX-License-Identifier: GPL-2.0-only
//! After the walk: what the rewriting of an accepted program may still stumble over.
//!
//! Linux 7.3 takes out the instructions that were never walked, and with them whole functions, such
//! as the callback of a `bpf_loop()` that is called zero times; but not the instruction that takes
//! their address, nor the call that an inlined `bpf_loop()` is made of. Those lead from then on to
//! whatever is as far from them. When no function starts there, the compiler of several functions
//! misses one and gives the program back with EFAULT:
//!
//! ```text
//! main:      r2 = callback      ┐         main:    r2 = …, behind the end
//!            call bpf_loop      │  ──►             call bpf_loop
//! static:    exit               │         static:  exit
//! callback:  exit, never walked ┘
//! ```
//!
//! Source: `bpf_optimize_bpf_loop()`, `bpf_opt_hard_wire_dead_code_branches()`,
//! `bpf_opt_remove_dead_code()`, `bpf_opt_remove_nops()`, `verifier_remove_insns()`,
//! `jit_subprogs()` in `kernel/bpf/fixups.c`; `bpf_adj_branches()` in `kernel/bpf/core.c`.

use bpf::insn::{class, jmp};
use bpf::uapi::{Insn, pseudo};

use crate::env::Env;
use crate::env::marks::LoopInline;
use crate::facts::rejection::Checked;
use crate::facts::special_kfunc::SpecialKfunc;

/// Instructions that an inlined `bpf_loop()` has, and which of them calls the function.
const LOOP_INSNS: usize = 19;

const LOOP_CALL: usize = 12;

/// A program as it is rewritten: what decides where addresses lead.
struct Rewritten {
    insns: Vec<Rewrite>,
    /// Where functions start, and the end.
    starts: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Rewrite {
    seen: bool,
    kind: Kind,
    /// Where it leads: this far behind the next instruction.
    rel: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Leads nowhere.
    Plain,
    Goto,
    /// The form with 32 bits of offset, which is never taken out for leading nowhere.
    LongGoto,
    MayGoto,
    Conditional,
    /// Names a function: a call, or its address.
    Function,
}

impl Env<'_> {
    /// What `jit_subprogs()` wants of a program that the walk has accepted.
    ///
    /// The kernel's message has a number that counts the instructions of the program as rewritten by
    /// then, also those for helpers and the context, which are not modelled.
    pub(crate) fn check_removed_subprogs(&mut self) -> Checked {
        let gone = |start: usize| self.marks.insns.get(start).is_some_and(|m| !m.seen);
        let leads_nowhere = |(at, insn): (usize, &Insn)| {
            let to = at as i64 + 1 + i64::from(insn.imm);
            self.marks.insns[at].seen && names_function(insn) && gone(to.max(0) as usize)
        };
        if !self.code.insns.iter().enumerate().any(leads_nowhere) {
            return Ok(());
        }
        let mut rewritten = self.with_loops_inlined();
        rewritten.hard_wire_dead_code_branches();
        rewritten.remove_dead_code();
        rewritten.remove_nops();
        // One function alone is compiled as it is. Exceptions bring a hidden one with them.
        let throws = |at: usize| {
            self.marks.insns[at].seen
                && self.input.special_kfunc(&self.code.insns[at]) == Some(SpecialKfunc::Throw)
        };
        if rewritten.starts.len() <= 2 && !(0..self.code.insns.len()).any(throws) {
            return Ok(());
        }
        match rewritten.lost() {
            Some(at) => self
                .log
                .verifier_bug(format_args!("No program to jit at insn {at} (subprog < 0)")),
            None => Ok(()),
        }
    }

    fn with_loops_inlined(&self) -> Rewritten {
        // Where each instruction comes to lie.
        let mut places = Vec::with_capacity(self.code.insns.len() + 1);
        let mut end = 0;
        for marks in &self.marks.insns {
            places.push(end);
            end += match marks.loop_inline {
                Some(LoopInline {
                    fit_for_inline: true,
                    ..
                }) => LOOP_INSNS,
                _ => 1,
            };
        }
        places.push(end);
        let mut insns = Vec::with_capacity(end);
        for (at, insn) in self.code.insns.iter().enumerate() {
            let second = at > 0 && self.code.insns[at - 1].is_ld_imm64();
            let seen = self.marks.insns[at - usize::from(second)].seen;
            let rel = |from: usize, to: usize| places[to] as i64 - from as i64 - 1;
            if let Some(LoopInline {
                callback,
                fit_for_inline: true,
            }) = self.marks.insns[at].loop_inline
            {
                for i in 0..LOOP_INSNS {
                    let from = places[at] + i;
                    let (kind, rel) = match i {
                        LOOP_CALL => (
                            Kind::Function,
                            rel(from, self.code.subprogs[callback].start),
                        ),
                        _ => (Kind::Plain, 0),
                    };
                    insns.push(Rewrite { seen, kind, rel });
                }
                continue;
            }
            let (kind, off) = kind(insn);
            let kind = if second { Kind::Plain } else { kind };
            let to = (at as i64 + 1 + off).clamp(0, self.code.insns.len() as i64) as usize;
            let rel = rel(places[at], to);
            insns.push(Rewrite { seen, kind, rel });
        }
        let starts = self.code.subprogs.iter().map(|s| places[s.start]).collect();
        Rewritten { insns, starts }
    }
}

/// What an instruction is to the rewriting, and how far it leads.
fn kind(insn: &Insn) -> (Kind, i64) {
    match insn.class() {
        _ if names_function(insn) => (Kind::Function, insn.imm.into()),
        class::JMP if insn.op() == jmp::JA && !insn.src_is_reg() => (Kind::Goto, insn.off.into()),
        class::JMP32 if insn.op() == jmp::JA => (Kind::LongGoto, insn.imm.into()),
        _ if insn.is_may_goto() => (Kind::MayGoto, insn.off.into()),
        _ if insn.is_cond_jump() => (Kind::Conditional, insn.off.into()),
        _ => (Kind::Plain, 0),
    }
}

fn names_function(insn: &Insn) -> bool {
    insn.is_pseudo_call() || insn.is_ld_imm64() && insn.src_reg == pseudo::FUNC
}

impl Rewritten {
    fn hard_wire_dead_code_branches(&mut self) {
        for at in 0..self.insns.len() {
            let insn = self.insns[at];
            if !matches!(insn.kind, Kind::Conditional | Kind::MayGoto) {
                continue;
            }
            let seen = |to: i64| self.insns.get(to as usize).is_some_and(|i| i.seen);
            let next = at as i64 + 1;
            let rel = match (seen(next), seen(next + insn.rel)) {
                (false, _) => insn.rel,
                (true, false) => 0,
                (true, true) => continue,
            };
            let kind = Kind::Goto;
            self.insns[at] = Rewrite { kind, rel, ..insn };
        }
    }

    fn remove_dead_code(&mut self) {
        let mut at = 0;
        while at < self.insns.len() {
            let dead = self.insns[at..].iter().take_while(|i| !i.seen).count();
            if dead > 0 {
                self.remove(at, dead);
            }
            at += 1;
        }
    }

    fn remove_nops(&mut self) {
        let mut at = 0;
        while let Some(insn) = self.insns.get(at) {
            match (insn.kind, insn.rel) {
                (Kind::Goto, 0) => self.remove(at, 1),
                (Kind::MayGoto, 0) => {
                    self.remove(at, 1);
                    // One that led here may be one now.
                    at = at.saturating_sub(1);
                }
                _ => at += 1,
            }
        }
    }

    /// Takes `count` instructions out. What led behind them still does; what led among them leads
    /// to the same distance from the first as before.
    fn remove(&mut self, at: usize, count: usize) {
        self.insns.drain(at..at + count);
        let (first, cnt) = (at as i64, count as i64);
        for (i, insn) in self.insns.iter_mut().enumerate() {
            let to = i as i64 + 1 + insn.rel;
            if insn.kind == Kind::Plain {
            } else if i < at && to >= first + cnt {
                insn.rel -= cnt;
            } else if i >= at && to < first {
                insn.rel += cnt;
            }
        }
        self.remove_starts(at, count);
    }

    /// `adjust_subprog_starts_after_remove()`
    fn remove_starts(&mut self, at: usize, count: usize) {
        let starts = &mut self.starts;
        let mut from = starts.partition_point(|s| *s < at);
        let behind = starts.partition_point(|s| *s < at + count);
        // The instructions taken out may end with the first ones of a function that stays.
        let stays = behind - usize::from(starts.get(behind) != Some(&(at + count)));
        if stays > from {
            starts.drain(from..stays);
        } else if starts.get(from) == Some(&at) {
            from += 1;
        }
        for start in starts.iter_mut().skip(from) {
            *start = start.saturating_sub(count);
        }
    }

    /// Where some instruction looks for a function in vain.
    fn lost(&self) -> Option<i64> {
        let functions = self
            .starts
            .split_last()
            .map_or(&[][..], |(_, starts)| starts);
        let named = self.insns.iter().enumerate();
        let named = named.filter(|(_, insn)| insn.kind == Kind::Function);
        let mut to = named.map(|(at, insn)| at as i64 + 1 + insn.rel);
        to.find(|to| functions.iter().all(|start| *start as i64 != *to))
    }
}
