// SPDX-License-Identifier: GPL-2.0-only
//! The control flow graph: reachability, back edges, pruning points, loops.
//!
//! Source: `kernel/bpf/cfg.c`.

use bpf::insn::jmp;

use crate::analysis::Known;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::special_kfunc::SpecialKfunc;
use crate::log::reject;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Unseen,
    /// On the stack, with the highest edge labelled so far: 0, 1 fall-through, 2 branch.
    Discovered(u8),
    Explored,
}

const FALLTHROUGH: u8 = 1;

const BRANCH: u8 = 2;

struct Walk {
    state: Vec<Visit>,
    stack: Vec<usize>,
}

impl Known<'_> {
    /// Walks the graph depth first: every instruction must be reachable, and without CAP_BPF there
    /// must be no loop. Marks where states are compared and history is recorded (`bpf_check_cfg`).
    ///
    /// A *back edge* leads to an instruction that is on the current walk. Only the unprivileged are
    /// refused for one; others have their loops bounded by [`crate::walk::prune`].
    pub(crate) fn check_cfg(&mut self) -> Checked {
        let n = self.code.insns.len();
        let mut w = Walk {
            state: vec![Visit::Unseen; n],
            stack: vec![0],
        };
        w.state[0] = Visit::Discovered(0);
        self.walk_cfg(&mut w)?;
        if self.code.exception_callback_subprog != 0 {
            let beg = self.code.subprogs[self.code.exception_callback_subprog].start;
            if w.state[beg] != Visit::Explored {
                w.state[beg] = Visit::Discovered(0);
                w.stack = vec![beg];
                self.walk_cfg(&mut w)?;
            }
        }
        let mut i = 0;
        while i < n {
            if w.state[i] != Visit::Explored {
                return reject!(self @ i, ControlFlow, EINVAL, "unreachable insn {i}");
            }
            if self.code.insns[i].is_ld_imm64() {
                if w.state.get(i + 1).is_some_and(|s| *s != Visit::Unseen) {
                    return reject!(self @ i,
                        ControlFlow,
                        EINVAL,
                        "jump into the middle of ldimm64 insn {i}"
                    );
                }
                i += 1;
            }
            i += 1;
        }
        Ok(())
    }

    fn walk_cfg(&mut self, w: &mut Walk) -> Checked {
        while let Some(&t) = w.stack.last() {
            if !self.visit_insn(w, t)? {
                w.state[t] = Visit::Explored;
                w.stack.pop();
            }
        }
        Ok(())
    }

    /// Labels one more edge of `t`; true when that led to a new instruction.
    fn push_insn(&mut self, w: &mut Walk, t: usize, to: i64, edge: u8) -> Checked<bool> {
        if matches!(w.state[t], Visit::Discovered(e) if e >= edge) {
            return Ok(false);
        }
        let to = match usize::try_from(to) {
            Ok(to) if to < self.code.insns.len() => to,
            _ => {
                self.verbose_linfo(t, format_args!("{t}: "));
                return reject!(self @ t,
                    ControlFlow,
                    EINVAL,
                    "jump out of range from insn {t} to {to}"
                );
            }
        };
        if edge == BRANCH {
            self.code.aux[to].prune_point = true;
            self.code.aux[to].jmp_point = true;
            self.code.aux[to].jump_target = true;
        }
        match w.state[to] {
            Visit::Unseen => {
                w.state[t] = Visit::Discovered(edge);
                w.state[to] = Visit::Discovered(0);
                if w.stack.len() >= self.code.insns.len() {
                    return Err(Errno::E2BIG.into());
                }
                w.stack.push(to);
                Ok(true)
            }
            Visit::Discovered(_) => {
                if self.input.bpf_capable && self.may_lead_back(t) {
                    return Ok(false);
                }
                self.verbose_linfo(t, format_args!("{t}: "));
                self.verbose_linfo(to, format_args!("{to}: "));
                reject!(self @ t, ControlFlow, EINVAL, "back-edge from insn {t} to {to}")
            }
            Visit::Explored => {
                w.state[t] = Visit::Discovered(edge);
                Ok(false)
            }
        }
    }

    /// Whether a loop may be closed here: once, only by a jump.
    fn may_lead_back(&self, t: usize) -> bool {
        let insn = self.code.insns[t];
        let jumps = insn.is_jmp_class() && insn.op() != jmp::CALL || insn.is_ldimm64_func();
        jumps || self.input.profile.has(Rule::FALL_BACK)
    }

    fn visit_call(&mut self, w: &mut Walk, t: usize, visit_callee: bool) -> Checked<bool> {
        let next = t + self.code.insns[t].slots();
        if self.push_insn(w, t, next as i64, FALLTHROUGH)? {
            return Ok(true);
        }
        self.code.aux[next].prune_point = true;
        // After the callee's exit the history must tell where control comes from.
        self.code.aux[next].jmp_point = true;
        if !visit_callee {
            return Ok(false);
        }
        let to = t as i64 + i64::from(self.code.insns[t].imm) + 1;
        self.code.aux[t].prune_point = true;
        if let (Some(caller), Some(callee)) = (
            self.code.find_containing_subprog(t),
            usize::try_from(to)
                .ok()
                .and_then(|to| self.code.find_containing_subprog(to)),
        ) {
            let c = self.code.subprogs[callee].clone();
            let caller = &mut self.code.subprogs[caller];
            caller.changes_pkt_data |= c.changes_pkt_data;
            caller.might_sleep |= c.might_sleep;
            caller.might_throw |= c.might_throw;
        }
        self.push_insn(w, t, to, BRANCH)
    }

    /// True while there is more to explore below `t`.
    fn visit_insn(&mut self, w: &mut Walk, t: usize) -> Checked<bool> {
        let insn = self.code.insns[t];
        if insn.is_ldimm64_func() {
            return self.visit_call(w, t, true);
        }
        if !insn.is_jmp_class() {
            if insn.is_ld_abs_ind() {
                self.mark_abnormal_return(t);
            }
            return self.push_insn(w, t, (t + insn.slots()) as i64, FALLTHROUGH);
        }
        match insn.op() {
            jmp::EXIT => Ok(false),
            jmp::CALL => {
                self.mark_call_points(t)?;
                self.visit_call(w, t, insn.is_pseudo_call())
            }
            jmp::JA => {
                if insn.src_is_reg() {
                    return self.visit_gotox_insn(w, t);
                }
                let to = t as i64 + i64::from(insn.jmp_offset()) + 1;
                if self.push_insn(w, t, to, FALLTHROUGH)? {
                    return Ok(true);
                }
                let aux = &mut self.code.aux[to as usize];
                aux.prune_point = true;
                aux.jmp_point = true;
                aux.jump_target = true;
                Ok(false)
            }
            _ => {
                self.code.aux[t].prune_point = true;
                if insn.is_may_goto() {
                    self.code.aux[t].force_checkpoint = true;
                }
                if self.push_insn(w, t, t as i64 + 1, FALLTHROUGH)? {
                    return Ok(true);
                }
                self.push_insn(w, t, t as i64 + i64::from(insn.off) + 1, BRANCH)
            }
        }
    }

    /// A jump with any number of edges.
    fn visit_gotox_insn(&mut self, w: &mut Walk, t: usize) -> Checked<bool> {
        let jt = match self.code.aux[t].jt.clone() {
            Some(jt) => jt,
            None => self.create_jt(t)?,
        };
        self.code.aux[t].prune_point = true;
        let mut more = false;
        for &to in &jt {
            self.code.aux[to].jmp_point = true;
            self.code.aux[to].jump_target = true;
            if w.state[to] != Visit::Unseen {
                continue;
            }
            if w.stack.len() >= self.code.insns.len() {
                return Err(Errno::E2BIG.into());
            }
            w.stack.push(to);
            w.state[to] = Visit::Discovered(0);
            more = true;
        }
        self.code.aux[t].jt = Some(jt);
        Ok(more)
    }

    /// Points at a call: where callbacks and iterators converge, and what the callee's effects are.
    fn mark_call_points(&mut self, t: usize) -> Checked {
        let insn = self.code.insns[t];
        if self.is_async_callback_calling(&insn) {
            self.code.aux[t].prune_point = true;
        }
        if self.is_sync_callback_calling(&insn) {
            let any_count = self.input.profile.has(Rule::CALLBACK_ANY_COUNT);
            let aux = &mut self.code.aux[t];
            aux.calls_callback = true;
            aux.force_checkpoint = any_count;
            aux.prune_point = true;
            aux.jmp_point = true;
        }
        let Some(s) = self.code.find_containing_subprog(t) else {
            return Ok(());
        };
        if insn.is_helper_call() {
            if self.helper_might_sleep(insn.imm) {
                self.code.subprogs[s].might_sleep = true;
            }
            if self.input.release.tables.helpers.changes_pkt_data(insn.imm) {
                self.code.subprogs[s].changes_pkt_data = true;
            }
            if insn.imm == crate::facts::helpers::id::TAIL_CALL {
                self.mark_abnormal_return(t);
            }
        } else if let Some(k) = self.input.kfunc_quiet(&insn) {
            use bpf::kernel::kfuncs::KfuncFlags;
            if k.flags.contains(KfuncFlags::ITER_NEXT) {
                self.code.aux[t].prune_point = true;
                self.code.aux[t].force_checkpoint = true;
            }
            if k.flags.contains(KfuncFlags::SLEEPABLE) {
                self.code.subprogs[s].might_sleep = true;
            }
            if k.is(SpecialKfunc::XdpPullData) {
                self.code.subprogs[s].changes_pkt_data = true;
            }
            if k.is(SpecialKfunc::Throw) {
                self.code.subprogs[s].might_throw = true;
            }
        }
        Ok(())
    }

    /// A tail call or a legacy packet load can leave the function: a hidden edge to its exit.
    fn mark_abnormal_return(&mut self, t: usize) {
        if self.code.aux[t].jt.is_none()
            && let Some(s) = self.code.find_containing_subprog(t)
        {
            self.code.aux[t].jt = Some(vec![t + 1, self.code.subprogs[s].exit_idx]);
        }
    }

    /// Lists each function's instructions in post-order (`bpf_compute_postorder`).
    pub(crate) fn compute_postorder(&mut self) {
        let n = self.code.insns.len();
        let (mut seen, mut done) = (vec![false; n], vec![false; n]);
        let mut order = Vec::with_capacity(n);
        for s in 0..self.code.subprog_cnt() {
            self.code.subprogs[s].postorder_start = order.len();
            let mut stack = vec![self.code.subprogs[s].start];
            while let Some(&top) = stack.last() {
                seen[top] = true;
                if done[top] {
                    order.push(top);
                    stack.pop();
                    continue;
                }
                for &to in self.code.successors(top).as_slice() {
                    if to < n && !seen[to] && !done[to] {
                        stack.push(to);
                        seen[to] = true;
                    }
                }
                done[top] = true;
            }
        }
        let last = self.code.subprog_cnt();
        self.code.subprogs[last].postorder_start = order.len();
        self.code.postorder = order;
    }

    /// Numbers the strongly connected components that are loops (`bpf_compute_scc`).
    ///
    /// Tarjan's algorithm in Pearce's variant without recursion: `low[v]` is the least preorder
    /// number reachable, and a vertex with `low == pre` is the root of its component.
    pub(crate) fn compute_scc(&mut self) {
        const NOT_ON_STACK: usize = usize::MAX;
        let n = self.code.insns.len();
        let (mut pre, mut low) = (vec![0; n], vec![0; n]);
        let (mut stack, mut dfs) = (Vec::new(), Vec::new());
        let (mut next_pre, mut next_scc) = (1, 1);
        for i in 0..n {
            if pre[i] != 0 {
                continue;
            }
            dfs.push(i);
            'dfs: while let Some(&w) = dfs.last() {
                if pre[w] == 0 {
                    low[w] = next_pre;
                    pre[w] = next_pre;
                    next_pre += 1;
                    stack.push(w);
                }
                let succ = self.code.successors(w);
                for &to in succ.as_slice() {
                    if to >= n {
                        continue;
                    }
                    if pre[to] != 0 {
                        low[w] = low[w].min(low[to]);
                    } else {
                        dfs.push(to);
                        continue 'dfs;
                    }
                }
                dfs.pop();
                if low[w] < pre[w] {
                    continue;
                }
                let is_loop = stack.last() != Some(&w)
                    || succ.as_slice().contains(&w)
                    || self.code.aux[w].calls_callback
                        && self.input.profile.has(Rule::CALLBACK_SCC);
                while let Some(t) = stack.pop() {
                    low[t] = NOT_ON_STACK;
                    if is_loop {
                        self.code.aux[t].scc = next_scc;
                    }
                    if t == w {
                        break;
                    }
                }
                if is_loop {
                    next_scc += 1;
                }
            }
        }
    }
}
