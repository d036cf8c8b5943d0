// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel says of a program that it has taken.

use std::os::fd::AsFd;

use anyhow::{Context, Result};
use libbpf_rs::query::{ProgInfoIter, ProgramInfo};
use libbpf_rs::{Program, ProgramMut};

/// All that it says; how many instructions the verifier looked at is among it from 5.16 on.
pub(crate) fn info(program: &ProgramMut<'_>) -> Result<ProgramInfo> {
    let id = Program::id_from_fd(program.as_fd())?;
    let info = ProgInfoIter::default().find(|info| info.id == id);
    info.context("the kernel does not list the program")
}
