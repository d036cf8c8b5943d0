// SPDX-License-Identifier: GPL-2.0-only
//! struct_ops programs: which member of which structure one implements, and its arguments.
//!
//! The suffixes of a stub's parameters say what the verifier may believe of a member's arguments:
//!
//! ```text
//! struct sched_ext_ops {
//!         void (*dispatch)(s32 cpu, struct task_struct *prev);
//! static void sched_ext_ops__dispatch(s32 prev_cpu, struct task_struct *prev__nullable) {}
//!                                                                           ^^^^^^^^^^
//!         __nullable   may be NULL               __arena, __arena__nullable   points into the arena
//!         __ref        comes with a reference
//! ```
//!
//! Source: `check_struct_ops_btf_id()` in `kernel/bpf/verifier.c`, `prepare_arg_info()` in
//! `kernel/bpf/bpf_struct_ops.c`.

use bpf::btf::{Btf, Kind, Type};
use bpf::kernel::BtfRef;
use bpf::program::AttachTarget;

use crate::analysis::Known;
use crate::facts::errno::Errno;
use crate::facts::rejection::{Checked, Rejection, not_modelled};
use crate::facts::struct_ops_types::Sleep;
use crate::facts::types::{Flag, RegType};
use crate::input::struct_ops::{CtxArg, StructOps, ctx_arg_offsets};
use crate::log::reject;

impl<'a> Known<'a> {
    /// Whether the program may implement the member it wants to.
    pub(crate) fn check_struct_ops_btf_id(&mut self) -> Checked {
        if !self.input.prog.gpl_compatible() {
            return reject!(
                self,
                Gpl,
                EINVAL,
                "struct ops programs must have a GPL compatible license"
            );
        }
        let Some(AttachTarget::Kernel {
            btf_obj,
            btf_id,
            member: Some(member),
        }) = self.input.prog.attach.as_ref()
        else {
            return Err(Errno::ENOTSUPP.into());
        };
        let bref = BtfRef::Kernel(*btf_obj);
        let btf: &'a Btf = match self.input.kernel.btf(*btf_obj) {
            Some(btf) => btf,
            None => return Err(Errno::ENOTSUPP.into()),
        };
        let t = btf
            .type_by_id(*btf_id)
            .filter(|t| t.kind() == Kind::Struct && has_value_type(btf, *t));
        let Some(t) = t else {
            return reject!(
                self,
                AttachTarget,
                ENOTSUPP,
                "attach_btf_id {btf_id} is not a supported struct"
            );
        };
        let (name, index) = (t.name(), member.index);
        let Some(m) = t.members().nth(index as usize) else {
            return reject!(
                self,
                AttachTarget,
                EINVAL,
                "attach to invalid member idx {index} of struct {name}"
            );
        };
        let Some((_, proto)) = self.input.attach_func_proto() else {
            return reject!(
                self,
                AttachTarget,
                EINVAL,
                "attach to invalid member {}(@idx {index}) of struct {name}",
                m.name()
            );
        };
        let known = self.input.release.tables.struct_ops.find(name);
        let stub = match known {
            Some(known) => known.stub(m.name()),
            None => Some(format!("{name}__{}", m.name())),
        };
        let without_stubs = stub.is_none();
        let stub = stub.and_then(|stub| btf.find_by_name_kind(&stub, Kind::Func));
        let refused = match (known, stub) {
            (Some(known), stub) if without_stubs || stub.is_some() => {
                match (known.sleep(m.name()), self.input.prog.sleepable()) {
                    (Sleep::Never, true) | (Sleep::Must, false) => Some(Errno::EINVAL),
                    _ => None,
                }
            }
            (Some(_), _) => Some(Errno::ENOTSUPP),
            (None, _) if self.input.prog.sleepable() => {
                return not_modelled(format!("whether programs of {name}.{} may sleep", m.name()));
            }
            (None, Some(_)) => None,
            (None, None) => {
                return not_modelled(format!(
                    "the arguments of {name}.{}, for which there is no function {name}__{}",
                    m.name(),
                    m.name()
                ));
            }
        };
        if let Some(errno) = refused {
            let member = m.name();
            let why = Rejection {
                kind: crate::facts::kind::Kind::AttachTarget,
                message: format!("attach to unsupported member {member} of struct {name}"),
                ..Rejection::silent(errno)
            };
            return self.log.reject("\n", why);
        }
        let private_stack = known.and_then(|known| known.private_stack(m.name()));
        self.input.struct_ops = Some(StructOps {
            name,
            member: m.name(),
            known,
            private_stack: private_stack
                .is_some_and(|f| btf.find_by_name_kind(f, Kind::Func).is_some()),
        });
        let stub = stub.and_then(|f| btf.type_by_id(f.type_id()));
        self.input.ctx_args = stub.map_or_else(Vec::new, |stub| arg_info(btf, bref, proto, stub));
        self.check_ctx_args(m.name())
    }

    fn check_ctx_args(&mut self, member: &str) -> Checked {
        let arena = |a: &CtxArg| a.typ.base() == RegType::PTR_TO_ARENA;
        if self.code.arena.is_none() && self.input.ctx_args.iter().any(arena) {
            return reject!(
                self,
                Arena,
                EINVAL,
                "arena argument of {member} requires a program with an associated arena"
            );
        }
        let tail_calls = self.code.subprogs.iter().any(|s| s.has_tail_call);
        if tail_calls && self.input.ctx_args.iter().any(|a| a.refcounted) {
            return reject!(
                self,
                TailCall,
                EINVAL,
                "program with __ref argument cannot tail call"
            );
        }
        Ok(())
    }
}

/// A structure has struct_ops maps if there is the type of their values.
fn has_value_type(btf: &Btf, t: Type<'_>) -> bool {
    let name = format!("bpf_struct_ops_{}", t.name());
    btf.find_by_name_kind(&name, Kind::Struct).is_some()
}

/// Arguments that the stub's suffixes tell of.
fn arg_info(btf: &Btf, bref: BtfRef, proto: Type<'_>, stub: Type<'_>) -> Vec<CtxArg> {
    let mut args = Vec::new();
    let offsets = ctx_arg_offsets(btf, proto);
    for ((param, named), offset) in proto.params().zip(stub.params()).zip(offsets) {
        let t = btf.skip_mods_and_typedefs(param.type_id());
        let mut arg = CtxArg {
            offset,
            typ: RegType::PTR_TO_BTF_ID | Flag::PTR_TRUSTED,
            btf: (bref, 0),
            refcounted: false,
        };
        if t.kind() != Kind::Ptr {
            continue;
        }
        arg.btf.1 = btf.skip_mods_and_typedefs(t.type_id()).id();
        let has = |suffix| named.name().ends_with(suffix);
        if has("__arena") || has("__arena__nullable") {
            arg.typ = RegType::PTR_TO_ARENA;
        } else if has("__nullable") {
            arg.typ = arg.typ | Flag::PTR_MAYBE_NULL;
        } else if has("__ref") {
            arg.refcounted = true;
        } else {
            continue;
        }
        args.push(arg);
    }
    args
}
