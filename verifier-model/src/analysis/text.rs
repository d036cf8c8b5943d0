// SPDX-License-Identifier: GPL-2.0-only
//! Instructions and source lines as the log prints them.
//!
//! Source: `verbose_linfo()` in `kernel/bpf/log.c`, `bpf_verbose_insn()` in `kernel/bpf/verifier.c`.

use core::fmt;

use bpf::uapi::{Insn, op, pseudo};

use crate::analysis::Known;

/// Where x86-64 has memory of `kmalloc()`, of `vmalloc()`, the kernel itself, and what a process has
/// mapped: an arena, unless it was told where to lie.
const DIRECT_MAP: u64 = 0xffff_8880_0000_0000;

const VMALLOC: u64 = 0xffff_c900_0000_0000;

const KERNEL_TEXT: u64 = 0xffff_ffff_8100_0000;

const USER: u64 = 0x7f00_0000_0000;

impl Known<'_> {
    /// Prints the source line of an instruction, unless it was the last one printed.
    pub(crate) fn verbose_linfo(&self, insn_off: usize, prefix: fmt::Arguments<'_>) {
        if self.log.level == 0 {
            return;
        }
        let infos = &self.input.prog.line_info;
        let n = infos.partition_point(|l| l.insn_off as usize <= insn_off);
        let Some(i) = n.checked_sub(1) else { return };
        if self.log.prev_linfo.get() == Some(i) {
            return;
        }
        let l = infos[i];
        if let Some(prev) = self.log.prev_linfo.get().map(|p| infos[p])
            && prev.file_name_off == l.file_name_off
            && prev.line() == l.line()
        {
            return;
        }
        let Some(btf) = &self.input.prog.btf else {
            return;
        };
        let text = btf.str_at(l.line_off).unwrap_or("(invalid-name-offset)");
        let file = btf
            .str_at(l.file_name_off)
            .unwrap_or("(invalid-name-offset)");
        let file = file.rsplit('/').next().unwrap_or(file);
        let ltrim = |c: char| c.is_ascii_whitespace() || c == '\x0b';
        self.log.print(prefix);
        self.log.print(format_args!(
            "{} @ {file}:{}\n",
            text.trim_start_matches(ltrim),
            l.line()
        ));
        self.log.prev_linfo.set(Some(i));
    }

    /// The text of an instruction (`bpf_verbose_insn`).
    pub(crate) fn insn_text(&self, idx: usize) -> String {
        let name = |insn: &Insn| {
            if insn.is_helper_call() {
                return Some(self.input.release.tables.helpers.name(insn.imm).to_owned());
            }
            self.input.kfunc(insn).map(|(k, _)| k.name.to_owned())
        };
        let insns = self.code.insns.get(idx..).unwrap_or_default();
        let Some((address, &[mut low, mut high, ..])) = self.made_up_address(idx).zip(Some(insns))
        else {
            return bpf::disasm::disasm(insns, name, self.input.allow_ptr_leaks);
        };
        (low.imm, high.imm) = (address as i32, (address >> 32) as i32);
        bpf::disasm::disasm(&[low, high], name, self.input.allow_ptr_leaks)
    }

    /// What stands for the address that a `ld_imm64` would load from a kernel: no two maps have the
    /// same, and it looks like one of the kind, so that what follows is aligned as in a real log.
    pub(crate) fn made_up_address(&self, idx: usize) -> Option<u64> {
        if self.code.insns.get(idx)?.code != op::LD_IMM64 {
            return None;
        }
        let aux = &self.code.aux[idx];
        let value = |m: usize| {
            let start = match self.code.maps[m].def.map_extra {
                _ if self.code.arena != Some(m) => VMALLOC + ((m as u64) << 20),
                0 => USER,
                chosen => chosen,
            };
            start + u64::from(aux.map_off)
        };
        match (self.code.insns[idx].src_reg, aux.map) {
            (pseudo::MAP_VALUE | pseudo::MAP_IDX_VALUE, Some(m)) => Some(value(m)),
            (_, Some(m)) => Some(DIRECT_MAP + ((m as u64) << 12)),
            _ => aux.btf_var.is_some().then_some(KERNEL_TEXT),
        }
    }
}
