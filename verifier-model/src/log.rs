// SPDX-License-Identifier: GPL-2.0-only
//! The verifier's log, printed as the kernel prints it.
//!
//! At level 1 the log holds the current path only: when the verifier goes back to an earlier
//! branch, what was printed since is dropped. At level 2 everything stays.
//!
//! Source: `kernel/bpf/log.c`.

use core::fmt;

use bpf::kernel::BtfRef;
use bpf::uapi::{Insn, op, pseudo};

use crate::env::Env;

/// Where x86-64 has memory of `kmalloc()`, of `vmalloc()`, the kernel itself, and what a process has
/// mapped: an arena, unless it was told where to lie.
const DIRECT_MAP: u64 = 0xffff_8880_0000_0000;

const VMALLOC: u64 = 0xffff_c900_0000_0000;

const KERNEL_TEXT: u64 = 0xffff_ffff_8100_0000;

const USER: u64 = 0x7f00_0000_0000;

/// Prints to the log of `$env` (`verbose()`).
macro_rules! verbose {
    ($env:expr, $($arg:tt)*) => {
        if $env.log.level != 0 {
            $env.log.print(format_args!($($arg)*));
        }
    };
}
pub(crate) use verbose;

/// The log.
#[derive(Debug, Default)]
pub struct Log {
    /// What was printed.
    pub text: String,
    /// 0 nothing, 1 the current path, 2 everything, 4 messages alone.
    pub level: u32,
    /// End of the text after the last instruction; see [`Env::print_insn_state`].
    pub prev_log_pos: usize,
    /// Length of the last instruction's line.
    pub prev_insn_print_pos: usize,
    /// Line information last printed, by index.
    pub prev_linfo: Option<usize>,
    /// Registers touched since the state was last printed.
    pub scratched_regs: u32,
    /// Stack slots touched since then.
    pub scratched_stack_slots: u64,
}

impl Log {
    /// Appends.
    pub fn print(&mut self, args: fmt::Arguments<'_>) {
        let _ = fmt::write(&mut self.text, args);
    }

    /// Drops what was printed after `pos`.
    pub fn reset(&mut self, pos: usize) {
        if self.level != 0 && pos <= self.text.len() && self.text.is_char_boundary(pos) {
            self.text.truncate(pos);
        }
    }

    /// End of the text.
    pub fn end_pos(&self) -> usize {
        self.text.len()
    }

    /// The next source line is printed, whatever came before.
    pub fn forget_lines(&mut self) {
        self.prev_linfo = None;
    }

    /// Level 1 or 2.
    pub fn level1(&self) -> bool {
        self.level & 3 != 0
    }

    /// Level 2.
    pub fn level2(&self) -> bool {
        self.level & 2 != 0
    }

    /// Marks a register as touched.
    pub fn scratch_reg(&mut self, regno: usize) {
        self.scratched_regs |= 1 << (regno & 31);
    }

    /// Marks a stack slot as touched.
    pub fn scratch_slot(&mut self, spi: usize) {
        self.scratched_stack_slots |= 1 << (spi & 63);
    }

    /// Marks all as touched.
    pub fn scratch_all(&mut self) {
        self.scratched_regs = !0;
        self.scratched_stack_slots = !0;
    }

    /// Marks all as printed.
    pub fn mark_clean(&mut self) {
        self.scratched_regs = 0;
        self.scratched_stack_slots = 0;
    }
}

/// How far to indent so that what follows an instruction of `pos` characters is aligned.
pub const fn vlog_alignment(pos: usize) -> usize {
    let min = pos + 4;
    let at = if min > 40 { min } else { 40 };
    at.div_ceil(8) * 8 - pos - 1
}

impl Env<'_> {
    /// Prints the source line of an instruction, unless it was the last one printed.
    pub fn verbose_linfo(&mut self, insn_off: usize, prefix: fmt::Arguments<'_>) {
        if self.log.level == 0 {
            return;
        }
        let infos = &self.prog.line_info;
        let n = infos.partition_point(|l| l.insn_off as usize <= insn_off);
        let Some(i) = n.checked_sub(1) else { return };
        if self.log.prev_linfo == Some(i) {
            return;
        }
        let l = infos[i];
        if let Some(prev) = self.log.prev_linfo.map(|p| infos[p])
            && prev.file_name_off == l.file_name_off
            && prev.line() == l.line()
        {
            return;
        }
        let Some(btf) = &self.prog.btf else { return };
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
        self.log.prev_linfo = Some(i);
    }

    /// Name of a BTF type.
    pub fn btf_type_name(&self, btf: BtfRef, id: u32) -> &str {
        self.btf(btf)
            .and_then(|b| b.type_by_id(id))
            .map_or("", |t| t.name())
    }

    /// Kind of an iterator, from its structure's name.
    pub fn iter_type_str(&self, btf: BtfRef, id: u32) -> &str {
        let name = self.btf_type_name(btf, id);
        name.strip_prefix("bpf_iter_").unwrap_or("<invalid>")
    }

    /// The text of an instruction (`bpf_verbose_insn`).
    pub fn insn_text(&self, idx: usize) -> String {
        let name = |insn: &Insn| {
            if insn.is_helper_call() {
                return Some(crate::facts::helpers::func_id_name(insn.imm));
            }
            self.kfunc(insn).map(|(k, _)| k.name.to_owned())
        };
        let insns = self.insns.get(idx..).unwrap_or_default();
        let Some((address, &[mut low, mut high, ..])) = self.made_up_address(idx).zip(Some(insns))
        else {
            return bpf::disasm::disasm(insns, name, self.allow_ptr_leaks);
        };
        (low.imm, high.imm) = (address as i32, (address >> 32) as i32);
        bpf::disasm::disasm(&[low, high], name, self.allow_ptr_leaks)
    }

    /// What stands for the address that a `ld_imm64` would load from a kernel: no two maps have the
    /// same, and it looks like one of the kind, so that what follows is aligned as in a real log.
    fn made_up_address(&self, idx: usize) -> Option<u64> {
        if self.insns.get(idx)?.code != op::LD_IMM64 {
            return None;
        }
        let aux = &self.aux[idx];
        let value = |m: usize| {
            let start = match self.maps[m].def.map_extra {
                _ if self.arena != Some(m) => VMALLOC + ((m as u64) << 20),
                0 => USER,
                chosen => chosen,
            };
            start + u64::from(aux.map_off)
        };
        match (self.insns[idx].src_reg, aux.map) {
            (pseudo::MAP_VALUE | pseudo::MAP_IDX_VALUE, Some(m)) => Some(value(m)),
            (_, Some(m)) => Some(DIRECT_MAP + ((m as u64) << 12)),
            _ => aux.btf_var.is_some().then_some(KERNEL_TEXT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_aligned() {
        assert_eq!(vlog_alignment(20), 19);
        assert_eq!(vlog_alignment(36), 3);
        assert_eq!(vlog_alignment(37), 10);
    }
}
