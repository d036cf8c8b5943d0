// SPDX-License-Identifier: GPL-2.0-only
//! Numbers that are too large, too small or anything: where the bound is set that is too wide, where
//! the value leaves it, or where it comes from without any.

use bpf::insn::{alu, class, jmp};

use crate::explain::cause::lineage::{Change, How};
use crate::explain::cause::reason;
use crate::explain::cause::{Failure, Found};
use crate::explain::origin::Thing;
use crate::explain::source;
use crate::state::reg::RegState;

/// What a number has to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    pub min: i64,
    /// None where the verifier has not said.
    pub max: Option<u64>,
}

impl Fit {
    fn fits(self, r: &RegState) -> bool {
        r.is_scalar()
            && r.smin() >= self.min
            && self.max.map_or(r.umax() < 1 << 29, |max| r.umax() <= max)
    }

    /// The same for what a constant operation was applied to; None for one that cannot be undone.
    fn before(self, op: u8, imm: i32) -> Option<Self> {
        let max = match (op, self.max) {
            (_, None) => None,
            (alu::LSH, Some(max)) => Some(max >> imm),
            (alu::ADD, Some(max)) => Some(max.saturating_add_signed(-i64::from(imm))),
            (alu::MUL, Some(max)) if imm > 0 => Some(max / u64::from(imm.unsigned_abs())),
            _ => return None,
        };
        let min = match op {
            alu::ADD => self.min.saturating_sub(imm.into()),
            _ => self.min,
        };
        Some(Self { min, max })
    }
}

impl Failure<'_, '_> {
    /// Where a value leaves its bounds, or has none.
    pub(super) fn out_of_bounds(&self) -> Found {
        let reg = self.register()?;
        let (end, number) = self.number(self.end(), reg)?;
        let value = self.walked().value(end, Thing::Reg(number))?;
        let max = match self.excess() {
            Some(excess) => Some(value.umax().checked_sub(excess)?),
            None => None,
        };
        let zero = self.message().contains("zero-sized");
        let fit = Fit {
            min: i64::from(zero),
            max,
        };
        self.leaves(end, number, fit)
    }

    /// How far beyond its end memory is accessed, by the message.
    fn excess(&self) -> Option<u64> {
        let before = self.why.cause.as_deref();
        let mut lines = [self.message()].into_iter().chain(before);
        lines.find_map(excess)
    }

    /// The number that decides: the register, or the one that was added to it, and before which step.
    fn number(&self, end: usize, reg: usize) -> Option<(usize, usize)> {
        let walked = self.walked();
        if walked.value(end, Thing::Reg(reg))?.is_scalar() {
            return Some((end, reg));
        }
        // The instruction itself may be the one that adds.
        let insn = &self.env.code.insns[self.steps[end].insn];
        if insn.is_alu() && insn.src_is_reg() {
            let is_number = |r: usize| {
                walked
                    .value(end, Thing::Reg(r))
                    .is_some_and(|r| r.is_scalar())
            };
            let regs = [insn.src(), insn.dst()];
            return regs.into_iter().find(|r| is_number(*r)).map(|r| (end, r));
        }
        let mut constant = None;
        for c in walked.lineage(end, reg) {
            let How::Computed(Some(with)) = c.how else {
                continue;
            };
            let dst = self.env.code.insns[self.steps[c.step].insn].dst();
            let operands = [with, dst].into_iter().filter_map(|r| {
                let value = walked.value(c.step, Thing::Reg(r))?;
                value.is_scalar().then_some((r, value.var_off.is_const()))
            });
            for (number, known) in operands {
                if !known {
                    return Some((c.step, number));
                }
                constant = constant.or(Some((c.step, number)));
            }
        }
        if constant.is_some() {
            return constant;
        }
        // Memory is as long as the next argument says.
        let length = walked
            .value(end, Thing::Reg(reg + 1))
            .filter(|_| insn.is_any_call());
        length.filter(|r| r.is_scalar()).map(|_| (end, reg + 1))
    }

