// SPDX-License-Identifier: GPL-2.0-only
//! `verifier-model kinds`: the kinds of rejections, to look a name up that `check` or `explain` gives.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use verifier_model::Kind;

/// Prints all kinds, a line each, in the order in which the model has them: like beside like.
pub(crate) fn print(out: &mut impl Write) -> Result<ExitCode> {
    for kind in Kind::ALL {
        writeln!(out, "{:26} {}", kind.name(), kind.what())?;
    }
    Ok(ExitCode::SUCCESS)
}
