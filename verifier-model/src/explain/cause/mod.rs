// SPDX-License-Identifier: GPL-2.0-only
//! The cause of a rejection: the instruction that would have to be another one, where that is not the
//! one at which the verifier gives up.

mod bounds;
mod held;
pub(super) mod history;
mod lineage;
mod packet;
mod reason;
mod value;

use serde::Serialize;

use crate::env::Env;
use crate::explain::cause::history::History;
use crate::explain::cause::lineage::Walked;
use crate::explain::cause::reason::Reason;
use crate::explain::convergence::NoProgress;
use crate::explain::path::Step;
use crate::explain::source::Site;
use crate::facts::kind::Kind;
use crate::facts::rejection::Rejection;
use crate::state::VerifierState;

/// Where what is wrong comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Cause {
    pub site: Site,
    /// Name of what it is.
    pub reason: &'static str,
    /// What happens there.
    pub what: &'static str,
    /// What to change.
    pub advice: &'static str,
}

impl Cause {
    fn new(site: Site, reason: Reason) -> Self {
        Self {
            site,
            reason: reason.name,
            what: reason.what,
            advice: reason.advice,
        }
    }

    /// That of a loop without progress.
    pub(super) fn of_loop(no_progress: &NoProgress) -> Option<Self> {
        let condition = no_progress.conditions.first()?;
        Some(Self::new(condition.site.clone(), reason::CONDITION))
    }

    /// That of too many paths, by the branch at which most wait.
    pub(super) fn of_waiting(waiting: &[(Site, usize)]) -> Option<Self> {
        let (site, _) = waiting.first()?;
        Some(Self::new(site.clone(), reason::FORKS))
    }
}

/// What a rejection is traced back on.
pub(super) struct Failure<'a, 'e> {
    pub why: &'a Rejection,
    pub state: &'a VerifierState,
    pub env: &'a Env<'e>,
    /// The path; the last step is the one at which the program is rejected.
    pub steps: &'a [Step],
    pub history: &'a History,
}

/// Step and reason of a cause.
type Found = Option<(usize, Reason)>;

impl<'a, 'e> Failure<'a, 'e> {
    /// The cause, if it is found and is elsewhere.
    pub(super) fn cause(&self) -> Option<Cause> {
        let (step, reason) = self.find()?;
        let insn = self.steps.get(step)?.insn;
        let elsewhere = step + 1 != self.steps.len() || reason != reason::MADE;
        elsewhere.then(|| Cause::new(Site::new(self.env, insn), reason))
    }

    fn find(&self) -> Found {
        match self.why.kind {
            Kind::NullDereference | Kind::NullArgument => self.unchecked(),
            Kind::NumberDereference
            | Kind::NullConstant
            | Kind::SpillSize
            | Kind::ArgumentType
            | Kind::ReleaseWithoutReference => self.became_number(),
            Kind::PointerArithmetic if self.message().contains("null-check") => self.unchecked(),
            Kind::NotTrusted | Kind::NoRcuSection => self.untrusted(),
            Kind::UnwrittenRegister => self.clobbered(),
            Kind::ModifiedPointer | Kind::ConstantOffset => self.moved(),
            Kind::ConstantArgument => self.made(),
            Kind::ReturnValue => self.returned(),
            Kind::MapValueBounds
            | Kind::MemoryBounds
            | Kind::NegativeIndex
            | Kind::UnboundedIndex
            | Kind::UnboundedOffset
            | Kind::StackUnbounded
            | Kind::StackOutOfBounds
            | Kind::PointerArithmetic
            | Kind::BufferBounds
            | Kind::Length
            | Kind::MemoryLengthPair => self.out_of_bounds(),
            Kind::PacketBounds => self.out_of_packet(),
            Kind::ReferenceLeak | Kind::SectionLeftOpen => self.left(),
            Kind::SectionNotOpen => self.not_begun(),
            Kind::IterNotInitialised => self.destroyed(),
            Kind::IterAlreadyInitialised => self.made_before(),
            Kind::IterOutsideRcu => self.section_ended(),
            _ => None,
        }
    }

    /// The message, in the words of 7.3.
    fn message(&self) -> &'a str {
        self.why.plain.as_deref().unwrap_or(&self.why.message)
    }

    /// Index of the last step.
    fn end(&self) -> usize {
        self.steps.len() - 1
    }

    fn walked(&self) -> Walked<'a, 'e> {
        Walked {
            env: self.env,
            steps: self.steps,
            history: self.history,
        }
    }

    /// The register that the message is about, or else the one that the instruction goes through.
    fn register(&self) -> Option<usize> {
        let named = self.why.regs.first().map(|r| usize::from(*r));
        let told = || named_register(self.message());
        let before = || named_register(self.why.cause.as_deref().unwrap_or_default());
        let used = || {
            use bpf::insn::class;
            let insn = &self.env.code.insns[self.steps[self.end()].insn];
            match insn.class() {
                class::LDX => Some(insn.src()),
                class::ST | class::STX | class::ALU | class::ALU64 => Some(insn.dst()),
                _ => None,
            }
        };
        named.or_else(told).or_else(before).or_else(used)
    }
}

/// As in `R4 min value is negative`.
fn named_register(message: &str) -> Option<usize> {
    let words = message.split(|c: char| !c.is_ascii_alphanumeric());
    let mut registers = words.filter_map(|word| word.strip_prefix('R')?.parse().ok());
    registers.find(|r| *r < bpf::insn::MAX_BPF_REG)
}
