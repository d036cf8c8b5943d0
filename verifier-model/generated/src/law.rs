// SPDX-License-Identifier: GPL-2.0-only
//! The law, and what one program says about it.

use bpf::kernel::Kernel;
use verifier_model::Options;
use verifier_model::Verdict;
use verifier_model::verify;

use crate::code::{Code, Missing};
use crate::generate::{Weights, generate};
use crate::interp::{Misbehaviour, misbehaviour};
use crate::mutate::{Case, Mutation};

/// Of so many programs one is mutated.
const MUTATED: u64 = 4;

/// The case of a seed.
pub fn case(seed: u64, weights: &Weights) -> Case {
    let mut random = fastrand::Rng::with_seed(!seed);
    Case {
        program: generate(seed, weights),
        mutation: random
            .u64(..)
            .is_multiple_of(MUTATED)
            .then(|| Mutation::random(&mut random)),
    }
}

/// The model's verdict on a program.
pub fn judge(code: &Code, kernel: &Kernel) -> Result<Verdict, Missing> {
    judge_with(&Options::default(), code, kernel)
}

/// The same with other options than the usual ones; who loads it is up to the program.
pub fn judge_with(options: &Options, code: &Code, kernel: &Kernel) -> Result<Verdict, Missing> {
    let options = Options {
        caps: code.kind.caps(),
        // The kernel says no more without a log; the message of a rejection is in it.
        log_level: 1,
        ..options.clone()
    };
    Ok(verify(&code.prog_load(kernel)?, kernel, &options))
}

/// How an accepted program breaks the law: it misbehaves in one of `runs` runs. None for a program
/// that is not accepted.
pub fn breach(code: &Code, kernel: &Kernel, runs: u64) -> Result<Option<Misbehaviour>, Missing> {
    let verdict = judge(code, kernel)?;
    Ok(match verdict.accepted() {
        true => misbehaviour(code, SEED, runs),
        false => None,
    })
}

/// Seed of the runs' choices: the same program is run the same way each time.
pub const SEED: u64 = 0x5eed;
