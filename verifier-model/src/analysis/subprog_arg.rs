// SPDX-License-Identifier: GPL-2.0-only
//! What one argument of a function of the program is: by its type and its `__arg_*` tags.
//!
//! Source: `btf_get_ptr_to_btf_id()`, `btf_validate_prog_ctx_type()` in `kernel/bpf/btf.c`, and what
//! [`crate::analysis::func_args`] does for each argument.

use std::sync::Arc;

use bpf::btf::{Btf, Kind, Type, is_scalar, is_void, kind_str};
use bpf::uapi::{AttachType, ProgType};

use crate::analysis::Known;
use crate::analysis::code::SubprogArg;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::type_tags::type_tags;
use crate::facts::types::{ArgType, Flag};
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
pub(crate) fn points_to_arena(btf: &Btf, t: Type<'_>) -> bool {
    const ARENA: [(&str, Flag); 1] = [("arena", Flag::MEM_RDONLY)];
    t.kind() == Kind::Ptr && !type_tags(btf, t, &ARENA).0.is_empty()
}

const fn arg(arg_type: ArgType) -> Checked<SubprogArg> {
    Ok(SubprogArg {
        arg_type,
        mem_size: 0,
        btf_id: 0,
    })
}

impl Known<'_> {
    /// What parameter `i` of `func` is, which has type `type_id`.
    pub(crate) fn prepare_func_arg(
        &self,
        btf: &Arc<Btf>,
        func: Type<'_>,
        type_id: u32,
        i: usize,
        global: bool,
    ) -> Checked<SubprogArg> {
        let tagged = self.input.profile.has(Rule::ARGUMENT_TAGS);
        let mut tags = Tags::empty();
        if tagged {
            tags = self.arg_tags(btf, func, i, global)?;
        } else if self.is_ctx_for_libbpf(btf, func, i) {
            return arg(ArgType::ARG_PTR_TO_CTX);
        }
        let t = btf.skip_mods_and_typedefs(type_id);
        if self.input.profile.has(Rule::ARENA_TYPES) && points_to_arena(btf, t) {
            tags |= Tags::ARENA;
        }
        if t.kind() != Kind::Ptr {
            return self.scalar_func_arg(func, t, i, tags, global);
        }
        let target = btf.skip_mods_and_typedefs(t.type_id());
        if tags.contains(Tags::CTX) || self.input.is_prog_ctx_type(btf, t) {
            if !(tags - Tags::CTX).is_empty() {
                return self.bad_tags(i);
            }
            if tags.contains(Tags::CTX) {
                self.validate_prog_ctx_type(btf, t, i)?;
            }
            return arg(ArgType::ARG_PTR_TO_CTX);
        }
        let is_struct = matches!(target.kind(), Kind::Struct | Kind::Union | Kind::Fwd);
        if tagged && is_struct && target.name() == "bpf_dynptr" {
            if !tags.is_empty() {
                return self.bad_tags(i);
            }
            return arg(ArgType::ARG_PTR_TO_DYNPTR);
        }
        if tags.contains(Tags::TRUSTED) {
            return self.trusted_func_arg(target, i, tags);
        }
        if tags.contains(Tags::UNTRUSTED) {
            return self.untrusted_func_arg(target, i, tags);
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
            return arg(ArgType::ARG_PTR_TO_ARENA);
        }
        if !global {
            return Err(Errno::EINVAL.into());
        }
        self.mem_func_arg(btf, target, i, tags)
    }

    /// For a kernel that knows no tags libbpf gives an argument with that of the context its type, where
    /// programs are passed a structure.
    fn is_ctx_for_libbpf(&self, btf: &Btf, func: Type<'_>, i: usize) -> bool {
        let mut tags = btf.decl_tags_of(func.id(), Some(i as u32));
        ctx_struct(self.input.prog.prog_type).is_some() && tags.any(|tag| tag == "arg:ctx")
    }

    fn bad_tags<T>(&self, i: usize) -> Checked<T> {
        reject!(
            self,
            ArgumentTag,
            EINVAL,
            "arg#{i} has invalid combination of tags"
        )
    }

    fn scalar_func_arg(
        &self,
        func: Type<'_>,
        t: Type<'_>,
        i: usize,
        tags: Tags,
        global: bool,
    ) -> Checked<SubprogArg> {
        if !tags.is_empty() {
            return reject!(
                self,
                ArgumentTag,
                EINVAL,
                "arg#{i} has pointer tag, but is not a pointer type"
            );
        }
        if is_scalar(t) {
            return arg(ArgType::ARG_ANYTHING);
        }
        if !global {
            return Err(Errno::EINVAL.into());
        }
        let (kind, name) = (kind_str(t), func.name());
        reject!(
            self,
            FunctionPrototype,
            EINVAL,
            "Arg#{i} type {kind} in {name}() is not supported yet."
        )
    }

    fn trusted_func_arg(&self, target: Type<'_>, i: usize, tags: Tags) -> Checked<SubprogArg> {
        if tags.contains(Tags::NONNULL) {
            return self.bad_tags(i);
        }
        let btf_id = self.kernel_type_of(target, i)?;
        let mut arg_type = ArgType::ARG_PTR_TO_BTF_ID | Flag::PTR_TRUSTED;
        if tags.contains(Tags::NULLABLE) {
            arg_type = arg_type | Flag::PTR_MAYBE_NULL;
        }
        Ok(SubprogArg {
            arg_type,
            mem_size: 0,
            btf_id,
        })
    }

    fn untrusted_func_arg(&self, target: Type<'_>, i: usize, tags: Tags) -> Checked<SubprogArg> {
        if tags != Tags::UNTRUSTED {
            return reject!(
                self,
                ArgumentTag,
                EINVAL,
                "arg#{i} untrusted cannot be combined with any other tags"
            );
        }
        if is_void(target) || is_scalar(target) {
            return arg(ArgType::ARG_PTR_TO_MEM | Flag::MEM_RDONLY | Flag::PTR_UNTRUSTED);
        }
        let btf_id = self.kernel_type_of(target, i)?;
        Ok(SubprogArg {
            arg_type: ArgType::ARG_PTR_TO_BTF_ID | Flag::PTR_UNTRUSTED,
            mem_size: 0,
            btf_id,
        })
    }

    /// Memory of as many bytes as the type has.
    fn mem_func_arg(
        &self,
        btf: &Btf,
        target: Type<'_>,
        i: usize,
        tags: Tags,
    ) -> Checked<SubprogArg> {
        if tags.contains(Tags::NULLABLE) {
            return self.bad_tags(i);
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
        let mut arg_type = ArgType::ARG_PTR_TO_MEM | Flag::PTR_MAYBE_NULL;
        if tags.contains(Tags::NONNULL) {
            arg_type = ArgType::ARG_PTR_TO_MEM;
        }
        Ok(SubprogArg {
            arg_type,
            mem_size,
            btf_id: 0,
        })
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
                "untrusted" if self.input.profile.has(Rule::UNTRUSTED_ARGS) => Tags::UNTRUSTED,
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
        if matches!(typ, ProgType::Kprobe | ProgType::PerfEvent) {
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
            ProgType::Kprobe | ProgType::PerfEvent => is_struct && name == "pt_regs",
            ProgType::RawTracepoint
            | ProgType::RawTracepointWritable
            | ProgType::Lsm
            | ProgType::StructOps => is_u64,
            ProgType::Tracing => match attach {
                AttachType::TraceRawTp => is_struct && name == "bpf_raw_tracepoint_args" || is_u64,
                AttachType::TraceIter => is_struct && name.starts_with("bpf_iter__"),
                _ => is_u64,
            },
            ProgType::Tracepoint | ProgType::Syscall | ProgType::Ext => true,
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
