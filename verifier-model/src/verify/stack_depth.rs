// SPDX-License-Identifier: GPL-2.0-only
//! The stack of all functions that can be active at a time: 512 bytes, 16 frames.
//!
//! Source: `check_max_stack_depth()` in `kernel/bpf/verifier.c`.

use bpf::uapi::{AttachType, ProgType};

use crate::env::Env;
use crate::env::marks::NO_FASTCALL_STACK;
use crate::facts::errno::Errno;
use crate::facts::limits::MAX_BPF_STACK;
use crate::facts::rejection::Checked;
use crate::facts::release::Limits;
use crate::facts::rule::Rule;
use crate::facts::special_kfunc::SpecialKfunc;
use crate::input::struct_ops::StructOps;
use crate::log::reject;

/// Functions with less stack than this do not get one of their own.
const BPF_PRIV_STACK_MIN_SIZE: i32 = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum PrivStack {
    Unknown,
    No,
    Adaptive,
}

#[derive(Clone, Copy, Default)]
struct Caller {
    caller: Option<usize>,
    frame: usize,
    ret_insn: usize,
}

/// The functions that are active, from the one that the walk began in to where it is.
struct Chain {
    /// Of each function, when it is active.
    callers: Vec<Caller>,
    /// The innermost function.
    idx: usize,
    /// Next instruction to look at.
    insn: usize,
    frame: usize,
    depth: i32,
    tail_call_reachable: bool,
}

impl Chain {
    /// The innermost function and those that called it.
    fn active(&self) -> impl Iterator<Item = usize> {
        let mut next = Some(self.idx);
        let at_most = self.callers.len() + 1;
        core::iter::from_fn(move || {
            let idx = next?;
            next = self.callers[idx].caller;
            Some(idx)
        })
        .take(at_most)
    }
}

/// The stack of a function, as it is counted; the interpreter's is never empty.
const fn round_up(depth: i32, limits: &Limits) -> i32 {
    let round = limits.stack_round;
    let depth = if limits.stack_of_none && depth == 0 {
        1
    } else {
        depth
    };
    (depth + round - 1) / round * round
}

