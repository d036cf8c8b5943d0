// SPDX-License-Identifier: GPL-2.0-only
//! What is given: the program, the kernel, the rules, the loader's rights; and questions that these alone answer.

pub(crate) mod btf;
pub(crate) mod ctx;
pub(crate) mod helper;
pub(crate) mod hook;
pub(crate) mod kfunc;
pub(crate) mod kfunc_filter;
pub(crate) mod map;
pub(crate) mod struct_ops;
pub(crate) mod target;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use bpf::caps::Caps;
use bpf::kernel::Kernel;
use bpf::kernel::fields::BtfRecord;
use bpf::program::{ProgFlags, ProgLoad};

use crate::facts::release::Release;
use crate::facts::rule::Profile;
use crate::input::struct_ops::{CtxArg, StructOps};
use crate::input::target::DstProg;
use crate::options::Options;

/// What one verification is given. Nothing of it changes once the program's hook is known.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(crate) prog: &'a ProgLoad,
    /// The same as the object has it. The kernel gets no BTF from a loader without CAP_BPF, but who
    /// tells people of the program may look up its source lines.
    pub(crate) source: &'a ProgLoad,
    pub(crate) kernel: &'a Kernel,
    /// What the kernel's release knows.
    pub(crate) release: &'static Release,
    /// The rules.
    pub(crate) profile: &'a Profile,
    /// How to verify.
    pub(crate) opts: &'a Options,
    /// Pointers may be leaked (CAP_PERFMON).
    pub(crate) allow_ptr_leaks: bool,
    /// Stack that was not written may be read (CAP_PERFMON).
    pub(crate) allow_uninit_stack: bool,
    /// CAP_BPF.
    pub(crate) bpf_capable: bool,
    /// No mitigation of speculation (CAP_PERFMON).
    pub(crate) bypass_spec_v1: bool,
    /// Misaligned accesses are errors everywhere.
    pub(crate) strict_alignment: bool,
    /// Keep a state at every pruning point.
    pub(crate) test_state_freq: bool,
    /// Inconsistent bounds are an error.
    pub(crate) test_reg_invariants: bool,
    /// The program that this one attaches to, verified.
    pub(crate) dst_prog: Option<Arc<DstProg>>,
    /// This program is of type `BPF_PROG_TYPE_EXT`; [`Input::prog`] has the type of what it extends.
    pub(crate) extends: Option<Extends>,
    /// What a struct_ops program implements.
    pub(crate) struct_ops: Option<StructOps<'a>>,
    /// Arguments of the context that are more than their types say.
    pub(crate) ctx_args: Vec<CtxArg>,
    /// Special fields of the program's structures, of those that somebody asked for.
    pub(crate) struct_meta_tab: RefCell<BTreeMap<u32, Rc<BtfRecord>>>,
}

impl<'a> Input<'a> {
    pub(crate) fn new(prog: &'a ProgLoad, kernel: &'a Kernel, opts: &'a Options) -> Self {
        let perfmon = opts.caps.has(Caps::PERFMON);
        let bpf_capable = opts.caps.has(Caps::BPF);
        let flag = |f: ProgFlags| prog.prog_flags.contains(f);
        Self {
            prog,
            source: prog,
            kernel,
            release: opts.release,
            profile: &opts.profile,
            opts,
            allow_ptr_leaks: perfmon,
            allow_uninit_stack: perfmon,
            bpf_capable,
            bypass_spec_v1: perfmon || !opts.mitigations,
            strict_alignment: flag(ProgFlags::STRICT_ALIGNMENT) && !flag(ProgFlags::ANY_ALIGNMENT),
            test_state_freq: bpf_capable && flag(ProgFlags::TEST_STATE_FREQ),
            test_reg_invariants: flag(ProgFlags::TEST_REG_INVARIANTS),
            dst_prog: None,
            extends: None,
            struct_ops: None,
            ctx_args: Vec::new(),
            struct_meta_tab: RefCell::default(),
        }
    }
}

/// How far an extension has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extends {
    /// It has nobody's helpers yet.
    Loaded,
    /// What it extends is found fit: it has its helpers and context.
    Attached,
}

impl Input<'_> {
    /// Possible CPUs.
    pub(crate) fn nr_cpu_ids(&self) -> u32 {
        self.opts.nr_cpu_ids
    }
}
