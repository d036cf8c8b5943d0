// SPDX-License-Identifier: GPL-2.0-only
//! Functions of the program that a helper or kfunc calls back.
//!
//! Source: `push_callback_call()` in `kernel/bpf/verifier.c`.

use bpf::uapi::Insn;

use crate::env::Env;
use crate::env::flow::Flow;
use crate::facts::errno::Errno;
use crate::facts::limits::BPF_COMPLEXITY_LIMIT_JMP_SEQ;
use crate::facts::rejection::{Checked, Stop, not_modelled};
use crate::facts::rule::Rule;
use crate::log::reject;
use crate::state::reference::{RefKind, Reference};
use crate::state::{BPF_MAIN_FUNC, StackElem, VerifierState};

/// Kinds of callbacks, by what they are called with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CallbackKind {
    /// `bpf_for_each_map_elem`
    MapElem,
    /// `bpf_loop`
    Loop,
    /// `bpf_timer_set_callback`, `bpf_wq_set_callback`
    Timer,
    /// `bpf_find_vma`
    FindVma,
    /// `bpf_user_ringbuf_drain`
    UserRingbuf,
    /// `bpf_rbtree_add`
    RbtreeAdd,
    /// `bpf_task_work_schedule_*`
    TaskWork,
}

impl CallbackKind {
    /// Arguments of the call that the callback gets: their number there and here.
    const fn arguments(self) -> &'static [(usize, usize)] {
        match self {
            Self::MapElem => &[(1, 1), (4, 3)],
            Self::FindVma => &[(1, 1), (3, 4)],
            Self::Loop | Self::UserRingbuf => &[(2, 3)],
            Self::Timer | Self::RbtreeAdd | Self::TaskWork => &[],
        }
    }
}

/// Arguments of the caller that the callee gets: their number there and here.
pub(crate) const fn arguments(kind: Option<CallbackKind>) -> &'static [(usize, usize)] {
    match kind {
        Some(kind) => kind.arguments(),
        None => &[(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)],
    }
}

impl Env<'_> {
    /// A call that calls a function of the program back.
    pub(crate) fn push_callback_call(
        &mut self,
        insn: &Insn,
        subprog: usize,
        kind: CallbackKind,
    ) -> Checked {
        let idx = self.path.insn_idx;
        match self.btf_check_subprog_call(subprog) {
            Err(Stop::Rejected(why)) if why.errno == Errno::EFAULT => {
                return Err(Stop::Rejected(why));
            }
            Err(Stop::NotModelled(why)) => return not_modelled(why),
            _ => {}
        }
        self.marks.funcs[subprog].is_cb = true;
        let start = self.code.subprogs[subprog].start;
        if self.is_async_callback_calling(insn) {
            self.marks.funcs[subprog].is_async_cb = true;
            let by_program = !self.input.profile.has(Rule::ASYNC_NOT_SLEEPABLE);
            let in_sleepable = kind != CallbackKind::Timer
                || insn.is_kfunc_call()
                || by_program && self.input.prog.sleepable();
            let mut callee = self.new_frame(BPF_MAIN_FUNC, 0, subprog);
            self.log.scratch_all();
            callee.async_entry_cnt = self.path.cur.frame().async_entry_cnt + 1;
            if self.path.waiting.len() + 1 > BPF_COMPLEXITY_LIMIT_JMP_SEQ {
                let n = self.path.waiting.len() + 1;
                return reject!(
                    self,
                    TooManyJumps,
                    E2BIG,
                    "The sequence of {n} jumps is too complex for async cb."
                );
            }
            let caller = self.path.cur.frame().clone();
            self.set_callee_state(&caller, &mut callee, Some(kind))?;
            let st = VerifierState {
                frames: vec![callee],
                branches: 1,
                in_sleepable,
                ..VerifierState::default()
            };
            let log_pos = self.log.end_pos();
            self.path.waiting.push(StackElem {
                st,
                insn_idx: start,
                prev_insn_idx: idx as i32,
                log_pos,
            });
            return Ok(());
        }
        if !self.input.profile.has(Rule::CALLBACK_ANY_COUNT) {
            let mut cur = core::mem::take(&mut self.path.cur);
            let entered = self.setup_func_entry(&mut cur, subprog, idx, Some(kind));
            self.path.cur = cur;
            entered?;
            self.path.callback_once = self.path.cur.frames.pop();
            return Ok(());
        }
        self.push_stack(start, idx, false)?;
        let Some(mut e) = self.path.waiting.pop() else {
            return Err(Errno::EFAULT.into());
        };
        let entered = self.setup_func_entry(&mut e.st, subprog, idx, Some(kind));
        e.st.callback_unroll_depth += 1;
        let n = e.st.curframe();
        if let Some(caller) = n.checked_sub(1).and_then(|i| e.st.frames.get_mut(i)) {
            caller.callback_depth += 1;
        }
        self.path.waiting.push(e);
        entered?;
        self.path.cur.frame_mut().callback_depth = 0;
        Ok(())
    }

    /// Before callbacks could be called any number of times, the walk went into them once: the call
    /// is done, and what follows is the callback's first instruction.
    pub(crate) fn enter_callback_once(&mut self) -> Flow {
        let Some(callee) = self.path.callback_once.take() else {
            return Flow::Next;
        };
        self.path.insn_idx = self.code.subprogs[callee.subprogno].start;
        self.path.cur.frames.push(callee);
        self.enter_live_stack();
        Flow::IdxUpdated
    }

    /// A callback that is walked into once must leave what is held as it found it. With any number
    /// of calls that needs no rule: references that pile up never converge.
    pub(crate) fn check_callback_refs(&mut self, first_own_id: u32) -> Checked {
        if self.input.profile.has(Rule::CALLBACK_ANY_COUNT)
            || !self.input.profile.has(Rule::CALLBACK_REFS)
        {
            return Ok(());
        }
        let own = |r: &&Reference| matches!(r.kind, RefKind::Ptr { .. }) && r.id >= first_own_id;
        let Some(r) = self.path.cur.refs.iter().find(own).copied() else {
            return Ok(());
        };
        reject!(
            self,
            ReferenceLeak,
            EINVAL,
            "Unreleased reference id={} alloc_insn={}",
            r.id,
            r.insn_idx
        )
    }
}
