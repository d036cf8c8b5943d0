// SPDX-License-Identifier: GPL-2.0-only
//! The state before an instruction, told in words.

use bpf::insn::{MAX_BPF_REG, REG_FP};
use serde::Serialize;

use crate::env::Env;
use crate::explain::origin::{self, Link};
use crate::explain::path::Step;
use crate::explain::source::Site;
use crate::explain::words::{reg_words, slots_words};
use crate::facts::limits::BPF_REG_SIZE;
use crate::facts::types::RegType;
use crate::state::VerifierState;
use crate::state::reference::{RefKind, Reference};

/// What a register or a stack slot holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Value {
    /// As in `R1` or `fp-16`.
    pub place: String,
    /// What it holds.
    pub holds: String,
    /// The instruction works on it.
    pub used: bool,
    /// Instructions that made it, the last one first; of what the instruction works on.
    pub origin: Vec<Link>,
}

/// Something that is held: a reference or a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Held {
    /// What it is.
    pub what: String,
    /// Where it was acquired, when that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<Site>,
}

/// Registers and slots of the current frame: what instruction `at` reads first, then what else is
/// live.
pub(super) fn values(
    env: &Env<'_>,
    state: &VerifierState,
    steps: &[Step],
    at: usize,
) -> Vec<Value> {
    let frame = state.frame();
    let mut used = reads(env, at);
    if env.code.insns[at].is_any_call() {
        // Which arguments there are the prototype alone knows.
        used.retain(|r| frame.regs[*r].typ != RegType::NOT_INIT);
    }
    let live = env.code.aux[at].live_regs_before;
    let mut values = Vec::new();
    for &r in &used {
        let origin = match r == usize::from(REG_FP) {
            true => Vec::new(),
            false => origin::of_register(env, steps, r),
        };
        values.push(Value {
            place: format!("R{r}"),
            holds: reg_words(env, &frame.regs[r]),
            used: true,
            origin,
        });
    }
    let known = |r: &usize| frame.regs[*r].typ != RegType::NOT_INIT;
    let others = (0..usize::from(REG_FP)).filter(|r| live >> r & 1 != 0 && !used.contains(r));
    let others = others.filter(known);
    values.extend(others.map(|r| Value {
        place: format!("R{r}"),
        holds: reg_words(env, &frame.regs[r]),
        used: false,
        origin: Vec::new(),
    }));
    let insn = &env.code.insns[at];
    let from_fp = insn.class() == bpf::insn::class::LDX && insn.src_reg == REG_FP;
    let slot_read = from_fp.then(|| crate::state::slot::get_spi(i32::from(insn.off).min(-1)));
    for (place, holds) in slots_words(env, frame) {
        let used = slot_read.is_some_and(|s| place == format!("fp-{}", (s + 1) * BPF_REG_SIZE));
        let origin = match used {
            true => origin::of_slot(env, steps, insn.off),
            false => Vec::new(),
        };
        values.push(Value {
            place,
            holds,
            used,
            origin,
        });
    }
    values
}

/// References and sections; where a section was opened, the path tells.
pub(super) fn held(env: &Env<'_>, state: &VerifierState, steps: &[Step]) -> Vec<Held> {
    let mut held = Vec::new();
    for r in &state.refs {
        held.push(Held {
            what: format!("{} (id {})", reference_words(env, state, r), r.id),
            site: Some(Site::new(env, r.insn_idx)),
        });
    }
    let opened_by = |name: &str| {
        let calls = |s: &&Step| {
            env.input
                .kfunc_quiet(&env.code.insns[s.insn])
                .is_some_and(|k| k.name == name)
        };
        let step = steps.iter().rev().find(calls);
        step.map(|s| Site::new(env, s.insn))
    };
    let mut section = |n: u32, what: &str, by: &str| {
        if n > 0 {
            let times = if n > 1 {
                format!(", {n} deep")
            } else {
                String::new()
            };
            held.push(Held {
                what: format!("{what}{times}"),
                site: opened_by(by),
            });
        }
    };
    section(
        state.active_rcu_locks,
        "an RCU section",
        "bpf_rcu_read_lock",
    );
    section(
        state.active_preempt_locks,
        "disabled preemption",
        "bpf_preempt_disable",
    );
    held
}

/// What a reference is of, as in *iterator num*.
pub(crate) fn reference_words(env: &Env<'_>, state: &VerifierState, r: &Reference) -> String {
    let iter = state
        .frames
        .iter()
        .flat_map(|f| f.stack.iter())
        .find_map(|s| {
            let it = s.reg.iter().filter(|_| s.reg.id == r.id)?;
            let kind = env.input.iter_type_str(it.btf, it.btf_id);
            Some(format!("iterator {kind}"))
        });
    let kind = match r.kind {
        RefKind::Ptr { .. } => "a reference",
        RefKind::Irq => "disabled IRQs",
        RefKind::Lock(..) => "a lock",
    };
    iter.unwrap_or_else(|| kind.to_owned())
}

/// Registers that an instruction reads.
fn reads(env: &Env<'_>, at: usize) -> Vec<usize> {
    use bpf::insn::{alu, class};
    let insn = &env.code.insns[at];
    let live = |r: &usize| env.code.aux[at].live_regs_before >> r & 1 != 0;
    if insn.is_any_call() {
        return (1..=5).filter(live).collect();
    }
    if insn.is_exit() {
        return vec![0];
    }
    let mut regs = Vec::new();
    let mov = insn.is_alu() && insn.op() == alu::MOV;
    let reads_dst = match insn.class() {
        class::ALU | class::ALU64 => !mov,
        class::ST | class::STX => true,
        class::JMP | class::JMP32 => insn.is_cond_jump() && !insn.is_may_goto(),
        _ => false,
    };
    let reads_src = match insn.class() {
        class::LDX | class::STX => true,
        class::LD | class::ST => false,
        _ => insn.src_is_reg(),
    };
    if reads_src {
        regs.push(insn.src());
    }
    if reads_dst && !regs.contains(&insn.dst()) {
        regs.push(insn.dst());
    }
    regs.retain(|r| *r < MAX_BPF_REG);
    regs
}
