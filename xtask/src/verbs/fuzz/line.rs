// SPDX-License-Identifier: GPL-2.0-only
//! What the guest says of a program, and whether the model says the same.

use std::fmt;

use serde::Deserialize;
use generated::file::Answer;
use verifier_model::verdict::Verdict;

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
        let verdict = match (&model.not_modelled, model.accepted) {
            (Some(what), _) => format!("not modelled: {what}"),
            (None, true) => Answer::Accept.to_string(),
            (None, false) => Answer::Reject(model.errno, model.message.clone()).to_string(),
        };
        write!(f, "the kernel: {}; the model: {verdict}", answer(kernel))
    }
}

/// Whether both judge a program alike.
pub(super) fn agree(guest: &Line, model: &Verdict) -> bool {
    (guest.errno == Some(0)) == model.accepted && model.not_modelled.is_none()
}
