// SPDX-License-Identifier: GPL-2.0-only
//! Which rules the verifier follows: a kernel version as a set of named rules.
//!
//! Each rule was a bug fix or a feature; switching one off gives back what kernels did before.
//! [`Profile::V7_3`] has them all.

/// A rule, named after what it makes safe or possible.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Release that brought it.
    pub version: &'static str,
    /// Commit that brought it, or the number of the vulnerability that it closed; empty when only the
    /// sources of the two releases show it.
    pub commit: &'static str,
    /// What it says.
    pub summary: &'static str,
    /// What went wrong without it.
    pub before: Before,
    /// Itself, and later rules that would do its work if they stayed.
    pub(super) bits: Bits,
    pub(super) number: usize,
}

/// What the verifier got wrong before a rule was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Before {
    /// It accepted programs that are not safe.
    FalseAccept,
    /// It rejected programs that are safe.
    FalseReject,
}

impl Rule {
    /// Fixes in the verifier that are no rule here, and why.
    pub const NOT_RULES: &[(&str, &str)] = &[
        (
            "bbbc02b7445e",
            "loop_entry of copied states: replaced by strongly connected components, so 7.3 has \
             nothing to switch back",
        ),
        (
            "9e63fdb0cbdb",
            "cleaning of states in an open loop: liveness is known before the walk in 7.3, and only \
             the current state is cleaned",
        ),
        (
            "b0c8e6d3d866",
            "stack depth in widen_imprecise_scalars(): an access out of bounds in the verifier \
             itself, of which no verdict tells",
        ),
    ];
}

/// A set of rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    rules: Bits,
}

impl Profile {
    /// Linux 7.3.
    pub const V7_3: Self = Self { rules: Bits::ALL };

    /// The rules that a release such as `6.12` was made with: none that is newer. What was backported
    /// to it comes besides ([`Profile::with`]).
    #[must_use]
    pub const fn of(release: &str) -> Self {
        let mut rules = Bits::ALL;
        let mut i = 0;
        while i < Rule::ALL.len() {
            let rule = &Rule::ALL[i];
            if number(rule.version) > number(release) {
                rules = rules.without(Bits::NONE.with(rule.number));
            }
            i += 1;
        }
        Self { rules }
    }

    /// Whether `rule` holds.
    pub const fn has(&self, rule: Rule) -> bool {
        self.rules.has(rule.number)
    }

    /// The same with `rule`.
    #[must_use]
    pub const fn with(self, rule: Rule) -> Self {
        Self {
            rules: self.rules.with(rule.number),
        }
    }

    /// The same without `rule`, and without later rules that would hide its absence.
    #[must_use]
    pub const fn without(self, rule: Rule) -> Self {
        Self {
            rules: self.rules.without(rule.bits),
        }
    }
}

/// A set of the numbers of rules, which are below 192.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(super) struct Bits([u64; 3]);

impl Bits {
    pub(super) const NONE: Self = Self([0; 3]);
    const ALL: Self = Self([u64::MAX; 3]);

    const fn has(self, number: usize) -> bool {
        self.0[number / 64] >> (number % 64) & 1 != 0
    }

    #[must_use]
    pub(super) const fn with(mut self, number: usize) -> Self {
        self.0[number / 64] |= 1 << (number % 64);
        self
    }

    const fn without(self, others: Self) -> Self {
        let ([a, b, c], [x, y, z]) = (self.0, others.0);
        Self([a & !x, b & !y, c & !z])
    }
}

/// A release as a number, by which they can be ordered: `6.12` is 6012.
const fn number(release: &str) -> u32 {
    let mut number = 0;
    let mut part = 0;
    let mut i = 0;
    while i < release.len() {
        match release.as_bytes()[i] {
            b'.' => {
                number = (number + part) * 1000;
                part = 0;
            }
            digit => part = part * 10 + (digit - b'0') as u32,
        }
        i += 1;
    }
    number + part
}

impl Default for Profile {
    fn default() -> Self {
        Self::V7_3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_switched_off_takes_no_other_with_it() {
        const HIDE: [(Rule, Rule); 10] = [
            (Rule::UNKNOWN_OPERANDS, Rule::CIRCULAR_RANGES),
            (Rule::WRAPPED_SUMS, Rule::CIRCULAR_RANGES),
            (Rule::LOW_HALVES_SIGNED, Rule::CIRCULAR_RANGES),
            (Rule::LOCKS_END_RCU, Rule::PREEMPTION_IS_RCU),
            (Rule::UNTRUSTED_OBJECTS, Rule::FAULTING_POINTERS),
            (Rule::CALLBACK_REFS, Rule::CALLBACK_ANY_COUNT),
            (Rule::CONST_VOID_ARGS, Rule::POINTER_ARGS),
            (Rule::LIVE_STACK, Rule::DEAD_PARTS_CLEANED),
            (Rule::LIVE_LINKS, Rule::DEAD_PARTS_CLEANED),
            (Rule::TAIL_CALLS_CHANGE_PACKETS, Rule::TAIL_CALLS_RETURN),
        ];
        for r in Rule::ALL {
            let p = Profile::V7_3.without(*r);
            for other in Rule::ALL {
                let hides = HIDE.contains(&(*r, *other));
                assert_eq!(
                    p.has(*other),
                    other != r && !hides,
                    "{} {}",
                    r.name,
                    other.name
                );
            }
        }
    }

    #[test]
    fn rules_are_listed_by_age() {
        assert!(Rule::ALL.is_sorted_by_key(|r| number(r.version)));
        assert!(number("6.9") < number("6.12") && number("6.19") < number("7.0"));
    }

    #[test]
    fn a_release_has_the_rules_up_to_it() {
        for r in Rule::ALL {
            assert!(Profile::of(r.version).has(*r), "{}", r.name);
            assert!(!Profile::of("6.0").has(*r), "{}", r.name);
            assert!(Profile::of("6.0").with(*r).has(*r), "{}", r.name);
        }
        assert_eq!(Profile::of("7.3"), Profile::V7_3);
    }
}
