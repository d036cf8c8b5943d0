// SPDX-License-Identifier: GPL-2.0-only
//! Watching a verification: what happens, in the order in which it happens.
//!
//! An observer sees everything and changes nothing, so that verdict, log and counts are the same
//! with and without one. [`explain`](mod@crate::explain) is made of it.

use crate::env::Env;
use crate::facts::rejection::Checked;
use crate::state::StateId;

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// A function that is verified on its own is walked from here.
    Started,
    /// The instruction at `Path::insn_idx` is checked next, in the state `Path::cur`.
    Step,
    /// A path ended, by `exit` or by being pruned, and the walk went back to one that waited.
    Resumed,
    /// The current state is kept for comparison.
    Kept(StateId),
    /// The current state was compared with one at the same instruction, which did not end the path.
    Differs(StateId),
    /// The path ends: the current state is no worse than this one. When the kept state still has
    /// paths to explore (`branches`), the path goes round a loop and has converged.
    Pruned(StateId),
    /// The current state is exactly this one, from earlier on the same path.
    InfiniteLoop(StateId),
    /// The instruction at `Path::insn_idx` needs this register of the current frame precise.
    Precise(usize),
}

/// Is told what happens.
pub(crate) trait Observer: core::fmt::Debug {
    /// Something happened. States are as they are right after it.
    fn event(&mut self, env: &Env<'_>, event: Event);

    /// Verification ended. The environment is as it was left.
    fn finished(&mut self, env: &Env<'_>, result: &Checked);
}

/// Both are told, one after the other.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn event(&mut self, env: &Env<'_>, event: Event) {
        self.0.event(env, event);
        self.1.event(env, event);
    }

    fn finished(&mut self, env: &Env<'_>, result: &Checked) {
        self.0.finished(env, result);
        self.1.finished(env, result);
    }
}

impl Env<'_> {
    /// Tells the observer, if there is one.
    #[inline]
    pub(crate) fn tell(&mut self, event: Event) {
        if let Some(observer) = self.observer.take() {
            observer.event(self, event);
            self.observer = Some(observer);
        }
    }
}
