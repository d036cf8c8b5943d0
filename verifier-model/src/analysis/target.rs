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
//! Source: `bpf_check_attach_target()` in `kernel/bpf/verifier.c`.

use bpf::btf::{Btf, Kind, Type};
use bpf::program::{AttachTarget, ProgLoad};
use bpf::uapi::{AttachType, ProgType};

use crate::analysis::Known;
use crate::facts::errno::Errno;
use crate::facts::rejection::{Checked, not_modelled};
use crate::input::target::DstProg;
use crate::log::reject;

impl Known<'_> {
    /// Whether the program may attach to a function of `dst`.
    pub(crate) fn check_dst_prog(&mut self, dst: &DstProg) -> Checked {
        let Some((btf, t)) = dst.target() else {
            return reject!(
                self,
                AttachTarget,
                EINVAL,
                "Tracing program can only be attached to another program annotated with BTF"
            );
        };
        let extends = self.input.extends.is_some();
        let name = t.name();
        let Some(func) = dst.func() else {
            return reject!(self, AttachTarget, EINVAL, "Subprog {name} doesn't exist");
        };
        if func.is_main && dst.has_arena_ctx_arg {
            return reject!(
                self,
                AttachTarget,
                EOPNOTSUPP,
                "Cannot attach to a target with arena context arguments"
            );
        }
        let refusal = if func.is_exception_cb {
            Some(match extends {
                true => "Extension programs cannot attach to exception callback",
                false => "Tracing programs cannot attach to exception callback",
            })
        } else if extends {
            let own = &self.code.subprogs[0];
            if func.unreliable {
                Some("Cannot replace static functions")
            } else if own.changes_pkt_data && !func.changes_pkt_data {
                Some("Extension program changes packet data, while original does not")
            } else if own.might_sleep && !func.might_sleep {
                Some("Extension program may sleep, while original does not")
            } else if dst.prog.prog_type == ProgType::Ext {
                Some("Cannot recursively attach")
            } else if dst.prog.prog_type == ProgType::Tracing && is_trampoline(dst) {
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
            return reject!(self, AttachTarget, EINVAL, "{refusal}");
        }
        if extends {
            self.check_type_match(btf, t)?;
            let tracing = matches!(
                dst.prog.prog_type,
                ProgType::Tracing | ProgType::Lsm | ProgType::StructOps | ProgType::RawTracepoint
            );
            if tracing && dst.prog.attach.is_some() {
                return not_modelled("freplace of programs that attach to kernel functions");
            }
            return Ok(());
        }
        match self.input.prog.expected_attach_type {
            AttachType::TraceFentry | AttachType::TraceFexit | AttachType::TraceFsession => {}
            AttachType::ModifyReturn => {
                return reject!(
                    self,
                    AttachTarget,
                    EINVAL,
                    "can't modify return codes of BPF programs"
                );
            }
            AttachType::TraceRawTp => {
                return reject!(
                    self,
                    AttachTarget,
                    EINVAL,
                    "Only FENTRY/FEXIT/FSESSION progs are attachable to another BPF prog"
                );
            }
            _ => return Err(Errno::EINVAL.into()),
        }
        if self.input.prog.sleepable() {
            return reject!(self, ProgramCannotSleep, EINVAL, "{name} is not sleepable");
        }
        Ok(())
    }
}

/// Whether a program is attached by a trampoline, and cannot be extended.
fn is_trampoline(dst: &DstProg) -> bool {
    matches!(
        dst.prog.expected_attach_type,
        AttachType::TraceFentry
            | AttachType::TraceFexit
            | AttachType::TraceFentryMulti
            | AttachType::TraceFexitMulti
            | AttachType::TraceFsession
            | AttachType::TraceFsessionMulti
    )
}

/// Whether a program is a tracing program that watches another.
fn watches_tracing(prog: &ProgLoad) -> bool {
    let target = match &prog.attach {
        Some(AttachTarget::Prog { prog, .. }) => prog.prog_type,
        _ => return false,
    };
    prog.prog_type == ProgType::Tracing && target == ProgType::Tracing
}

/// The type of a program, of an extension that of what it extends.
pub(crate) fn effective_type(prog: &ProgLoad) -> ProgType {
    match &prog.attach {
        Some(AttachTarget::Prog { prog: dst, .. }) if prog.prog_type == ProgType::Ext => {
            dst.prog_type
        }
        _ => prog.prog_type,
    }
}

/// Which argument of a function is at an offset; one past the last is what it returns.
pub(crate) fn arg_idx(btf: &Btf, proto: Type<'_>, off: i32) -> usize {
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
