// SPDX-License-Identifier: GPL-2.0-only
//! Contexts that are the arguments of a kernel function, by BTF.
//!
//! Source: `btf_ctx_access()` in `kernel/bpf/btf.c`; `ctx_arg_info` of BPF iterators.

use bpf::btf::{Kind, is_void, kind_str};
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
use crate::input::target::DstProg;
use crate::log::verbose;

impl Env<'_> {
    /// Arguments of a traced function, by BTF.
    pub(crate) fn btf_ctx_access(&mut self, off: i32, size: i32) -> Checked<Option<CtxInfo>> {
        let name = self.input.attach_func_name();
        if off % 8 != 0 {
            verbose!(self, "func '{name}' offset {off} is not multiple of 8\n");
            return Ok(None);
        }
        let Some((bref, proto)) = self.input.attach_func_proto() else {
            return not_modelled("the context of a program without a kernel function");
        };
        let Some(btf) = self.input.btf(bref).cloned() else {
            return Err(Errno::EFAULT.into());
        };
        let attach = match self.input.prog.attach {
            // A member's index stands in the same field, and is taken for what it is not.
            Some(AttachTarget::Kernel {
                member: Some(m), ..
            }) => AttachType::from_u32(m.index).unwrap_or(AttachType::StructOps),
            _ => self.input.prog.expected_attach_type,
        };
        let raw_tp =
            self.input.prog.prog_type == ProgType::Tracing && attach == AttachType::TraceRawTp;
        let params: Vec<_> = proto.params().collect();
        let slots = |id: u32| {
            let t = btf.skip_mods_and_typedefs(id);
            let size = if t.kind() == Kind::Ptr { 8 } else { t.size() };
            size.div_ceil(8) as i32 * 8
        };
        // The first argument of a tracepoint's function is not passed; offsets still count it.
        let mut end = 0;
        let mut arg = params.len() + 1;
        let all = params.iter().map(|p| p.type_id()).chain([proto.type_id()]);
        for (i, id) in all.enumerate() {
            end += slots(id);
            if off < end {
                arg = i;
                break;
            }
        }
        let params = if raw_tp {
            params.get(1..).unwrap_or_default()
        } else {
            &params[..]
        };
        let is_lsm = self.input.prog.prog_type == ProgType::Lsm;
        let type_id = if arg > params.len() {
            verbose!(self, "func '{name}' doesn't have {}-th argument\n", arg + 1);
            return Ok(None);
        } else if arg == params.len() {
            let returns = matches!(
                attach,
                AttachType::LsmMac
                    | AttachType::LsmCgroup
                    | AttachType::TraceFexit
                    | AttachType::TraceFsession
                    | AttachType::ModifyReturn
            );
            if !returns {
                verbose!(self, "func '{name}' doesn't have {}-th argument\n", arg + 1);
                return Ok(None);
            }
            proto.type_id()
        } else {
            params[arg].type_id()
        };
        let t = btf.skip_mods_and_typedefs(type_id);
        let small_int = t.kind() == Kind::Int && t.size() <= 8;
        if small_int || t.is_any_enum() || t.is_composite() {
            let mac = is_lsm && attach == AttachType::LsmMac && arg == params.len();
            let range = if mac {
                self.input.lsm_return_range()
            } else {
                None
            };
            return Ok(Some(CtxInfo {
                range,
                ..CtxInfo::SCALAR
            }));
        }
        if t.kind() != Kind::Ptr {
            if is_void(t) && arg == params.len() {
                verbose!(
                    self,
                    "func '{name}' arg{arg} '' has type UNKNOWN. Only pointer access is allowed\n"
                );
                return Ok(None);
            }
            verbose!(
                self,
                "func '{name}' arg{arg} '{}' has type {}. Only pointer access is allowed\n",
                t.name(),
                kind_str(t)
            );
            return Ok(None);
        }
        if size != 8 {
            verbose!(self, "func '{name}' size {size} must be 8\n");
            return Ok(None);
        }
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
        let target = btf.skip_mods_and_typedefs(t.type_id());
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
            let btf = Some((bref, target.id()));
            return Ok(Some(CtxInfo {
                typ,
                btf,
                ref_id: 0,
                range: None,
            }));
        }
        if attach == AttachType::TraceIter && off != 0 && !iter_args.has(name) {
            return not_modelled(format!("arguments of the iterator {name}"));
        }
        let mut typ = RegType::PTR_TO_BTF_ID;
        let trusted = match self.input.prog.prog_type {
            ProgType::Tracing => matches!(attach, AttachType::TraceRawTp | AttachType::TraceIter),
            ProgType::Lsm => !self.input.attaches_to_one_of(BtfSet::UntrustedLsmHooks),
            ProgType::StructOps => true,
            _ => false,
        };
        if trusted {
            typ = typ | Flag::PTR_TRUSTED;
        }
        if params
            .get(arg)
            .is_some_and(|p| p.name().ends_with("__nullable"))
        {
            typ = typ | Flag::PTR_MAYBE_NULL;
        }
        let mut may_be_error = false;
        if raw_tp {
            match self.input.release.tables.raw_tp_null_args.of(name, arg) {
                Some((null, error)) => {
                    if null {
                        typ = typ | Flag::PTR_MAYBE_NULL;
                    }
                    may_be_error = error;
                }
                None if bref != BtfRef::VMLINUX => typ = typ | Flag::PTR_MAYBE_NULL,
                None => {}
            }
        }
        const TAGS: [(&str, Flag); 2] = [("user", Flag::MEM_USER), ("percpu", Flag::MEM_PERCPU)];
        let (flags, _) = type_tags(&btf, t, &TAGS);
        typ = typ | flags;
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
            typ,
            btf: Some((bref, target.id())),
            ref_id: 0,
            range: None,
        }))
    }
}

