// SPDX-License-Identifier: GPL-2.0-only
//! Where a value comes from: the instructions on a path that made it, last one first.
//!
//! Copies, spills and fills are followed, and arguments and return values across calls of the
//! program's own functions; the walk ends at what makes a new value.

use bpf::insn::{REG_FP, alu, class, mode};
use bpf::uapi::Insn;
use serde::Serialize;

use crate::env::Env;
use crate::explain::path::Step;
use crate::explain::source::Site;

/// Instructions told of one value.
const MAX_LINKS: usize = 5;

/// Of the operand of a computation; of its own operands none are told.
const MAX_OPERAND_LINKS: usize = 3;

/// An instruction that had a hand in a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Link {
    pub site: Site,
    /// What it did.
    pub what: String,
    /// Of a computation with another register: how that one got its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operand: Option<Operand>,
}

/// The register that another was computed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Operand {
    /// As in `R2`.
    pub place: String,
    /// Instructions that made it, the last one first.
    pub origin: Vec<Link>,
}

/// What is followed back: a register or a stack slot of a frame, by offset from the frame pointer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Thing {
    Reg(usize),
    Slot(i16),
}

/// What one instruction means to the thing that is followed.
pub(crate) enum Made {
    /// Nothing.
    No,
    /// It is a copy of something else.
    Copy(Thing, String),
    /// It was changed; what it was before still matters, and what the other register is.
    Changed(String, Option<usize>),
    /// It is new.
    New(String),
}

/// How register `reg` of the frame that the path ends in got its value.
pub(crate) fn of_register(env: &Env<'_>, steps: &[Step], reg: usize) -> Vec<Link> {
    follow(env, steps, Thing::Reg(reg), MAX_LINKS)
}

/// The same for a stack slot, by offset.
pub(crate) fn of_slot(env: &Env<'_>, steps: &[Step], offset: i16) -> Vec<Link> {
    follow(env, steps, Thing::Slot(offset), MAX_LINKS)
}

fn follow(env: &Env<'_>, steps: &[Step], thing: Thing, most: usize) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    let Some(mut frame) = steps.last().map(|s| s.frame) else {
        return links;
    };
    let mut thing = thing;
    // The last step is where the value is looked at.
    for (i, step) in steps.iter().enumerate().rev().skip(1) {
        let insn = &env.code.insns[step.insn];
        let next = steps[i + 1].frame;
        let enters = next > step.frame;
        let leaves = next < step.frame;
        let made = if enters && next == frame {
            match thing {
                // Arguments are the caller's.
                Thing::Reg(1..=5) if insn.is_pseudo_call() => {
                    frame = step.frame;
                    Made::Copy(thing, "passed to the function".into())
                }
                Thing::Reg(1..=5) => Made::New("passed to the callback by the kernel".into()),
                _ => Made::New("the function starts, it was not written".into()),
            }
        } else if leaves && next == frame {
            match thing {
                Thing::Reg(0) => {
                    frame = step.frame;
                    Made::Copy(thing, "returned by the function".into())
                }
                Thing::Reg(1..=5) => Made::New("lost in the call of a function".into()),
                _ => Made::No,
            }
        } else if step.frame != frame {
            Made::No
        } else {
            effect(env, step.insn, insn, thing)
        };
        let (what, to, with) = match made {
            Made::No => continue,
            Made::Copy(to, what) => (what, Some(to), None),
            Made::Changed(what, with) => (what, Some(thing), with),
            Made::New(what) => (what, None, None),
        };
        let site = Site::new(env, step.insn);
        if links.last().is_none_or(|l| l.site != site) {
            let with = with.filter(|_| most == MAX_LINKS);
            let operand = with.map(|reg| Operand {
                place: format!("R{reg}"),
                origin: follow(env, &steps[..=i], Thing::Reg(reg), MAX_OPERAND_LINKS),
            });
            links.push(Link {
                site,
                what,
                operand,
            });
        }
        match to {
            Some(to) if links.len() < most => thing = to,
            _ => break,
        }
    }
    links
}

pub(crate) fn effect(env: &Env<'_>, at: usize, insn: &Insn, thing: Thing) -> Made {
    let Thing::Reg(reg) = thing else {
        return slot_effect(insn, thing);
    };
    if insn.is_any_call() {
        return match reg {
            0 => Made::New(format!("returned by {}", callee(env, at))),
            1..=5 => Made::New(format!("lost in the call of {}", callee(env, at))),
            _ => Made::No,
        };
    }
    if insn.atomic_load_reg() == Some(reg) {
        return Made::New("read by the atomic operation".into());
    }
    match insn.class() {
        class::ALU if insn.dst() == reg && insn.op() == alu::MOV && insn.src() == reg => {
            Made::Changed("cut to 32 bits".into(), None)
        }
        class::ALU | class::ALU64 if insn.dst() == reg => match (insn.op(), insn.src_is_reg()) {
            (alu::MOV, true) => Made::Copy(
                Thing::Reg(insn.src()),
                format!("copied from R{}", insn.src()),
            ),
            (alu::MOV, false) => Made::New("set".into()),
            (_, with) => {
                let other = with && insn.src() != reg;
                Made::Changed("computed".into(), other.then(|| insn.src()))
            }
        },
        class::LDX if insn.dst() == reg => match (insn.src_reg, insn.mode()) {
            (REG_FP, mode::MEM) => Made::Copy(
                Thing::Slot(insn.off),
                format!("filled from stack fp{}", insn.off),
            ),
            (base, _) => Made::New(format!("read from where R{base} points")),
        },
        class::LD if insn.is_ld_imm64() && insn.dst() == reg => Made::New("set".into()),
        class::LD if insn.is_ld_abs_ind() && reg == 0 => Made::New("read from the packet".into()),
        _ => Made::No,
    }
}

fn slot_effect(insn: &Insn, thing: Thing) -> Made {
    let Thing::Slot(off) = thing else {
        return Made::No;
    };
    if insn.dst_reg != REG_FP || insn.off != off {
        return Made::No;
    }
    match (insn.class(), insn.mode()) {
        (class::STX, mode::MEM) => Made::Copy(
            Thing::Reg(insn.src()),
            format!("R{} spilled to stack fp{off}", insn.src()),
        ),
        (class::ST, _) => Made::New(format!("stored to stack fp{off}")),
        _ => Made::No,
    }
}

/// What a call goes to.
pub(crate) fn callee(env: &Env<'_>, at: usize) -> String {
    let insn = &env.code.insns[at];
    if insn.is_pseudo_call() {
        let sub = env.code.callee_of(at).unwrap_or(0);
        return super::path::function_name(env, env.code.subprogs[sub].start);
    }
    if insn.is_helper_call() {
        return format!("{}()", env.input.release.tables.helpers.name(insn.imm));
    }
    let kfunc = env.input.kfunc_quiet(insn);
    kfunc.map_or("a kfunc".into(), |k| format!("{}()", k.name))
}
