// SPDX-License-Identifier: GPL-2.0-only
//! Packet data: pointers into it, and the legacy loads.
//!
//! Source: `check_packet_access()`, `may_access_direct_pkt_data()`, `check_ld_abs()` in `kernel/bpf/verifier.c`.

use bpf::insn::mode;
use bpf::uapi::{Insn, ProgType};

use crate::env::Env;
use crate::env::flow::Flow;
use crate::facts::access::Access;
use crate::facts::errno::{Check, Errno};
use crate::facts::limits::REG_NAMES;
use crate::facts::types::RegType;
use crate::log::verbose;
use crate::state::reg::RegState;

impl Env<'_> {
    /// A legacy load from the packet (`check_ld_abs`).
    pub fn check_ld_abs(&mut self, insn: &Insn) -> Check<Flow> {
        const CTX_REG: usize = 6;
        let fail = Err(Errno::EINVAL.into());
        let skb = matches!(
            self.prog.prog_type,
            ProgType::SocketFilter | ProgType::SchedCls | ProgType::SchedAct
        );
        if !skb {
            verbose!(
                self,
                "BPF_LD_[ABS|IND] instructions not allowed for this program type\n"
            );
            return fail;
        }
        if self.cur.frames[1..].iter().any(|f| f.in_callback_fn) {
            verbose!(self, "cannot use BPF_LD_[ABS|IND] within callback\n");
            return fail;
        }
        self.check_src_reg(CTX_REG)?;
        self.check_resource_leak(false, true, "BPF_LD_[ABS|IND]")?;
        let ctx = *self.reg(CTX_REG);
        if ctx.typ != RegType::PTR_TO_CTX {
            verbose!(self, "at the time of BPF_LD_ABS|IND R6 != pointer to skb\n");
            return fail;
        }
        if insn.mode() == mode::IND {
            self.check_src_reg(insn.src())?;
        }
        self.check_ptr_off_reg(&ctx, REG_NAMES[CTX_REG], false)?;
        self.clear_caller_saved_regs();
        self.mark_reg_unknown(0);
        if self.cur.curframe() == 0 {
            return Ok(Flow::Next);
        }
        // A load beyond the packet's end leaves the function.
        let idx = self.insn_idx;
        self.push_stack(idx + 1, idx, false)?;
        let zero = self.const_zero();
        self.regs()[0] = zero;
        self.prepare_func_exit()?;
        Ok(Flow::IdxUpdated)
    }

    /// Bounds of the packet as known from comparisons with its end.
    pub fn check_packet_access(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        zero_size_allowed: bool,
    ) -> Check {
        if reg.range() < 0 {
            verbose!(self, "{argname} offset is outside of the packet\n");
            return Err(Errno::EINVAL.into());
        }
        let range = reg.range() as u32;
        self.check_mem_region_access(reg, argname, off, size, range, zero_size_allowed)
    }

    /// Whether packet data may be read or written by loads, stores or a helper.
    pub fn may_access_direct_pkt_data(
        &self,
        helper_pkt_access: Option<bool>,
        access: Access,
    ) -> bool {
        use ProgType as P;
        match self.prog.prog_type {
            P::LwtIn
            | P::LwtOut
            | P::LwtSeg6local
            | P::SkReuseport
            | P::FlowDissector
            | P::CgroupSkb => access == Access::Read && helper_pkt_access.unwrap_or(true),
            P::SchedCls | P::SchedAct | P::Xdp | P::LwtXmit | P::SkSkb | P::SkMsg => {
                helper_pkt_access.unwrap_or(true)
            }
            P::CgroupSockopt => true,
            _ => false,
        }
    }
}
