// SPDX-License-Identifier: GPL-2.0-only
//! Indirect jumps: `gotox rX` to an address that was loaded from an instruction array.
//!
//! Such a map holds places in the program and is frozen. Where a jump may lead is read off all of a
//! function's arrays before the walk, and off the entries that the register may point to during it.
//!
//! Source: `check_indirect_jump()` in `kernel/bpf/verifier.c`.

use bpf::uapi::Insn;

use crate::analysis::jump_table::targets;
use crate::env::Env;
use crate::env::flow::Flow;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::facts::types::RegType;
use crate::log::reject;

/// Size of a place in the array as programs see it.
const ENTRY: u64 = 8;

impl Env<'_> {
    /// `gotox`: one path for each place that the register may hold (`check_indirect_jump`).
    pub(crate) fn check_indirect_jump(&mut self, insn: &Insn) -> Checked<Flow> {
        let d = insn.dst();
        let reg = *self.reg(d);
        if reg.typ != RegType::PTR_TO_INSN {
            return reject!(
                self,
                JumpTable[d],
                EINVAL,
                "R{d} has type {}, expected PTR_TO_INSN",
                reg.typ
            );
        }
        let map = self.code.map_of(&reg)?.def;
        let (min, max) = (reg.umin(), reg.umax());
        for (bound, what) in [(min, "umin"), (max, "umax")] {
            if bound > u64::from(u32::MAX) * ENTRY {
                return reject!(
                    self,
                    JumpTable[d],
                    ERANGE,
                    "the sum of R{d} {what}_value {bound} is too big"
                );
            }
        }
        let (first, last, n) = (min / ENTRY, max / ENTRY, map.max_entries);
        if last >= n.into() {
            return reject!(
                self,
                JumpTable[d],
                EINVAL,
                "R{d} points to outside of jump table: [{first},{last}] max_entries {n}"
            );
        }
        let targets = targets(map, first as usize, last as usize);
        let Some((to, others)) = targets.split_last() else {
            return Err(Errno::EFAULT.into());
        };
        let (idx, speculative) = (self.path.insn_idx, self.path.cur.speculative);
        for other in others {
            self.push_stack(*other, idx, speculative)?;
        }
        self.path.insn_idx = *to;
        Ok(Flow::IdxUpdated)
    }
}
