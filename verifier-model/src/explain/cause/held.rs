// SPDX-License-Identifier: GPL-2.0-only
//! What is held too long or not at all: the branch that leaves the way on which it is released, the
//! call that ended it before, the one that began it.

use bpf::kernel::kfuncs::KfuncFlags;

use crate::explain::cause::reason;
use crate::explain::cause::{Failure, Found};
use crate::explain::origin::callee;
use crate::state::reference::RefKind;

/// Which calls are meant, by the name of what is called and its flags.
type Such = fn(&str, KfuncFlags) -> bool;

impl Failure<'_, '_> {
    /// The last branch whose other side still releases what is held; or where it was acquired.
    pub(super) fn left(&self) -> Found {
        let state = self.state;
        let held = state.refs.last().filter(|_| !self.of_section());
        let (ends, acquired): (Such, Option<usize>) = match held {
            Some(r) => {
                let ends = match r.kind {
                    RefKind::Ptr { .. } => releases,
                    RefKind::Irq => |name: &str, _| name.contains("irq_restore"),
                    RefKind::Lock(..) => |name: &str, _| name.contains("unlock"),
                };
                (ends, self.last_at(|insn| insn == r.insn_idx))
            }
            None if state.active_rcu_locks > 0 => (
                |name, _| name == "bpf_rcu_read_unlock()",
                self.last_call("bpf_rcu_read_lock()"),
            ),
            None => (
                |name, _| name == "bpf_preempt_enable()",
                self.last_call("bpf_preempt_disable()"),
            ),
        };
        let acquired = acquired?;
        match self.leaves_way(acquired, ends) {
            Some(step) => Some((step, reason::LEFT)),
            None => Some((acquired, reason::NEVER_RELEASED)),
        }
    }

    /// Whether it is a section that is left open, whatever references there are besides.
    fn of_section(&self) -> bool {
        let message = self.message();
        message.contains("rcu_read_lock") || message.contains("preempt")
    }

    /// The call that ended it before, or the last branch whose other side begins it.
    pub(super) fn not_begun(&self) -> Found {
        let this = callee(self.env, self.steps[self.end()].insn);
        let (begin, end): (Such, &str) = match this.as_str() {
            "bpf_rcu_read_unlock()" => (|n, _| n == "bpf_rcu_read_lock()", &this),
            "bpf_preempt_enable()" => (|n, _| n == "bpf_preempt_disable()", &this),
            _ => (|n, _| n.contains("lock") && !n.contains("unlock"), &this),
        };
        let before = (0..self.end())
            .rev()
            .find(|&i| self.calls(i, &|n, _| n == end));
        if let Some(step) = before {
            return Some((step, reason::ENDED));
        }
        self.leaves_way(0, begin)
            .map(|step| (step, reason::SKIPPED))
    }

    /// The call that destroyed an iterator.
    pub(super) fn destroyed(&self) -> Found {
        let destroys = |_: &str, flags: KfuncFlags| flags.contains(KfuncFlags::ITER_DESTROY);
        let step = (0..self.end()).rev().find(|&i| self.calls(i, &destroys));
        step.map(|step| (step, reason::ENDED))
    }

    /// The call that made an iterator.
    pub(super) fn made_before(&self) -> Found {
        let makes = |_: &str, flags: KfuncFlags| flags.contains(KfuncFlags::ITER_NEW);
        let step = (0..self.end()).rev().find(|&i| self.calls(i, &makes));
        step.map(|step| (step, reason::BEGUN))
    }

    /// The call that ended the section in which an iterator was made.
    pub(super) fn section_ended(&self) -> Found {
        let step = self.last_call("bpf_rcu_read_unlock()");
        step.map(|step| (step, reason::SECTION_ENDED))
    }

    fn last_call(&self, name: &str) -> Option<usize> {
        (0..self.end())
            .rev()
            .find(|&i| self.calls(i, &|n, _| n == name))
    }

    fn last_at(&self, is: impl Fn(usize) -> bool) -> Option<usize> {
        (0..self.steps.len())
            .rev()
            .find(|&i| is(self.steps[i].insn))
    }

    /// Whether a step calls such a function.
    fn calls(&self, step: usize, such: &dyn Fn(&str, KfuncFlags) -> bool) -> bool {
        self.insn_calls(self.steps[step].insn, such)
    }

    fn insn_calls(&self, insn: usize, such: &dyn Fn(&str, KfuncFlags) -> bool) -> bool {
        let call = &self.env.code.insns[insn];
        if !call.is_any_call() || call.is_pseudo_call() {
            return false;
        }
        let kfunc = self.env.input.kfunc_quiet(call);
        let flags = kfunc.map_or(KfuncFlags::empty(), |k| k.flags);
        such(&callee(self.env, insn), flags)
    }

    /// The last branch after a step from which the path does not come to such a call and the other
    /// side does.
    fn leaves_way(&self, from: usize, such: Such) -> Option<usize> {
        let frame = self.steps[from].frame;
        let reaches = self.reaching(such);
        let leaves = |&at: &usize| {
            let step = self.steps[at];
            let insn = &self.env.code.insns[step.insn];
            let next = self.steps[at + 1].insn;
            if step.frame != frame || !insn.is_cond_jump() || reaches[next] {
                return false;
            }
            let sides = self.env.code.successors(step.insn);
            sides.as_slice().iter().any(|side| reaches[*side])
        };
        (from + 1..self.end()).rev().find(leaves)
    }

    /// The instructions after which such a call may come, in the same function.
    fn reaching(&self, such: Such) -> Vec<bool> {
        let n = self.env.code.insns.len();
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); n];
        for insn in 0..n {
            for &next in self.env.code.successors(insn).as_slice() {
                if let Some(before) = before.get_mut(next) {
                    before.push(insn);
                }
            }
        }
        let mut reaches = vec![false; n];
        let mut todo: Vec<usize> = (0..n).filter(|&i| self.insn_calls(i, &such)).collect();
        while let Some(insn) = todo.pop() {
            if !std::mem::replace(&mut reaches[insn], true) {
                todo.extend(&before[insn]);
            }
        }
        reaches
    }
}

/// Whether a function gives a reference back.
fn releases(name: &str, flags: KfuncFlags) -> bool {
    flags.intersects(KfuncFlags::RELEASE | KfuncFlags::ITER_DESTROY)
        || ["release", "submit", "discard", "kptr_xchg"]
            .iter()
            .any(|word| name.contains(word))
}
