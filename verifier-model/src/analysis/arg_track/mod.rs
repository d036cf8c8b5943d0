// SPDX-License-Identifier: GPL-2.0-only
//! What a register is, as far as pointers into stack frames go: the lattice of
//! [`crate::analysis::arg_track::function`].
//!
//! ```text
//!                Imprecise(frames)          into one of several frames
//!                /               \
//!      Fp(0, unknown)       Fp(1, unknown)  into one frame, anywhere
//!            |                    |
//!      Fp(0, -16, -8)            ...        at up to four offsets
//!        /         \
//!   Fp(0, -16)  Fp(0, -8)      None         at one; no stack pointer
//!        \         |           /
//!                Unvisited                  no path leads here yet
//! ```
//!
//! Source: `struct arg_track` in `kernel/bpf/liveness.c` (since 7.2).

pub(crate) mod access;
pub(crate) mod function;
pub(crate) mod xfer;

use std::rc::Rc;

use bpf::insn::{MAX_BPF_REG, REG_FP};

/// What is known before one instruction.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) args: Args,
    pub(crate) spills: Spills,
}

impl Point {
    /// Takes in what another path brings; whether that is news.
    pub(crate) fn join(&mut self, new: &Self) -> bool {
        join_all(&mut self.args, &new.args) | self.spills.join(&new.spills)
    }
}

/// Results by function, and the spilled pointers at each call.
#[derive(Debug)]
pub(crate) struct SubprogAt {
    /// At each instruction of each function analysed.
    pub(crate) points: Vec<Option<Vec<Option<Point>>>>,
    pub(crate) callsite_spills: Vec<Option<Spills>>,
}

impl SubprogAt {
    /// Nothing analysed yet.
    pub(crate) fn new(subprog_cnt: usize, insn_cnt: usize) -> Self {
        Self {
            points: vec![None; subprog_cnt],
            callsite_spills: vec![None; insn_cnt],
        }
    }

    /// Whether a function was analysed.
    pub(crate) fn is_done(&self, subprog: usize) -> bool {
        self.points[subprog].is_some()
    }

    /// Arguments at the `i`-th instruction of a function.
    pub(crate) fn args_at(&self, subprog: usize, i: usize) -> Args {
        let points = self.points.get(subprog).and_then(Option::as_ref);
        let point = points.and_then(|points| points.get(i)?.as_ref());
        point.map(|point| point.args).unwrap_or_default()
    }

    /// Spilled pointers of the function that calls at `callsite`, when it was analysed.
    pub(crate) fn spills_at(&self, callsite: usize) -> Option<&Spills> {
        self.callsite_spills.get(callsite)?.as_ref()
    }
}

/// Offsets kept before a pointer's offset is given up.
const MAX_ARG_OFFSETS: usize = 4;

/// Stack arguments tracked.
pub(crate) const MAX_STACK_ARG_SLOTS: usize = 7;

/// Registers and stack arguments.
pub(crate) const MAX_AT_TRACK_REGS: usize = MAX_BPF_REG + MAX_STACK_ARG_SLOTS;

/// Slots of a frame.
pub(crate) const MAX_ARG_SPILL_SLOTS: usize = 64;

/// What a register is, as far as stack pointers go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum ArgTrack {
    /// No path leads here yet.
    #[default]
    Unvisited,
    /// No stack pointer.
    None,
    /// A pointer into one of these frames, at an unknown offset.
    Imprecise(u16),
    /// A pointer into one frame.
    Fp(u8, Offsets),
}

/// Up to four offsets, ascending; none means not known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Offsets {
    off: [i16; MAX_ARG_OFFSETS],
    cnt: u8,
}

/// Registers and stack arguments at one instruction.
pub(crate) type Args = [ArgTrack; MAX_AT_TRACK_REGS];

/// Spilled slots of one frame. Few instructions change one, so copies are shared.
#[derive(Clone, Debug)]
pub(crate) struct Spills(Rc<[ArgTrack; MAX_ARG_SPILL_SLOTS]>);

impl Offsets {
    pub(crate) const UNKNOWN: Self = Self {
        off: [0; MAX_ARG_OFFSETS],
        cnt: 0,
    };

    pub(crate) fn single(off: i16) -> Self {
        Self {
            off: [off, 0, 0, 0],
            cnt: 1,
        }
    }

    pub(crate) fn as_slice(&self) -> &[i16] {
        &self.off[..usize::from(self.cnt)]
    }

    fn merge(self, o: Self) -> Self {
        let mut out = self;
        for &off in o.as_slice() {
            let known = out.as_slice();
            let Err(at) = known.binary_search(&off) else {
                continue;
            };
            let len = known.len();
            if len == MAX_ARG_OFFSETS {
                return Self::UNKNOWN;
            }
            out.off.copy_within(at..len, at + 1);
            out.off[at] = off;
            out.cnt += 1;
        }
        out
    }

    /// Nothing is known.
    pub(crate) fn is_unknown(self) -> bool {
        self.cnt == 0
    }

    /// There is one.
    pub(crate) fn is_known(self) -> bool {
        self.cnt == 1
    }

    /// Each offset plus `delta`; unknown when one does not fit.
    pub(crate) fn add(self, delta: i64) -> Self {
        let mut out = self;
        for o in &mut out.off[..usize::from(self.cnt)] {
            match add_off(*o, delta) {
                Some(v) => *o = v,
                None => return Self::UNKNOWN,
            }
        }
        out
    }
}

