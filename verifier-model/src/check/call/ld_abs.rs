// SPDX-License-Identifier: GPL-2.0-only
//! Legacy loads from the packet, which leave the function where the packet is too short.
//!
//! Source: `check_ld_abs()` in `kernel/bpf/verifier.c`.

use bpf::insn::mode;
use bpf::uapi::{Insn, ProgType};

use crate::env::Env;
use crate::env::flow::Flow;
use crate::env::leaving::Leaving;
use crate::facts::limits::REG_NAMES;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::RegType;
use crate::log::reject;

impl Env<'_> {
    /// A legacy load from the packet (`check_ld_abs`).
    pub(crate) fn check_ld_abs(&mut self, insn: &Insn) -> Checked<Flow> {
        const CTX_REG: usize = 6;
        let skb = matches!(
            self.input.prog.prog_type,
            ProgType::SocketFilter | ProgType::SchedCls | ProgType::SchedAct
        );
        if !skb {
            return reject!(
                self,
                PacketLoad,
                EINVAL,
                "BPF_LD_[ABS|IND] instructions not allowed for this program type"
            );
        }
        let refused = self.input.profile.has(Rule::PACKET_LOADS_IN_CALLBACKS);
        if refused && self.path.cur.frames[1..].iter().any(|f| f.in_callback_fn) {
            return reject!(
                self,
                PacketLoad,
                EINVAL,
                "cannot use BPF_LD_[ABS|IND] within callback"
            );
        }
        self.check_src_reg(CTX_REG)?;
        self.check_resource_leak(Leaving::PacketLoad, true)?;
        let ctx = *self.reg(CTX_REG);
        if ctx.typ != RegType::PTR_TO_CTX {
            return reject!(
                self,
                PacketLoad,
                EINVAL,
                "at the time of BPF_LD_ABS|IND R6 != pointer to skb"
            );
        }
        if insn.mode() == mode::IND {
            self.check_src_reg(insn.src())?;
        }
        self.check_ptr_off_reg(&ctx, REG_NAMES[CTX_REG], false)?;
        self.clear_caller_saved_regs();
        self.mark_reg_unknown(0);
        if self.path.cur.curframe() == 0 {
            return Ok(Flow::Next);
        }
        // A load beyond the packet's end leaves the function.
        let idx = self.path.insn_idx;
        self.push_stack(idx + 1, idx, false)?;
        let zero = self.const_zero();
        self.regs()[0] = zero;
        self.prepare_func_exit()?;
        Ok(Flow::IdxUpdated)
    }
}
