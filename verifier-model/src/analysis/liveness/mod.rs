// SPDX-License-Identifier: GPL-2.0-only
//! Which stack slots and registers may still be read: what is dead is forgotten when states are
//! compared, so that more of them are equal.
//!
//! Stack is tracked in halves of a slot, 4 bytes each, 128 in all: bit `n` of a [`Spis`] is the
//! half at `[fp - 4n - 4, fp - 4n)`. A function reached through different calls may be passed
//! different stack pointers; so each has an [`Instance`] per call site and depth, with masks for its
//! own frame and for those of its callers.
//!
//! Source: `kernel/bpf/liveness.c`, the second half and the data-flow equations; where pointers into
//! frames go is found in [`crate::analysis::arg_track`].

pub(crate) mod instance;
pub(crate) mod log;

use bpf::uapi::Insn;

use crate::analysis::Known;
use crate::analysis::arg_track::{ArgTrack, Args, SubprogAt};
use crate::analysis::liveness::instance::{Instance, Spis};
use crate::facts::errno::Errno;
use crate::facts::helpers::id;
use crate::facts::rejection::Checked;
use crate::log::reject;
use crate::state::{FuncState, MAX_CALL_FRAMES, VerifierState};

/// Functions analysed before giving up.
const MAX_SUBPROG_CALLS: u32 = 10000;

