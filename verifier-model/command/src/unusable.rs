// SPDX-License-Identifier: GPL-2.0-only
//! Input that cannot be used: one line, and an exit status of its own.

use std::process::ExitCode;

use anyhow::Error;

/// Says what is wrong; the exit status that goes with it.
pub(crate) fn unusable(e: &Error) -> ExitCode {
    eprintln!("verifier-model: {e:#}");
    ExitCode::from(2)
}

/// Says of each of several files what is wrong with it, if something is.
pub(crate) fn all(errors: &[Error]) -> Option<ExitCode> {
    errors.iter().fold(None, |_, e| Some(unusable(e)))
}
