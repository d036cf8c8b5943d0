// SPDX-License-Identifier: GPL-2.0-only
//! The stack of all functions that can be active at a time: 512 bytes, 16 frames.
//!
//! Source: `check_max_stack_depth()` in `kernel/bpf/verifier.c`.

use bpf::uapi::{AttachType as A, ProgType as P};

use crate::env::Env;
use crate::facts::errno::Errno;
use crate::facts::limits::MAX_BPF_STACK;
use crate::facts::rejection::Checked;
use crate::facts::special_kfunc::SpecialKfunc;
use crate::input::struct_ops::StructOps;
use crate::log::reject;
use crate::state::MAX_CALL_FRAMES;

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

const fn round_up(depth: i32) -> i32 {
    let d = if depth < 1 { 1 } else { depth };
    (d + 15) / 16 * 16
}

impl Env<'_> {
    /// Adds up the stack along every chain of calls.
    pub(crate) fn check_max_stack_depth(&mut self) -> Checked {
        let cnt = self.code.subprog_cnt();
        let tail_calls = self.code.subprogs[..cnt].iter().any(|s| s.has_tail_call);
        let mode = if tail_calls {
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

    fn priv_stack_mode(&self) -> PrivStack {
        let requested = |ops: &StructOps<'_>| ops.private_stack;
        match self.input.prog.prog_type {
            P::StructOps if self.input.struct_ops.as_ref().is_some_and(requested) => {
                PrivStack::Adaptive
            }
            P::Kprobe | P::Tracepoint | P::PerfEvent | P::RawTracepoint => PrivStack::Adaptive,
            P::Tracing if self.input.prog.expected_attach_type != A::TraceIter => {
                PrivStack::Adaptive
            }
            _ => PrivStack::No,
        }
    }

    fn check_stack_depth_from(
        &mut self,
        start: usize,
        priv_supported: bool,
        modes: &mut [PrivStack],
    ) -> Checked {
        let mut info = vec![Caller::default(); self.code.subprog_cnt()];
        let mut idx = start;
        let (mut depth, mut frame) = (0, 0);
        let mut i = self.code.subprogs[idx].start;
        let mut tail_call_reachable = false;
        let mut enter = true;
        // Each function is entered once per call that leads to it; recursion was refused before.
        loop {
            if enter {
                if !priv_supported {
                    modes[idx] = PrivStack::No;
                }
                self.enter_function(idx, &info, &mut depth, priv_supported, modes)?;
            }
            enter = false;
            let end = self.code.subprogs[idx + 1].start;
            while i < end {
                let insn = self.code.insns[i];
                if insn.is_kfunc_call() && insn.off == 0 {
                    let throws = self.input.special_kfunc(&insn) == Some(SpecialKfunc::Throw);
                    if throws && self.chain(idx, &info).any(|s| self.marks.funcs[s].is_cb) {
                        return reject!(
                            self,
                            Exception,
                            EINVAL,
                            "bpf_throw kfunc (insn {i}) cannot be called from callback subprog {idx}"
                        );
                    }
                }
                if !insn.is_pseudo_call() && !insn.is_pseudo_func() {
                    i += 1;
                    continue;
                }
                let Some(callee) = self.code.callee_of(i) else {
                    return Err(Errno::EFAULT.into());
                };
                if self.marks.funcs[callee].is_async_cb {
                    if !insn.is_pseudo_call() {
                        i += 1;
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
                info[idx].frame = frame;
                info[idx].ret_insn = i + 1;
                info[callee].caller = Some(idx);
                idx = callee;
                i = self.code.subprogs[idx].start;
                tail_call_reachable = self.code.subprogs[idx].has_tail_call;
                frame = if self.code.subprog_is_global(idx) {
                    0
                } else {
                    frame + 1
                };
                if frame >= MAX_CALL_FRAMES {
                    return reject!(
                        self,
                        CallDepth,
                        E2BIG,
                        "the call stack of {frame} frames is too deep !"
                    );
                }
                enter = true;
                break;
            }
            if enter {
                continue;
            }
            if tail_call_reachable {
                let chain: Vec<_> = self.chain(idx, &info).collect();
                for s in chain {
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
            }
            let Some(caller) = info[idx].caller else {
                return Ok(());
            };
            if modes[idx] != PrivStack::Adaptive {
                depth -= round_up(self.marks.funcs[idx].stack_depth);
            }
            info[idx].caller = None;
            idx = caller;
            frame = info[idx].frame;
            i = info[idx].ret_insn;
            tail_call_reachable = self.marks.funcs[idx].tail_call_reachable;
        }
    }

    fn enter_function(
        &mut self,
        idx: usize,
        info: &[Caller],
        depth: &mut i32,
        priv_supported: bool,
        modes: &mut [PrivStack],
    ) -> Checked {
        if self.code.subprogs[idx].has_ld_abs
            && self.chain(idx, info).any(|s| self.marks.funcs[s].is_cb)
        {
            return reject!(
                self,
                PacketLoad,
                EINVAL,
                "cannot use BPF_LD_[ABS|IND] within callback"
            );
        }
        if idx != 0 && self.code.subprogs[idx].has_tail_call && *depth >= 256 {
            return reject!(
                self,
                TailCallStack,
                EACCES,
                "tail_calls are not allowed when call stack of previous frames is {depth} bytes. Too large"
            );
        }
        let own = round_up(self.marks.funcs[idx].stack_depth);
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
        *depth += own;
        self.counts.max_stack_depth = self.counts.max_stack_depth.max(*depth);
        if *depth > MAX_BPF_STACK {
            let total = self.chain(idx, info).count();
            return reject!(
                self,
                StackCombined,
                EACCES,
                "combined stack size of {total} calls is {depth}. Too large"
            );
        }
        Ok(())
    }

    /// A function and those that called it.
    fn chain(&self, idx: usize, info: &[Caller]) -> impl Iterator<Item = usize> + use<> {
        let mut out = vec![idx];
        let mut cur = idx;
        while let Some(caller) = info[cur].caller {
            if out.len() > info.len() {
                break;
            }
            out.push(caller);
            cur = caller;
        }
        out.into_iter()
    }
}