impl Env<'_> {
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
        if off % 8 != 0 {
            verbose!(self, "func '{name}' offset {off} is not multiple of 8\n");
            return Ok(None);
        }
        let proto = dst.proto();
        let params: Vec<_> = proto.map_or_else(Vec::new, |p| p.params().collect());
        let arg = match proto {
            Some(proto) => arg_idx(btf, proto, off),
            None => (off / 8) as usize,
        };
        let nr_args = proto.map_or(MAX_BPF_FUNC_REG_ARGS, |_| params.len());
        let retval = matches!(
            self.input.prog.expected_attach_type,
            AttachType::TraceFexit | AttachType::TraceFsession
        );
        if arg > nr_args || arg == nr_args && !retval {
            verbose!(self, "func '{name}' doesn't have {}-th argument\n", arg + 1);
            return Ok(None);
        }
        let Some(proto) = proto else {
            return Ok(Some(CtxInfo::SCALAR));
        };
        let type_id = params.get(arg).map_or(proto.type_id(), |p| p.type_id());
        let t = btf.skip_mods_and_typedefs(type_id);
        if t.kind() == Kind::Int && t.size() <= 8 || t.is_any_enum() || t.is_composite() {
            return Ok(Some(CtxInfo::SCALAR));
        }
        if t.kind() != Kind::Ptr {
            verbose!(
                self,
                "func '{name}' arg{arg} '{}' has type {}. Only pointer access is allowed\n",
                if is_void(t) { "" } else { t.name() },
                kind_str(t)
            );
            return Ok(None);
        }
        if size != 8 {
            verbose!(self, "func '{name}' size {size} must be 8\n");
            return Ok(None);
        }
        if !btf.skip_mods_and_typedefs(t.type_id()).is_composite() {
            return Ok(Some(CtxInfo::SCALAR));
        }
        let mut typ = RegType::PTR_TO_BTF_ID;
        if params
            .get(arg)
            .is_some_and(|p| p.name().ends_with("__nullable"))
        {
            typ = typ | Flag::PTR_MAYBE_NULL;
        }
        // The context of the program that is watched is its kernel's type here.
        let dst_type = effective_type(&dst.prog);
        if !crate::input::ctx::is_ctx_type(dst_type, btf, t) {
            return Ok(None);
        }
        let (id, _) = self.input.kern_ctx_of(dst_type)?;
        Ok(Some(CtxInfo {
            btf: Some((BtfRef::VMLINUX, id)),
            ..CtxInfo::of(typ)
        }))
    }
}