    /// Where a number that is looked at before a step does not fit any more.
    pub(super) fn leaves(&self, end: usize, reg: usize, fit: Fit) -> Found {
        let lineage = self.walked().lineage(end, reg);
        let line = self.line(end);
        let mut fit = fit;
        let mut set = None;
        for (i, c) in lineage.iter().enumerate() {
            let (Some(before), Some(after)) = (c.before, c.after) else {
                break;
            };
            match c.how {
                How::Learned if forgets(before, after) => {
                    let counts = |c: &&Change<'_>| matches!(c.how, How::Computed(_));
                    let counter = lineage[i..].iter().find(counts).unwrap_or(c);
                    return Some((counter.step, reason::COUNTER));
                }
                How::Learned if narrows(before, after, fit) && set.is_none() => {
                    let signed = after.smin() < fit.min && fit.min == 0 && before.umax() > 1 << 62;
                    set = Some((c.step, if signed { reason::SIGNED } else { reason::WIDE }));
                }
                How::Computed(_) => {
                    let insn = &self.env.code.insns[self.steps[c.step].insn];
                    let undone = match insn.src_is_reg() {
                        false => fit.before(insn.op(), insn.imm),
                        true => None,
                    };
                    // The address of an element is computed in the line of the access.
                    let address = insn.op() != alu::ADD || insn.imm >= 0;
                    if address
                        && self.line(c.step) == line
                        && let Some(undone) = undone
                    {
                        fit = undone;
                        continue;
                    }
                    if fit.fits(before) {
                        let why = match self.repeats(c.step) {
                            true => reason::COUNTER,
                            false => reason::MOVED,
                        };
                        return set.or(Some((c.step, why)));
                    }
                    if bounds(insn.op()) && after.umax() < u64::from(u32::MAX) {
                        return set.or(Some((c.step, reason::WIDE)));
                    }
                    if let Some(undone) = undone {
                        fit = undone;
                    }
                }
                _ => {}
            }
        }
        if set.is_some() {
            return set;
        }
        let oldest = lineage.last()?;
        if oldest.after.is_some_and(|r| r.var_off.is_const()) {
            return Some((oldest.step, reason::MADE));
        }
        self.misplaced(oldest, end)
            .or(Some((oldest.step, reason::UNBOUNDED)))
    }

    /// A comparison of a copy of the value that is made at a step, or of another read of the same place.
    fn misplaced(&self, made: &Change<'_>, end: usize) -> Found {
        let walked = self.walked();
        let code = &self.env.code.insns;
        let source = &code[self.steps[made.step].insn];
        for at in (0..end).rev() {
            let insn = &code[self.steps[at].insn];
            if !insn.is_cond_jump() || insn.is_may_goto() {
                continue;
            }
            let mut compared = vec![insn.dst()];
            if insn.src_is_reg() {
                compared.push(insn.src());
            }
            for reg in compared {
                let lineage = walked.lineage(at, reg);
                let Some(oldest) = lineage.iter().rfind(|c| c.how == How::New) else {
                    continue;
                };
                if oldest.step == made.step {
                    let why = match is_signed(insn.op()) {
                        true => reason::SIGNED,
                        false => reason::COPY,
                    };
                    return Some((at, why));
                }
                let other = &code[self.steps[oldest.step].insn];
                let same_place = source.class() == class::LDX
                    && (other.code, other.off) == (source.code, source.off)
                    && self.base(oldest.step) == self.base(made.step);
                if same_place {
                    return Some((oldest.step.max(made.step), reason::AGAIN));
                }
            }
        }
        None
    }

    /// Where the address comes from that a load goes through.
    fn base(&self, load: usize) -> Option<usize> {
        let src = self.env.code.insns[self.steps[load].insn].src();
        let lineage = self.walked().lineage(load, src);
        // What is there at the start was made by nobody.
        Some(lineage.last().map_or(usize::MAX, |c| c.step))
    }

    /// Whether the path comes to the instruction more than once.
    fn repeats(&self, step: usize) -> bool {
        let insn = self.steps[step].insn;
        self.steps.iter().filter(|s| s.insn == insn).count() > 1
    }

    fn line(&self, step: usize) -> Option<source::Line> {
        source::line(self.env, self.steps[step].insn)
    }
}

/// As in `invalid access to map value, value_size=36 off=40 size=4`: 8.
fn excess(line: &str) -> Option<u64> {
    let number = |name: &str| {
        let (_, rest) = line.split_once(name)?;
        let digits = rest
            .split(|c: char| c != '-' && !c.is_ascii_digit())
            .next()?;
        digits.parse::<i64>().ok()
    };
    let (off, size) = (number(" off=")?, number(" size=")?);
    let end = match number("_size=") {
        Some(whole) => whole,
        // The stack ends where the frame pointer points.
        None if line.contains("stack") => 0,
        None => return None,
    };
    u64::try_from(off.checked_add(size)?.checked_sub(end)?)
        .ok()
        .filter(|n| *n > 0)
}

/// Whether a comparison takes its sides as signed.
fn is_signed(op: u8) -> bool {
    matches!(op, jmp::JSGT | jmp::JSGE | jmp::JSLT | jmp::JSLE)
}

/// Whether an operation bounds its result.
fn bounds(op: u8) -> bool {
    matches!(op, alu::AND | alu::MOD | alu::RSH | alu::DIV)
}

/// Whether what was known of a value is not known any more.
fn forgets(before: &RegState, after: &RegState) -> bool {
    before.is_scalar() && after.umax() > before.umax() && after.umax() >= u64::from(u32::MAX)
}

/// Whether a comparison bounds a value where that counts.
fn narrows(before: &RegState, after: &RegState, fit: Fit) -> bool {
    const MAX: u64 = u32::MAX as u64;
    let above = after.umax() < before.umax() && after.umax() <= MAX
        || after.smax() < before.smax() && after.smax() <= MAX as i64;
    let below = after.smin() > before.smin();
    above || below && after.smin() < fit.min
}
