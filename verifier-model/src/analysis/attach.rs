// SPDX-License-Identifier: GPL-2.0-only
//! Whether the program may attach where it wants to.
//!
//! Source: `check_attach_btf_id()` in `kernel/bpf/verifier.c`, `bpf_lsm_verify_prog()` in
//! `kernel/bpf/bpf_lsm.c`.

use bpf::program::AttachTarget;
use bpf::uapi::ProgType;

use crate::analysis::Known;
use crate::facts::btf_sets::BtfSet;
use crate::facts::rejection::{Checked, not_modelled};
use crate::input::Extends;
use crate::log::reject;

impl Known<'_> {
    /// Attach points that this model knows nothing of.
    pub(crate) fn check_attach(&mut self) -> Checked {
        use bpf::uapi::AttachType;
        let (typ, sleepable) = (self.input.prog.prog_type, self.input.prog.sleepable());
        if typ == ProgType::Syscall {
            if sleepable {
                return Ok(());
            }
            return reject!(
                self,
                ProgramCannotSleep,
                EINVAL,
                "Syscall programs can only be sleepable"
            );
        }
        let can_sleep = match typ {
            ProgType::Tracing => matches!(
                self.input.prog.expected_attach_type,
                AttachType::TraceFentry
                    | AttachType::TraceFexit
                    | AttachType::ModifyReturn
                    | AttachType::TraceIter
                    | AttachType::TraceFsession
                    | AttachType::TraceFentryMulti
                    | AttachType::TraceFexitMulti
                    | AttachType::TraceFsessionMulti
                    | AttachType::TraceRawTp
            ),
            ProgType::Lsm => self.input.prog.expected_attach_type != AttachType::LsmCgroup,
            ProgType::Kprobe
            | ProgType::StructOps
            | ProgType::RawTracepoint
            | ProgType::Tracepoint => true,
            _ => false,
        };
        if sleepable && (!can_sleep || self.input.extends.is_some()) {
            return reject!(
                self,
                ProgramCannotSleep,
                EINVAL,
                "Program of this type cannot be sleepable"
            );
        }
        if let Some(dst) = self.input.dst_prog.clone() {
            self.check_dst_prog(&dst)?;
            self.input.extends = self.input.extends.map(|_| Extends::Attached);
            return Ok(());
        }
        if typ == ProgType::Ext {
            return reject!(
                self,
                AttachTarget,
                EINVAL,
                "Tracing programs must provide btf_id"
            );
        }
        if matches!(typ, ProgType::Tracing | ProgType::Lsm) && self.input.prog.attach.is_none() {
            return not_modelled("tracing programs without a target");
        }
        if typ == ProgType::StructOps {
            return self.check_struct_ops_btf_id();
        }
        self.check_attach_func()?;
        if typ == ProgType::Lsm {
            return self.check_lsm_attach();
        }
        Ok(())
    }

    /// Whether an LSM program may attach where it wants to (`bpf_lsm_verify_prog`).
    pub(crate) fn check_lsm_attach(&self) -> Checked {
        let may_sleep = self.input.attaches_to_one_of(BtfSet::SleepableLsmHooks);
        if self.input.prog.sleepable() && !may_sleep {
            let name = self.input.attach_func_name();
            return reject!(self, ProgramCannotSleep, EINVAL, "{name} is not sleepable");
        }
        if !self.input.prog.gpl_compatible() {
            return reject!(
                self,
                Gpl,
                EINVAL,
                "LSM programs must have a GPL compatible license"
            );
        }
        let name = self.input.attach_func_name();
        let id = match self.input.prog.attach {
            Some(AttachTarget::Kernel { btf_id, .. }) => btf_id,
            _ => 0,
        };
        let why = if self.input.attaches_to_one_of(BtfSet::DisabledLsmHooks) {
            "disabled hook"
        } else if !name.starts_with("bpf_lsm_") {
            "wrong type name"
        } else {
            return Ok(());
        };
        reject!(
            self,
            AttachTarget,
            EINVAL,
            "attach_btf_id {id} points to {why} {name}"
        )
    }
}
