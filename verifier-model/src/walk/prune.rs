// SPDX-License-Identifier: GPL-2.0-only
//! Pruning: a path that arrives in a state no worse than one already known to be safe ends there.
//! And loops: what makes exploration of a loop come to an end.
//!
//! The rules for loops, all in [`Env::is_state_visited`]:
//!
//! - **Iterator convergence.** At a call of an iterator's `next`, a state that equals an earlier one
//!   on the same path up to ranges ends the path: `next` promises to give NULL at last.
//! - **`may_goto` convergence.** The same, where the counters of `may_goto` differ.
//! - **Callback convergence.** The same, at a call that calls a function back.
//! - **Infinite loop.** Anywhere else, arriving in exactly the same state means that the loop never
//!   ends; unless some active iterator has moved on meanwhile.
//! - Otherwise a loop is walked until its condition is false or a limit is hit.
//!
//! What a state in a loop needs to be precise is known only when the whole loop was explored. So
//! each end of a loop is kept ([`crate::walk::loops`]) and precision goes round until nothing changes.
//!
//! Source: `kernel/bpf/states.c`.

use crate::env::Env;
use crate::env::explored::StateListNode;
use crate::env::observe::Event;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::log::{reject, verbose};
use crate::state::ids::{IdMap, clear_singular_ids};
use crate::state::iter_slots::read_slot;
use crate::state::slot::get_spi;
use crate::state::{StateId, VerifierState};
use crate::walk::equal::{ExactLevel, states_maybe_looping};
use crate::walk::loop_entries::Of;
use crate::walk::loops::Start;

/// States at one instruction before the unprivileged get no more.
const BPF_COMPLEXITY_LIMIT_STATES: u32 = 64;

/// Why a path may end at an instruction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hit {
    /// Every path from a state as general was walked.
    Safe,
    /// A loop that is not done yet goes round to here; what it needs precise is not known yet.
    Converged,
}

impl Hit {
    const fn of_loop(in_loop: bool) -> Self {
        if in_loop { Self::Converged } else { Self::Safe }
    }
}

/// By which rule a loop comes to an end before its condition does.
#[derive(Clone, Copy)]
enum Convergence {
    None,
    Iterator,
    MayGoto,
    Callback,
}

