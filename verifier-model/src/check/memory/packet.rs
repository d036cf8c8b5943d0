// SPDX-License-Identifier: GPL-2.0-only
//! Packet data: how far pointers into it reach, and who may follow them.
//!
//! Source: `check_packet_access()`, `may_access_direct_pkt_data()` in `kernel/bpf/verifier.c`.

use bpf::uapi::ProgType;

use crate::env::Env;
use crate::facts::access::Access;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::log::reject;
use crate::state::reg::RegState;

impl Env<'_> {
    /// Bounds of the packet as known from comparisons with its end.
    pub(crate) fn check_packet_access(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        zero_size_allowed: bool,
    ) -> Checked {
        let merged = self.input.profile.has(Rule::PACKET_OFFSETS_MERGED);
        if !merged && reg.smin() - i64::from(reg.delta) < 0 {
            return self.negative_index(argname);
        }
        let outside = format_args!("{argname} offset is outside of the packet");
        if reg.range() < 0 {
            return reject!(self, PacketBounds, EINVAL, "{outside}");
        }
        let range = reg.range() as u32;
        if merged {
            return self.check_mem_region_access(reg, argname, off, size, range, zero_size_allowed);
        }
        // How far the pointer was checked counts from behind the part of its offset that is not known.
        let off = off.wrapping_add(reg.delta);
        self.check_mem_bounds(reg, argname, off, size, range, zero_size_allowed)
            .map_err(|why| self.log.sum_up(why, None, outside))
    }

    /// Whether packet data may be read or written by loads, stores or a helper.
    pub(crate) fn may_access_direct_pkt_data(
        &self,
        helper_pkt_access: Option<bool>,
        access: Access,
    ) -> bool {
        match self.input.prog.prog_type {
            ProgType::LwtIn
            | ProgType::LwtOut
            | ProgType::LwtSeg6local
            | ProgType::SkReuseport
            | ProgType::FlowDissector
            | ProgType::CgroupSkb => access == Access::Read && helper_pkt_access.unwrap_or(true),
            ProgType::SchedCls
            | ProgType::SchedAct
            | ProgType::Xdp
            | ProgType::LwtXmit
            | ProgType::SkSkb
            | ProgType::SkMsg => helper_pkt_access.unwrap_or(true),
            ProgType::CgroupSockopt => true,
            _ => false,
        }
    }
}