impl Env<'_> {
    /// Adds up the stack along every chain of calls.
    pub(crate) fn check_max_stack_depth(&mut self) -> Checked {
        let cnt = self.code.subprog_cnt();
        let tail_calls = self.code.subprogs[..cnt].iter().any(|s| s.has_tail_call);
        let mode = if tail_calls || !self.input.profile.has(Rule::PRIVATE_STACK) {
            PrivStack::No
        } else {
            self.priv_stack_mode()
        };
        let mut modes = vec![PrivStack::Unknown; cnt];
        for i in (0..cnt).rev() {
            if i == 0 || self.marks.funcs[i].is_async_cb {
                let supported = i == 0 && mode == PrivStack::Adaptive;
                self.check_stack_depth_from(i, supported, &mut modes)?;
            }
        }
        Ok(())
    }

    /// Slots of spills that are taken out are no stack (`bpf_remove_fastcall_spills_fills`).
    pub(crate) fn remove_fastcall_spills(&mut self) {
        for (sub, marks) in self.known.code.subprogs.iter().zip(&mut self.marks.funcs) {
            let kept = marks.fastcall_stack_off == NO_FASTCALL_STACK;
            if sub.removes_spills && !sub.keeps_spills && !kept {
                marks.stack_depth = -marks.fastcall_stack_off;
            }
        }
    }

    fn priv_stack_mode(&self) -> PrivStack {
        let requested = |ops: &StructOps<'_>| ops.private_stack;
        match self.input.prog.prog_type {
            ProgType::StructOps if self.input.struct_ops.as_ref().is_some_and(requested) => {
                PrivStack::Adaptive
            }
            ProgType::Kprobe
            | ProgType::Tracepoint
            | ProgType::PerfEvent
            | ProgType::RawTracepoint => PrivStack::Adaptive,
            ProgType::Tracing if self.input.prog.expected_attach_type != AttachType::TraceIter => {
                PrivStack::Adaptive
            }
            _ => PrivStack::No,
        }
    }

    /// Each function is entered once per call that leads to it; recursion was refused before.
    fn check_stack_depth_from(
        &mut self,
        start: usize,
        priv_supported: bool,
        modes: &mut [PrivStack],
    ) -> Checked {
        let mut chain = Chain {
            callers: vec![Caller::default(); self.code.subprog_cnt()],
            idx: start,
            insn: self.code.subprogs[start].start,
            frame: 0,
            depth: 0,
            tail_call_reachable: false,
        };
        loop {
            if !priv_supported {
                modes[chain.idx] = PrivStack::No;
            }
            self.enter_function(&mut chain, priv_supported, modes)?;
            while !self.enter_next_call(&mut chain)? {
                if chain.tail_call_reachable {
                    self.mark_tail_call_reachable(&chain)?;
                }
                let Some(caller) = chain.callers[chain.idx].caller else {
                    return Ok(());
                };
                if modes[chain.idx] != PrivStack::Adaptive {
                    let own = self.marks.funcs[chain.idx].stack_depth;
                    chain.depth -= round_up(own, &self.input.release.limits);
                }
                chain.callers[chain.idx].caller = None;
                chain.idx = caller;
                chain.frame = chain.callers[caller].frame;
                chain.insn = chain.callers[caller].ret_insn;
                chain.tail_call_reachable = self.marks.funcs[caller].tail_call_reachable;
            }
        }
    }

    /// Goes on to the next call in the current function, and into it; false if there is none.
    fn enter_next_call(&self, chain: &mut Chain) -> Checked<bool> {
        let idx = chain.idx;
        let end = self.code.subprogs[idx + 1].start;
        for i in chain.insn..end {
            let insn = self.code.insns[i];
            if insn.is_kfunc_call() && insn.off == 0 {
                let throws = self.input.special_kfunc(&insn) == Some(SpecialKfunc::Throw);
                if throws && chain.active().any(|s| self.marks.funcs[s].is_cb) {
                    return reject!(
                        self,
                        Exception,
                        EINVAL,
                        "bpf_throw kfunc (insn {i}) cannot be called from callback subprog {idx}"
                    );
                }
            }
            if !insn.is_pseudo_call() && !insn.is_pseudo_func() {
                continue;
            }
            let Some(callee) = self.code.callee_of(i) else {
                return Err(Errno::EFAULT.into());
            };
            if self.marks.funcs[callee].is_async_cb {
                if !insn.is_pseudo_call() {
                    continue;
                }
                if self.code.subprogs[callee].is_exception_cb {
                    return reject!(
                        self,
                        Exception,
                        EINVAL,
                        "insn {i} cannot call exception cb directly"
                    );
                }
            }
            chain.callers[idx].frame = chain.frame;
            chain.callers[idx].ret_insn = i + 1;
            chain.callers[callee].caller = Some(idx);
            chain.idx = callee;
            chain.insn = self.code.subprogs[callee].start;
            chain.tail_call_reachable = self.code.subprogs[callee].has_tail_call;
            let begins = self.code.subprog_is_global(callee)
                && self.input.profile.has(Rule::GLOBALS_OWN_FRAMES);
            chain.frame = if begins { 0 } else { chain.frame + 1 };
            if chain.frame >= self.input.release.limits.call_frames {
                return reject!(
                    self,
                    CallDepth,
                    E2BIG,
                    "the call stack of {} frames is too deep !",
                    chain.frame
                );
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn mark_tail_call_reachable(&mut self, chain: &Chain) -> Checked {
        for s in chain.active() {
            if self.marks.funcs[s].is_cb {
                return reject!(self, TailCall, EINVAL, "cannot tail call within callback");
            }
            if self.marks.funcs[s].args.stack_arg_cnt != 0 {
                return reject!(
                    self,
                    TailCall,
                    EINVAL,
                    "tail_calls are not allowed in programs with stack args"
                );
            }
            self.marks.funcs[s].tail_call_reachable = true;
        }
        Ok(())
    }

    fn enter_function(
        &mut self,
        chain: &mut Chain,
        priv_supported: bool,
        modes: &mut [PrivStack],
    ) -> Checked {
        let idx = chain.idx;
        let refused = self.input.profile.has(Rule::PACKET_LOADS_IN_CALLBACKS)
            && self.code.subprogs[idx].has_ld_abs;
        if refused && chain.active().any(|s| self.marks.funcs[s].is_cb) {
            return reject!(
                self,
                PacketLoad,
                EINVAL,
                "cannot use BPF_LD_[ABS|IND] within callback"
            );
        }
        if idx != 0 && self.code.subprogs[idx].has_tail_call && chain.depth >= 256 {
            return reject!(
                self,
                TailCallStack,
                EACCES,
                "tail_calls are not allowed when call stack of previous frames is {} bytes. Too large",
                chain.depth
            );
        }
        let own = self.marks.funcs[idx].stack_depth;
        let own = round_up(own, &self.input.release.limits);
        if self.marks.funcs[idx].args.stack_arg_cnt != 0 {
            modes[idx] = PrivStack::No;
        } else if priv_supported
            && modes[idx] == PrivStack::Unknown
            && own >= BPF_PRIV_STACK_MIN_SIZE
        {
            modes[idx] = PrivStack::Adaptive;
        }
        if modes[idx] == PrivStack::Adaptive {
            self.counts.max_stack_depth = self.counts.max_stack_depth.max(own);
            if own > MAX_BPF_STACK {
                return reject!(
                    self,
                    StackFunction,
                    EACCES,
                    "stack size of subprog {idx} is {own}. Too large"
                );
            }
            return Ok(());
        }
        chain.depth += own;
        self.counts.max_stack_depth = self.counts.max_stack_depth.max(chain.depth);
        if chain.depth > MAX_BPF_STACK {
            let total = chain.active().count();
            return reject!(
                self,
                StackCombined,
                EACCES,
                "combined stack size of {total} calls is {}. Too large",
                chain.depth
            );
        }
        Ok(())
    }
}
