// SPDX-License-Identifier: GPL-2.0-only
//! The state machine of an open-coded iterator on the stack.
//!
//! ```text
//!                 new                      next, non-NULL (depth + 1)
//!   Uninit ───────────────▶ Active ⟲─────────┐
//!     ▲                       │ │◀───────────┘
//!     │        destroy        │ │ next, NULL
//!     ├───────────────────────┘ ▼
//!     └──────────────────── Drained ⟲ next, always NULL
//! ```
//!
//! Beside that walk, an iterator of an RCU-protected kind is bound to the section it was made in:
//! its [`Trust`] goes from `Rcu` to `Untrusted` when the last section ends, and no operation but
//! overwriting the program's stack frame gets it back. `next` and `destroy` refuse it then.
//!
//! Each live iterator holds one reference, so a program cannot end without `destroy`. What is
//! written over an iterator's slots is the business of [`crate::check::stack::read`]; how it lies in
//! them, of [`crate::state::iter_slots`].
//!
//! Source: `mark_stack_slots_iter()`, `is_iter_reg_valid_init()` in `kernel/bpf/verifier.c`.

use bpf::kernel::BtfRef;

/// What the first and the further slots of an iterator hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IterSlot {
    /// BTF object of the iterator's structure.
    pub btf: BtfRef,
    /// The structure, `struct bpf_iter_<kind>`.
    pub btf_id: u32,
    /// Where in its life it is.
    pub state: IterState,
    /// How many times `next` gave an element on this path. Only tells iterations apart.
    pub depth: u32,
}

impl IterSlot {
    /// Which kind it is.
    pub(crate) const fn kind(self) -> (BtfRef, u32) {
        (self.btf, self.btf_id)
    }
}

/// Where in its life an iterator is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IterState {
    /// `next` may give an element.
    Active,
    /// `next` gave NULL, and will for ever.
    Drained,
}

impl IterState {
    /// As messages print it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Drained => "drained",
        }
    }
}

/// Whether an iterator depends on an RCU section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trust {
    /// It does not.
    Plain,
    /// It does, and the section lasts.
    Rcu,
    /// It does, and there is no section, or it ended.
    Untrusted,
}

impl Trust {
    /// Of a new iterator whose `new` is `KF_RCU_PROTECTED`.
    pub(crate) const fn protected(in_rcu_cs: bool) -> Self {
        if in_rcu_cs {
            Self::Rcu
        } else {
            Self::Untrusted
        }
    }

    /// When the last RCU section ends.
    #[must_use]
    pub(crate) const fn after_rcu_unlock(self) -> Self {
        match self {
            Self::Plain => Self::Plain,
            Self::Rcu | Self::Untrusted => Self::Untrusted,
        }
    }
}

/// One iterator as a whole: what its stack slots say together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Iter {
    /// No iterator here, and room for one.
    Uninit,
    /// The same, and an untrusted pointer is spilled here. The kernel asks for trust before it asks
    /// for an iterator, so to `next` and `destroy` it looks like one whose section ended.
    UntrustedSpill,
    /// Neither the iterator asked for nor room for one: part of one, one of another kind, or a
    /// place where none can be.
    Unfit,
    /// Made and not destroyed.
    Live {
        /// Where in its life.
        state: IterState,
        /// Its dependence on RCU.
        trust: Trust,
        /// Iterations so far.
        depth: u32,
    },
}

/// Why an operation on an iterator is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IterError {
    /// `new` on a live iterator.
    NotFree,
    /// `next` or `destroy` without one, or one of another kind.
    NotMade,
    /// `next` or `destroy` outside the RCU section that the iterator depends on.
    NoSection,
}

/// What `next` does: the path on which it gives NULL, and the other, if there is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Next {
    /// On the path where it gives NULL. Explored first.
    pub null: Iter,
    /// On the path where it gives an element. Explored later.
    pub element: Option<Iter>,
}

