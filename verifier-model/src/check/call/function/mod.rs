// SPDX-License-Identifier: GPL-2.0-only
//! Calls of the program's own functions, callbacks, and returning from them.
//!
//! A static function is walked into at each call, in a new frame. A global one is verified on its
//! own; a call of it only looks at the arguments. A synchronous callback is walked into any number
//! of times: its frame waits to be explored, and when it returns control goes back to the call
//! itself, so that states can converge there ([`crate::walk::prune`]).
//!
//! Source: `check_func_call()`, `prepare_func_exit()` in `kernel/bpf/verifier.c`.

pub(crate) mod args;
pub(crate) mod callback;
pub(crate) mod callee_state;

use crate::check::call::function::callback::{CallbackKind, arguments};
use crate::env::Env;
use crate::env::flow::Flow;
use crate::facts::errno::Errno;
use crate::facts::kind::Kind;
use crate::facts::rejection::{Checked, Stop, not_modelled};
use crate::facts::rule::Rule;
use crate::facts::types::RegType;
use crate::log::{reject, verbose};
use crate::state::VerifierState;

impl Env<'_> {
    pub(crate) fn setup_func_entry(
        &mut self,
        st: &mut VerifierState,
        subprog: usize,
        callsite: usize,
        kind: Option<CallbackKind>,
    ) -> Checked {
        if st.frames.len() >= self.input.release.limits.call_frames {
            let n = st.frames.len() + 1;
            return reject!(
                self,
                CallDepth,
                E2BIG,
                "the call stack of {n} frames is too deep"
            );
        }
        let frameno = st.frames.len();
        let mut callee = self.new_frame(callsite as i32, frameno, subprog);
        callee.first_own_id = self.path.id_gen + 1;
        self.log.scratch_all();
        self.set_callee_state(st.frame(), &mut callee, kind)?;
        callee.take_marks(st.frame(), arguments(kind));
        st.frames.push(callee);
        Ok(())
    }

    /// A call of a function of the program.
    pub(crate) fn check_func_call(&mut self) -> Checked<Flow> {
        let idx = self.path.insn_idx;
        let Some(subprog) = self.code.callee_of(idx) else {
            return self.log.verifier_bug(format_args!(
                "target of func call at insn {idx} is not a program"
            ));
        };
        let args = self.btf_check_subprog_call(subprog);
        if args
            .as_ref()
            .is_err_and(|stop| stop.is_errno(Errno::EFAULT))
        {
            return args.map(|()| Flow::Next);
        }
        if let Err(Stop::NotModelled(why)) = args {
            return not_modelled(why);
        }
        if self.code.subprog_is_global(subprog) {
            return self.check_global_func_call(subprog, args);
        }
        let mut cur = core::mem::take(&mut self.path.cur);
        let entered = self.setup_func_entry(&mut cur, subprog, idx, None);
        self.path.cur = cur;
        entered?;
        self.enter_live_stack();
        let callee = self.path.cur.frames.pop();
        self.clear_caller_saved_regs();
        self.path.cur.frames.extend(callee);
        self.path.insn_idx = self.code.subprogs[subprog].start;
        if self.log.level1() {
            let n = self.path.cur.curframe();
            verbose!(self, "caller:\n");
            self.print_cur_state(n - 1, true);
            verbose!(self, "callee:\n");
            self.print_cur_state(n, true);
        }
        Ok(Flow::IdxUpdated)
    }

    fn check_global_func_call(&mut self, subprog: usize, args: Checked) -> Checked<Flow> {
        let name = self.input.subprog_name(subprog);
        if self.path.cur.active_locks != 0 {
            return reject!(
                self,
                CallUnderLock,
                EINVAL,
                "global function calls are not allowed while holding a lock,\n\
                 use static function instead"
            );
        }
        let preempted = self.path.cur.active_preempt_locks != 0;
        if preempted && !self.input.profile.has(Rule::PREEMPT_GLOBAL_CALLS) {
            return reject!(
                self,
                CallUnderLock,
                EINVAL,
                "global function calls are not allowed with preemption disabled,\n\
                 use static function instead"
            );
        }
        let sleepable = self.in_sleepable_context();
        if self.code.subprogs[subprog].might_sleep && !sleepable {
            let why = self.non_sleepable_context();
            return reject!(
                self,
                SleepsInAtomic,
                EINVAL,
                "sleepable global function {name}() called in {why}"
            );
        }
        if let Err(e) = args {
            let line = format_args!("Caller passes invalid args into func#{subprog} ('{name}')");
            return Err(self.log.sum_up(e, Some(Kind::GlobalFunctionArgument), line));
        }
        if self.log.level1() {
            verbose!(
                self,
                "Func#{subprog} ('{name}') is global and assumed valid.\n"
            );
        }
        let apart = self.input.profile.has(Rule::CONTEXTS_OF_FUNCTIONS);
        let walked_as = if apart {
            sleepable
        } else {
            self.input.prog.sleepable()
        };
        self.marks.funcs[subprog].called.insert(walked_as);
        let follows = self.input.profile.has(Rule::GLOBALS_CHANGE_PACKETS);
        if follows && self.code.subprogs[subprog].changes_pkt_data {
            self.clear_all_pkt_pointers();
        }
        self.clear_caller_saved_regs();
        self.invalidate_outgoing_stack_args();
        if !self.subprog_returns_void(subprog) {
            self.mark_reg_unknown(0);
        }
        let ends = self.input.profile.has(Rule::GLOBALS_THROW);
        if ends && self.code.subprogs[subprog].might_throw {
            let idx = self.path.insn_idx;
            self.push_stack(idx + 1, idx, false)?;
            return self.process_exception_exit();
        }
        Ok(Flow::Next)
    }

    /// `exit` in a function that was called.
    pub(crate) fn prepare_func_exit(&mut self) -> Checked {
        self.update_live_stack();
        let n = self.path.cur.curframe();
        let r0 = *self.reg(0);
        if r0.typ == RegType::PTR_TO_STACK {
            return reject!(
                self,
                ReturnValue,
                EINVAL,
                "cannot return stack pointer to the caller"
            );
        }
        let callee = self.path.cur.frame();
        let (in_cb, callsite, range) = (
            callee.in_callback_fn,
            callee.callsite,
            callee.callback_ret_range,
        );
        let first_own_id = callee.first_own_id;
        let callsite = callsite.max(0) as usize;
        let any_count = self.input.profile.has(Rule::CALLBACK_ANY_COUNT);
        if in_cb {
            if !r0.is_scalar() {
                return reject!(self, ReturnValue, EACCES, "R0 not a scalar value");
            }
            self.mark_reg_read(0);
            if self.input.profile.has(Rule::CALLBACK_R0_PRECISE) {
                self.mark_chain_precision(0)?;
            }
            if !self.allows(range, &r0) {
                return self.invalid_scalar(&r0, range, "At callback return", "R0");
            }
            self.check_callback_refs(first_own_id)?;
            self.path.insn_idx = if any_count { callsite } else { callsite + 1 };
        } else {
            let (callers, callee) = self.path.cur.frames.split_at_mut(n);
            callers[n - 1].regs[0] = r0;
            callers[n - 1].take_marks(&callee[0], &[(0, 0)]);
            self.path.insn_idx = callsite + 1;
        }
        if self.log.level1() {
            verbose!(self, "returning from callee:\n");
            self.print_cur_state(n, true);
            let idx = self.path.insn_idx;
            verbose!(self, "to caller at {idx}:\n");
            self.print_cur_state(n - 1, true);
        }
        self.path.cur.frames.pop();
        self.invalidate_outgoing_stack_args();
        if in_cb
            && any_count
            && let Some(prev) = self.find_prev_entry(&self.path.cur, self.path.insn_idx)
        {
            let mut cur = core::mem::take(&mut self.path.cur);
            self.widen_imprecise_scalars(prev, &mut cur);
            self.path.cur = cur;
        }
        Ok(())
    }
}
