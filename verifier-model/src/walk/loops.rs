// SPDX-License-Identifier: GPL-2.0-only
//! Loops as they are walked: where each was entered, which paths led back, and what they pass on.
//!
//! Source: `maybe_enter_scc()`, `maybe_exit_scc()`, `propagate_backedges()` in `kernel/bpf/states.c`.

use bpf::insn::REG_FP;
use smallvec::SmallVec;

use crate::env::Env;
use crate::env::explored::SccVisit;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::log::verbose;
use crate::state::read_marks::Place;
use crate::state::{StateId, VerifierState};

/// Rounds of precision over a loop before everything is made precise.
const MAX_BACKEDGE_ITERS: u32 = 64;

/// Where precision is spread from.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    Cur,
    Backedge(usize, usize),
}

impl Env<'_> {
    /// The loop that a state is in and the calls leading there (`compute_scc_callchain`).
    pub(crate) fn scc_callchain(&self, st: &VerifierState) -> Option<Vec<usize>> {
        let scc = |i: usize| self.code.aux[st.frame_insn_idx(i)].scc;
        let inner = (0..st.frames.len()).find(|&i| scc(i) != 0)?;
        let mut chain: Vec<usize> = (0..inner).map(|i| st.frame_insn_idx(i)).collect();
        // The loop's number is set apart from call sites by its place and a marker.
        chain.extend([usize::MAX, scc(inner)]);
        Some(chain)
    }

    pub(crate) fn format_callchain(chain: &[usize]) -> String {
        let (calls, scc) = chain.split_at(chain.len().saturating_sub(2));
        // The kernel takes a call at instruction 0 for the end of the chain.
        let calls = calls.iter().take_while(|&&c| c != 0);
        let parts: Vec<_> = calls.chain(scc.last()).map(usize::to_string).collect();
        format!("({})", parts.join(","))
    }

    /// The same of a kept state, in words.
    fn callchain_text(&self, id: StateId) -> String {
        let chain = self.state(id).and_then(|st| self.scc_callchain(st));
        Self::format_callchain(&chain.unwrap_or_default())
    }

    /// A state was kept: it is in a visit of a loop, and maybe the first of it.
    pub(crate) fn maybe_enter_scc(&mut self, id: StateId) {
        let Some(chain) = self.state(id).and_then(|st| self.scc_callchain(st)) else {
            return;
        };
        let n = self.explored.scc_visits.len();
        let visit = *self.explored.scc_index.entry(chain).or_insert(n);
        if visit == n {
            self.explored.scc_visits.push(SccVisit::default());
        }
        if let Some(st) = self.state_mut(id) {
            st.scc_visit = Some(visit);
        }
        if self.explored.scc_visits[visit].entry_state.is_none() {
            self.explored.scc_visits[visit].entry_state = Some(id);
            if self.log.level2() {
                verbose!(self, "SCC enter {}\n", self.callchain_text(id));
            }
        }
    }

    /// A path may end in a loop, by a `bpf_throw()`, before any state in the loop was kept. 7.3
    /// takes that for its own mistake.
    pub(crate) fn check_scc_entered(&mut self) -> Checked {
        if self.path.cur.speculative || !self.input.profile.has(Rule::SCC_BACKEDGES) {
            return Ok(());
        }
        match self.scc_callchain(&self.path.cur) {
            Some(chain) if !self.explored.scc_index.contains_key(&chain) => {
                let text = Self::format_callchain(&chain);
                self.log.verifier_bug(format_args!(
                    "scc exit: no visit info for call chain {text}"
                ))
            }
            _ => Ok(()),
        }
    }

    /// The end of a loop: the current state equals the kept one `id`, which is in the loop.
    pub(crate) fn add_backedge(&mut self, id: StateId, insn_idx: usize) -> Checked {
        let Some(visit) = self.state(id).and_then(|st| st.scc_visit) else {
            return self.log.verifier_bug(format_args!(
                "add backedge: no SCC in verification path, insn_idx {insn_idx}"
            ));
        };
        if self.log.level2() {
            verbose!(self, "SCC backedge {}\n", self.callchain_text(id));
        }
        let mut backedge = self.path.cur.clone();
        backedge.equal_state = Some(id);
        backedge.insn_idx = insn_idx;
        self.explored.scc_visits[visit].backedges.push(backedge);
        self.explored.num_backedges += 1;
        self.update_peak_states();
        Ok(())
    }

    /// When all paths from a loop's entry are explored, spreads precision over the loop.
    pub(crate) fn maybe_exit_scc(&mut self, id: StateId) -> Checked {
        let Some(visit) = self.state(id).and_then(|st| st.scc_visit) else {
            return Ok(());
        };
        if self.explored.scc_visits[visit].entry_state != Some(id) {
            return Ok(());
        }
        if self.log.level2() {
            verbose!(self, "SCC exit {}\n", self.callchain_text(id));
        }
        self.explored.scc_visits[visit].entry_state = None;
        self.explored.num_backedges -= self.explored.scc_visits[visit].backedges.len() as u32;
        self.update_peak_states();
        self.propagate_backedges(visit)
    }

    /// Precision marks of a kept state are not final while a loop that it is in has open ends.
    pub(crate) fn incomplete_read_marks(&self, st: &VerifierState) -> bool {
        st.scc_visit
            .is_some_and(|v| !self.explored.scc_visits[v].backedges.is_empty())
    }

    /// Makes precise in the current path's states what `old` needs precise.
    pub(crate) fn propagate_precision(&mut self, old: StateId, start: Start) -> Checked<bool> {
        let wanted = self.precise_places(old);
        if !self.input.profile.has(Rule::CALLS_WALKED_BACK) {
            return self.propagate_one_by_one(&wanted);
        }
        for of_frame in wanted.chunk_by(|(a, _), (b, _)| a == b) {
            for &(frame, place) in of_frame {
                self.path.bt.set_place(frame, place);
            }
            if self.log.level2() {
                let names: Vec<_> = of_frame
                    .iter()
                    .map(|(_, place)| place.to_string())
                    .collect();
                let frame = of_frame[0].0;
                verbose!(self, "frame {frame}: propagating {}\n", names.join(","));
            }
        }
        match start {
            Start::Cur => self.mark_chain_precision_cur(None),
            Start::Backedge(visit, i) => {
                let empty = VerifierState::default();
                let st =
                    core::mem::replace(&mut self.explored.scc_visits[visit].backedges[i], empty);
                let changed = self.mark_chain_precision_from(&st, None);
                self.explored.scc_visits[visit].backedges[i] = st;
                changed
            }
        }
    }

    /// What a kept state needs precise and reads, the innermost frame first.
    fn precise_places(&self, of: StateId) -> SmallVec<[(usize, Place); 16]> {
        let all = self.input.profile.has(Rule::PROPAGATE_ALL_FRAMES);
        let beforehand = self.input.profile.has(Rule::LIVE_REGISTERS);
        let frames = self.state(of).map_or(&[][..], |st| &st.frames);
        let mut places = SmallVec::new();
        for (fr, frame) in frames
            .iter()
            .enumerate()
            .rev()
            .take(if all { usize::MAX } else { 1 })
        {
            let regs = frame.regs.iter().enumerate().take(usize::from(REG_FP));
            let regs = regs.filter(|(_, r)| r.is_scalar() && r.precise);
            let slots = frame.stack.iter().enumerate();
            let slots = slots.filter(|(_, s)| s.is_spilled_scalar() && s.reg.precise);
            let precise = regs
                .map(|(i, _)| Place::Reg(i))
                .chain(slots.map(|(i, _)| Place::Slot(i)));
            let read = precise.filter(|place| beforehand || frame.was_read(*place));
            places.extend(read.map(|place| (fr, place)));
        }
        places
    }

    /// Where the walk back knows one frame, each number is looked for by itself.
    fn propagate_one_by_one(&mut self, wanted: &[(usize, Place)]) -> Checked<bool> {
        let cur = core::mem::take(&mut self.path.cur);
        let mut places = wanted.iter();
        let changed = places.try_fold(false, |changed, &(frame, place)| {
            self.path.bt.set_place(frame, place);
            Ok(self.walk_back_from(&cur, frame, None)? || changed)
        });
        self.path.cur = cur;
        changed
    }

    fn propagate_backedges(&mut self, visit: usize) -> Checked {
        if !self.input.profile.has(Rule::SCC_BACKEDGES) {
            self.explored.scc_visits[visit].backedges.clear();
            return Ok(());
        }
        let n = self.explored.scc_visits[visit].backedges.len();
        let mut i = 0;
        loop {
            if i > MAX_BACKEDGE_ITERS {
                if self.log.level2() {
                    verbose!(self, "propagate_backedges: too many iterations\n");
                }
                for b in (0..n).rev() {
                    let parent = self.explored.scc_visits[visit].backedges[b].parent;
                    let curframe = self.explored.scc_visits[visit].backedges[b].curframe();
                    self.mark_all_scalars_precise(parent, curframe);
                }
                break;
            }
            i += 1;
            let mut changed = false;
            for b in (0..n).rev() {
                if let Some(old) = self.explored.scc_visits[visit].backedges[b].equal_state {
                    changed |= self.propagate_precision(old, Start::Backedge(visit, b))?;
                }
            }
            if !changed {
                break;
            }
        }
        self.explored.scc_visits[visit].backedges.clear();
        Ok(())
    }
}
