// SPDX-License-Identifier: GPL-2.0-only
//! What programs, global functions and callbacks may return.
//!
//! Source: `check_return_code()`, `return_retval_range()`, `check_global_subprog_return_code()` in
//! `kernel/bpf/verifier.c`.

use bpf::uapi::{AttachType, ProgType};

use crate::env::Env;
use crate::env::flow::Flow;
use crate::env::leaving::Leaving;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::RegType;
use crate::log::reject;
use crate::state::RetvalRange;
use crate::state::reg::RegState;

impl Env<'_> {
    /// The value returned by the program or by an asynchronous callback.
    pub(crate) fn check_return_code(&mut self, regno: usize, reg_name: &str) -> Checked {
        let frame = &self.path.cur.frames[0];
        let in_async = frame.in_async_callback_fn;
        let mut range = frame.callback_ret_range;
        if !in_async && self.program_returns_void()? {
            return Ok(());
        }
        let ret_type = match self.input.prog.prog_type {
            ProgType::StructOps => self.input.struct_ops_ret_type(),
            _ => None,
        };
        // A pointer of the kernel's comes back with its reference, unmodified, or NULL does.
        let reg = *self.reg(regno);
        if ret_type.is_some()
            && reg.btf().map(|t| self.input.home_of(t)) == ret_type
            && self.reg_is_referenced(&reg)
        {
            return self.check_ptr_off_reg(&reg, &format!("R{regno}"), false);
        }
        self.check_src_reg(regno)?;
        if self.is_pointer_value(regno) {
            return reject!(
                self,
                AddressLeak[regno],
                EACCES,
                "R{regno} leaks addr as return value"
            );
        }
        let ctx = if in_async {
            "At async callback return"
        } else {
            if self.input.prog.prog_type == ProgType::StructOps && ret_type.is_none() {
                return Ok(());
            }
            match self.return_range()? {
                Some(r) => range = r,
                None => return Ok(()),
            }
            "At program exit"
        };
        let reg = *self.reg(regno);
        if !reg.is_scalar() {
            return reject!(
                self,
                ReturnValue[regno],
                EINVAL,
                "{ctx} the register R{regno} is not a known value ({})",
                reg.typ
            );
        }
        if self.input.profile.has(Rule::RETURNED_RANGES) {
            self.mark_chain_precision(regno)?;
        }
        if !self.allows(range, &reg) {
            let stop = self.invalid_scalar(&reg, range, ctx, reg_name);
            let lsm_cgroup = self.input.prog.prog_type == ProgType::Lsm
                && self.input.prog.expected_attach_type == AttachType::LsmCgroup;
            if lsm_cgroup && self.input.attach_returns_void() {
                let line = format_args!(
                    "Note, BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!"
                );
                return stop.map_err(|stop| self.log.sum_up(stop, None, line));
            }
            return stop;
        }
        Ok(())
    }

    /// The value returned by a global function: any scalar.
    pub(crate) fn check_global_subprog_return_code(&mut self) -> Checked {
        let subprog = self.path.cur.frame().subprogno;
        if self.subprog_returns_void(subprog) {
            return Ok(());
        }
        self.check_src_reg(0)?;
        if self.reg(0).typ == RegType::PTR_TO_ARENA {
            return Ok(());
        }
        if self.is_pointer_value(0) {
            return reject!(self, AddressLeak, EACCES, "R0 leaks addr as return value");
        }
        let reg = *self.reg(0);
        if !reg.is_scalar() {
            return reject!(
                self,
                ReturnValue,
                EINVAL,
                "At subprogram exit the register R0 is not a scalar value ({})",
                reg.typ
            );
        }
        Ok(())
    }

    /// Whether every value of `reg` may be returned.
    pub(crate) fn allows(&self, range: RetvalRange, reg: &RegState) -> bool {
        match self.input.profile.has(Rule::RETURNED_RANGES) {
            true => range.allows(reg),
            false => range.bits().contains(reg.var_off),
        }
    }

    /// Says what was returned and what may be (`verbose_invalid_scalar`).
    pub(crate) fn invalid_scalar(
        &self,
        reg: &RegState,
        range: RetvalRange,
        ctx: &str,
        reg_name: &str,
    ) -> Checked {
        if !self.input.profile.has(Rule::RETURNED_RANGES) {
            let is = match reg.var_off.is_unknown() {
                true => "unknown scalar value".to_owned(),
                false => format!("value ({:#x}; {:#x})", reg.var_off.value, reg.var_off.mask),
            };
            return reject!(
                self,
                ReturnValue,
                EINVAL,
                "{ctx} the register {reg_name} has {is} should have been in ({:#x}; {:#x})",
                range.bits().value,
                range.bits().mask
            );
        }
        let mut text = String::new();
        if reg.smin() > i64::MIN {
            text += &format!(" smin={}", reg.smin());
        }
        if reg.smax() < i64::MAX {
            text += &format!(" smax={}", reg.smax());
        }
        if text.is_empty() {
            text += " unknown scalar value";
        }
        let (lo, hi) = (range.minval, range.maxval);
        reject!(
            self,
            ReturnValue,
            EINVAL,
            "{ctx} the register {reg_name} has{text} should have been in [{lo}, {hi}]"
        )
    }

    /// What programs of this type may return; None for anything.
    fn return_range(&self) -> Checked<Option<RetvalRange>> {
        let r = |lo, hi| Ok(Some(RetvalRange::new(lo, hi)));
        let attach = self.input.prog.expected_attach_type;
        match self.input.prog.prog_type {
            ProgType::CgroupSockAddr => match attach {
                AttachType::CgroupUdp4Recvmsg
                | AttachType::CgroupUdp6Recvmsg
                | AttachType::CgroupUnixRecvmsg
                | AttachType::CgroupInet4Getpeername
                | AttachType::CgroupInet6Getpeername
                | AttachType::CgroupUnixGetpeername
                | AttachType::CgroupInet4Getsockname
                | AttachType::CgroupInet6Getsockname
                | AttachType::CgroupUnixGetsockname => r(1, 1),
                AttachType::CgroupInet4Bind | AttachType::CgroupInet6Bind => r(0, 3),
                _ => r(0, 1),
            },
            ProgType::CgroupSkb if attach == AttachType::CgroupInetEgress => r(0, 3),
            ProgType::CgroupSkb
            | ProgType::CgroupSock
            | ProgType::SockOps
            | ProgType::CgroupDevice
            | ProgType::CgroupSysctl
            | ProgType::CgroupSockopt
            | ProgType::SkLookup
            | ProgType::Netfilter => r(0, 1),
            ProgType::RawTracepoint => match self.input.prog.attach {
                None => Ok(None),
                Some(_) => r(0, 0),
            },
            ProgType::Tracing => match attach {
                AttachType::TraceFentry
                | AttachType::TraceFexit
                | AttachType::TraceFsession
                | AttachType::TraceFentryMulti
                | AttachType::TraceFexitMulti
                | AttachType::TraceFsessionMulti => r(0, 0),
                AttachType::TraceRawTp | AttachType::ModifyReturn => Ok(None),
                _ => r(0, 1),
            },
            ProgType::Kprobe => match attach {
                AttachType::TraceKprobeSession | AttachType::TraceUprobeSession => r(0, 1),
                _ => Ok(None),
            },
            ProgType::Lsm
                if attach != AttachType::LsmCgroup
                    && !self.input.profile.has(Rule::LSM_RETURNS) =>
            {
                Ok(None)
            }
            ProgType::Lsm => Ok(self.input.lsm_return_range()),
            ProgType::StructOps => r(0, 0),
            _ => Ok(None),
        }
    }

    fn program_returns_void(&self) -> Checked<bool> {
        if self.input.extends.is_some() {
            return Ok(self.subprog_returns_void(0));
        }
        Ok(match self.input.prog.prog_type {
            ProgType::Lsm => {
                self.input.prog.expected_attach_type != AttachType::LsmCgroup
                    && self.input.attach_returns_void()
            }
            ProgType::StructOps => self.input.attach_returns_void(),
            _ => false,
        })
    }
}

impl Env<'_> {
    /// The path ends in an exception.
    pub(crate) fn process_exception_exit(&mut self) -> Checked<Flow> {
        let check_sections =
            self.input.profile.has(Rule::THROW_CHECKS_RESOURCES) || self.path.cur.curframe() == 0;
        self.check_resource_leak(Leaving::Throw, check_sections)?;
        Ok(Flow::Exit)
    }
}