impl Known<'_> {
    /// Halves of frame `frameno`'s stack that may be read from here on (`bpf_stack_slot_alive`).
    pub(crate) fn live_stack(&self, st: &VerifierState, frameno: usize) -> Spis {
        let instance = |i: usize| Some(&self.code.liveness.instances[st.frames[i].instance?]);
        let cur = st.curframe();
        let Some(inst) = instance(cur) else {
            return Spis::MAX;
        };
        let mut live = 0;
        // An instance that is not as deep as the frame knows only the innermost frames.
        if let Some(rel) = (frameno + inst.depth).checked_sub(cur) {
            live |= inst.live_before(rel, st.insn_idx);
        }
        for i in frameno..cur {
            let Some(inst) = instance(i) else {
                return Spis::MAX;
            };
            let rel = match (frameno + inst.depth).checked_sub(i) {
                Some(rel) if rel <= inst.depth => rel,
                _ => return Spis::MAX,
            };
            let callsite = st.frame_insn_idx(i);
            let at = if self.code.aux[callsite].calls_callback {
                callsite
            } else {
                callsite + 1
            };
            live |= inst.live_before(rel, at);
        }
        live
    }

    /// The deepest instance that tells of a frame: its number.
    pub(crate) fn instance_of(&self, frame: &FuncState) -> Option<usize> {
        let start = self.code.subprogs.get(frame.subprogno)?.start;
        let callsite = match frame.frameno {
            0 => start,
            _ => frame.callsite.max(0) as usize,
        };
        (0..=frame.frameno).rev().find_map(|depth| {
            let at = if depth > 0 { callsite } else { start };
            self.code.liveness.find(at, depth)
        })
    }

    /// The number of the instance of a call.
    fn call_instance(&mut self, depth: usize, callsite: usize, subprog: usize) -> usize {
        let start = self.code.subprogs[subprog].start;
        let callsite = if depth > 0 { callsite } else { start };
        let insn_cnt = self.code.subprogs[subprog + 1].start - start;
        let inst = Instance::new(callsite, depth, subprog, start, insn_cnt);
        self.code.liveness.add(inst)
    }

    /// Solves the data-flow equations of one instance.
    fn update_instance(&self, inst: &mut Instance) {
        inst.analyzed = true;
        let range = self.code.subprogs[inst.subprog].postorder_start
            ..self.code.subprogs[inst.subprog + 1].postorder_start;
        let order = &self.code.postorder[range];
        let succ: Vec<_> = order.iter().map(|&i| self.code.successors(i)).collect();
        let start = inst.start;
        for masks in inst.frames.iter_mut().flatten() {
            let mut changed = true;
            while changed {
                changed = false;
                for (&idx, succ) in order.iter().zip(&succ) {
                    if succ.as_slice().is_empty() {
                        continue;
                    }
                    let mut after = 0;
                    for &to in succ.as_slice() {
                        let m = to.checked_sub(start).and_then(|i| masks.get(i));
                        after |= m.map_or(0, |m| m.live_before);
                    }
                    let Some(m) = masks.get_mut(idx - start) else {
                        continue;
                    };
                    let before = after & !m.must_write | m.may_read;
                    changed |= before != m.live_before;
                    m.live_before = before;
                }
            }
        }
    }

    /// Finds where frames' stacks are read and written, function by function
    /// (`bpf_compute_subprog_arg_access`).
    pub(crate) fn compute_stack_liveness(&mut self) -> Checked {
        let mut at = SubprogAt::new(self.code.subprog_cnt(), self.code.insns.len());
        for k in (0..self.code.subprog_cnt()).rev() {
            let sub = self.code.subprog_topo_order[k];
            if at.is_done(sub) && !self.code.subprog_is_global(sub) {
                continue;
            }
            let number = self.call_instance(0, 0, sub);
            self.analyze_subprog(None, &mut at, number, &mut [0; MAX_CALL_FRAMES])?;
        }
        if self.log.level2() {
            self.print_instances();
        }
        Ok(())
    }

    /// Analyses a function called with `entry` and what it passes stack pointers to. Calls itself,
    /// at most [`MAX_CALL_FRAMES`] deep.
    fn analyze_subprog(
        &mut self,
        entry: Option<&Args>,
        at: &mut SubprogAt,
        number: usize,
        callsites: &mut [usize; MAX_CALL_FRAMES],
    ) -> Checked {
        self.code.liveness.subprog_calls += 1;
        if self.code.liveness.subprog_calls > MAX_SUBPROG_CALLS {
            let n = self.code.liveness.subprog_calls;
            return reject!(
                self,
                LivenessTooComplex,
                E2BIG,
                "liveness analysis exceeded complexity limit ({n} calls)"
            );
        }
        let found = core::mem::take(&mut self.code.liveness.instances[number]);
        let (prev, mut inst) = if found.analyzed {
            (Some(found.fresh()), found)
        } else {
            (None, found)
        };
        // After this, `inst` is the one to fill and `prev` the earlier result to merge into.
        let prev = prev.map(|fresh| core::mem::replace(&mut inst, fresh));
        let subprog = inst.subprog;
        let depth = inst.depth;
        self.compute_subprog_args(at, entry, &mut inst, callsites);

        let range = self.code.subprogs[subprog].postorder_start
            ..self.code.subprogs[subprog + 1].postorder_start;
        for p in range {
            let idx = self.code.postorder[p];
            let insn = self.code.insns[idx];
            let args = at.args_at(subprog, idx - inst.start);
            let mut callee_args = [ArgTrack::None; crate::analysis::arg_track::MAX_AT_TRACK_REGS];
            let callee = if insn.is_pseudo_call() {
                let Some(callee) = self.code.callee_of(idx) else {
                    continue;
                };
                callee_args[1..=5].copy_from_slice(&args[1..=5]);
                callee_args[11..].copy_from_slice(&args[11..]);
                callee
            } else if self.code.aux[idx].calls_callback {
                match self.find_callback_subprog(&insn, idx) {
                    Callback::Other => continue,
                    Callback::Unknown { caller_reg } => {
                        if args[caller_reg] != ArgTrack::None {
                            (0..=depth).for_each(|f| inst.mark_read(f, idx, Spis::MAX));
                        }
                        continue;
                    }
                    Callback::Known {
                        callee,
                        caller_reg,
                        callee_reg,
                    } => {
                        callee_args[callee_reg] = args[caller_reg];
                        callee
                    }
                }
            } else {
                continue;
            };
            if !callee_args.iter().any(|a| a.is_fp()) {
                continue;
            }
            if depth == MAX_CALL_FRAMES - 1 {
                return Err(Errno::EINVAL.into());
            }
            let callee = self.call_instance(depth + 1, idx, callee);
            callsites[depth] = idx;
            self.analyze_subprog(Some(&callee_args), at, callee, callsites)?;
            let callee = &self.code.liveness.instances[callee];
            for f in 0..callee.depth {
                if callee.masks(f, callee.start).is_some() {
                    inst.mark_read(f, idx, callee.live_before(f, callee.start));
                }
            }
        }
        let mut inst = match prev {
            Some(mut prev) => {
                prev.merge(inst);
                prev
            }
            None => inst,
        };
        self.update_instance(&mut inst);
        self.code.liveness.instances[number] = inst;
        Ok(())
    }

    fn find_callback_subprog(&self, insn: &Insn, idx: usize) -> Callback {
        if !insn.is_helper_call() {
            return Callback::Other;
        }
        let (cb_reg, caller_reg, callee_reg) = match insn.imm {
            id::LOOP | id::USER_RINGBUF_DRAIN => (2, 3, 2),
            id::FOR_EACH_MAP_ELEM => (2, 3, 4),
            id::FIND_VMA => (3, 4, 3),
            _ => return Callback::Other,
        };
        let aux = &self.code.aux[idx];
        if aux.const_reg_subprog_mask >> cb_reg & 1 == 0 {
            return Callback::Unknown { caller_reg };
        }
        let callee = aux.const_reg_vals[cb_reg] as usize;
        Callback::Known {
            callee,
            caller_reg,
            callee_reg,
        }
    }
}

enum Callback {
    /// Not a callback that takes a stack pointer.
    Other,
    /// Not known which function is called.
    Unknown { caller_reg: usize },
    /// What the caller has in one register the callback finds in another.
    Known {
        callee: usize,
        caller_reg: usize,
        callee_reg: usize,
    },
}