impl Env<'_> {
    pub(crate) fn update_peak_states(&mut self) {
        let cur = self.explored.explored_states_size
            + self.explored.free_list_size
            + self.explored.num_backedges;
        self.counts.peak_states = self.counts.peak_states.max(cur);
    }

    fn maybe_free_state(&mut self, id: StateId) {
        let Some(node) = self.explored.states.get(id.0).and_then(Option::as_ref) else {
            return;
        };
        let needed = match self.marks_reads() {
            true => !node.cleaned || node.is_loop_entry,
            false => self.incomplete_read_marks(&node.state),
        };
        if !node.in_free_list || node.state.branches != 0 || needed {
            return;
        }
        self.explored.states[id.0] = None;
        self.explored.free_list_size -= 1;
    }

    /// Whether a kept state is in a loop that is still being walked.
    pub(crate) fn is_in_open_loop(&mut self, id: StateId) -> bool {
        if self.marks_reads() {
            return self.in_open_loop(id);
        }
        self.state(id)
            .is_some_and(|st| self.incomplete_read_marks(st))
    }

    /// A path ended: its states have one branch less to explore (`bpf_update_branch_counts`).
    pub(crate) fn update_branch_counts(&mut self) -> Checked {
        self.path.cur.branches = self.path.cur.branches.wrapping_sub(1);
        if self.path.cur.branches != 0 {
            return Ok(());
        }
        if self.marks_reads() {
            self.hand_on_loop_entry(Of::Current);
        }
        // The current state itself is not kept, so it is not the entry of a loop; but when it ends in
        // one, the kernel wants to have seen the way in.
        self.check_scc_entered()?;
        let mut next = self.path.cur.parent;
        while let Some(id) = next {
            let Some(st) = self.state_mut(id) else { break };
            st.branches = st.branches.wrapping_sub(1);
            let (branches, parent) = (st.branches, st.parent);
            if branches != 0 {
                break;
            }
            if self.marks_reads() {
                self.hand_on_loop_entry(Of::Kept(id));
            }
            self.maybe_exit_scc(id)?;
            self.maybe_free_state(id);
            next = parent;
        }
        Ok(())
    }

    /// Whether some active iterator has a different number of iterations behind it.
    fn iter_active_depths_differ(&self, old: &VerifierState) -> bool {
        for (of, cf) in old.frames.iter().zip(&self.path.cur.frames) {
            for (o, c) in of.stack.iter().zip(cf.stack.iter()) {
                if read_slot(o).in_other_iteration(read_slot(c)) {
                    return true;
                }
            }
        }
        false
    }

    /// Whether the iterator that R1 points to is active.
    fn cur_iter_active(&self) -> bool {
        let r1 = self.reg(1);
        let frame = self.stack_frame(r1);
        let off = r1.var_off.value as i64 as i32;
        let slot = frame.and_then(|f| f.stack.get((off < 0).then(|| get_spi(off))?));
        slot.is_some_and(|s| read_slot(s).is_active())
    }

    /// Compares the current state with those kept for this instruction; true when one of them shows
    /// it to be safe. Otherwise keeps it, if it is worth it (`bpf_is_state_visited`).
    pub(crate) fn is_state_visited(&mut self, insn_idx: usize) -> Checked<bool> {
        let force_checkpoint = self.code.aux[insn_idx].force_checkpoint;
        let force_new_state =
            self.input.test_state_freq || force_checkpoint || self.path.cur.jmp_history.len() > 40;
        let jmps = self.counts.jmps_processed - self.explored.prev_jmps_processed;
        let insns = self.counts.insn_processed - self.explored.prev_insn_processed;
        let mut add_new_state = force_new_state || jmps >= 2 && insns >= 8;

        let bucket = self.bucket(insn_idx);
        self.clean_states(insn_idx, bucket);
        let convergence = self.convergence(insn_idx);
        let mut states_cnt = 0;
        // The newest state is last; states may be taken out while they are walked.
        let mut pos = self.explored.by_insn[bucket].len();
        while pos > 0 {
            pos -= 1;
            let id = self.explored.by_insn[bucket][pos];
            states_cnt += 1;
            let open = self.marks_reads() && self.is_done_in_open_loop(id, insn_idx);
            let Some(sl) = self.state(id) else { continue };
            if sl.insn_idx != insn_idx {
                continue;
            }
            let hit = if sl.branches != 0 {
                self.hit_unfinished(sl, convergence)
            } else {
                self.hit_finished(sl, open)
            };
            if let Some(hit) = hit {
                self.tell(Event::Pruned(id));
                return self.prune(id, insn_idx, hit);
            }
            if sl.branches != 0 {
                if self.is_infinite_loop(sl, convergence) {
                    self.tell(Event::InfiniteLoop(id));
                    return self.infinite_loop(id, insn_idx);
                }
                if !force_new_state && jmps < 20 && insns < 100 {
                    add_new_state = false;
                }
            }
            self.tell(Event::Differs(id));
            let Some(node) = self.explored.states[id.0].as_mut() else {
                continue;
            };
            if add_new_state {
                node.miss_cnt += 1;
            }
            let n = if force_checkpoint && node.state.branches > 0 {
                64
            } else {
                3
            };
            if node.miss_cnt > node.hit_cnt * n + n {
                node.in_free_list = true;
                self.explored.by_insn[bucket].remove(pos);
                self.explored.free_list_size += 1;
                self.explored.explored_states_size -= 1;
                self.maybe_free_state(id);
            }
        }
        self.counts.max_states_per_insn = self.counts.max_states_per_insn.max(states_cnt);
        if !self.input.bpf_capable && states_cnt > BPF_COMPLEXITY_LIMIT_STATES {
            return Ok(false);
        }
        if add_new_state {
            self.keep_state(insn_idx, bucket);
        }
        Ok(false)
    }

    /// By which rule a loop through an instruction comes to an end.
    fn convergence(&self, insn_idx: usize) -> Convergence {
        if self.marks.insns[insn_idx].is_iter_next {
            Convergence::Iterator
        } else if self.code.insns[insn_idx].is_may_goto() {
            Convergence::MayGoto
        } else if self.code.aux[insn_idx].calls_callback
            && self.input.profile.has(Rule::CALLBACK_ANY_COUNT)
        {
            Convergence::Callback
        } else {
            Convergence::None
        }
    }

    /// Whether a state on the current path shows that going round once more brings nothing new.
    fn hit_unfinished(&self, sl: &VerifierState, convergence: Convergence) -> Option<Hit> {
        if self.async_reentry(sl) {
            return None;
        }
        match convergence {
            Convergence::Iterator => {
                let level = if self.input.profile.has(Rule::ITER_EXACT_CONVERGENCE) {
                    ExactLevel::RangeWithin
                } else {
                    ExactLevel::NotExact
                };
                let hit = self.states_equal(sl, level) && self.cur_iter_active();
                hit.then_some(Hit::Converged)
            }
            Convergence::MayGoto => {
                let depth_counts = self.input.profile.has(Rule::MAY_GOTO_DEPTH);
                let hit = (sl.may_goto_depth != self.path.cur.may_goto_depth || !depth_counts)
                    && self.states_equal(sl, ExactLevel::RangeWithin);
                hit.then_some(Hit::Converged)
            }
            Convergence::Callback => {
                let hit = self.states_equal(sl, ExactLevel::RangeWithin);
                hit.then(|| Hit::of_loop(self.input.profile.has(Rule::CALLBACK_SCC)))
            }
            Convergence::None => None,
        }
    }

    /// Whether a state from which every path was walked shows that the current one is safe.
    fn hit_finished(&self, sl: &VerifierState, open: bool) -> Option<Hit> {
        let in_loop = self.input.profile.has(Rule::LOOP_STATES_EXACT)
            && (open || !self.marks_reads() && self.incomplete_read_marks(sl));
        let level = if in_loop {
            ExactLevel::RangeWithin
        } else {
            ExactLevel::NotExact
        };
        let hit = self.states_equal(sl, level);
        hit.then(|| Hit::of_loop(in_loop))
    }

    /// Whether a state on the current path is the very same, where no rule ends the loop.
    fn is_infinite_loop(&self, sl: &VerifierState, convergence: Convergence) -> bool {
        !self.async_reentry(sl)
            && matches!(convergence, Convergence::MayGoto | Convergence::None)
            && states_maybe_looping(sl, &self.path.cur)
            && self.states_equal(sl, self.sameness_of_loops())
            && !self.iter_active_depths_differ(sl)
            && sl.may_goto_depth == self.path.cur.may_goto_depth
            && sl.callback_unroll_depth == self.path.cur.callback_unroll_depth
    }

    fn sameness_of_loops(&self) -> ExactLevel {
        match self.input.profile.has(Rule::LOOPS_EXACT) {
            true => ExactLevel::Exact,
            false => ExactLevel::NotExact,
        }
    }

    /// Whether the current path is in another entry of an asynchronous callback than a state.
    fn async_reentry(&self, sl: &VerifierState) -> bool {
        let frame = sl.frame();
        frame.in_async_callback_fn && frame.async_entry_cnt != self.path.cur.frame().async_entry_cnt
    }

    fn infinite_loop(&mut self, old: StateId, insn_idx: usize) -> Checked<bool> {
        self.verbose_linfo(insn_idx, format_args!("; "));
        let curframe = self.path.cur.curframe();
        let cur = self.state_text(&self.path.cur, curframe, true);
        let old = self
            .state(old)
            .map(|st| self.state_text(st, curframe, true))
            .unwrap_or_default();
        let stop = reject!(
            self,
            InfiniteLoop,
            EINVAL,
            "infinite loop detected at insn {insn_idx}"
        );
        verbose!(self, "cur state:{cur}old state:{old}");
        stop
    }

    /// The current path is safe because state `id` is. What that state needs precise, this path's
    /// states need too; for the end of a loop that is not final yet.
    fn prune(&mut self, id: StateId, insn_idx: usize, hit: Hit) -> Checked<bool> {
        if let Some(node) = self.explored.states[id.0].as_mut() {
            node.hit_cnt += 1;
        }
        if self.marks_reads() {
            if hit == Hit::Converged {
                self.close_loop(id);
            }
            self.propagate_liveness(id);
        }
        if self.code.aux[self.path.insn_idx].jmp_point {
            self.push_jmp_history(Default::default(), 0, 0, Default::default());
        }
        self.propagate_precision(id, Start::Cur)?;
        if hit == Hit::Converged && !self.marks_reads() {
            self.add_backedge(id, insn_idx)?;
        }
        Ok(true)
    }

    fn keep_state(&mut self, insn_idx: usize, bucket: usize) {
        self.counts.total_states += 1;
        self.explored.explored_states_size += 1;
        self.update_peak_states();
        self.explored.prev_jmps_processed = self.counts.jmps_processed;
        self.explored.prev_insn_processed = self.counts.insn_processed;
        if self.input.profile.has(Rule::SINGULAR_IDS) {
            clear_singular_ids(&mut self.path.cur);
        }
        let id = StateId(self.explored.states.len());
        // Nothing is precise on the path, where that is found out: it is kept states that are marked.
        let mut new = self.path.cur.clone();
        new.insn_idx = insn_idx;
        for frame in &mut new.frames {
            frame.asking_slots = self.asking_slots(frame);
        }
        self.path.cur.parent = Some(id);
        self.path.cur.first_insn_idx = insn_idx as i32;
        self.path.cur.dfs_depth = new.dfs_depth + 1;
        self.path.cur.jmp_history.clear();
        // The entry of the current instruction went to the kept state.
        self.path.cur_hist_ent = None;
        self.explored.states.push(Some(Box::new(StateListNode {
            state: new,
            miss_cnt: 0,
            hit_cnt: 0,
            in_free_list: false,
            cleaned: false,
            is_loop_entry: false,
        })));
        if self.marks_reads() {
            self.connect_parentage(id);
        }
        self.maybe_enter_scc(id);
        self.explored.by_insn[bucket].push(id);
        self.tell(Event::Kept(id));
    }

    /// An empty map of ids, for one comparison.
    pub(crate) fn id_map(&self) -> IdMap {
        IdMap::new(self.path.id_gen, *self.input.profile)
    }
}
