// SPDX-License-Identifier: GPL-2.0-only
//! Calls of functions of the program: are the arguments what the function takes?
//!
//! Source: `btf_check_func_arg_match()`, `check_outgoing_stack_args()` in `kernel/bpf/verifier.c`.

use crate::analysis::code::SubprogArg;
use crate::check::access::CallArg;
use crate::env::Env;
use crate::env::call_args::CallArgs;
use crate::facts::access::Access;
use crate::facts::errno::Errno;
use crate::facts::limits::MAX_BPF_FUNC_REG_ARGS;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::{ArgType, Flag, RegType};
use crate::input::kfunc::arg_name;
use crate::log::reject;
use crate::state::reg::RegState;

impl Env<'_> {
    /// Stack arguments that a callee expects must be there.
    pub(crate) fn check_outgoing_stack_args(&mut self, nargs: usize) -> Checked {
        for spi in 0..nargs.saturating_sub(MAX_BPF_FUNC_REG_ARGS) {
            let there = self.path.cur.frame().stack_arg_regs.get(spi);
            if there.is_none_or(|r| r.typ == RegType::NOT_INIT) {
                return reject!(
                    self,
                    UnwrittenStack,
                    EFAULT,
                    "callee expects {nargs} args, stack arg{} is not initialized",
                    spi + 1
                );
            }
        }
        Ok(())
    }

    /// The register or stack argument that is the `i`-th argument.
    pub(crate) fn func_arg_reg(&self, i: usize) -> RegState {
        if i < MAX_BPF_FUNC_REG_ARGS {
            return *self.reg(i + 1);
        }
        let spi = i - MAX_BPF_FUNC_REG_ARGS;
        self.path
            .cur
            .frame()
            .stack_arg_regs
            .get(spi)
            .copied()
            .unwrap_or_default()
    }

    /// Whether the arguments of a call are what the function takes.
    pub(crate) fn btf_check_subprog_call(&mut self, subprog: usize) -> Checked {
        if self.input.prog.func_info.is_empty() {
            return Err(Errno::EINVAL.into());
        }
        if self.marks.funcs[subprog].unreliable {
            return Err(Errno::EINVAL.into());
        }
        let r = self.check_func_arg_match(subprog);
        if r.is_err() {
            self.marks.funcs[subprog].unreliable = true;
        }
        r
    }

    fn check_func_arg_match(&mut self, subprog: usize) -> Checked {
        if let Err(e) = self.prepare_func_args(subprog) {
            if self.marks.funcs[subprog].args.in_stack_arg_cnt() > 0 {
                self.check_outgoing_stack_args(self.marks.funcs[subprog].args.args.len())?;
            }
            return Err(e);
        }
        let args = self.marks.funcs[subprog].args.args.clone();
        self.check_outgoing_stack_args(args.len())?;
        for (i, arg) in args.iter().enumerate() {
            let reg = self.func_arg_reg(i);
            self.check_func_arg_of_subprog(subprog, i, arg, &reg)?;
        }
        Ok(())
    }

    fn check_func_arg_of_subprog(
        &mut self,
        subprog: usize,
        i: usize,
        arg: &SubprogArg,
        reg: &RegState,
    ) -> Checked {
        let name = arg_name(i);
        let at = arg.arg_type;
        if at == ArgType::ARG_ANYTHING {
            if !reg.is_scalar() {
                return reject!(self, ArgumentType, EINVAL, "{name} is not a scalar");
            }
            return Ok(());
        }
        if at.has(Flag::PTR_UNTRUSTED) {
            return Ok(());
        }
        match at.base() {
            ArgType::ARG_PTR_TO_CTX => {
                self.check_func_arg_reg_off(reg, &name, ArgType::ARG_PTR_TO_CTX, true)?;
                if reg.typ != RegType::PTR_TO_CTX {
                    return reject!(self, ArgumentType, EINVAL, "{name} expects pointer to ctx");
                }
            }
            ArgType::ARG_PTR_TO_MEM => {
                self.check_func_arg_reg_off(reg, &name, ArgType::ARG_DONTCARE, true)?;
                self.check_mem_arg_of_subprog(subprog, i, arg, reg)?;
            }
            ArgType::ARG_PTR_TO_ARENA => {
                if reg.typ != RegType::PTR_TO_ARENA && !reg.is_scalar() {
                    return reject!(
                        self,
                        ArgumentType,
                        EINVAL,
                        "{name} is not a pointer to arena or scalar."
                    );
                }
            }
            ArgType::ARG_PTR_TO_DYNPTR => {
                self.check_func_arg_reg_off(reg, &name, at, true)?;
                let mut meta = CallArgs::default();
                self.process_dynptr_func(reg, &name, at, &mut meta)?;
            }
            ArgType::ARG_PTR_TO_BTF_ID => {
                if reg.is_null() && at.may_be_null() {
                    return self.mark_chain_precision(i + 1);
                }
                let want = self
                    .input
                    .btf_type_name(bpf::kernel::BtfRef::VMLINUX, arg.btf_id)
                    .to_owned();
                let callee = self.input.subprog_name(subprog).to_owned();
                let meta = CallArgs::default();
                let arg = CallArg {
                    reg,
                    name: &name,
                    regno: i + 1,
                };
                self.check_reg_type(&arg, at, Some(&want), &meta, &callee)?;
                self.check_func_arg_reg_off(reg, &name, at, true)?;
            }
            _ => {
                return self
                    .log
                    .verifier_bug(format_args!("unrecognized {name} type {}", at.raw()));
            }
        }
        Ok(())
    }

    /// Memory for a function: all of it may be read and written there.
    fn check_mem_arg_of_subprog(
        &mut self,
        subprog: usize,
        i: usize,
        arg: &SubprogArg,
        reg: &RegState,
    ) -> Checked {
        let name = arg_name(i);
        let rw = [Access::Read, Access::Write];
        let passed = self.passed_as_memory(reg);
        self.check_mem_reg(&passed, &name, i + 1, arg.mem_size, &rw, None)
            .map_err(|stop| stop.with_errno(Errno::EINVAL))?;
        let of_packet = Flag::DYNPTR_TYPE_SKB | Flag::DYNPTR_TYPE_XDP | Flag::DYNPTR_TYPE_SKB_META;
        let pkt = reg.typ.is_pkt_pointer()
            || reg.typ.base() == RegType::PTR_TO_MEM && reg.typ.has(of_packet);
        let lost = self.input.profile.has(Rule::PACKET_ARGUMENTS);
        if lost && pkt && self.code.subprogs[subprog].changes_pkt_data {
            return reject!(
                self,
                PacketPointerLost,
                EINVAL,
                "{name} is a packet pointer, but func#{subprog} may change packet data"
            );
        }
        let zero = reg.is_null() && self.input.profile.has(Rule::NONNULL_ARGUMENTS);
        if !arg.arg_type.may_be_null() && (reg.typ.may_be_null() || zero) {
            return reject!(
                self,
                NullArgument,
                EINVAL,
                "{name} is expected to be non-NULL"
            );
        }
        Ok(())
    }
}
