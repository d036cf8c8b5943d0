// SPDX-License-Identifier: GPL-2.0-only
//! The entry: one program, one kernel, one verdict.
//!
//! Source: `bpf_check()`, `do_check_common()`, `do_check_subprogs()` in `kernel/bpf/verifier.c`.

pub mod attached;
pub mod fixups;
pub mod stack_depth;

use std::collections::HashMap;

use bpf::kernel::Kernel;
use bpf::kernel::fields::BtfRecord;
use bpf::map::MapDef;
use bpf::program::{ProgFlags, ProgLoad};
use bpf::uapi::{ProgType, op};

use crate::analysis::liveness::Liveness;
use crate::analysis::{InsnAux, MapInfo};
use crate::env::Env;
use crate::env::observe::Observer;
use crate::facts::errno::{Check, Errno, Stop};
use crate::facts::limits::BPF_COMPLEXITY_LIMIT_INSNS;
use crate::facts::rule::Profile;
use crate::log::{Log, verbose};
use crate::options::Options;
use crate::state::VerifierState;
use crate::state::wanted::Backtrack;
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
        Ok(attached) => {
            let mut env = attached.env(prog, kernel, profile, opts);
            if let Some(observer) = observer {
                env.observer = Some(observer);
            }
            judge(env)
        }
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

fn judge(mut env: Env<'_>) -> Verdict {
    let result = env.check();
    if let Some(observer) = env.observer.take() {
        observer.finished(&env, &result);
    }
    let stats = Stats {
        insns_processed: env.insn_processed,
        max_states_per_insn: env.max_states_per_insn,
        total_states: env.total_states,
        peak_states: env.peak_states,
        max_stack_depth: env.max_stack_depth,
    };
    let message = match &result {
        Ok(()) => String::new(),
        Err(Stop::NotModelled(what)) => format!("not modelled: {what}"),
        Err(Stop::Errno(_)) => last_message(&env.log.text),
    };
    verbose!(
        env,
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
        insn: (result.is_err() && env.insn_processed > 0).then_some(env.insn_idx as u32),
        log: env.log.text,
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

impl<'a> Env<'a> {
    pub(crate) fn new(
        prog: &'a ProgLoad,
        kernel: &'a Kernel,
        profile: &'a Profile,
        opts: &'a Options,
    ) -> Self {
        let n = prog.insns.len();
        let privileged = opts.privileged;
        let flag = |f: ProgFlags| prog.prog_flags.contains(f);
        let mut maps: Vec<MapInfo<'a>> = Vec::new();
        for def in prog.maps.iter() {
            maps.push(map_info(def, kernel));
        }
        for i in 0..maps.len() {
            if let Some(inner) = maps[i].def.inner_map.as_deref() {
                maps[i].inner = Some(maps.len());
                maps.push(map_info(inner, kernel));
            }
        }
        Self {
            prog,
            kernel,
            profile,
            opts,
            insns: prog.insns.clone(),
            log: Log {
                level: opts.log_level,
                ..Log::default()
            },
            aux: vec![InsnAux::default(); n],
            subprogs: Vec::new(),
            func_info_aux: Vec::new(),
            subprog_topo_order: Vec::new(),
            exception_callback_subprog: 0,
            maps,
            used_maps: Vec::new(),
            arena: None,
            postorder: Vec::new(),
            liveness: Liveness::default(),
            insn_idx: 0,
            prev_insn_idx: -1,
            cur: VerifierState::default(),
            head: Vec::new(),
            states: Vec::new(),
            explored: vec![Vec::new(); n.max(1)],
            free_list_size: 0,
            explored_states_size: 0,
            num_backedges: 0,
            scc_visits: Vec::new(),
            scc_index: HashMap::new(),
            cur_hist_ent: None,
            bt: Backtrack::default(),
            callback_once: None,
            id_gen: 0,
            insn_processed: 0,
            prev_insn_processed: 0,
            jmps_processed: 0,
            prev_jmps_processed: 0,
            max_states_per_insn: 0,
            total_states: 0,
            peak_states: 0,
            max_stack_depth: 0,
            allow_ptr_leaks: privileged,
            allow_uninit_stack: privileged,
            bpf_capable: privileged,
            bypass_spec_v1: privileged || !opts.mitigations,
            explore_alu_limits: false,
            strict_alignment: flag(ProgFlags::STRICT_ALIGNMENT) && !flag(ProgFlags::ANY_ALIGNMENT),
            test_state_freq: privileged && flag(ProgFlags::TEST_STATE_FREQ),
            test_reg_invariants: flag(ProgFlags::TEST_REG_INVARIANTS),
            dst_prog: None,
            extends: None,
            struct_ops: None,
            ctx_args: Vec::new(),
            named_types: HashMap::new(),
            observer: None,
        }
    }

    /// Possible CPUs.
    pub fn nr_cpu_ids(&self) -> u32 {
        self.opts.nr_cpu_ids
    }

    pub(crate) fn check(&mut self) -> Check {
        let fail = |e: Errno| Err(Stop::Errno(e));
        let Some(last) = self.insns.last() else {
            return fail(Errno::EINVAL);
        };
        if self.insns.len() > BPF_COMPLEXITY_LIMIT_INSNS as usize {
            return fail(Errno::E2BIG);
        }
        if last.code == op::LD_IMM64 {
            verbose!(self, "invalid bpf_ld_imm64 insn\n");
            return fail(Errno::EINVAL);
        }
        if !self.opts.privileged {
            self.check_unprivileged_load()?;
        }
        self.add_subprogs()?;
        self.check_subprogs()?;
        self.check_btf_info()?;
        self.check_and_resolve_insns()?;
        self.add_kfuncs()?;
        self.check_cfg()?;
        self.compute_postorder();
        self.check_attach()?;
        self.compute_const_regs();
        self.prune_dead_branches()?;
        self.sort_subprogs_topo()?;
        self.compute_scc();
        self.compute_live_registers()?;
        self.mark_fastcall_patterns();
        self.insn_idx = 0;
        self.do_check_common(0, self.prog.sleepable())?;
        self.do_check_subprogs()?;
        self.check_max_stack_depth()?;
        self.check_tail_call_maps()?;
        self.check_removed_subprogs()
    }

    /// Speculation must not come to a tail call with another map's bounds (`do_misc_fixups`).
    fn check_tail_call_maps(&mut self) -> Check {
        if !self.opts.privileged && self.aux.iter().any(|a| a.helper_map_poisoned) {
            verbose!(self, "tail_call abusing map_ptr\n");
            return Err(Errno::EINVAL.into());
        }
        Ok(())
    }

    /// What `bpf(2)` lets a loader without capabilities try at all (`bpf_prog_load`).
    fn check_unprivileged_load(&self) -> Check {
        if self.insns.len() > BPF_MAXINSNS {
            return Err(Errno::E2BIG.into());
        }
        match self.prog.prog_type {
            ProgType::SocketFilter | ProgType::CgroupSkb => Ok(()),
            _ => Err(Errno::EPERM.into()),
        }
    }
}

fn map_info<'a>(def: &'a MapDef, kernel: &Kernel) -> MapInfo<'a> {
    let record = match (&def.btf, def.btf_value_type_id) {
        (Some(btf), id) if id != 0 => BtfRecord::parse(btf, id, kernel),
        _ => BtfRecord::default(),
    };
    MapInfo {
        def,
        inner: None,
        record,
    }
}
