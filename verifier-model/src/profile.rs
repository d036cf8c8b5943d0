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
    /// Commit that brought it.
    pub commit: &'static str,
    /// Year of that commit.
    pub year: u16,
    /// What it says.
    pub summary: &'static str,
    bit: u32,
}

macro_rules! rules {
    ($($bit:literal $konst:ident $name:literal $commit:literal $year:literal $summary:literal;)*) => {
        impl Rule {
            $(#[doc = $summary]
            pub const $konst: Self = Self {
                name: $name, commit: $commit, year: $year, summary: $summary, bit: 1 << $bit,
            };)*

            /// Every rule that can be switched.
            pub const ALL: &[Self] = &[$(Self::$konst,)*];
        }
    };
}

rules! {
    0 ITER_EXACT_CONVERGENCE "iter-exact-convergence" "2793a8b015f7" 2023
        "States at iter_next are compared range by range, not loosely.";
    1 ITER_WIDENING "iter-widening" "2793a8b015f7" 2023
        "Imprecise scalars are forgotten from one iteration to the next.";
    3 CALLBACK_MAX_DEPTH "callback-max-depth" "bb124da69c47" 2023
        "bpf_loop with a small known bound stops there.";
    4 CALLBACK_R0_PRECISE "callback-r0-precise" "0acd03a5bd18" 2023
        "What a callback returns is precise.";
    5 CALLBACK_DEPTH_PRUNING "callback-depth-pruning" "e9a8e5a587ca" 2024
        "A state with fewer iterations left does not prune one with more.";
    6 ITER_ARG_ON_STACK "iter-arg-on-stack" "12659d28615d" 2024
        "An iterator argument must point to the stack.";
    7 SCC_BACKEDGES "scc-backedges" "c9e31900b54c" 2025
        "Precision goes over the back edges of a loop until nothing changes.";
    8 CALLBACK_SCC "callback-scc" "f597664454bd" 2025
        "A callback-calling instruction is a loop of its own.";
    9 MISC_VS_INVALID "prune-misc-vs-invalid" "840692326e92" 2025
        "Unwritten stack counts as unknown data when loop states are compared.";
    10 ID_MAP_REFS "refsafe-id-map" "e8f55fcf7779" 2022
        "Reference ids are mapped together with register ids.";
    11 ATOMIC_FETCH_BACKTRACK "atomic-fetch-backtrack" "CVE-2026-43009" 2026
        "The value that an atomic operation fetches from the stack is backtracked to its slot.";
    12 THROW_CHECKS_RESOURCES "throw-checks-resources" "6c2128505f61" 2026
        "bpf_throw in a subprogram looks at RCU, preemption and IRQ sections too.";
    13 TAIL_CALL_CHECKS_SECTIONS "tail-call-checks-sections" "46f7ed32f7a8" 2024
        "No tail call inside an RCU or preemption section.";
}

/// A set of rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    rules: u32,
}

impl Profile {
    /// Linux 7.3.
    pub const V7_3: Self = Self { rules: u32::MAX };

    /// Whether `rule` holds.
    pub const fn has(&self, rule: Rule) -> bool {
        self.rules & rule.bit != 0
    }

    /// The same without `rule`.
    #[must_use]
    pub const fn without(self, rule: Rule) -> Self {
        Self {
            rules: self.rules & !rule.bit,
        }
    }
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
    fn every_rule_can_be_switched_alone() {
        for r in Rule::ALL {
            let p = Profile::V7_3.without(*r);
            for other in Rule::ALL {
                assert_eq!(p.has(*other), other != r, "{} {}", r.name, other.name);
            }
        }
    }
}
