// SPDX-License-Identifier: GPL-2.0-only
//! Where pointers into stack frames go: a data-flow analysis before verification proper.
//!
//! At each instruction each register, and each spilled slot of the function's own frame, is either
//! no stack pointer, a pointer into one frame at up to four known offsets (or at an unknown one), or
//! a pointer into one of several frames. From that follows what each load, store and call reads and
//! writes of each frame's stack.
//!
//! Source: `compute_subprog_args()` in `kernel/bpf/liveness.c` (since 7.2).

use std::mem::take;

use bpf::insn::{MAX_BPF_REG, REG_FP};
use bpf::uapi::Insn;

use crate::analysis::Known;
use crate::analysis::arg_track::access::{record_access, record_imprecise, record_load_store};
use crate::analysis::arg_track::xfer::Xfer;
use crate::analysis::arg_track::{
    ArgTrack, Args, MAX_AT_TRACK_REGS, MAX_STACK_ARG_SLOTS, Point, Spills, SubprogAt,
};
use crate::analysis::liveness::instance::Instance;
use crate::log::verbose;
use crate::state::MAX_CALL_FRAMES;

impl Known<'_> {
    /// Follows stack pointers through one function and records what it does to stacks.
    pub(crate) fn compute_subprog_args(
        &mut self,
        at: &mut SubprogAt,
        entry: Option<&Args>,
        inst: &mut Instance,
        callsites: &[usize; MAX_CALL_FRAMES],
    ) {
        let (subprog, depth) = (inst.subprog, inst.depth);
        let (start, end) = (
            self.code.subprogs[subprog].start,
            self.code.subprogs[subprog + 1].start,
        );
        let range = self.code.subprogs[subprog].postorder_start
            ..self.code.subprogs[subprog + 1].postorder_start;
        // A copy, so that the log can be written to.
        let order = self.code.postorder[range].to_vec();
        let len = end - start;
        let log = self.log.level2();
        let mut points: Vec<Option<Point>> = vec![None; len];
        // Whether what is known before an instruction has changed since it was last gone through.
        let mut news = vec![false; len];

        let mut args = [ArgTrack::None; MAX_AT_TRACK_REGS];
        args[usize::from(REG_FP)] = ArgTrack::single(depth, 0);
        let mut stack_args = [ArgTrack::None; MAX_STACK_ARG_SLOTS];
        if let Some(entry) = entry {
            args[1..=5].copy_from_slice(&entry[1..=5]);
            stack_args.copy_from_slice(&entry[MAX_BPF_REG..]);
        }
        points[0] = Some(Point {
            args,
            spills: Spills::default(),
        });
        news[0] = true;
        let ctx = Xfer {
            depth,
            stack_args,
            callsites,
            at,
        };
        if log {
            verbose!(self, "subprog#{subprog}: analyzing (depth {depth})...\n");
        }
        loop {
            let mut changed = false;
            for &idx in order.iter().rev() {
                let i = idx - start;
                // The kernel goes through all of them again, and its log shows that.
                if !take(&mut news[i]) && !log {
                    continue;
                }
                let Some(mut out) = points[i].clone() else {
                    continue;
                };
                ctx.xfer(&self.code.insns[idx], &mut out.args, &mut out.spills);
                if log && let Some(before) = &points[i] {
                    self.log_arg_track(idx, before, &out);
                }
                for &to in self.code.successors(idx).as_slice() {
                    if to < start || to >= end {
                        continue;
                    }
                    let ti = to - start;
                    let old = if log { points[ti].clone() } else { None };
                    let is_news = match &mut points[ti] {
                        Some(known) => known.join(&out),
                        none => none.replace(out.clone()).is_none(),
                    };
                    if let (Some(old), Some(new)) = (&old, &points[ti]) {
                        self.log_arg_join((idx, to), old, &out, new);
                    }
                    news[ti] |= is_news;
                    changed |= is_news;
                }
            }
            if !changed {
                break;
            }
        }
        for &idx in order.iter().rev() {
            let Some(point) = &points[idx - start] else {
                continue;
            };
            let insn = &self.code.insns[idx];
            record_load_store(inst, insn, &point.args, idx);
            if insn.is_any_call() {
                self.record_call(inst, insn, &point.args, idx);
            }
            if insn.is_pseudo_call() || self.code.aux[idx].calls_callback {
                at.callsite_spills[idx] = Some(point.spills.clone());
            }
        }
        if log {
            self.print_subprog_arg_access(subprog, &points);
        }
        at.points[subprog] = Some(points);
    }

    /// What a call of a helper or kfunc reads and writes through its arguments.
    fn record_call(&self, inst: &mut Instance, insn: &Insn, at: &Args, idx: usize) {
        if insn.is_pseudo_call() {
            return;
        }
        let num_params = self.call_summary(insn).map_or(5, |s| s.num_params);
        let regs = (1..=num_params.min(5)).map(|r| (r - 1, at[r]));
        let stack =
            (5..num_params.clamp(5, 5 + MAX_STACK_ARG_SLOTS)).map(|a| (a, at[MAX_BPF_REG + a - 5]));
        for (arg, track) in regs.chain(stack) {
            if !track.is_fp() {
                continue;
            }
            let bytes = if insn.is_helper_call() {
                self.helper_stack_access_bytes(insn, arg, idx)
            } else {
                self.kfunc_stack_access_bytes(insn, arg, idx)
            };
            match track {
                ArgTrack::Fp(f, offs) => record_access(inst, f.into(), offs, bytes, idx),
                ArgTrack::Imprecise(m) if bytes != 0 => record_imprecise(inst, m, idx),
                _ => {}
            }
        }
    }
}
