// SPDX-License-Identifier: GPL-2.0-only
//! The law on generated programs, and cases that were found and stay.
//!
//! `FUZZ_CASES=N cargo test -p generated --release --test fuzz` tries N programs instead of a few hundred;
//! `verifier-model fuzz` and `cargo xtask fuzz` try as many as you like.

use std::fs;
use std::path::Path;

use generated::file::{Answer, CaseFile};
use generated::generate::Weights;
use generated::hunt::{Wrong, wrong};
use generated::kernel::kernel;
use generated::mutate::Case;
use generated::{interp, law, shrink};
use proptest::prelude::*;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::TestRunner;
use verifier_model::{Outcome, Rule};

/// Generated cases, which shrink by [`shrink::candidates`].
#[derive(Debug)]
struct Cases;

struct Tree {
    case: Case,
    /// What the last step took away, to be put back, and the steps not yet tried.
    before: Option<(Case, Vec<Case>)>,
    rest: Option<Vec<Case>>,
}

impl Strategy for Cases {
    type Tree = Tree;
    type Value = Case;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = runner.rng().next_u64();
        Ok(Tree {
            case: law::case(seed, &Weights::default()),
            before: None,
            rest: None,
        })
    }
}

impl ValueTree for Tree {
    type Value = Case;

    fn current(&self) -> Case {
        self.case.clone()
    }

    fn simplify(&mut self) -> bool {
        let mut rest = self.rest.take().unwrap_or_else(|| {
            let mut all = shrink::candidates(&self.case);
            all.reverse();
            all
        });
        let Some(next) = rest.pop() else {
            return false;
        };
        let old = std::mem::replace(&mut self.case, next);
        self.before = Some((old, rest));
        true
    }

    fn complicate(&mut self) -> bool {
        let Some((old, rest)) = self.before.take() else {
            return false;
        };
        self.case = old;
        self.rest = Some(rest);
        self.simplify()
    }
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("FUZZ_CASES").ok();
    let cases = cases.and_then(|n| n.parse().ok()).unwrap_or(300);
    ProptestConfig {
        cases,
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_is_accepted_never_misbehaves(case in Cases) {
        let kernel = kernel().expect("a kernel");
        let breach = law::breach(&case.code(), &kernel, 32);
        let breach = breach.expect("all names known");
        prop_assert!(breach.is_none(), "{}\n{}", case.program, breach.expect("a breach"));
    }
}

#[test]
fn a_third_is_accepted_and_a_third_iterates() {
    use generated::ast::Stmt;
    let kernel = kernel().expect("a kernel");
    let (mut accepted, mut looping) = (0, 0);
    for seed in 0..150 {
        let case = law::case(seed, &Weights::default());
        looping += u32::from(case.program.any(|s| matches!(s, Stmt::Iterate(..))));
        let verdict = law::judge(&case.code(), &kernel);
        accepted += u32::from(verdict.expect("all names known").accepted());
    }
    assert!(accepted > 50, "{accepted} accepted");
    assert!(looping > 50, "{looping} with an iterator loop");
}

#[test]
fn what_a_user_without_capabilities_gets_accepted_never_misbehaves() {
    let kernel = kernel().expect("a kernel");
    let mut accepted = 0;
    for seed in 0..300 {
        let case = law::case(seed, &Weights::UNPRIVILEGED);
        let code = case.code();
        let verdict = law::judge(&code, &kernel).expect("all names known");
        if verdict.accepted() {
            accepted += 1;
            assert_eq!(
                interp::misbehaviour(&code, law::SEED, 32),
                None,
                "{}",
                case.program
            );
        }
    }
    assert!(accepted > 100, "{accepted} accepted");
}

/// Each file's program gets the kernel's verdict; one of a rule is judged wrongly without it.
#[test]
fn cases_that_were_found_are_judged_as_the_kernel_does() {
    let kernel = kernel().expect("a kernel");
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    for entry in fs::read_dir(dir).expect("tests/fuzz") {
        let path = entry.expect("an entry").path();
        let name = path.display();
        let text = fs::read_to_string(&path).expect("a case");
        let case = CaseFile::parse(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let verdict = law::judge(&case.code, &kernel).expect("all names known");
        let answer = match verdict.outcome {
            Outcome::Rejected(why) => Answer::Reject(why.errno.0, why.message),
            Outcome::Accepted => Answer::Accept,
            Outcome::NotModelled(what) => panic!("{what}"),
        };
        // The number in this one is of the program as the kernel had rewritten it by then.
        let rewritten = |a: &Answer| match a {
            Answer::Reject(14, m) if m.starts_with("verifier bug: No program to jit") => true,
            Answer::Accept | Answer::Reject(..) => false,
        };
        if !(rewritten(&answer) && rewritten(&case.kernel)) {
            assert_eq!(answer, case.kernel, "{name}");
        }
        if answer == Answer::Accept {
            assert_eq!(
                interp::misbehaviour(&case.code, law::SEED, 100),
                None,
                "{name}"
            );
        }
        let Some(rule) = case.without else { continue };
        let rule = Rule::ALL.iter().find(|r| r.name == rule).expect("a rule");
        let wrong = wrong(*rule, &case.code, &kernel).expect("all names known");
        match answer {
            Answer::Accept => assert!(matches!(wrong, Some(Wrong::Rejects(_))), "{name}"),
            Answer::Reject(..) => assert!(matches!(wrong, Some(Wrong::Accepts(_))), "{name}"),
        }
    }
}
