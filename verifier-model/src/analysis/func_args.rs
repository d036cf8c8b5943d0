// SPDX-License-Identifier: GPL-2.0-only
//! What a function of the program takes, by its BTF: the contract of global functions.
//!
//! Source: `btf_prepare_func_args()` in `kernel/bpf/btf.c`.

use bpf::btf::{Kind, is_scalar, is_void};

use crate::analysis::Known;
use crate::analysis::code::{FuncArgs, SubprogArg};
use crate::analysis::subprog_arg::points_to_arena;
use crate::facts::errno::Errno;
use crate::facts::limits::MAX_BPF_FUNC_REG_ARGS;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::log::reject;

impl Known<'_> {
    /// Whether a function's BTF says that it returns nothing.
    pub(crate) fn subprog_returns_void(&self, subprog: usize) -> bool {
        let (Some(info), Some(btf)) = (
            self.input.prog.func_info.get(subprog),
            self.input.prog.btf.as_ref(),
        ) else {
            return false;
        };
        let proto = btf
            .type_by_id(info.type_id)
            .and_then(|f| btf.type_by_id(f.type_id()));
        proto.is_some_and(|p| is_void(btf.skip_mods_and_typedefs(p.type_id())))
    }

    /// Finds out what a function takes, unless that is known. `unreliable`: a call did not fit its BTF.
    pub(crate) fn prepare_func_args(
        &self,
        subprog: usize,
        unreliable: bool,
        found: &mut FuncArgs,
    ) -> Checked {
        if found.cached {
            return Ok(());
        }
        let fault = Err(Errno::EFAULT.into());
        let global = self.code.subprog_is_global(subprog);
        let Some(btf) = &self.input.prog.btf else {
            return fault;
        };
        let Some(info) = self.input.prog.func_info.get(subprog) else {
            return fault;
        };
        let Some(func) = btf
            .type_by_id(info.type_id)
            .filter(|t| t.kind() == Kind::Func)
        else {
            return reject!(
                self,
                FunctionBtf,
                EFAULT,
                "BTF of func#{subprog} doesn't point to KIND_FUNC"
            );
        };
        let name = func.name();
        if unreliable {
            return self
                .log
                .verifier_bug(format_args!("unreliable BTF for function {name}()"));
        }
        let Some(proto) = btf
            .type_by_id(func.type_id())
            .filter(|t| t.kind() == Kind::FuncProto)
        else {
            return reject!(
                self,
                FunctionBtf,
                EFAULT,
                "Invalid type of function {name}()"
            );
        };
        let params: Vec<_> = proto.params().collect();
        let n = params.len();
        let max = self.input.release.limits.func_args;
        found.args = vec![SubprogArg::default(); n.min(max)];
        if n > max {
            return reject!(
                self,
                FunctionPrototype,
                EFAULT,
                "kernel supports at most {max} parameters, function {name} has {n}"
            );
        }
        if n > MAX_BPF_FUNC_REG_ARGS {
            found.stack_arg_cnt = n - MAX_BPF_FUNC_REG_ARGS;
            if global {
                return reject!(
                    self,
                    FunctionPrototype,
                    EINVAL,
                    "global function {name} has {n} > {MAX_BPF_FUNC_REG_ARGS} args, stack args not supported"
                );
            }
        }
        let ret = btf.skip_mods_and_typedefs(proto.type_id());
        let arena = self.input.profile.has(Rule::ARENA_TYPES);
        let arena_ptr = arena && subprog != 0 && points_to_arena(btf, ret);
        if !is_void(ret) && !is_scalar(ret) && !arena_ptr {
            let errno = match arena {
                true => Errno::EOPNOTSUPP,
                false => Errno::EINVAL,
            };
            if !global {
                return Err(errno.into());
            }
            let refused: Checked = reject!(
                self,
                FunctionPrototype,
                EOPNOTSUPP,
                "Global function {name}() return value not void or scalar. Only those are supported."
            );
            return refused.map_err(|stop| stop.with_errno(errno));
        }
        for (i, p) in params.iter().enumerate() {
            let arg = self.prepare_func_arg(btf, func, p.type_id(), i, global)?;
            found.args[i] = arg;
        }
        found.cached = true;
        Ok(())
    }
}
