// SPDX-License-Identifier: GPL-2.0-only
//! What one kernel said, and the model beside it.

use answers::Verdict;

use crate::corpus::survey::Reply;

/// A kernel and what it said.
pub(super) struct Column {
    /// Its point release, such as 6.12.117.
    pub(super) kernel: String,
    /// What came of each program, or why the kernel was not asked.
    pub(super) cells: Result<Vec<Cell>, String>,
}

/// What a kernel said of a program, and what the model says, if it was asked.
pub(super) struct Cell {
    /// The kernel's.
    pub(super) reply: Reply,
    /// The model's.
    pub(super) model: Option<Said>,
}

/// What the model says of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It loads, and the verifier looks at so many instructions.
    Accepted(u32),
    /// The verifier refuses it, with this message.
    Rejected(String),
    /// It does not come to the verifier.
    NotLoaded(String),
    /// The model cannot tell.
    Unknown(String),
}

/// What became of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate<'a> {
    /// It is loaded, and the verifier has looked at so many instructions.
    Accepted(Option<u32>),
    /// It is not.
    Rejected {
        /// Who refused it.
        by: By,
        /// In their words.
        why: &'a str,
    },
    /// The kernel hangs or dies.
    Died(&'a str),
}

/// Who refuses a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The verifier.
    Verifier,
    /// libbpf, before the verifier sees the program.
    Libbpf,
}

impl By {
    /// In a word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Verifier => "verifier",
            Self::Libbpf => "libbpf",
        }
    }
}

impl Cell {
    /// One for which the model is not asked.
    pub(super) fn without_model(reply: Reply) -> Self {
        Self { reply, model: None }
    }

    /// What became of the program.
    pub(super) fn fate(&self) -> Fate<'_> {
        let answer = &self.reply.answer;
        let why = answer.why.as_deref().unwrap_or_default();
        match answer.verdict {
            _ if self.reply.died => Fate::Died(why),
            Verdict::Accepted => Fate::Accepted(answer.stats.map(|stats| stats.insns)),
            Verdict::Rejected => Fate::Rejected {
                by: By::Verifier,
                why: answer.message.as_deref().unwrap_or("it does not say why"),
            },
            Verdict::Unanswered => Fate::Rejected {
                by: By::Libbpf,
                why,
            },
        }
    }

    /// Whether the model says that the program loads if it does, and that it does not if it does not;
    /// nothing where one of them says nothing.
    pub(super) fn agrees(&self) -> Option<bool> {
        let theirs = match self.fate() {
            Fate::Accepted(_) => true,
            Fate::Rejected { .. } => false,
            Fate::Died(_) => return None,
        };
        let ours = match self.model.as_ref()? {
            Said::Accepted(_) => true,
            Said::Rejected(_) | Said::NotLoaded(_) => false,
            Said::Unknown(_) => return Some(false),
        };
        Some(ours == theirs)
    }
}
