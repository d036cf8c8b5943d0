// SPDX-License-Identifier: GPL-2.0-only
//! What the program tells before any path is walked. Nothing here ever sees a path.

pub(crate) mod arg_track;
pub(crate) mod attach;
pub(crate) mod attach_func;
pub(crate) mod call_summary;
pub(crate) mod cfg;
pub(crate) mod code;
pub(crate) mod const_fold;
pub(crate) mod fastcall;
pub(crate) mod fields;
pub(crate) mod func_args;
pub(crate) mod jump_table;
pub(crate) mod kfunc_arg;
pub(crate) mod kfunc_tab;
pub(crate) mod kfuncs;
pub(crate) mod live_regs;
pub(crate) mod liveness;
pub(crate) mod objects;
pub(crate) mod resolve;
pub(crate) mod struct_ops;
pub(crate) mod subprog;
pub(crate) mod subprog_arg;
pub(crate) mod target;
pub(crate) mod text;
pub(crate) mod type_match;

use bpf::caps::Caps;
use bpf::uapi::op;

use crate::analysis::code::Code;
use crate::analysis::kfunc_tab::KfuncTab;
use crate::facts::errno::Errno;
use crate::facts::kind::Kind;
use crate::facts::limits::BPF_COMPLEXITY_LIMIT_INSNS;
use crate::facts::prog_caps::caps_for;
use crate::facts::prog_config::missing_option;
use crate::facts::rejection::{Checked, Rejection, Stop};
use crate::facts::rule::Rule;
use crate::input::Input;
use crate::log::{Log, reject};

/// What is known of a program before it is walked, and while it is.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    /// What was given.
    pub(crate) input: Input<'a>,
    /// What the code tells.
    pub(crate) code: Code<'a>,
    /// The log. All may print, whatever else they may change.
    pub(crate) log: Log,
}

/// Longest program of a loader without CAP_BPF.
const BPF_MAXINSNS: usize = 4096;

impl<'a> Known<'a> {
    /// Nothing but what is given.
    pub(crate) fn new(input: Input<'a>) -> Self {
        Self {
            code: Code::new(input.prog, input.kernel),
            log: Log::new(input.opts.log_level, input.release),
            input,
        }
    }

    /// No instruction: nothing is walked yet.
    pub(crate) fn place(&self) -> Option<u32> {
        None
    }

    /// Finds out all that is to be known before the walk (`bpf_check()`, up to `do_check_main()`).
    pub(crate) fn analyse(&mut self) -> Checked {
        let fail = |e: Errno| Err(e.into());
        self.check_caps()?;
        let Some(last) = self.code.insns.last() else {
            return fail(Errno::EINVAL);
        };
        self.check_prog_type()?;
        if last.code == op::LD_IMM64 {
            return reject!(
                self,
                MalformedInstruction,
                EINVAL,
                "invalid bpf_ld_imm64 insn"
            );
        }
        self.add_subprogs()?;
        self.check_subprogs()?;
        self.check_btf_info()?;
        let maps_first = self.input.profile.has(Rule::MAPS_FIRST);
        if !maps_first {
            self.check_attach()?;
        }
        self.check_and_resolve_insns()?;
        self.add_kfuncs()?;
        self.check_cfg()?;
        self.compute_postorder();
        if maps_first {
            self.check_attach()?;
        }
        self.code.kfuncs = KfuncTab::new(&self.input, &self.code.insns);
        if self.input.profile.has(Rule::CONSTANT_BRANCHES) {
            self.compute_const_regs();
            self.prune_dead_branches()?;
        }
        self.sort_subprogs_topo()?;
        self.compute_scc();
        self.compute_live_registers()?;
        self.mark_fastcall_patterns();
        Ok(())
    }

    /// The kernel may be built without this type of program (`find_prog_type()`).
    fn check_prog_type(&self) -> Checked {
        match missing_option(self.input.prog.prog_type, &self.input.kernel.kconfig) {
            None => Ok(()),
            Some(option) => Err(Stop::Rejected(Box::new(Rejection {
                kind: Kind::AttachTarget,
                cause: Some(format!("the kernel is built without {option}")),
                ..Rejection::silent(Errno::EINVAL)
            }))),
        }
    }

    /// What the loader is capable of decides how long a program may be, and of which types
    /// (`bpf_prog_load`).
    fn check_caps(&self) -> Checked {
        let caps = self.input.opts.caps;
        let len = self.code.insns.len();
        let prog_type = self.input.prog.prog_type;
        let most = match self.input.bpf_capable {
            true => BPF_COMPLEXITY_LIMIT_INSNS as usize,
            false if self.input.kernel.unprivileged_bpf_disabled => {
                return Err(missing(Caps::BPF));
            }
            false => BPF_MAXINSNS,
        };
        if len > most {
            return Err(Errno::E2BIG.into());
        }
        let wanted = caps_for(prog_type).iter();
        let lacking: Caps = wanted.filter(|cap| !caps.has(*cap)).collect();
        match lacking.is_empty() {
            true => Ok(()),
            false => Err(missing(lacking)),
        }
    }
}

/// `bpf(2)` fails without a word.
fn missing(caps: Caps) -> Stop {
    let names: Vec<_> = caps.iter_names().map(|(name, _)| name).collect();
    Stop::Rejected(Box::new(Rejection {
        kind: Kind::Capability,
        cause: Some(format!("the loader lacks CAP_{}", names.join(", CAP_"))),
        ..Rejection::silent(Errno::EPERM)
    }))
}
