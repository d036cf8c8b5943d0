// SPDX-License-Identifier: GPL-2.0-only
//! Values that are not what they have to be: a number that was a pointer, a pointer that may be NULL,
//! one that is no longer trusted.

use bpf::insn::{alu, class};

use crate::explain::cause::lineage::{Change, How};
use crate::explain::cause::reason::{self, Reason};
use crate::explain::cause::{Failure, Found};
use crate::explain::origin::Thing;
use crate::facts::kind::Kind;
use crate::facts::types::{Flag, RegType};
use crate::state::reg::RegState;

impl Failure<'_, '_> {
    fn lineage(&self) -> Vec<Change<'_>> {
        match self.register() {
            Some(reg) => self.walked().lineage(self.end(), reg),
            None => Vec::new(),
        }
    }

    /// Where a pointer became a number, or else where the number was made.
    pub(super) fn became_number(&self) -> Found {
        let lineage = self.lineage();
        let is_number = |r: Option<&RegState>| r.is_none_or(|r| r.is_scalar() || never_written(r));
        let value = |r| self.walked().value(self.end(), Thing::Reg(r));
        let now = self.register().and_then(value);
        if !is_number(now) {
            let ended = |c: &&Change<'_>| c.how == How::Learned && self.is_call(c.step);
            return lineage.iter().find(ended).map(|c| (c.step, reason::ENDS));
        }
        let turned = |c: &&Change<'_>| c.before.is_some_and(is_pointer) && is_number(c.after);
        match lineage.iter().find(turned) {
            Some(c) => Some((c.step, self.turning(c))),
            None => {
                let oldest = lineage.iter().rfind(|c| c.how != How::Learned)?;
                let null = self.why.kind == Kind::NullConstant;
                let why = match (null, self.is_call(oldest.step)) {
                    (true, true) => reason::UNCHECKED,
                    (true, false) => reason::SET_NULL,
                    (false, _) => reason::NUMBER,
                };
                Some((oldest.step, why))
            }
        }
    }

    fn is_call(&self, step: usize) -> bool {
        self.env.code.insns[self.steps[step].insn].is_any_call()
    }

    /// What makes a number of a pointer.
    fn turning(&self, c: &Change<'_>) -> Reason {
        let insn = &self.env.code.insns[self.steps[c.step].insn];
        match insn.class() {
            class::JMP | class::JMP32 if insn.is_any_call() => reason::ENDS,
            class::JMP | class::JMP32 => reason::NULL_SIDE,
            class::ALU if insn.op() == alu::MOV => reason::CUT,
            class::ALU | class::ALU64 => reason::ARITHMETIC,
            _ => reason::PART,
        }
    }

    /// Where a pointer comes from that may be NULL.
    pub(super) fn unchecked(&self) -> Found {
        let lineage = self.lineage();
        let maybe = |c: &&Change<'_>| c.after.is_some_and(|r| r.typ.may_be_null());
        if let Some(c) = lineage.iter().rfind(maybe) {
            return Some((c.step, reason::UNCHECKED));
        }
        let null = |c: &&Change<'_>| c.before.is_some_and(|r| r.typ.may_be_null());
        if let Some(c) = lineage.iter().find(null) {
            return Some((c.step, reason::NULL_SIDE));
        }
        let oldest = lineage.last()?;
        Some((oldest.step, reason::MADE))
    }

    /// Where a pointer was trusted last, or else where it was read.
    pub(super) fn untrusted(&self) -> Found {
        let lineage = self.lineage();
        let trusted = |r: &RegState| {
            let t = r.typ;
            t.base() == RegType::PTR_TO_BTF_ID && !t.has(Flag::PTR_UNTRUSTED)
        };
        let lost = |c: &&Change<'_>| {
            c.how == How::Learned
                && c.before.is_some_and(trusted)
                && c.after.is_some_and(|r| r.typ.has(Flag::PTR_UNTRUSTED))
        };
        match lineage.iter().find(lost) {
            Some(c) => Some((c.step, reason::TRUST_ENDS)),
            None => {
                let oldest = lineage.iter().rfind(|c| c.how == How::New)?;
                Some((oldest.step, reason::UNTRUSTED))
            }
        }
    }

    /// The call that took a register away.
    pub(super) fn clobbered(&self) -> Found {
        let last = self.lineage().into_iter().next()?;
        self.is_call(last.step)
            .then_some((last.step, reason::CLOBBERED))
    }

    /// Where a pointer was moved that must not be.
    pub(super) fn moved(&self) -> Found {
        let lineage = self.lineage();
        let computed = |c: &&Change<'_>| matches!(c.how, How::Computed(_));
        let moved = lineage.iter().find(computed)?;
        Some((moved.step, reason::POINTER_MOVED))
    }

    /// Where a value is made.
    pub(super) fn made(&self) -> Found {
        let lineage = self.lineage();
        let made = |c: &&Change<'_>| matches!(c.how, How::New | How::Computed(_));
        let made = lineage.iter().find(made)?;
        Some((made.step, reason::MADE))
    }

    /// Where the value that is returned is made.
    pub(super) fn returned(&self) -> Found {
        let lineage = self.walked().lineage(self.end(), 0);
        let made = |c: &&Change<'_>| matches!(c.how, How::New | How::Computed(_));
        let made = lineage.iter().find(made)?;
        Some((made.step, reason::MADE))
    }
}

fn never_written(r: &RegState) -> bool {
    r.typ == RegType::NOT_INIT
}

fn is_pointer(r: &RegState) -> bool {
    !r.is_scalar() && !never_written(r)
}
