// SPDX-License-Identifier: GPL-2.0-only
//! What a rule guards: a program that shows the verifier wrong without it.

use bpf::kernel::Kernel;
use verifier_model::{Before, Profile, Rule};
use verifier_model::{Options, Outcome};

use crate::code::{Code, Missing};
use crate::generate::Weights;
use crate::interp::{Misbehaviour, misbehaviour};
use crate::law::{SEED, case, judge_with};
use crate::mutate::Case;
use crate::shrink::shrink;

/// Runs of a program that only the older verifier accepts.
const RUNS: u64 = 4000;

/// Instructions that a program may take which only the older verifier accepts.
const MAX_INSNS: u32 = 20_000;

/// A counterexample to a verifier without a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterexample {
    /// Seed of the program it was made of.
    pub seed: u64,
    /// The program, as small as single steps lead.
    pub case: Case,
    /// What is wrong with the verdict without the rule.
    pub wrong: Wrong,
}

/// How a verdict is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// The program is accepted and does this; with the rule it is rejected.
    Accepts(Misbehaviour),
    /// The program is rejected with this message; with the rule it is accepted.
    Rejects(String),
}

/// Looks for a counterexample among the programs of some seeds.
pub fn hunt(
    rule: Rule,
    kernel: &Kernel,
    seeds: impl IntoIterator<Item = u64>,
    mut tick: impl FnMut(),
) -> Result<Option<Counterexample>, Missing> {
    let weights = weights(rule);
    for seed in seeds {
        tick();
        let found = case(seed, &weights);
        let Some(wrong) = wrong(rule, &found.code(), kernel)? else {
            continue;
        };
        let mut last = wrong;
        let case = shrink(found, |smaller| {
            match self::wrong(rule, &smaller.code(), kernel) {
                Ok(Some(wrong)) => {
                    last = wrong;
                    true
                }
                _ => false,
            }
        });
        return Ok(Some(Counterexample {
            seed,
            case,
            wrong: last,
        }));
    }
    Ok(None)
}

/// How the verifier without a rule is wrong about a program, as the one with it and the machine have
/// it; none where it is not.
pub fn wrong(rule: Rule, code: &Code, kernel: &Kernel) -> Result<Option<Wrong>, Missing> {
    // Long programs take the time of many others; but without a rule against false rejections, the
    // length may be what is wrong.
    let options = Options {
        max_insns: match rule.before {
            Before::FalseAccept => MAX_INSNS,
            Before::FalseReject => u32::MAX,
        },
        ..Options::default()
    };
    let judge = |profile: Profile| {
        let options = Options {
            profile,
            ..options.clone()
        };
        judge_with(&options, code, kernel)
    };
    let old = judge(Profile::V7_3.without(rule))?;
    let fixed = judge(Profile::V7_3)?;
    Ok(match (rule.before, old.outcome, fixed.outcome) {
        (Before::FalseAccept, Outcome::Accepted, Outcome::Rejected(_)) => {
            misbehaviour(code, SEED, RUNS).map(Wrong::Accepts)
        }
        (Before::FalseReject, Outcome::Rejected(why), Outcome::Accepted) => {
            Some(Wrong::Rejects(why.message))
        }
        _ => None,
    })
}

/// More of what a rule is about, and less of the rest. No program is planted: only how often
/// statements are made changes.
fn weights(rule: Rule) -> Weights {
    let usual = Weights::default();
    // Values, conditions on them, and accesses that they decide.
    let values = Weights {
        set: 30,
        random: 10,
        alu: 10,
        branch: 30,
        access: 25,
        trap: 5,
        size: 12,
        checkpoints: 85,
        ..Weights::NONE
    };
    match rule.name {
        "iter-exact-convergence" | "scc-backedges" | "loop-states-exact" => Weights {
            iterate: 25,
            ..values
        },
        "iter-widening" | "prune-misc-vs-invalid" => Weights {
            iterate: 25,
            access: 5,
            trap: 0,
            ..values
        },
        "callback-r0-precise" => Weights {
            repeat: 30,
            access: 0,
            trap: 0,
            size: 4,
            few_places: true,
            ..values
        },
        "callback-depth-pruning" => Weights {
            repeat: 20,
            access: 0,
            alu: 3,
            random: 5,
            trap: 15,
            size: 5,
            few_places: true,
            ..values
        },
        "callback-max-depth" | "callback-any-count" | "callback-scc" => Weights {
            repeat: 30,
            ..values
        },
        "refsafe-id-map" | "callback-refs" => Weights {
            hold: 20,
            renew: 20,
            iterate: 20,
            repeat: 20,
            ..values
        },
        "atomic-fetch-backtrack" => Weights {
            atomic: 30,
            trap: 0,
            ..values
        },
        "cond-jmp-precision" => Weights {
            access: 30,
            alu: 0,
            trap: 0,
            size: 7,
            few_places: true,
            ..values
        },
        "propagate-all-frames" => Weights {
            call: 25,
            alu: 0,
            few_places: true,
            ..values
        },
        "throw-checks-resources" | "rcu-across-calls" => Weights {
            rcu: 20,
            throw: 10,
            call: 20,
            ..usual
        },
        "tail-call-checks-sections" => Weights {
            rcu: 20,
            tail_call: 20,
            ..usual
        },
        "may-goto-depth" => Weights {
            may_goto: 40,
            ..usual
        },
        _ => usual,
    }
}
