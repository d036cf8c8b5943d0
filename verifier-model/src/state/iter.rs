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
//! written over an iterator's slots is the business of [`crate::check::stack::read`].
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
    /// Of a new iterator.
    pub(crate) const fn of_new(rcu_protected: bool, in_rcu_cs: bool) -> Self {
        match (rcu_protected, in_rcu_cs) {
            (false, _) => Self::Plain,
            (true, true) => Self::Rcu,
            (true, false) => Self::Untrusted,
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
    /// No iterator here.
    Uninit,
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
    ExpectedUninitialized,
    /// `next` or `destroy` without one, or one of another kind.
    ExpectedInitialized,
    /// `next` or `destroy` outside the RCU section that the iterator depends on.
    ExpectedRcuCs,
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
    pub(crate) const fn new(self, trust: Trust) -> Result<Self, IterError> {
        match self {
            Self::Uninit => Ok(Self::Live {
                state: IterState::Active,
                trust,
                depth: 0,
            }),
            Self::Live { .. } => Err(IterError::ExpectedUninitialized),
        }
    }

    /// `bpf_iter_<kind>_next()`
    pub(crate) const fn next(self) -> Result<Next, IterError> {
        match self {
            Self::Uninit => Err(IterError::ExpectedInitialized),
            Self::Live {
                trust: Trust::Untrusted,
                ..
            } => Err(IterError::ExpectedRcuCs),
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
        match self {
            Self::Uninit => Err(IterError::ExpectedInitialized),
            Self::Live {
                trust: Trust::Untrusted,
                ..
            } => Err(IterError::ExpectedRcuCs),
            Self::Live { .. } => Ok(Self::Uninit),
        }
    }

    /// The last RCU section ends.
    #[must_use]
    pub(crate) const fn rcu_unlock(self) -> Self {
        match self {
            Self::Uninit => Self::Uninit,
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
            (Self::Uninit, Self::Uninit) => true,
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
            _ => false,
        }
    }

    /// How many references it holds.
    pub(crate) const fn references(self) -> usize {
        match self {
            Self::Uninit => 0,
            Self::Live { .. } => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUSTS: [Trust; 3] = [Trust::Plain, Trust::Rcu, Trust::Untrusted];
    const STATES: [IterState; 2] = [IterState::Active, IterState::Drained];

    /// Every iterator with at most three iterations behind it.
    fn all() -> impl Iterator<Item = Iter> {
        let live = STATES.into_iter().flat_map(|state| {
            TRUSTS.into_iter().flat_map(move |trust| {
                (0..4).map(move |depth| Iter::Live {
                    state,
                    trust,
                    depth,
                })
            })
        });
        core::iter::once(Iter::Uninit).chain(live)
    }

    /// Every state one step away.
    fn successors(it: Iter) -> Vec<Iter> {
        let mut out = vec![it.rcu_unlock()];
        out.extend(TRUSTS.into_iter().filter_map(|t| it.new(t).ok()));
        out.extend(it.destroy().ok());
        if let Ok(n) = it.next() {
            out.push(n.null);
            out.extend(n.element);
        }
        out
    }

    #[test]
    fn drained_is_sticky() {
        for it in all() {
            let Iter::Live {
                state: IterState::Drained,
                ..
            } = it
            else {
                continue;
            };
            if let Ok(n) = it.next() {
                assert_eq!(
                    n,
                    Next {
                        null: it,
                        element: None
                    }
                );
            }
            // The only way out of it is to destroy the iterator.
            for s in successors(it) {
                assert!(matches!(
                    s,
                    Iter::Uninit
                        | Iter::Live {
                            state: IterState::Drained,
                            ..
                        }
                ));
            }
        }
    }

    #[test]
    fn untrusted_is_for_good() {
        for it in all() {
            let Iter::Live {
                trust: Trust::Untrusted,
                ..
            } = it
            else {
                continue;
            };
            assert_eq!(it.next(), Err(IterError::ExpectedRcuCs));
            assert_eq!(it.destroy(), Err(IterError::ExpectedRcuCs));
            assert_eq!(it.rcu_unlock(), it);
            assert!(successors(it).into_iter().all(|s| s == it));
        }
    }

    #[test]
    fn plain_iterators_do_not_see_rcu() {
        for it in all() {
            if let Iter::Live {
                trust: Trust::Plain,
                ..
            }
            | Iter::Uninit = it
            {
                assert_eq!(it.rcu_unlock(), it);
            }
        }
        assert_eq!(Trust::of_new(false, false), Trust::Plain);
        assert_eq!(Trust::of_new(false, true), Trust::Plain);
    }

    #[test]
    fn unlock_is_idempotent_and_refuses_use() {
        for it in all() {
            assert_eq!(it.rcu_unlock().rcu_unlock(), it.rcu_unlock());
            if let Iter::Live {
                trust: Trust::Rcu, ..
            } = it
            {
                assert_eq!(it.rcu_unlock().next(), Err(IterError::ExpectedRcuCs));
            }
        }
    }

    #[test]
    fn each_iteration_is_told_apart() {
        for it in all() {
            let (Iter::Live { depth, .. }, Ok(n)) = (it, it.next()) else {
                continue;
            };
            if let Some(Iter::Live {
                depth: d, state, ..
            }) = n.element
            {
                assert_eq!((d, state), (depth + 1, IterState::Active));
                assert!(
                    it.equivalent(n.element.unwrap()),
                    "depth does not hinder convergence"
                );
                assert!(!it.equivalent(n.null), "active and drained differ");
            }
        }
    }

    #[test]
    fn one_reference_from_new_to_destroy() {
        for it in all() {
            for t in TRUSTS {
                match it.new(t) {
                    Ok(n) => assert_eq!(n.references(), it.references() + 1),
                    Err(e) => {
                        assert_eq!(e, IterError::ExpectedUninitialized);
                        assert_eq!(it.references(), 1);
                    }
                }
            }
            if let Ok(d) = it.destroy() {
                assert_eq!(d.references() + 1, it.references());
            }
            if let Ok(n) = it.next() {
                assert_eq!(n.null.references(), it.references());
            }
            assert_eq!(it.rcu_unlock().references(), it.references());
        }
    }

    #[test]
    fn equivalence_is_a_bisimulation() {
        for a in all() {
            for b in all().filter(|&b| a.equivalent(b)) {
                assert!(b.equivalent(a));
                assert_eq!(a.destroy().is_ok(), b.destroy().is_ok());
                assert!(a.rcu_unlock().equivalent(b.rcu_unlock()));
                match (a.next(), b.next()) {
                    (Ok(x), Ok(y)) => {
                        assert!(x.null.equivalent(y.null));
                        assert_eq!(x.element.is_some(), y.element.is_some());
                        assert!(
                            x.element
                                .zip(y.element)
                                .is_none_or(|(p, q)| p.equivalent(q))
                        );
                    }
                    (x, y) => assert_eq!(x.err(), y.err()),
                }
            }
        }
    }
}
