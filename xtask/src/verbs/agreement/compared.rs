// SPDX-License-Identifier: GPL-2.0-only
//! What `verifier-model compare -o json` says.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::said::say;
use crate::workshop::project::Project;

/// A comparison of the model's answers with a kernel's.
#[derive(Deserialize)]
pub(super) struct Compared {
    pub(super) tiers: Vec<Tier>,
    pub(super) not_identical: Vec<Program>,
}

#[derive(Deserialize)]
pub(super) struct Tier {
    pub(super) tier: String,
    pub(super) counts: Counts,
}

#[derive(Deserialize)]
pub(super) struct Counts {
    pub(super) programs: u64,
    pub(super) agreed: u64,
    pub(super) unanswered: u64,
    pub(super) both_reject: u64,
    pub(super) same_message: u64,
    pub(super) both_accept: u64,
    pub(super) same_insns: u64,
}

/// A program of which the answers are not the same.
#[derive(Deserialize)]
pub(super) struct Program {
    pub(super) object: String,
    pub(super) program: Option<String>,
    pub(super) outcome: String,
    pub(super) kernel: String,
    pub(super) model: String,
}

impl Compared {
    /// Compares; `args` say with what.
    pub(super) fn of(project: &Project, corpus: &Path, args: &[&str]) -> Result<Self> {
        let args = [args, &["--no-logs", "-o", "json"]].concat();
        serde_json::from_str(&say(project, corpus, &args)?)
            .context("verifier-model compare says what is no comparison")
    }
}
