// SPDX-License-Identifier: GPL-2.0-only
//! TODO

use bpf::uapi::MapType;

use crate::analysis::Known;
use crate::check::jump::indirect::targets;
use crate::facts::errno::{Check, Errno};
use crate::log::verbose;

impl Known<'_> {
    /// A program uses an instruction array (`bpf_insn_array_init`).
    pub(crate) fn init_insn_array(&self, m: usize) -> Check {
        let map = self.code.maps[m].def;
        let last = map.max_entries.saturating_sub(1) as usize;
        let valid = |to: &usize| {
            let inside = to.checked_sub(1).and_then(|i| self.code.insns.get(i));
            *to < self.code.insns.len() && inside.is_none_or(|i| !i.is_ld_imm64())
        };
        if map.frozen && targets(map, 0, last).iter().all(valid) {
            return Ok(());
        }
        verbose!(self, "Failed to properly initialize insn array\n");
        Err(Errno::EINVAL.into())
    }

    /// All places that a jump may lead to, by the arrays of its function (`create_jt`).
    pub(crate) fn create_jt(&self, t: usize) -> Check<Vec<usize>> {
        let fail = Err(Errno::EINVAL.into());
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
}
