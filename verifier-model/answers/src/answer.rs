// SPDX-License-Identifier: GPL-2.0-only
//! What a kernel said of one program: a line of JSON.

use serde::{Deserialize, Serialize};

use crate::log::Stats;
use crate::target::Target;

/// What became of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The kernel took it.
    Accepted,
    /// The verifier refused it.
    Rejected,
    /// It did not come to a verdict: a kfunc, a type or an option that this kernel lacks, or a
    /// set-up that the selftest makes itself. A defect of the oracle, never to be counted as agreed.
    #[default]
    Unanswered,
}

/// What a kernel said of one program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The object's path in the corpus, without `.bpf.o`.
    pub object: String,
    /// The program; absent if libbpf cannot open the object at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The ELF section, which tells libbpf the program's type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// The object of the corpus' `core-btf` whose BTF stood for the kernel's in CO-RE relocations,
    /// without `.bpf.o`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_btf: Option<String>,
    /// The program that it attaches to, loaded before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// The kernel refused the object's BTF, and libbpf went on without.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_btf: bool,
    /// What became of it.
    pub verdict: Verdict,
    /// What `bpf(2)` failed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
    /// The last line that the verifier said of the program itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The title of the verifier's report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// The instruction that the log was at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insn: Option<u32>,
    /// Of an unanswered program: what libbpf or the verifier said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The verifier's statistics.
    #[serde(flatten)]
    pub stats: Option<Stats>,
    /// The log of a refused program, unless it is too long. In the committed answers it has a file
    /// of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

impl Answer {
    /// Takes the verdict back: it was `why` that decided, not the program.
    pub fn take_back(&mut self, why: String) {
        *self = Self {
            object: self.object.clone(),
            program: self.program.clone(),
            section: self.section.clone(),
            core_btf: self.core_btf.clone(),
            target: self.target.clone(),
            without_btf: self.without_btf,
            errno: self.errno,
            why: Some(why),
            ..Self::default()
        };
    }

    /// `selftests/iters/iter_err_unsafe_c_loop`.
    pub fn name(&self) -> String {
        let program = self.program.as_deref().unwrap_or("*");
        match &self.target {
            Some(target) => format!("{}/{program} on {target}", self.object),
            None => format!("{}/{program}", self.object),
        }
    }
}
