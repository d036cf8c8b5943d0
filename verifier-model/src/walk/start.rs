// SPDX-License-Identifier: GPL-2.0-only
//! The walks: of the main function, and of each function that is verified on its own.
//!
//! Source: `do_check_common()`, `do_check_subprogs()` in `kernel/bpf/verifier.c`.

use bpf::kernel::BtfRef;

use crate::analysis::code::SubprogArg;
use crate::env::Env;
use crate::facts::limits::MAX_BPF_FUNC_REG_ARGS;
use crate::facts::rejection::{Checked, Stop};
use crate::facts::types::{ArgType, Flag, RegType};
use crate::log::{reject, verbose};
use crate::state::reg::{About, DynptrType, RegState};
use crate::state::{BPF_MAIN_FUNC, VerifierState};

impl Env<'_> {
    pub(crate) fn do_check_subprogs(&mut self) -> Checked {
        if self.input.prog.func_info.is_empty() {
            return Ok(());
        }
        if self.code.exception_callback_subprog != 0 {
            let sleepable = self.input.prog.sleepable();
            let callback = self.code.exception_callback_subprog;
            self.marks.funcs[callback].called.insert(sleepable);
        }
        loop {
            let mut new = false;
            for i in 1..self.code.subprog_cnt() {
                if !self.code.subprog_is_global(i) {
                    continue;
                }
                for sleepable in [false, true] {
                    let func = &self.marks.funcs[i];
                    if !func.called.contains(sleepable) || func.verified.contains(sleepable) {
                        continue;
                    }
                    self.path.insn_idx = self.code.subprogs[i].start;
                    self.do_check_common(i, sleepable)?;
                    if self.log.level1() {
                        let name = self.input.subprog_name(i);
                        verbose!(
                            self,
                            "Func#{i} ('{name}') is safe for any args that match its prototype\n"
                        );
                    }
                    self.marks.funcs[i].verified.insert(sleepable);
                    new = true;
                }
            }
            if !new {
                return Ok(());
            }
        }
    }

    /// Counts every global function as called.
    pub(crate) fn call_all_globals(&mut self) {
        let sleepable = self.input.prog.sleepable();
        for i in 1..self.code.subprog_cnt() {
            if self.code.subprog_is_global(i) {
                self.marks.funcs[i].called.insert(sleepable);
            }
        }
    }

    /// Walks one function that is verified on its own.
    pub(crate) fn do_check_common(&mut self, subprog: usize, sleepable: bool) -> Checked {
        self.log.forget_lines();
        let mut frame = self.new_frame(BPF_MAIN_FUNC, 0, subprog);
        self.log.scratch_all();
        if subprog != 0 || self.input.extends.is_some() {
            let name = self.input.subprog_name(subprog);
            if self.log.level1() {
                verbose!(self, "Validating {name}() func#{subprog}...\n");
            }
            self.prepare_func_args(subprog)?;
            if self.code.subprogs[subprog].is_exception_cb {
                self.check_exception_cb(subprog)?;
                frame.in_exception_callback_fn = true;
            }
            let args = self.marks.funcs[subprog].args.args.clone();
            for (i, arg) in args.iter().enumerate().take(MAX_BPF_FUNC_REG_ARGS) {
                frame.regs[i + 1] = self.arg_register(arg)?;
            }
            if self.input.extends.is_some() && args.len() > MAX_BPF_FUNC_REG_ARGS {
                return reject!(
                    self,
                    AttachTarget,
                    EINVAL,
                    "freplace programs with >{MAX_BPF_FUNC_REG_ARGS} args not supported yet"
                );
            }
        } else {
            if !self.code.func_info_aux.is_empty() {
                let r = self.prepare_func_args(0);
                if let Err(Stop::NotModelled(_)) = r {
                    return r;
                }
                let args = &self.marks.funcs[0].args.args;
                let fits = args.len() == 1 && args[0].arg_type == ArgType::ARG_PTR_TO_CTX;
                if r.is_err() || !fits {
                    let main = &mut self.marks.funcs[0];
                    main.unreliable = true;
                    main.args.args.resize(1, SubprogArg::default());
                    main.args.stack_arg_cnt = 0;
                }
            }
            let mut r1 = RegState::konst(0);
            r1.typ = RegType::PTR_TO_CTX;
            frame.regs[1] = r1;
        }
        self.path.cur = VerifierState {
            frames: vec![frame],
            branches: 1,
            in_sleepable: sleepable,
            first_insn_idx: self.code.subprogs[subprog].start as i32,
            last_insn_idx: -1,
            ..VerifierState::default()
        };
        if subprog == 0 {
            self.acquire_ctx_args();
        }
        self.do_check()?;
        if !self.log.level2() {
            self.log.reset(0);
        }
        self.free_states();
        Ok(())
    }

    /// The references that a struct_ops program is passed.
    fn acquire_ctx_args(&mut self) {
        let known = self.known;
        for (i, arg) in known.input.ctx_args.iter().enumerate() {
            if arg.refcounted {
                let id = self.acquire_reference(0, 0);
                self.path.ctx_refs[i] = id;
            }
        }
    }

    fn check_exception_cb(&mut self, subprog: usize) -> Checked {
        if self.subprog_returns_void(subprog) {
            return reject!(self, Exception, EINVAL, "exception cb cannot return void");
        }
        let args = &self.marks.funcs[subprog].args.args;
        if args.len() != 1 || args[0].arg_type != ArgType::ARG_ANYTHING {
            return reject!(
                self,
                Exception,
                EINVAL,
                "exception cb only supports single integer argument"
            );
        }
        Ok(())
    }

    /// What a global function finds in a register.
    fn arg_register(&mut self, arg: &SubprogArg) -> Checked<RegState> {
        let mut reg = RegState::konst(0);
        let at = arg.arg_type;
        let flags = |f: Flag| at.flags() & f;
        match at.base() {
            ArgType::ARG_PTR_TO_CTX => reg.typ = RegType::PTR_TO_CTX,
            ArgType::ARG_ANYTHING | ArgType::ARG_PTR_TO_ARENA => reg = self.unknown(),
            ArgType::ARG_PTR_TO_DYNPTR => {
                reg.typ = RegType::CONST_PTR_TO_DYNPTR;
                reg.id = self.new_id();
                reg.about = About::Dynptr(DynptrType::Local, true);
            }
            ArgType::ARG_PTR_TO_MEM => {
                reg.typ = RegType::PTR_TO_MEM
                    | flags(Flag::PTR_MAYBE_NULL | Flag::PTR_UNTRUSTED | Flag::MEM_RDONLY);
                reg.about = About::MemSize(arg.mem_size);
                if at.may_be_null() {
                    reg.id = self.new_id();
                }
            }
            ArgType::ARG_PTR_TO_BTF_ID => {
                reg.typ = RegType::PTR_TO_BTF_ID
                    | flags(Flag::PTR_MAYBE_NULL | Flag::PTR_UNTRUSTED | Flag::PTR_TRUSTED);
                reg.about = About::Btf(BtfRef::VMLINUX, arg.btf_id);
                reg.id = self.new_id();
            }
            _ => {
                return self
                    .log
                    .verifier_bug(format_args!("unhandled arg type {}", at.raw()));
            }
        }
        Ok(reg)
    }

    fn free_states(&mut self) {
        self.path.cur = VerifierState::default();
        self.path.waiting.clear();
        self.explored.states.clear();
        self.explored.by_insn.iter_mut().for_each(Vec::clear);
        self.explored.scc_visits.clear();
        self.explored.scc_index.clear();
    }
}
