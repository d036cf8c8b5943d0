// SPDX-License-Identifier: GPL-2.0-only
//! Runs the command in the folder of the model.

use std::process::{Command, Output};

/// Runs it.
pub(crate) fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verifier-model"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command.args(args).output().expect("the command runs")
}

/// What it said.
pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}
