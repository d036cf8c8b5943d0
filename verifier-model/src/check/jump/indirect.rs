// SPDX-License-Identifier: GPL-2.0-only
//! Indirect jumps: `gotox rX` to an address that was loaded from an instruction array.
//!
//! Such a map holds places in the program and is frozen. Where a jump may lead is read off all of a
//! function's arrays before the walk, and off the entries that the register may point to during it.
//!
//! Source: `create_jt()`, `visit_gotox_insn()` in `kernel/bpf/cfg.c`, `check_indirect_jump()` in
//! `kernel/bpf/verifier.c`, `kernel/bpf/bpf_insn_array.c`.

use bpf::map::MapDef;
use bpf::uapi::{Insn, MapType};

use crate::env::Env;
use crate::env::flow::Flow;
use crate::facts::errno::{Check, Errno};
use crate::facts::types::RegType;
use crate::log::verbose;

/// Size of a place in the array as programs see it.
const ENTRY: u64 = 8;

/// Size of `struct bpf_insn_array_value`; it begins with the place.
const VALUE_SIZE: usize = 16;

/// Places in entries `first..=last`, ascending, each once.
fn targets(map: &MapDef, first: usize, last: usize) -> Vec<usize> {
    let at = |i: usize| {
        let bytes = map.contents.get(i * VALUE_SIZE..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes) as usize)
    };
    let mut targets: Vec<_> = (first..=last).map(|i| at(i).unwrap_or(0)).collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

impl Env<'_> {
    /// A program uses an instruction array (`bpf_insn_array_init`).
    pub fn init_insn_array(&mut self, m: usize) -> Check {
        let map = self.maps[m].def;
        let last = map.max_entries.saturating_sub(1) as usize;
        let valid = |to: &usize| {
            let inside = to.checked_sub(1).and_then(|i| self.insns.get(i));
            *to < self.insns.len() && inside.is_none_or(|i| !i.is_ld_imm64())
        };
        if map.frozen && targets(map, 0, last).iter().all(valid) {
            return Ok(());
        }
        verbose!(self, "Failed to properly initialize insn array\n");
        Err(Errno::EINVAL.into())
    }

    /// All places that a jump may lead to, by the arrays of its function (`create_jt`).
    pub fn create_jt(&mut self, t: usize) -> Check<Vec<usize>> {
        let fail = Err(Errno::EINVAL.into());
        let Some(s) = self.find_containing_subprog(t) else {
            return Err(Errno::EFAULT.into());
        };
        let (start, end) = (self.subprogs[s].start, self.subprogs[s + 1].start);
        let mut jt = Vec::new();
        for &m in &self.used_maps {
            let map = self.maps[m].def;
            if map.map_type == MapType::InsnArray {
                let all = targets(map, 0, map.max_entries.saturating_sub(1) as usize);
                if all.first().is_some_and(|to| (start..end).contains(to)) {
                    jt.extend(all);
                }
            }
        }
        if jt.is_empty() {
            verbose!(
                self,
                "no jump tables found for subprog starting at {start}\n"
            );
            return fail;
        }
        jt.sort_unstable();
        jt.dedup();
        if jt.iter().any(|to| !(start..end).contains(to)) {
            verbose!(
                self,
                "jump table for insn {t} points outside of the subprog [{start},{end}]\n"
            );
            return fail;
        }
        Ok(jt)
    }

    /// `gotox`: one path for each place that the register may hold (`check_indirect_jump`).
    pub fn check_indirect_jump(&mut self, insn: &Insn) -> Check<Flow> {
        let d = insn.dst();
        let reg = *self.reg(d);
        if reg.typ != RegType::PTR_TO_INSN {
            verbose!(self, "R{d} has type {}, expected PTR_TO_INSN\n", reg.typ);
            return Err(Errno::EINVAL.into());
        }
        let map = self.map_of(&reg)?.def;
        let (min, max) = (reg.umin(), reg.umax());
        for (bound, what) in [(min, "umin"), (max, "umax")] {
            if bound > u64::from(u32::MAX) * ENTRY {
                verbose!(self, "the sum of R{d} {what}_value {bound} is too big\n");
                return Err(Errno::ERANGE.into());
            }
        }
        let (first, last, n) = (min / ENTRY, max / ENTRY, map.max_entries);
        if last >= n.into() {
            verbose!(
                self,
                "R{d} points to outside of jump table: [{first},{last}] max_entries {n}\n"
            );
            return Err(Errno::EINVAL.into());
        }
        let targets = targets(map, first as usize, last as usize);
        let Some((to, others)) = targets.split_last() else {
            return Err(Errno::EFAULT.into());
        };
        let (idx, speculative) = (self.insn_idx, self.cur.speculative);
        for other in others {
            self.push_stack(*other, idx, speculative)?;
        }
        self.insn_idx = *to;
        Ok(Flow::IdxUpdated)
    }
}