pub(crate) fn add_off(off: i16, delta: i64) -> Option<i16> {
    off.checked_add(i16::try_from(delta).ok()?)
}

impl ArgTrack {
    pub(crate) fn single(frame: usize, off: i16) -> Self {
        Self::Fp(frame as u8, Offsets::single(off))
    }

    /// Whether it may be a stack pointer.
    pub(crate) fn is_fp(self) -> bool {
        matches!(self, Self::Fp(..) | Self::Imprecise(_))
    }

    pub(crate) fn frame_mask(self) -> u16 {
        match self {
            Self::Fp(f, _) => 1 << (f & 15),
            Self::Imprecise(m) => m,
            Self::None | Self::Unvisited => 0,
        }
    }

    pub(crate) fn join(self, b: Self) -> Self {
        use ArgTrack::{Fp, Imprecise, None, Unvisited};
        match (self, b) {
            _ if self == b => self,
            (a, Unvisited) => a,
            (Unvisited, b) => b,
            (Fp(f, x), Fp(g, y)) if f == g => {
                if x.cnt == 0 || y.cnt == 0 {
                    Fp(f, Offsets::UNKNOWN)
                } else {
                    Fp(f, x.merge(y))
                }
            }
            (None, None) => None,
            // `x = fp - 8` on one path, nothing on the other: the offset may be added later.
            (Fp(f, x), None) | (None, Fp(f, x)) if x.cnt == 1 => Fp(f, x.merge(Offsets::single(0))),
            (Fp(f, x), None) | (None, Fp(f, x)) => Fp(f, x),
            (a, b) => Imprecise(a.frame_mask() | b.frame_mask()),
        }
    }

    pub(crate) fn alu64(self, src: Self) -> Self {
        match (self, src) {
            (Self::Fp(f, _), Self::None) | (Self::None, Self::Fp(f, _)) => {
                Self::Fp(f, Offsets::UNKNOWN)
            }
            (Self::Fp(f, _), Self::Fp(g, _)) if f == g => Self::Fp(f, Offsets::UNKNOWN),
            (Self::None, Self::None) => Self::None,
            (a, b) => Self::Imprecise(a.frame_mask() | b.frame_mask()),
        }
    }

    pub(crate) fn offsets(self) -> Offsets {
        if let Self::Fp(_, o) = self {
            o
        } else {
            Offsets::UNKNOWN
        }
    }

    pub(crate) fn can_be_local_fp(self, depth: usize, regno: usize) -> bool {
        regno == usize::from(REG_FP) || self.frame_mask() >> depth & 1 != 0
    }
}

impl Default for Spills {
    /// No slot holds a stack pointer.
    fn default() -> Self {
        Self(Rc::new([ArgTrack::None; MAX_ARG_SPILL_SLOTS]))
    }
}

impl Spills {
    pub(crate) fn get(&self, slot: usize) -> ArgTrack {
        self.0[slot]
    }

    pub(crate) fn set(&mut self, slot: usize, val: ArgTrack) {
        if self.0[slot] != val {
            Rc::make_mut(&mut self.0)[slot] = val;
        }
    }

    /// A slot holds what it held, or `val`.
    pub(crate) fn join_slot(&mut self, slot: usize, val: ArgTrack) {
        self.set(slot, self.get(slot).join(val));
    }

    /// Any slot may hold `val` too.
    pub(crate) fn join_each(&mut self, val: ArgTrack) {
        (0..MAX_ARG_SPILL_SLOTS).for_each(|slot| self.join_slot(slot, val));
    }

    /// Takes in what another path brings; whether that is news.
    pub(crate) fn join(&mut self, new: &Self) -> bool {
        if Rc::ptr_eq(&self.0, &new.0) {
            return false;
        }
        let news = self
            .0
            .iter()
            .zip(&*new.0)
            .any(|(old, new)| old.join(*new) != *old);
        news && join_all(&mut Rc::make_mut(&mut self.0)[..], &new.0[..])
    }
}

/// Each with its counterpart; whether one has changed.
pub(crate) fn join_all(old: &mut [ArgTrack], new: &[ArgTrack]) -> bool {
    let mut changed = false;
    for (old, new) in old.iter_mut().zip(new) {
        let joined = old.join(*new);
        changed |= joined != *old;
        *old = joined;
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fp(off: i16) -> ArgTrack {
        ArgTrack::single(0, off)
    }

    #[test]
    fn join_is_commutative_and_idempotent() {
        let all = [
            ArgTrack::Unvisited,
            ArgTrack::None,
            ArgTrack::Imprecise(1),
            ArgTrack::Imprecise(3),
            fp(-8),
            fp(-16),
            ArgTrack::single(1, -8),
            ArgTrack::Fp(0, Offsets::UNKNOWN),
            fp(-8).join(fp(-16)),
        ];
        for a in all {
            assert_eq!(a.join(a), a);
            for b in all {
                assert_eq!(a.join(b), b.join(a), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn a_fifth_offset_is_one_too_many() {
        let four = (1..=4).fold(ArgTrack::Unvisited, |t, i| t.join(fp(-8 * i)));
        assert_eq!(four.offsets().cnt, 4);
        assert_eq!(four.join(fp(-40)), ArgTrack::Fp(0, Offsets::UNKNOWN));
    }
}
