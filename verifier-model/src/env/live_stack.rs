// SPDX-License-Identifier: GPL-2.0-only
//! Which stack slots may be read later, where the walk finds it out: each chain of calls to a function
//! has an instance of it, which gathers what the instructions read and write there and hands it on
//! against the direction of the program. A state of which all paths were walked is asked about then.
//!
//! Reads only grow, writes shrink to those that happen whenever an instruction is walked. Where stack
//! liveness is known before the walk, none of this does anything.
//!
//! Source: `kernel/bpf/liveness.c` of 6.18.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::analysis::code::Code;
use crate::state::{MAX_CALL_FRAMES, VerifierState};

/// A set of stack slots, by their numbers from the frame pointer down.
pub(crate) type Slots = u64;

/// What an instruction does to the stack of one frame.
#[derive(Clone, Copy, Debug, Default)]
struct Masks {
    /// Slots it may read.
    may_read: Slots,
    /// Slots it writes for sure.
    must_write: Slots,
    /// Slots that it or what follows in the function writes for sure.
    must_write_acc: Slots,
    /// Slots that it or what follows may read.
    live_before: Slots,
}

/// A function as it is reached by one chain of calls.
#[derive(Debug)]
struct Instance {
    /// Its instructions.
    code: Range<usize>,
    /// They in postorder, as a part of the program's.
    postorder: Range<usize>,
    /// The instance that calls it, and where.
    caller: Option<(usize, usize)>,
    /// By frame and instruction; nothing of frames that are not touched.
    frames: Vec<Vec<Masks>>,
    /// Instructions of which it is known what they write.
    walked: Vec<bool>,
    /// Something changed that was not handed on yet.
    updated: bool,
    /// Some instruction turned out to write less.
    dropped: bool,
}

impl Instance {
    fn masks(&mut self, frame: usize, insn_idx: usize) -> &mut Masks {
        let len = self.code.len();
        let of_frame = &mut self.frames[frame];
        if of_frame.is_empty() {
            of_frame.resize(len, Masks::default());
        }
        &mut of_frame[insn_idx - self.code.start]
    }

    fn live_before(&self, frame: usize, insn_idx: usize) -> Slots {
        let at = insn_idx.checked_sub(self.code.start);
        let masks = self.frames.get(frame).zip(at);
        let masks = masks.and_then(|(frame, at)| frame.get(at));
        masks.map_or(0, |masks| masks.live_before)
    }

    fn mark_read(&mut self, frame: usize, insn_idx: usize, slots: Slots) {
        let masks = self.masks(frame, insn_idx);
        let new = slots & !masks.may_read;
        masks.may_read |= slots;
        let updated = new != 0 && (masks.may_read & !masks.live_before) != 0;
        self.updated |= updated;
    }

    /// An instruction was walked that wrote these slots, by frame.
    fn mark_written(&mut self, insn_idx: usize, written: &[Slots]) {
        let at = insn_idx - self.code.start;
        let again = self.walked[at];
        for (frame, &mask) in written.iter().enumerate().take(self.frames.len()) {
            if mask == 0 && !again {
                continue;
            }
            let masks = self.masks(frame, insn_idx);
            // The kernel keeps what was written before in 32 bits.
            let old = masks.must_write & Slots::from(u32::MAX);
            let new = if again { mask & old } else { mask };
            if old == new {
                continue;
            }
            masks.must_write = new;
            self.dropped |= old & !new != 0;
            self.updated = true;
        }
        self.walked[at] = true;
    }

    /// Hands on what changed until nothing does.
    fn solve(&mut self, code: &Code) {
        let start = self.code.start;
        let order = &code.postorder[self.postorder.clone()];
        let successors: Vec<_> = order.iter().map(|&i| code.successors(i)).collect();
        for masks in self.frames.iter_mut().filter(|masks| !masks.is_empty()) {
            if self.dropped {
                masks.iter_mut().for_each(|masks| masks.must_write_acc = 0);
            }
            let mut changed = true;
            while changed {
                changed = false;
                for (&idx, successors) in order.iter().zip(&successors) {
                    let (mut after, mut acc) = (0, Slots::MAX);
                    for &to in successors.as_slice() {
                        let to = to.checked_sub(start).and_then(|to| masks.get(to));
                        let to = to.copied().unwrap_or_default();
                        after |= to.live_before;
                        acc &= to.must_write_acc;
                    }
                    if successors.as_slice().is_empty() {
                        continue;
                    }
                    let here = &mut masks[idx - start];
                    let before = after & !here.must_write | here.may_read;
                    let acc = acc | here.must_write;
                    changed |= before != here.live_before || acc != here.must_write_acc;
                    here.live_before = before;
                    here.must_write_acc = acc;
                }
            }
        }
        self.updated = false;
        self.dropped = false;
    }
}

