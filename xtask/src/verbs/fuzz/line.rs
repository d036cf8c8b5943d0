// SPDX-License-Identifier: GPL-2.0-only
//! What the guest says of a program, and whether the model says the same.

use std::fmt;

use generated::file::Answer;
use serde::Deserialize;
use verifier_model::{Outcome, Verdict};

/// A line of the guest's answer; the last one of a batch tells the time alone.
#[derive(Deserialize)]
pub(super) struct Line {
    pub(super) errno: Option<i32>,
    pub(super) message: Option<String>,
    pub(super) insns: Option<u32>,
    pub(super) total_states: Option<u32>,
    pub(super) milliseconds: Option<u64>,
}

/// The answer as case files have it.
pub(super) fn answer(line: &Line) -> Answer {
    match line.errno {
        Some(0) | None => Answer::Accept,
        Some(errno) => Answer::Reject(errno, line.message.clone().unwrap_or_default()),
    }
}

/// Two answers to one program.
pub(super) struct Difference<'a>(pub(super) &'a Line, pub(super) &'a Verdict);

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(kernel, model) = self;
        let verdict = match &model.outcome {
            Outcome::NotModelled(what) => format!("not modelled: {what}"),
            Outcome::Accepted => Answer::Accept.to_string(),
            Outcome::Rejected(why) => Answer::Reject(why.errno.0, why.message.clone()).to_string(),
        };
        write!(f, "the kernel: {}; the model: {verdict}", answer(kernel))
    }
}

/// Whether both judge a program alike.
pub(super) fn agree(guest: &Line, model: &Verdict) -> bool {
    match model.outcome {
        Outcome::Accepted => guest.errno == Some(0),
        Outcome::Rejected(_) => guest.errno != Some(0),
        Outcome::NotModelled(_) => false,
    }
}