impl Iter {
    /// `bpf_iter_<kind>_new()`
    pub(crate) const fn make(self, trust: Trust) -> Result<Self, IterError> {
        match self {
            Self::Uninit | Self::UntrustedSpill => Ok(Self::Live {
                state: IterState::Active,
                trust,
                depth: 0,
            }),
            Self::Unfit | Self::Live { .. } => Err(IterError::NotFree),
        }
    }

    /// `bpf_iter_<kind>_next()`
    pub(crate) const fn next(self) -> Result<Next, IterError> {
        match self {
            Self::Uninit | Self::Unfit => Err(IterError::NotMade),
            Self::UntrustedSpill
            | Self::Live {
                trust: Trust::Untrusted,
                ..
            } => Err(IterError::NoSection),
            Self::Live {
                state: IterState::Drained,
                ..
            } => Ok(Next {
                null: self,
                element: None,
            }),
            Self::Live {
                state: IterState::Active,
                trust,
                depth,
            } => Ok(Next {
                null: Self::Live {
                    state: IterState::Drained,
                    trust,
                    depth,
                },
                element: Some(Self::Live {
                    state: IterState::Active,
                    trust,
                    depth: depth.saturating_add(1),
                }),
            }),
        }
    }

    /// `bpf_iter_<kind>_destroy()`
    pub(crate) const fn destroy(self) -> Result<Self, IterError> {
        match self.passed() {
            Ok(_) => Ok(Self::Uninit),
            Err(e) => Err(e),
        }
    }

    /// A kfunc that only looks at it.
    pub(crate) const fn passed(self) -> Result<Self, IterError> {
        match self {
            Self::Uninit | Self::Unfit => Err(IterError::NotMade),
            Self::UntrustedSpill
            | Self::Live {
                trust: Trust::Untrusted,
                ..
            } => Err(IterError::NoSection),
            Self::Live { .. } => Ok(self),
        }
    }

    /// The last RCU section ends.
    #[must_use]
    pub(crate) const fn rcu_unlock(self) -> Self {
        match self {
            Self::Uninit | Self::UntrustedSpill | Self::Unfit => self,
            Self::Live {
                state,
                trust,
                depth,
            } => Self::Live {
                state,
                trust: trust.after_rcu_unlock(),
                depth,
            },
        }
    }

    /// Whether the two are the same for pruning: the number of iterations is left out.
    pub(crate) fn equivalent(self, other: Self) -> bool {
        match (self, other) {
            (
                Self::Live {
                    state: s1,
                    trust: t1,
                    depth: _,
                },
                Self::Live {
                    state: s2,
                    trust: t2,
                    depth: _,
                },
            ) => s1 == s2 && t1 == t2,
            _ => self == other,
        }
    }

    /// The same until `iterator-trust`: whether the section lasts is left out as well.
    pub(crate) fn in_same_state(self, other: Self) -> bool {
        match (self, other) {
            (Self::Live { state: s1, .. }, Self::Live { state: s2, .. }) => s1 == s2,
            _ => self == other,
        }
    }

    /// Whether `next` may still give an element. Only such a loop may end by convergence: its way
    /// out, the path where `next` gives NULL, is explored as well.
    pub(crate) const fn is_active(self) -> bool {
        matches!(
            self,
            Self::Live {
                state: IterState::Active,
                ..
            }
        )
    }

    /// Whether `later` is in another iteration: a loop that comes back with it is not endless.
    pub(crate) const fn in_other_iteration(self, later: Self) -> bool {
        match (self, later) {
            (Self::Live { depth: d1, .. }, Self::Live { depth: d2, .. }) => {
                self.is_active() && d1 != d2
            }
            _ => false,
        }
    }

    /// Whether RCU protects the elements that `next` gives.
    pub(crate) const fn gives_rcu(self) -> bool {
        matches!(
            self,
            Self::Live {
                trust: Trust::Rcu,
                ..
            }
        )
    }

    /// How many references it holds.
    pub(crate) const fn references(self) -> usize {
        match self {
            Self::Uninit | Self::UntrustedSpill | Self::Unfit => 0,
            Self::Live { .. } => 1,
        }
    }
}
