// SPDX-License-Identifier: GPL-2.0-only
//! Where an indirect jump may lead: the places in the instruction arrays of its function.
//!
//! Source: `create_jt()` in `kernel/bpf/cfg.c`, `kernel/bpf/bpf_insn_array.c`.

use bpf::map::MapDef;
use bpf::uapi::MapType;

use crate::analysis::Known;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::log::reject;

impl Known<'_> {
    /// A program uses an instruction array (`bpf_insn_array_init`).
    pub(crate) fn init_insn_array(&self, m: usize) -> Checked {
        let map = self.code.maps[m].def;
        let last = map.max_entries.saturating_sub(1) as usize;
        let valid = |to: &usize| {
            let inside = to.checked_sub(1).and_then(|i| self.code.insns.get(i));
            *to < self.code.insns.len() && inside.is_none_or(|i| !i.is_ld_imm64())
        };
        if map.frozen && targets(map, 0, last).iter().all(valid) {
            return Ok(());
        }
        reject!(
            self,
            JumpTable,
            EINVAL,
            "Failed to properly initialize insn array"
        )
    }

    /// All places that a jump may lead to, by the arrays of its function (`create_jt`).
    pub(crate) fn create_jt(&self, t: usize) -> Checked<Vec<usize>> {
        let Some(s) = self.code.find_containing_subprog(t) else {
            return Err(Errno::EFAULT.into());
        };
        let (start, end) = (self.code.subprogs[s].start, self.code.subprogs[s + 1].start);
        let mut jt = Vec::new();
        for &m in &self.code.used_maps {
            let map = self.code.maps[m].def;
            if map.map_type == MapType::InsnArray {
                let all = targets(map, 0, map.max_entries.saturating_sub(1) as usize);
                if all.first().is_some_and(|to| (start..end).contains(to)) {
                    jt.extend(all);
                }
            }
        }
        if jt.is_empty() {
            return reject!(self @ t,
                JumpTable,
                EINVAL,
                "no jump tables found for subprog starting at {start}"
            );
        }
        jt.sort_unstable();
        jt.dedup();
        if jt.iter().any(|to| !(start..end).contains(to)) {
            return reject!(self @ t,
                JumpTable,
                EINVAL,
                "jump table for insn {t} points outside of the subprog [{start},{end}]"
            );
        }
        Ok(jt)
    }
}

/// Size of `struct bpf_insn_array_value`; it begins with the place.
const VALUE_SIZE: usize = 16;

/// Places in entries `first..=last`, ascending, each once.
pub(crate) fn targets(map: &MapDef, first: usize, last: usize) -> Vec<usize> {
    let at = |i: usize| {
        let bytes = map.contents.get(i * VALUE_SIZE..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes) as usize)
    };
    let mut targets: Vec<_> = (first..=last).map(|i| at(i).unwrap_or(0)).collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}
