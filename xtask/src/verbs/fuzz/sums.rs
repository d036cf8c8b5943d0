// SPDX-License-Identifier: GPL-2.0-only
//! What came of the programs asked about.

use std::fmt::{Display, Formatter, Result};

use generated::ast::Stmt;
use generated::mutate::Case;
use serde::{Deserialize, Serialize};
use verifier_model::{Stats, Verdict};

use super::line::{Line, agree};

/// How many programs there were of each kind.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Sums {
    programs: u64,
    accepted: u64,
    looping: u64,
    differing: u64,
    same_message: u64,
    same_counts: u64,
    /// In the guest.
    pub(super) milliseconds: u64,
    /// Programs that nobody was asked about: they take too many instructions.
    longer: u64,
    /// Programs that call what the kernel has not got.
    lacking: u64,
}

impl Sums {
    /// Of programs that nobody was asked about: those that take too long, those that call what is not there.
    pub(super) fn not_asked(longer: u64, lacking: u64) -> Self {
        Self {
            longer,
            lacking,
            ..Self::default()
        }
    }

    /// Adds those of another batch.
    pub(super) fn merge(&mut self, other: &Self) {
        self.programs += other.programs;
        self.accepted += other.accepted;
        self.looping += other.looping;
        self.differing += other.differing;
        self.same_message += other.same_message;
        self.same_counts += other.same_counts;
        self.milliseconds += other.milliseconds;
        self.longer += other.longer;
        self.lacking += other.lacking;
    }

    /// Counts a program; whether both say the same.
    pub(super) fn add(&mut self, case: &Case, guest: &Line, model: &Verdict) -> bool {
        self.programs += 1;
        self.looping += u64::from(case.program.any(|s| matches!(s, Stmt::Iterate(..))));
        let Stats {
            insns_processed,
            total_states,
            ..
        } = model.stats;
        match guest.errno {
            Some(0) => {
                self.accepted += 1;
                let counts = (Some(insns_processed), Some(total_states));
                self.same_counts += u64::from(counts == (guest.insns, guest.total_states));
            }
            _ => {
                let message = guest.message.as_deref().unwrap_or_default();
                self.same_message +=
                    u64::from(model.rejection().is_some_and(|r| r.message == message));
            }
        }
        let same = agree(guest, model);
        self.differing += u64::from(!same);
        same
    }
}

impl Display for Sums {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let rejected = self.programs - self.accepted;
        let lacking = match self.lacking {
            0 => String::new(),
            count => format!(", nor {count} that call what the kernel has not got"),
        };
        write!(
            f,
            "{} programs, {} with an iterator loop; the kernel accepts {}, of those {} with the same \
             instructions and states; rejects {rejected}, of those {} with the same message; {} \
             verdicts differ; {} longer programs were not asked about{lacking}; {} programs a second",
            self.programs,
            self.looping,
            self.accepted,
            self.same_counts,
            self.same_message,
            self.differing,
            self.longer,
            1000 * self.programs / self.milliseconds.max(1)
        )
    }
}
