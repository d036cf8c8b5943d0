// SPDX-License-Identifier: GPL-2.0-only
//! A piece of a path, as it is written down.

use serde::Serialize;

/// A straight piece of a path.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Way {
    /// The piece before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<usize>,
    /// First instruction.
    pub first: u32,
    pub frame: u8,
    /// Steps on the path before the first one here, when they are left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub before: u32,
    /// A state was kept at its start.
    #[serde(skip_serializing_if = "is_false")]
    pub kept: bool,
    /// Its only step is not walked: the path ends on arrival.
    #[serde(skip_serializing_if = "is_false")]
    pub arrives: bool,
    /// Of each step, what is known before it and was not before the last one: place, words, and so on.
    pub steps: Vec<Vec<i32>>,
    pub end: &'static str,
    /// The piece that a pruned path is as safe as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub like: Option<usize>,
}

impl Way {
    /// Its instructions, where `slots` tells how much room each takes.
    pub(super) fn insns(&self, slots: impl Fn(usize) -> usize) -> Vec<usize> {
        let next = |insn: &usize| Some(insn + slots(*insn));
        std::iter::successors(Some(self.first as usize), next)
            .take(self.steps.len())
            .collect()
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_false(b: &bool) -> bool {
    !*b
}
