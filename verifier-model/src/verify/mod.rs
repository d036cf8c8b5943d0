// SPDX-License-Identifier: GPL-2.0-only
//! The entry: one program, one kernel, one verdict.
//!
//! Source: `bpf_check()`, `do_check_common()`, `do_check_subprogs()` in `kernel/bpf/verifier.c`.

pub mod attached;
pub mod fixups;
pub mod stack_depth;

use bpf::kernel::Kernel;
use bpf::program::ProgLoad;

use crate::analysis::Known;
use crate::env::Env;
use crate::env::observe::Observer;
use crate::facts::errno::{Check, Errno, Stop};
use crate::facts::limits::BPF_COMPLEXITY_LIMIT_INSNS;
use crate::facts::rule::Profile;
use crate::log::verbose;
use crate::options::Options;
use crate::verdict::{Stats, Verdict};
use crate::verify::attached::Attached;

/// Longest program of a loader without CAP_BPF.
const BPF_MAXINSNS: usize = 4096;

/// The log level that costs nothing: no instruction and no state is printed.
pub const BPF_LOG_STATS: u32 = 4;

/// Verifies a program, and before it the one that it attaches to.
pub fn verify(prog: &ProgLoad, kernel: &Kernel, profile: &Profile, opts: &Options) -> Verdict {
    run(prog, kernel, profile, opts, None)
}

/// Verifies a program and tells `observer` how it goes. The verdict is the same.
pub fn verify_observed<'a>(
    prog: &'a ProgLoad,
    kernel: &'a Kernel,
    profile: &'a Profile,
    opts: &'a Options,
    observer: &'a mut dyn Observer,
) -> Verdict {
    run(prog, kernel, profile, opts, Some(observer))
}

fn run(
    prog: &ProgLoad,
    kernel: &Kernel,
    profile: &Profile,
    opts: &Options,
    observer: Option<&mut dyn Observer>,
) -> Verdict {
    match Attached::new(prog, kernel, profile, opts) {
        Ok(attached) => judge(attached.known(prog, kernel, profile, opts), observer),
        Err(not_modelled) => Verdict {
            accepted: false,
            errno: 0,
            message: format!("not modelled: {not_modelled}"),
            insn: None,
            log: String::new(),
            stats: Stats::default(),
            not_modelled: Some(not_modelled),
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
    let insn_idx = env.path.insn_idx as u32;
    let message = match &result {
        Ok(()) => String::new(),
        Err(Stop::NotModelled(what)) => format!("not modelled: {what}"),
        Err(Stop::Errno(_)) => last_message(&known.log.text()),
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
        accepted: result.is_ok(),
        errno: match &result {
            Err(Stop::Errno(e)) => e.0,
            _ => 0,
        },
        message,
        insn: (result.is_err() && stats.insns_processed > 0).then_some(insn_idx),
        log: known.log.into_text(),
        stats,
        not_modelled: match result {
            Err(Stop::NotModelled(what)) => Some(what),
            _ => None,
        },
    }
}

/// The last line of the log that is no source line and no state.
fn last_message(log: &str) -> String {
    let says = |l: &&str| {
        let other = ["; ", "cur state:", "old state:"];
        !l.is_empty() && !other.iter().any(|p| l.starts_with(p))
    };
    let mut lines = log.lines().rev().filter(says);
    lines.next().unwrap_or_default().to_owned()
}

impl Env<'_> {
    /// Walks all paths, then asks what can be asked only when all are known (`bpf_check()`).
    pub(crate) fn check(&mut self) -> Check {
        self.do_check_common(0, self.input.prog.sleepable())?;
        self.do_check_subprogs()?;
        self.check_max_stack_depth()?;
        self.check_tail_call_maps()?;
        self.check_removed_subprogs()
    }

    /// Speculation must not come to a tail call with another map's bounds (`do_misc_fixups`).
    fn check_tail_call_maps(&mut self) -> Check {
        if !self.input.opts.privileged && self.marks.insns.iter().any(|m| m.helper_map_poisoned) {
            verbose!(self, "tail_call abusing map_ptr\n");
            return Err(Errno::EINVAL.into());
        }
        Ok(())
    }
}
