// SPDX-License-Identifier: GPL-2.0-only
//! Programs that attach to a function of another program, which is verified before.
//!
//! `fentry` and `fexit` watch the function: their context is its arguments. `freplace` stands in for
//! it: it is verified as a global function of a program of the target's type.
//!
//! ```text
//! target                                      extension
//! SEC("tc") int main(struct __sk_buff *)
//!   int get_len(struct __sk_buff *)   ◄────   SEC("freplace/get_len") int new_len(struct __sk_buff *)
//!     global, does not change packets           same prototype, may call what tc programs may,
//!                                               must not change packets either
//! ```
//!
//! Source: `bpf_check_attach_target()`, `check_attach_btf_id()` in `kernel/bpf/verifier.c`,
//! `btf_ctx_access()` in `kernel/bpf/btf.c`.

use bpf::btf::{Btf, Kind, Type};
use bpf::btf::{is_void, kind_str};
use bpf::kernel::BtfRef;
use bpf::program::{AttachTarget, ProgLoad};
use bpf::uapi::{AttachType as A, ProgType as P};

use crate::check::ctx::CtxInfo;
use crate::env::Env;
use crate::facts::errno::{Check, Errno, not_modelled};
use crate::facts::limits::MAX_BPF_FUNC_REG_ARGS;
use crate::facts::types::{Flag, RegType};
use crate::input::target::DstProg;
use crate::log::verbose;

impl Env<'_> {
    /// Whether the program may attach to a function of `dst`.
    pub(crate) fn check_dst_prog(&mut self, dst: &DstProg) -> Check {
        let Some((btf, t)) = dst.target() else {
            verbose!(
                self,
                "Tracing program can only be attached to another program annotated with BTF\n"
            );
            return Err(Errno::EINVAL.into());
        };
        let extends = self.extends.is_some();
        let name = t.name();
        let Some(func) = dst.func() else {
            verbose!(self, "Subprog {name} doesn't exist\n");
            return Err(Errno::EINVAL.into());
        };
        if func.is_main && dst.has_arena_ctx_arg {
            verbose!(
                self,
                "Cannot attach to a target with arena context arguments\n"
            );
            return Err(Errno::EOPNOTSUPP.into());
        }
        let refusal = if func.is_exception_cb {
            Some(match extends {
                true => "Extension programs cannot attach to exception callback",
                false => "Tracing programs cannot attach to exception callback",
            })
        } else if extends {
            let own = &self.subprogs[0];
            if func.unreliable {
                Some("Cannot replace static functions")
            } else if own.changes_pkt_data && !func.changes_pkt_data {
                Some("Extension program changes packet data, while original does not")
            } else if own.might_sleep && !func.might_sleep {
                Some("Extension program may sleep, while original does not")
            } else if dst.prog.prog_type == P::Ext {
                Some("Cannot recursively attach")
            } else if dst.prog.prog_type == P::Tracing && is_trampoline(dst) {
                Some("Cannot extend fentry/fexit/fsession")
            } else {
                None
            }
        } else if watches_tracing(&dst.prog) {
            Some("Cannot nest tracing program attach more than once")
        } else {
            None
        };
        if let Some(refusal) = refusal {
            verbose!(self, "{refusal}\n");
            return Err(Errno::EINVAL.into());
        }
        if extends {
            self.check_type_match(btf, t)?;
            let tracing = matches!(
                dst.prog.prog_type,
                P::Tracing | P::Lsm | P::StructOps | P::RawTracepoint
            );
            if tracing && dst.prog.attach.is_some() {
                return not_modelled("freplace of programs that attach to kernel functions");
            }
            return Ok(());
        }
        match self.prog.expected_attach_type {
            A::TraceFentry | A::TraceFexit | A::TraceFsession => {}
            A::ModifyReturn => {
                verbose!(self, "can't modify return codes of BPF programs\n");
                return Err(Errno::EINVAL.into());
            }
            A::TraceRawTp => {
                verbose!(
                    self,
                    "Only FENTRY/FEXIT/FSESSION progs are attachable to another BPF prog\n"
                );
                return Err(Errno::EINVAL.into());
            }
            _ => return Err(Errno::EINVAL.into()),
        }
        if self.prog.sleepable() {
            verbose!(self, "{name} is not sleepable\n");
            return Err(Errno::EINVAL.into());
        }
        Ok(())
    }

    /// The arguments of the function that is watched, and what it returns.
    pub(crate) fn dst_ctx_access(
        &mut self,
        dst: &DstProg,
        off: i32,
        size: i32,
    ) -> Check<Option<CtxInfo>> {
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
            self.prog.expected_attach_type,
            A::TraceFexit | A::TraceFsession
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
        let (id, _) = self.kern_ctx_of(dst_type)?;
        Ok(Some(CtxInfo {
            btf: Some((BtfRef::VMLINUX, id)),
            ..CtxInfo::of(typ)
        }))
    }
}

/// Whether a program is attached by a trampoline, and cannot be extended.
fn is_trampoline(dst: &DstProg) -> bool {
    matches!(
        dst.prog.expected_attach_type,
        A::TraceFentry
            | A::TraceFexit
            | A::TraceFentryMulti
            | A::TraceFexitMulti
            | A::TraceFsession
            | A::TraceFsessionMulti
    )
}

/// Whether a program is a tracing program that watches another.
fn watches_tracing(prog: &ProgLoad) -> bool {
    let target = match &prog.attach {
        Some(AttachTarget::Prog { prog, .. }) => prog.prog_type,
        _ => return false,
    };
    prog.prog_type == P::Tracing && target == P::Tracing
}

/// The type of a program, of an extension that of what it extends.
fn effective_type(prog: &ProgLoad) -> P {
    match &prog.attach {
        Some(AttachTarget::Prog { prog: dst, .. }) if prog.prog_type == P::Ext => dst.prog_type,
        _ => prog.prog_type,
    }
}

/// Which argument of a function is at an offset; one past the last is what it returns.
fn arg_idx(btf: &Btf, proto: Type<'_>, off: i32) -> usize {
    let ids = proto.params().map(|p| p.type_id()).chain([proto.type_id()]);
    let mut end = 0;
    let sizes = ids.map(|id| {
        let t = btf.skip_mods_and_typedefs(id);
        let size = if t.kind() == Kind::Ptr { 8 } else { t.size() };
        size.div_ceil(8) as i32 * 8
    });
    let count = proto.params().len() + 1;
    let mut at = sizes.map(|size| {
        end += size;
        end
    });
    at.position(|end| off < end).unwrap_or(count)
}