/// All that was gathered.
#[derive(Debug, Default)]
pub(crate) struct LiveStack {
    instances: Vec<Instance>,
    /// Their numbers by the calls that lead to a function, and its first instruction.
    by_chain: BTreeMap<Vec<usize>, usize>,
    /// The instance that the walk is in, if it was not left since it was looked up.
    cur: Option<usize>,
    /// What the instruction that is walked writes, by frame.
    writes: [Slots; MAX_CALL_FRAMES],
    /// Which one that is.
    insn_idx: usize,
}

impl LiveStack {
    /// The instance of a frame of a state.
    fn instance(&mut self, code: &Code, st: &VerifierState, frame: usize) -> usize {
        let chain = chain(code, st, frame);
        if let Some(&number) = self.by_chain.get(&chain) {
            return number;
        }
        let caller = (frame > 0).then(|| {
            let caller = self.instance(code, st, frame - 1);
            (caller, st.frame_insn_idx(frame - 1))
        });
        let subprog = st.frames[frame].subprogno;
        let (this, next) = (&code.subprogs[subprog], &code.subprogs[subprog + 1]);
        let instance = Instance {
            code: this.start..next.start,
            postorder: this.postorder_start..next.postorder_start,
            caller,
            frames: vec![Vec::new(); frame + 1],
            walked: vec![false; next.start - this.start],
            updated: false,
            dropped: false,
        };
        self.instances.push(instance);
        let number = self.instances.len() - 1;
        self.by_chain.insert(chain, number);
        number
    }

    fn cur_instance(&mut self, code: &Code, st: &VerifierState) -> usize {
        if let Some(number) = self.cur {
            return number;
        }
        let number = self.instance(code, st, st.curframe());
        self.cur = Some(number);
        number
    }

    /// An instruction is about to be walked.
    pub(crate) fn begin(&mut self, code: &Code, st: &VerifierState, insn_idx: usize) {
        self.cur_instance(code, st);
        self.insn_idx = insn_idx;
        self.writes = [0; MAX_CALL_FRAMES];
    }

    /// It was walked; if it did not lead into another function, what it wrote is known.
    pub(crate) fn end(&mut self) {
        if let Some(number) = self.cur {
            self.instances[number].mark_written(self.insn_idx, &self.writes);
        }
    }

    /// The path goes into a function.
    pub(crate) fn leave(&mut self) {
        self.cur = None;
    }

    /// An instruction, in the innermost frame of a state, reads slots of a frame.
    pub(crate) fn read(
        &mut self,
        code: &Code,
        st: &VerifierState,
        (frame, insn_idx): (usize, usize),
        slots: Slots,
    ) {
        let number = self.cur_instance(code, st);
        self.instances[number].mark_read(frame, insn_idx, slots);
    }

    /// The instruction that is walked writes slots of a frame as a whole.
    pub(crate) fn written(&mut self, frame: usize, slots: Slots) {
        self.writes[frame] |= slots;
    }

    /// What changed in the functions of a state goes on, and out to their callers
    /// (`bpf_update_live_stack`).
    pub(crate) fn update(&mut self, code: &Code, st: &VerifierState) {
        self.cur = None;
        for frame in (0..st.frames.len()).rev() {
            let number = self.instance(code, st, frame);
            if !self.instances[number].updated {
                continue;
            }
            let instance = &mut self.instances[number];
            instance.solve(code);
            let Some((caller, callsite)) = instance.caller else {
                continue;
            };
            let entry = instance.code.start;
            let mut written = [0; MAX_CALL_FRAMES];
            for (outer, written) in written.iter_mut().enumerate().take(frame) {
                let instance = &mut self.instances[number];
                let Some(first) = instance.frames[outer].first().copied() else {
                    continue;
                };
                *written = first.must_write_acc;
                let live = instance.live_before(outer, entry);
                self.instances[caller].mark_read(outer, callsite, live);
            }
            self.instances[caller].mark_written(callsite, &written);
        }
    }

    /// The slots of a frame of a state that may be read later (`bpf_stack_slot_alive`).
    pub(crate) fn live(&self, code: &Code, st: &VerifierState, frame: usize) -> Slots {
        let find = |at: usize| {
            let number = self.by_chain.get(&chain(code, st, at));
            number.map(|&number| &self.instances[number])
        };
        let cur = st.curframe();
        let mut live = find(cur).map_or(0, |of| of.live_before(frame, st.insn_idx));
        for caller in frame..cur {
            let callsite = st.frame_insn_idx(caller);
            let at = match code.aux[callsite].calls_callback {
                true => callsite,
                false => callsite + 1,
            };
            live |= find(caller).map_or(0, |of| of.live_before(frame, at));
        }
        live
    }
}

/// The calls that lead to a frame, and where its function begins.
fn chain(code: &Code, st: &VerifierState, frame: usize) -> Vec<usize> {
    let calls = (0..frame).map(|caller| st.frame_insn_idx(caller));
    let start = code.subprogs[st.frames[frame].subprogno].start;
    calls.chain([start]).collect()
}
