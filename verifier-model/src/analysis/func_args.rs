// SPDX-License-Identifier: GPL-2.0-only
//! What a function of the program takes, by its BTF: the contract of global functions.
//!
//! Source: `btf_prepare_func_args()` in `kernel/bpf/btf.c`.

use std::sync::Arc;

use bpf::btf::{Btf, Kind, Type, is_scalar, is_void, kind_str};
use bpf::uapi::{AttachType, ProgType as P};

use crate::analysis::Known;
use crate::analysis::code::{FuncArgs, SubprogArg};
use crate::facts::errno::Errno;
use crate::facts::limits::MAX_BPF_FUNC_REG_ARGS;
use crate::facts::rejection::Checked;
use crate::facts::type_tags::type_tags;
use crate::facts::types::{ArgType as A, Flag as F};
use crate::input::ctx::ctx_struct;
use crate::log::reject;

bitflags::bitflags! {
    /// `__arg_*` tags of a parameter.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Tags: u32 {
        const CTX = 1;
        const NONNULL = 2;
        const TRUSTED = 4;
        const UNTRUSTED = 8;
        const NULLABLE = 16;
        const ARENA = 32;
    }
}

/// Whether a type is a pointer that is tagged as one into the arena.
fn points_to_arena(btf: &Btf, t: Type<'_>) -> bool {
    const ARENA: [(&str, F); 1] = [("arena", F::MEM_RDONLY)];
    t.kind() == Kind::Ptr && !type_tags(btf, t, &ARENA).0.is_empty()
}

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
        let arena_ptr = subprog != 0 && points_to_arena(btf, ret);
        if !is_void(ret) && !is_scalar(ret) && !arena_ptr {
            if !global {
                return Err(Errno::EOPNOTSUPP.into());
            }
            return reject!(
                self,
                FunctionPrototype,
                EOPNOTSUPP,
                "Global function {name}() return value not void or scalar. Only those are supported."
            );
        }
        for (i, p) in params.iter().enumerate() {
            let arg = self.prepare_func_arg(btf, func, p.type_id(), i, global)?;
            found.args[i] = arg;
        }
        found.cached = true;
        Ok(())
    }

    fn arg_tags(&self, btf: &Btf, func: Type<'_>, i: usize, global: bool) -> Checked<Tags> {
        let mut tags = Tags::empty();
        let texts: Vec<String> = btf
            .decl_tags_of(func.id(), Some(i as u32))
            .map(str::to_owned)
            .collect();
        for text in texts.iter().filter_map(|t| t.strip_prefix("arg:")) {
            if !global {
                return reject!(
                    self,
                    ArgumentTag,
                    EOPNOTSUPP,
                    "arg#{i} type tag is not supported in static functions"
                );
            }
            tags |= match text {
                "ctx" => Tags::CTX,
                "trusted" => Tags::TRUSTED,
                "untrusted" => Tags::UNTRUSTED,
                "nonnull" => Tags::NONNULL,
                "nullable" => Tags::NULLABLE,
                "arena" => Tags::ARENA,
                _ => {
                    return reject!(
                        self,
                        ArgumentTag,
                        EOPNOTSUPP,
                        "arg#{i} has unsupported set of tags"
                    );
                }
            };
        }
        Ok(tags)
    }

    fn prepare_func_arg(
        &self,
        btf: &Arc<Btf>,
        func: Type<'_>,
        type_id: u32,
        i: usize,
        global: bool,
    ) -> Checked<SubprogArg> {
        let fail = Err(Errno::EINVAL.into());
        let mut tags = self.arg_tags(btf, func, i, global)?;
        if points_to_arena(btf, btf.skip_mods_and_typedefs(type_id)) {
            tags |= Tags::ARENA;
        }
        let arg = |arg_type| {
            Ok(SubprogArg {
                arg_type,
                mem_size: 0,
                btf_id: 0,
            })
        };
        let t = btf.skip_mods_and_typedefs(type_id);
        if t.kind() != Kind::Ptr {
            if !tags.is_empty() {
                return reject!(
                    self,
                    ArgumentTag,
                    EINVAL,
                    "arg#{i} has pointer tag, but is not a pointer type"
                );
            }
            if is_scalar(t) {
                return arg(A::ARG_ANYTHING);
            }
            if !global {
                return fail;
            }
            let (kind, name) = (kind_str(t), func.name());
            return reject!(
                self,
                FunctionPrototype,
                EINVAL,
                "Arg#{i} type {kind} in {name}() is not supported yet."
            );
        }
        let target = btf.skip_mods_and_typedefs(t.type_id());
        if tags.contains(Tags::CTX) || self.input.is_prog_ctx_type(btf, t) {
            if !(tags - Tags::CTX).is_empty() {
                return reject!(
                    self,
                    ArgumentTag,
                    EINVAL,
                    "arg#{i} has invalid combination of tags"
                );
            }
            if tags.contains(Tags::CTX) {
                self.validate_prog_ctx_type(btf, t, i)?;
            }
            return arg(A::ARG_PTR_TO_CTX);
        }
        let is_struct = matches!(target.kind(), Kind::Struct | Kind::Union | Kind::Fwd);
        if is_struct && target.name() == "bpf_dynptr" {
            if !tags.is_empty() {
                return reject!(
                    self,
                    ArgumentTag,
                    EINVAL,
                    "arg#{i} has invalid combination of tags"
                );
            }
            return arg(A::ARG_PTR_TO_DYNPTR);
        }
        if tags.contains(Tags::TRUSTED) {
            if tags.contains(Tags::NONNULL) {
                return reject!(
                    self,
                    ArgumentTag,
                    EINVAL,
                    "arg#{i} has invalid combination of tags"
                );
            }
            let btf_id = self.kernel_type_of(target, i)?;
            let mut arg_type = A::ARG_PTR_TO_BTF_ID | F::PTR_TRUSTED;
            if tags.contains(Tags::NULLABLE) {
                arg_type = arg_type | F::PTR_MAYBE_NULL;
            }
            return Ok(SubprogArg {
                arg_type,
                mem_size: 0,
                btf_id,
            });
        }
        if tags.contains(Tags::UNTRUSTED) {
            if tags != Tags::UNTRUSTED {
                return reject!(
                    self,
                    ArgumentTag,
                    EINVAL,
                    "arg#{i} untrusted cannot be combined with any other tags"
                );
            }
            if is_void(target) || is_scalar(target) {
                return arg(A::ARG_PTR_TO_MEM | F::MEM_RDONLY | F::PTR_UNTRUSTED);
            }
            let btf_id = self.kernel_type_of(target, i)?;
            return Ok(SubprogArg {
                arg_type: A::ARG_PTR_TO_BTF_ID | F::PTR_UNTRUSTED,
                mem_size: 0,
                btf_id,
            });
        }
        if tags.contains(Tags::ARENA) {
            if tags != Tags::ARENA {
                return reject!(
                    self,
                    ArgumentTag,
                    EINVAL,
                    "arg#{i} arena cannot be combined with any other tags"
                );
            }
            return arg(A::ARG_PTR_TO_ARENA);
        }
        if !global {
            return fail;
        }
        if tags.contains(Tags::NULLABLE) {
            return reject!(
                self,
                ArgumentTag,
                EINVAL,
                "arg#{i} has invalid combination of tags"
            );
        }
        let Ok(mem_size) = btf.resolve_size(target.id()) else {
            return reject!(
                self,
                ArgumentType,
                EINVAL,
                "arg#{i} reference type('{} {}') size cannot be determined: -22",
                kind_str(target),
                target.name()
            );
        };
        let mut arg_type = A::ARG_PTR_TO_MEM | F::PTR_MAYBE_NULL;
        if tags.contains(Tags::NONNULL) {
            arg_type = A::ARG_PTR_TO_MEM;
        }
        Ok(SubprogArg {
            arg_type,
            mem_size,
            btf_id: 0,
        })
    }

    /// The kernel's structure of the same name, flavours aside.
    fn kernel_type_of(&self, t: Type<'_>, i: usize) -> Checked<u32> {
        let name = t.name().split("___").next().unwrap_or_default();
        let found = self
            .input
            .kernel
            .vmlinux
            .find_by_name_kind(name, t.kind())
            .map(|t| t.id());
        let Some(id) = found else {
            return reject!(
                self,
                ArgumentType,
                ENOENT,
                "arg#{i} reference type('{} {}') has no matches",
                kind_str(t),
                t.name()
            );
        };
        Ok(id)
    }

    fn validate_prog_ctx_type(&self, btf: &Btf, ptr: Type<'_>, i: usize) -> Checked {
        let (typ, attach) = (
            self.input.prog.prog_type,
            self.input.prog.expected_attach_type,
        );
        if matches!(typ, P::Kprobe | P::PerfEvent) {
            let t = btf.skip_mods(ptr.type_id());
            if t.kind() == Kind::Typedef && t.name() == "bpf_user_pt_regs_t" {
                return Ok(());
            }
        }
        let t = btf.skip_mods_and_typedefs(ptr.type_id());
        if is_void(t) {
            return Ok(());
        }
        let name = t.name();
        if name.is_empty() {
            return reject!(
                self,
                FunctionPrototype,
                EINVAL,
                "arg#{i} type doesn't have a name"
            );
        }
        let is_struct = t.kind() == Kind::Struct;
        let is_u64 = t.kind() == Kind::Int && t.size() == 8;
        let ok = match typ {
            P::Kprobe | P::PerfEvent => is_struct && name == "pt_regs",
            P::RawTracepoint | P::RawTracepointWritable | P::Lsm | P::StructOps => is_u64,
            P::Tracing => match attach {
                AttachType::TraceRawTp => is_struct && name == "bpf_raw_tracepoint_args" || is_u64,
                AttachType::TraceIter => is_struct && name.starts_with("bpf_iter__"),
                _ => is_u64,
            },
            P::Tracepoint | P::Syscall | P::Ext => true,
            _ => false,
        };
        if ok {
            return Ok(());
        }
        match ctx_struct(typ) {
            Some(want) if is_struct && name == want => Ok(()),
            Some(want) => {
                reject!(
                    self,
                    FunctionPrototype,
                    EINVAL,
                    "arg#{i} should be `struct {want} *`"
                )
            }
            None => {
                reject!(
                    self,
                    FunctionPrototype,
                    EINVAL,
                    "arg#{i} should be void pointer"
                )
            }
        }
    }
}
