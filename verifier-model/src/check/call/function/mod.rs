// SPDX-License-Identifier: GPL-2.0-only
//! Calls of the program's own functions, callbacks, and returning from them.
//!
//! A static function is walked into at each call, in a new frame. A global one is verified on its
//! own; a call of it only looks at the arguments. A synchronous callback is walked into any number
//! of times: its frame waits to be explored, and when it returns control goes back to the call
//! itself, so that states can converge there ([`crate::walk::prune`]).
//!
//! Source: `check_func_call()`, `push_callback_call()`, `prepare_func_exit()`,
//! `set_*_callback_state()` in `kernel/bpf/verifier.c`.

pub mod args;
pub mod callback;

use crate::check::call::function::callback::CallbackKind;
use crate::env::Env;
use crate::env::flow::Flow;
use crate::facts::errno::{Check, Errno, Stop, not_modelled};
use crate::facts::limits::CALLER_SAVED_REGS;
use crate::facts::rule::Rule;
use crate::facts::types::RegType;
use crate::log::verbose;
use crate::state::history::{HistFlags, LinkedRegs};
use crate::state::reg::RegState;
use crate::state::{FuncState, MAX_CALL_FRAMES, VerifierState};

impl Env<'_> {
    /// Registers that a call clobbers become unwritten.
    pub fn clear_caller_saved_regs(&mut self) {
        let not_init = self.not_init();
        for r in 0..CALLER_SAVED_REGS {
            self.regs()[r] = not_init;
            self.log.scratch_reg(r);
        }
    }

    /// Stack arguments are gone after a call.
    pub fn invalidate_outgoing_stack_args(&mut self) {
        let not_init = self.not_init();
        self.cur.frame_mut().stack_arg_regs.fill(not_init);
    }

    pub(crate) fn setup_func_entry(
        &mut self,
        st: &mut VerifierState,
        subprog: usize,
        callsite: usize,
        kind: Option<CallbackKind>,
    ) -> Check {
        if st.frames.len() >= MAX_CALL_FRAMES {
            let n = st.frames.len() + 1;
            verbose!(self, "the call stack of {n} frames is too deep\n");
            return Err(Errno::E2BIG.into());
        }
        let frameno = st.frames.len();
        let mut callee = FuncState::new(self.bpf_capable, callsite as i32, frameno, subprog);
        callee.first_own_id = self.id_gen + 1;
        self.log.scratch_all();
        self.set_callee_state(st.frame(), &mut callee, kind)?;
        st.frames.push(callee);
        Ok(())
    }

    /// A call of a function of the program.
    pub fn check_func_call(&mut self) -> Check<Flow> {
        let idx = self.insn_idx;
        let Some(subprog) = self.callee_of(idx) else {
            return self.verifier_bug(format_args!(
                "target of func call at insn {idx} is not a program"
            ));
        };
        let args = self.btf_check_subprog_call(subprog);
        if args == Err(Stop::Errno(Errno::EFAULT)) {
            return args.map(|()| Flow::Next);
        }
        if let Err(Stop::NotModelled(why)) = args {
            return not_modelled(why);
        }
        if self.subprog_is_global(subprog) {
            return self.check_global_func_call(subprog, args);
        }
        let mut cur = core::mem::take(&mut self.cur);
        let entered = self.setup_func_entry(&mut cur, subprog, idx, None);
        self.cur = cur;
        entered?;
        let callee = self.cur.frames.pop();
        self.clear_caller_saved_regs();
        self.cur.frames.extend(callee);
        self.insn_idx = self.subprogs[subprog].start;
        if self.log.level1() {
            let n = self.cur.curframe();
            verbose!(self, "caller:\n");
            self.print_cur_state(n - 1, true);
            verbose!(self, "callee:\n");
            self.print_cur_state(n, true);
        }
        Ok(Flow::IdxUpdated)
    }

    fn check_global_func_call(&mut self, subprog: usize, args: Check) -> Check<Flow> {
        let name = self.subprog_name(subprog);
        if self.cur.active_locks != 0 {
            verbose!(
                self,
                "global function calls are not allowed while holding a lock,\n\
                 use static function instead\n"
            );
            return Err(Errno::EINVAL.into());
        }
        let sleepable = !self.in_rcu_cs();
        if self.subprogs[subprog].might_sleep && !sleepable {
            let why = self.non_sleepable_context();
            verbose!(self, "sleepable global function {name}() called in {why}\n");
            return Err(Errno::EINVAL.into());
        }
        if let Err(e) = args {
            verbose!(
                self,
                "Caller passes invalid args into func#{subprog} ('{name}')\n"
            );
            return Err(e);
        }
        if self.log.level1() {
            verbose!(
                self,
                "Func#{subprog} ('{name}') is global and assumed valid.\n"
            );
        }
        self.func_info_aux[subprog].called[usize::from(sleepable)] = true;
        if self.subprogs[subprog].changes_pkt_data {
            self.clear_all_pkt_pointers();
        }
        self.clear_caller_saved_regs();
        self.invalidate_outgoing_stack_args();
        if !self.subprog_returns_void(subprog) {
            self.mark_reg_unknown(0);
        }
        if self.subprogs[subprog].might_throw {
            let idx = self.insn_idx;
            self.push_stack(idx + 1, idx, false)?;
            return self.process_exception_exit();
        }
        Ok(Flow::Next)
    }

    /// `exit` in a function that was called.
    pub fn prepare_func_exit(&mut self) -> Check {
        let n = self.cur.curframe();
        let r0 = *self.reg(0);
        if r0.typ == RegType::PTR_TO_STACK {
            verbose!(self, "cannot return stack pointer to the caller\n");
            return Err(Errno::EINVAL.into());
        }
        let callee = self.cur.frame();
        let (in_cb, callsite, range) = (
            callee.in_callback_fn,
            callee.callsite,
            callee.callback_ret_range,
        );
        let first_own_id = callee.first_own_id;
        let callsite = callsite.max(0) as usize;
        let any_count = self.profile.has(Rule::CALLBACK_ANY_COUNT);
        if in_cb {
            if !r0.is_scalar() {
                verbose!(self, "R0 not a scalar value\n");
                return Err(Errno::EACCES.into());
            }
            if self.profile.has(Rule::CALLBACK_R0_PRECISE) {
                self.mark_chain_precision(0)?;
            }
            if !range.allows(&r0) {
                self.verbose_invalid_scalar(&r0, range, "At callback return", "R0");
                return Err(Errno::EINVAL.into());
            }
            self.check_callback_refs(first_own_id)?;
            self.insn_idx = if any_count { callsite } else { callsite + 1 };
        } else {
            self.cur.frames[n - 1].regs[0] = r0;
            self.insn_idx = callsite + 1;
        }
        if self.log.level1() {
            verbose!(self, "returning from callee:\n");
            self.print_cur_state(n, true);
            let idx = self.insn_idx;
            verbose!(self, "to caller at {idx}:\n");
            self.print_cur_state(n - 1, true);
        }
        self.cur.frames.pop();
        self.invalidate_outgoing_stack_args();
        if in_cb
            && any_count
            && let Some(prev) = self.find_prev_entry(&self.cur, self.insn_idx)
        {
            let mut cur = core::mem::take(&mut self.cur);
            self.widen_imprecise_scalars(prev, &mut cur);
            self.cur = cur;
        }
        Ok(())
    }

    /// Reads an incoming stack argument.
    pub fn check_stack_arg_read(&mut self, off: i16, dst: usize) -> Check {
        let frame = self.cur.frame();
        let spi = (off / 8) as usize - 1;
        if frame.no_stack_arg_load {
            verbose!(self, "r11 load must be before any r11 store or call insn\n");
            return Err(Errno::EINVAL.into());
        }
        let n = self.subprogs[frame.subprogno].in_stack_arg_cnt();
        let caller = self.cur.curframe().checked_sub(1);
        let arg = caller
            .and_then(|c| self.cur.frames[c].stack_arg_regs.get(spi))
            .copied();
        let (true, Some(arg)) = (spi < n, arg) else {
            verbose!(
                self,
                "invalid read from stack arg off {off} depth {}\n",
                n * 8
            );
            return Err(Errno::EACCES.into());
        };
        self.regs()[dst] = arg;
        self.push_stack_arg_history(spi);
        Ok(())
    }

    /// Writes an outgoing stack argument.
    pub fn check_stack_arg_write(&mut self, off: i16, value: RegState) -> Check {
        const MAX: usize = crate::analysis::arg_track::MAX_STACK_ARG_SLOTS;
        let spi = (i32::from(off).unsigned_abs() / 8) as usize - 1;
        if spi >= MAX {
            verbose!(
                self,
                "stack arg write offset {off} exceeds max {MAX} stack args\n"
            );
            return Err(Errno::EINVAL.into());
        }
        let frame = self.cur.frame_mut();
        if frame.stack_arg_regs.len() <= spi {
            frame.stack_arg_regs.resize(spi + 1, RegState::default());
        }
        frame.stack_arg_regs[spi] = value;
        frame.no_stack_arg_load = true;
        self.push_stack_arg_history(spi);
        Ok(())
    }

    fn push_stack_arg_history(&mut self, spi: usize) {
        let flags = HistFlags {
            stack_arg_access: true,
            ..HistFlags::default()
        };
        self.push_jmp_history(flags, spi, 0, LinkedRegs::default());
    }
}
