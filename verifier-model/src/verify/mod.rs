// SPDX-License-Identifier: GPL-2.0-only
//! The entry: one program, one kernel, one verdict.
//!
//! Source: `bpf_check()` in `kernel/bpf/verifier.c`.

pub(crate) mod fixups;
#[cfg(test)]
mod other_release;
pub(crate) mod stack_depth;
pub(crate) mod target;
pub(crate) mod unresolved;

use bpf::caps::Caps;
use bpf::insn::{class, mode};
use bpf::kernel::Kernel;
use bpf::program::ProgLoad;
use bpf::uapi::Insn;

use crate::analysis::Known;
use crate::env::Env;
use crate::env::observe::Observer;
use crate::facts::limits::BPF_COMPLEXITY_LIMIT_INSNS;
use crate::facts::rejection::{Checked, Stop};
use crate::facts::rule::Rule;
use crate::facts::types::RegType;
use crate::log::{reject, verbose};
use crate::options::Options;
use crate::verdict::{Outcome, Stats, Verdict};
use crate::verify::target::Target;

/// Verifies a program, and before it the one that it attaches to.
pub fn verify(prog: &ProgLoad, kernel: &Kernel, options: &Options) -> Verdict {
    run(prog, kernel, options, None)
}

/// Verifies a program and tells `observer` how it goes. The verdict is the same.
pub(crate) fn verify_observed<'a>(
    prog: &'a ProgLoad,
    kernel: &'a Kernel,
    options: &'a Options,
    observer: &'a mut dyn Observer,
) -> Verdict {
    run(prog, kernel, options, Some(observer))
}

fn run(
    prog: &ProgLoad,
    kernel: &Kernel,
    options: &Options,
    observer: Option<&mut dyn Observer>,
) -> Verdict {
    // The kernel refuses BTF from loaders without CAP_BPF; libbpf then does without.
    let bare = (!options.caps.has(Caps::BPF)).then(|| prog.without_btf());
    let source = prog;
    let prog = bare.as_ref().unwrap_or(prog);
    match Target::new(prog, kernel, options) {
        Ok(target) => {
            let mut known = target.known(prog, kernel, options);
            known.input.source = source;
            judge(known, observer)
        }
        Err(what) => Verdict {
            outcome: Outcome::NotModelled(what),
            log: String::new(),
            stats: Stats::default(),
        },
    }
}

fn judge(mut known: Known<'_>, observer: Option<&mut dyn Observer>) -> Verdict {
    let analysed = known.analyse();
    let mut env = Env::new(&known);
    if let Some(observer) = observer {
        env.observer = Some(observer);
    }
    let result = analysed.and_then(|()| env.check());
    let result = result.map_err(|stop| unresolved::reword(&env, stop));
    if let Some(observer) = env.observer.take() {
        observer.finished(&env, &result);
    }
    let stats = Stats {
        insns_processed: env.counts.insn_processed,
        max_states_per_insn: env.counts.max_states_per_insn,
        total_states: env.counts.total_states,
        peak_states: env.counts.peak_states,
        max_stack_depth: env.counts.max_stack_depth,
    };
    let insn = (stats.insns_processed > 0).then_some(env.path.insn_idx as u32);
    let outcome = match result {
        Ok(()) => Outcome::Accepted,
        Err(Stop::NotModelled(what)) => Outcome::NotModelled(what),
        Err(Stop::Rejected(mut why)) => {
            why.insn = why.insn.or(insn);
            Outcome::Rejected(*why)
        }
    };
    verbose!(
        known,
        "processed {} insns (limit {BPF_COMPLEXITY_LIMIT_INSNS}) max_states_per_insn {} total_states {} peak_states {} mark_read 0\n",
        stats.insns_processed,
        stats.max_states_per_insn,
        stats.total_states,
        stats.peak_states
    );
    Verdict {
        outcome,
        log: known.log.into_text(),
        stats,
    }
}

impl Env<'_> {
    /// Walks all paths, then asks what can be asked only when all are known (`bpf_check()`).
    pub(crate) fn check(&mut self) -> Checked {
        if !self.input.profile.has(Rule::GLOBALS_LAZY) {
            self.call_all_globals();
            self.do_check_subprogs()?;
            self.path.insn_idx = 0;
        }
        self.do_check_common(0, self.input.prog.sleepable())?;
        self.do_check_subprogs()?;
        self.remove_fastcall_spills();
        self.check_max_stack_depth()?;
        self.check_arena_loads()?;
        self.check_tail_call_maps()?;
        self.check_removed_subprogs()
    }

    /// What an older compiler for x86-64 has no code for (`convert_ctx_accesses`).
    fn check_arena_loads(&self) -> Checked {
        if self.input.profile.has(Rule::ARENA_SIGN_EXTENSION) {
            return Ok(());
        }
        let insns = self.code.insns.iter().zip(&self.marks.insns);
        let extends = |insn: &Insn| insn.class() == class::LDX && insn.mode() == mode::MEMSX;
        let mut loads = insns.filter(|(insn, _)| extends(insn));
        if loads.any(|(_, marks)| marks.ptr_type == RegType::PTR_TO_ARENA) {
            return reject!(
                self,
                Arena,
                EOPNOTSUPP,
                "sign extending loads from arena are not supported yet"
            );
        }
        Ok(())
    }

    /// Speculation must not come to a tail call with another map's bounds (`do_misc_fixups`).
    fn check_tail_call_maps(&mut self) -> Checked {
        if !self.input.bypass_spec_v1 && self.marks.insns.iter().any(|m| m.helper_map_poisoned) {
            return reject!(self, TailCall, EINVAL, "tail_call abusing map_ptr");
        }
        Ok(())
    }
}
