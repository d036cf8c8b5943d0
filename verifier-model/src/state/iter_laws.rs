// SPDX-License-Identifier: GPL-2.0-only
//! The laws of [`crate::state::iter`], tried on every iterator that there is.

use crate::state::iter::{Iter, IterError, IterState, Next, Trust};

const TRUSTS: [Trust; 3] = [Trust::Plain, Trust::Rcu, Trust::Untrusted];
const NONE: [Iter; 3] = [Iter::Uninit, Iter::UntrustedSpill, Iter::Unfit];
const STATES: [IterState; 2] = [IterState::Active, IterState::Drained];

/// Every iterator with at most three iterations behind it, and all that is none.
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
    NONE.into_iter().chain(live)
}

/// Every state one step away.
fn successors(it: Iter) -> Vec<Iter> {
    let mut out = vec![it.rcu_unlock()];
    out.extend(TRUSTS.into_iter().filter_map(|t| it.make(t).ok()));
    out.extend(it.destroy().ok());
    out.extend(it.passed().ok());
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
        assert_eq!(it.next(), Err(IterError::NoSection));
        assert_eq!(it.destroy(), Err(IterError::NoSection));
        assert_eq!(it.passed(), Err(IterError::NoSection));
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
        | Iter::Uninit
        | Iter::UntrustedSpill
        | Iter::Unfit = it
        {
            assert_eq!(it.rcu_unlock(), it);
        }
    }
}

/// Kernels that let such a `new` pass refuse what comes after it.
#[test]
fn made_outside_a_section_is_as_made_before_its_end() {
    let inside = Trust::protected(true);
    assert_eq!(inside, Trust::Rcu);
    assert_eq!(Trust::protected(false), inside.after_rcu_unlock());
}

#[test]
fn what_is_none_can_only_be_made() {
    for it in NONE {
        assert_eq!(it.next().err(), it.destroy().err());
        assert_eq!(it.passed(), it.destroy());
        assert!(it.next().is_err());
        assert!(!it.is_active() && !it.gives_rcu());
        assert_eq!(it.make(Trust::Plain).is_err(), it == Iter::Unfit);
    }
}

#[test]
fn to_be_passed_changes_nothing() {
    for it in all() {
        assert_eq!(it.passed().err(), it.destroy().err());
        assert!(it.passed().is_err() || it.passed() == Ok(it));
    }
}

#[test]
fn unlock_is_idempotent_and_refuses_use() {
    for it in all() {
        assert_eq!(it.rcu_unlock().rcu_unlock(), it.rcu_unlock());
        if let Iter::Live {
            trust: Trust::Rcu, ..
        } = it
        {
            assert_eq!(it.rcu_unlock().next(), Err(IterError::NoSection));
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
                it.in_other_iteration(n.element.unwrap()),
                "the next iteration is no endless loop"
            );
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
            match it.make(t) {
                Ok(n) => assert_eq!(n.references(), it.references() + 1),
                Err(e) => {
                    assert_eq!(e, IterError::NotFree);
                    assert_eq!(it.references(), usize::from(it != Iter::Unfit));
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
