// SPDX-License-Identifier: GPL-2.0-only
//! Contexts that are the arguments of a kernel function, by BTF.
//!
//! Source: `btf_ctx_access()` in `kernel/bpf/btf.c`; `ctx_arg_info` of BPF iterators.

use bpf::btf::{Kind, Type, is_void, kind_str};
use bpf::kernel::BtfRef;
use bpf::program::AttachTarget;
use bpf::uapi::{AttachType, ProgType};

use crate::analysis::target::{arg_idx, effective_type};
use crate::check::ctx::CtxInfo;
use crate::env::Env;
use crate::facts::btf_sets::BtfSet;
use crate::facts::errno::Errno;
use crate::facts::limits::MAX_BPF_FUNC_REG_ARGS;
use crate::facts::rejection::{Checked, not_modelled};
use crate::facts::rule::Rule;
use crate::facts::type_tags::type_tags;
use crate::facts::types::{Flag, RegType};
use crate::input::ctx::is_ctx_type;
use crate::input::target::DstProg;
use crate::log::verbose;

impl Env<'_> {
    /// Arguments of a traced function, by BTF.
    pub(crate) fn btf_ctx_access(&mut self, off: i32, size: i32) -> Checked<Option<CtxInfo>> {
        let name = self.input.attach_func_name();
        if !self.is_arg_offset(name, off) {
            return Ok(None);
        }
        let Some((bref, proto)) = self.input.attach_func_proto() else {
            return not_modelled("the context of a program without a kernel function");
        };
        let Some(btf) = self.input.btf(bref).cloned() else {
            return Err(Errno::EFAULT.into());
        };
        let attach = self.traced_attach_type();
        // The first argument of a tracepoint's function is not passed; offsets still count it.
        let skipped = usize::from(self.is_raw_tp(attach));
        let nr_args = proto.params().len().saturating_sub(skipped);
        let arg = arg_idx(&btf, proto, off);
        if !self.has_arg(name, arg, nr_args, passes_return_value(attach)) {
            return Ok(None);
        }
        let param = proto.params().nth(arg + skipped);
        let t = btf.skip_mods_and_typedefs(param.map_or(proto.type_id(), |p| p.type_id()));
        if is_passed_as_number(t) {
            let lsm = self.input.prog.prog_type == ProgType::Lsm && attach == AttachType::LsmMac;
            let range = if lsm && arg == nr_args {
                self.input.lsm_return_range()
            } else {
                None
            };
            return Ok(Some(CtxInfo {
                range,
                ..CtxInfo::SCALAR
            }));
        }
        if !self.is_ptr_access(name, arg, t, size) {
            return Ok(None);
        }
        let target = btf.skip_mods_and_typedefs(t.type_id());
        if !self.may_point_to(name, arg, t, target) {
            return Ok(None);
        }
        if let Some(info) = self.ctx_arg_info(attach, off, (bref, target))? {
            return Ok(Some(info));
        }
        let (mut typ, may_be_error) = self.traced_ptr_type(attach, arg, bref);
        if param.is_some_and(|p| p.name().ends_with("__nullable")) {
            typ = typ | Flag::PTR_MAYBE_NULL;
        }
        const TAGS: [(&str, Flag); 2] = [("user", Flag::MEM_USER), ("percpu", Flag::MEM_PERCPU)];
        let (flags, _) = type_tags(&btf, t, &TAGS);
        verbose!(
            self,
            "func '{name}' arg{arg} has btf_id {} type {} '{}'\n",
            target.id(),
            kind_str(target),
            target.name()
        );
        if may_be_error {
            // No message of a failure, and without a line's end.
            if self.log.level1() {
                verbose!(
                    self,
                    "marking pointer arg{arg} as scalar as it may encode error"
                );
            }
            return Ok(Some(CtxInfo::SCALAR));
        }
        Ok(Some(CtxInfo {
            btf: Some((bref, target.id())),
            ..CtxInfo::of(typ | flags)
        }))
    }

    /// The arguments of the function that is watched, and what it returns.
    pub(crate) fn dst_ctx_access(
        &mut self,
        dst: &DstProg,
        off: i32,
        size: i32,
    ) -> Checked<Option<CtxInfo>> {
        let Some((btf, func)) = dst.target() else {
            return Err(Errno::EFAULT.into());
        };
        let name = func.name();
        if !self.is_arg_offset(name, off) {
            return Ok(None);
        }
        let proto = dst.proto();
        let (arg, nr_args) = match proto {
            Some(proto) => (arg_idx(btf, proto, off), proto.params().len()),
            None => ((off / 8) as usize, MAX_BPF_FUNC_REG_ARGS),
        };
        let returns = passes_return_value(self.input.prog.expected_attach_type);
        if !self.has_arg(name, arg, nr_args, returns) {
            return Ok(None);
        }
        let Some(proto) = proto else {
            return Ok(Some(CtxInfo::SCALAR));
        };
        let param = proto.params().nth(arg);
        let t = btf.skip_mods_and_typedefs(param.map_or(proto.type_id(), |p| p.type_id()));
        if is_passed_as_number(t) {
            return Ok(Some(CtxInfo::SCALAR));
        }
        if !self.is_ptr_access(name, arg, t, size) {
            return Ok(None);
        }
        let target = btf.skip_mods_and_typedefs(t.type_id());
        if !self.may_point_to(name, arg, t, target) {
            return Ok(None);
        }
        if !target.is_composite() {
            return Ok(Some(CtxInfo::SCALAR));
        }
        let mut typ = RegType::PTR_TO_BTF_ID;
        if param.is_some_and(|p| p.name().ends_with("__nullable")) {
            typ = typ | Flag::PTR_MAYBE_NULL;
        }
        // The context of the program that is watched is its kernel's type here.
        let dst_type = effective_type(&dst.prog);
        if !is_ctx_type(dst_type, btf, t) {
            return Ok(None);
        }
        let (id, _) = self.input.kern_ctx_of(dst_type)?;
        Ok(Some(CtxInfo {
            btf: Some((BtfRef::VMLINUX, id)),
            ..CtxInfo::of(typ)
        }))
    }

    /// Whether an argument begins at the offset.
    fn is_arg_offset(&self, func: &str, off: i32) -> bool {
        if off % 8 == 0 {
            return true;
        }
        verbose!(self, "func '{func}' offset {off} is not multiple of 8\n");
        false
    }

    /// Whether there is such an argument; the value returned comes after the last.
    fn has_arg(&self, func: &str, arg: usize, nr_args: usize, returns: bool) -> bool {
        if arg < nr_args || arg == nr_args && returns {
            return true;
        }
        verbose!(self, "func '{func}' doesn't have {}-th argument\n", arg + 1);
        false
    }

    /// Whether the access is to the whole of a pointer.
    fn is_ptr_access(&self, func: &str, arg: usize, t: Type<'_>, size: i32) -> bool {
        if t.kind() != Kind::Ptr {
            verbose!(
                self,
                "func '{func}' arg{arg} '{}' has type {}. Only pointer access is allowed\n",
                if is_void(t) { "" } else { t.name() },
                kind_str(t)
            );
            return false;
        }
        if size != 8 {
            verbose!(self, "func '{func}' size {size} must be 8\n");
            return false;
        }
        true
    }

    /// Whether a pointer to `target` is passed; to what is no structure it is as a number.
    fn may_point_to(&self, func: &str, arg: usize, t: Type<'_>, target: Type<'_>) -> bool {
        let profile = &self.input.profile;
        let plain_void = t.type_id() == 0 || profile.has(Rule::CONST_VOID_ARGS);
        let known = profile.has(Rule::POINTER_ARGS)
            || target.is_composite()
            || target.kind() == Kind::Int
            || is_void(target) && plain_void;
        if !known {
            let kind = kind_str(target);
            verbose!(self, "func '{func}' arg{arg} type {kind} is not a struct\n");
        }
        known
    }

    fn traced_attach_type(&self) -> AttachType {
        match self.input.prog.attach {
            // A member's index stands in the same field, and is taken for what it is not.
            Some(AttachTarget::Kernel {
                member: Some(m), ..
            }) => AttachType::from_u32(m.index).unwrap_or(AttachType::StructOps),
            _ => self.input.prog.expected_attach_type,
        }
    }

    fn is_raw_tp(&self, attach: AttachType) -> bool {
        self.input.prog.prog_type == ProgType::Tracing && attach == AttachType::TraceRawTp
    }

    /// Pointers whose registers do not follow from BTF: what iterators and members of structures of
    /// operations say of their arguments (`ctx_arg_info`), and what is no structure.
    fn ctx_arg_info(
        &self,
        attach: AttachType,
        off: i32,
        (bref, target): (BtfRef, Type<'_>),
    ) -> Checked<Option<CtxInfo>> {
        let name = self.input.attach_func_name();
        let iter_args = &self.input.release.tables.iter_args;
        let iter_arg = (attach == AttachType::TraceIter)
            .then(|| iter_args.at(name, off))
            .flatten();
        if let Some(typ) = iter_arg.filter(|t| t.base() == RegType::PTR_TO_BUF) {
            return Ok(Some(CtxInfo::of(typ)));
        }
        let mut ctx_args = self.input.ctx_args.iter().zip(&self.path.ctx_refs);
        let ctx_arg = ctx_args
            .find(|(a, _)| a.offset == off)
            .map(|(a, id)| (*a, *id));
        if let Some((arg, _)) = ctx_arg.filter(|(a, _)| a.typ.base() == RegType::PTR_TO_ARENA) {
            return Ok(Some(CtxInfo::of(arg.typ)));
        }
        if !target.is_composite() {
            return Ok(Some(CtxInfo::SCALAR));
        }
        if let Some((arg, ref_id)) = ctx_arg {
            return Ok(Some(CtxInfo {
                btf: Some(arg.btf),
                ref_id,
                ..CtxInfo::of(arg.typ)
            }));
        }
        if let Some(mut typ) = iter_arg {
            let newly_trusted = matches!(name, "bpf_iter_task" | "bpf_iter_cgroup");
            if newly_trusted && !self.input.profile.has(Rule::ITER_CTX_TRUSTED) {
                typ = typ.without(Flag::PTR_TRUSTED);
            }
            return Ok(Some(CtxInfo {
                btf: Some((bref, target.id())),
                ..CtxInfo::of(typ)
            }));
        }
        if attach == AttachType::TraceIter && off != 0 && !iter_args.has(name) {
            return not_modelled(format!("arguments of the iterator {name}"));
        }
        Ok(None)
    }

    /// How far a pointer that is passed can be trusted, and whether it may be an error instead.
    fn traced_ptr_type(&self, attach: AttachType, arg: usize, bref: BtfRef) -> (RegType, bool) {
        let mut typ = RegType::PTR_TO_BTF_ID;
        let trusted = match self.input.prog.prog_type {
            ProgType::Tracing => matches!(attach, AttachType::TraceRawTp | AttachType::TraceIter),
            ProgType::Lsm => !self.input.attaches_to_one_of(BtfSet::UntrustedLsmHooks),
            ProgType::StructOps => true,
            _ => false,
        };
        if trusted && self.input.profile.has(Rule::TRUSTED_POINTERS) {
            typ = typ | Flag::PTR_TRUSTED;
        }
        if !self.is_raw_tp(attach) {
            return (typ, false);
        }
        let name = self.input.attach_func_name();
        let known = self.input.release.tables.raw_tp_null_args.of(name, arg);
        let (null, may_be_error) = known.unwrap_or((bref != BtfRef::VMLINUX, false));
        if null {
            typ = typ | Flag::PTR_MAYBE_NULL;
        }
        (typ, may_be_error)
    }
}

/// Whether the value that the function returned follows its arguments.
fn passes_return_value(attach: AttachType) -> bool {
    matches!(
        attach,
        AttachType::LsmMac
            | AttachType::LsmCgroup
            | AttachType::TraceFexit
            | AttachType::TraceFsession
            | AttachType::ModifyReturn
    )
}

fn is_passed_as_number(t: Type<'_>) -> bool {
    t.kind() == Kind::Int && t.size() <= 8 || t.is_any_enum() || t.is_composite()
}
