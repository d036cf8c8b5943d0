// SPDX-License-Identifier: GPL-2.0-only
//! What came of the programs asked about.

use std::fmt::{Display, Formatter, Result};

use generated::ast::Stmt;
use generated::mutate::Case;
use verifier_model::{Stats, Verdict};

use super::line::{Line, agree};

/// How many programs there were of each kind.
#[derive(Default)]
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
    pub(super) longer: u64,
}

impl Sums {
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
        write!(
            f,
            "{} programs, {} with an iterator loop; the kernel accepts {}, of those {} with the same \
             instructions and states; rejects {rejected}, of those {} with the same message; {} \
             verdicts differ; {} longer programs were not asked about; {} programs a second",
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
