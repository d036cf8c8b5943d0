// SPDX-License-Identifier: GPL-2.0-only
//! One function called along one chain of calls, and what stack is live in it.

use std::collections::BTreeMap;

/// A set of stack half-slots.
pub(crate) type Spis = u128;

/// What an instruction does to one frame's stack.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Masks {
    /// Halves it may read.
    pub may_read: Spis,
    /// Halves it writes for sure.
    pub must_write: Spis,
    /// Halves live before it.
    pub live_before: Spis,
}

/// A function as reached through one call site at one depth.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instance {
    /// The call, or for depth 0 the function's start.
    pub callsite: usize,
    /// Number of callers whose frames it may touch.
    pub depth: usize,
    pub subprog: usize,
    pub(crate) start: usize,
    pub(crate) insn_cnt: usize,
    pub(crate) frames: Vec<Option<Vec<Masks>>>,
    pub(crate) analyzed: bool,
}

impl Instance {
    pub(crate) fn new(
        callsite: usize,
        depth: usize,
        subprog: usize,
        start: usize,
        insn_cnt: usize,
    ) -> Self {
        let frames = vec![None; depth + 1];
        Self {
            callsite,
            depth,
            subprog,
            start,
            insn_cnt,
            frames,
            analyzed: false,
        }
    }

    pub(crate) fn fresh(&self) -> Self {
        Self::new(
            self.callsite,
            self.depth,
            self.subprog,
            self.start,
            self.insn_cnt,
        )
    }

    pub(crate) fn masks(&self, frame: usize, insn_idx: usize) -> Option<&Masks> {
        self.frames
            .get(frame)?
            .as_ref()?
            .get(insn_idx.checked_sub(self.start)?)
    }

    pub(crate) fn masks_mut(&mut self, frame: usize, insn_idx: usize) -> Option<&mut Masks> {
        let n = self.insn_cnt;
        let start = self.start;
        let arr = self
            .frames
            .get_mut(frame)?
            .get_or_insert_with(|| vec![Masks::default(); n]);
        arr.get_mut(insn_idx.checked_sub(start)?)
    }

    /// The instruction may read these halves.
    pub(crate) fn mark_read(&mut self, frame: usize, insn_idx: usize, mask: Spis) {
        if let Some(m) = self.masks_mut(frame, insn_idx) {
            m.may_read |= mask;
        }
    }

    /// The instruction writes these halves.
    pub(crate) fn mark_write(&mut self, frame: usize, insn_idx: usize, mask: Spis) {
        if let Some(m) = self.masks_mut(frame, insn_idx) {
            m.must_write |= mask;
        }
    }

    #[cfg(test)]
    pub(crate) fn masks_for_test(&self) -> (Spis, Spis) {
        self.masks(0, 0)
            .map_or((0, 0), |m| (m.may_read, m.must_write))
    }

    pub(crate) fn live_before(&self, frame: usize, insn_idx: usize) -> Spis {
        self.masks(frame, insn_idx).map_or(0, |m| m.live_before)
    }

    /// Takes in what another analysis of the same call found: reads add up, writes must be in both.
    pub(crate) fn merge(&mut self, src: Self) {
        for (dst, src) in self.frames.iter_mut().zip(src.frames) {
            match (dst.as_mut(), src) {
                (None, None) => {}
                (Some(d), None) => d.iter_mut().for_each(|m| m.must_write = 0),
                (None, Some(mut s)) => {
                    s.iter_mut().for_each(|m| m.must_write = 0);
                    *dst = Some(s);
                }
                (Some(d), Some(s)) => {
                    for (d, s) in d.iter_mut().zip(s) {
                        d.may_read |= s.may_read;
                        d.must_write &= s.must_write;
                    }
                }
            }
        }
    }
}

/// All instances.
#[derive(Debug, Default)]
pub(crate) struct Liveness {
    /// Their numbers by call site and depth.
    numbers: BTreeMap<(usize, usize), usize>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) subprog_calls: u32,
}

impl Liveness {
    /// The number of an instance.
    pub(crate) fn find(&self, callsite: usize, depth: usize) -> Option<usize> {
        self.numbers.get(&(callsite, depth)).copied()
    }

    /// The number of this instance, which may be new.
    pub(crate) fn add(&mut self, inst: Instance) -> usize {
        let key = (inst.callsite, inst.depth);
        *self.numbers.entry(key).or_insert_with(|| {
            self.instances.push(inst);
            self.instances.len() - 1
        })
    }

    /// All numbers, in the order of call sites.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = usize> {
        self.numbers.values().copied()
    }
}
