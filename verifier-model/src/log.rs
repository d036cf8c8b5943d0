// SPDX-License-Identifier: GPL-2.0-only
//! The verifier's log, printed as the kernel prints it.
//!
//! At level 1 the log holds the current path only: when the verifier goes back to an earlier
//! branch, what was printed since is dropped. At level 2 everything stays.
//!
//! Source: `kernel/bpf/log.c`.

use core::fmt;

use crate::env::Env;
use crate::reg_state::{ADD_CONST, BtfRef, DynptrType, Meta, RegState};
use crate::state::{BPF_REG_SIZE, Slot, VerifierState};
use crate::types::RegType;
use crate::uapi::Insn;

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
    /// 0 nothing, 1 the current path, 2 everything.
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

/// Prints like the kernel's `%#llx`: zero has a prefix too, other than in C.
pub struct Hex(pub u64);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// An unsigned number: small ones in decimal (`verbose_unum`).
pub struct Unum(pub u64);

impl fmt::Display for Unum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 <= u16::MAX.into() {
            write!(f, "{}", self.0)
        } else {
            Hex(self.0).fmt(f)
        }
    }
}

/// A signed number: small ones in decimal (`verbose_snum`).
pub struct Snum(pub i64);

impl fmt::Display for Snum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (i16::MIN.into()..=i16::MAX.into()).contains(&self.0) {
            write!(f, "{}", self.0)
        } else {
            Hex(self.0 as u64).fmt(f)
        }
    }
}

/// How far to indent so that what follows an instruction of `pos` characters is aligned.
pub const fn vlog_alignment(pos: usize) -> usize {
    let min = pos + 4;
    let at = if min > 40 { min } else { 40 };
    at.div_ceil(8) * 8 - pos - 1
}

impl DynptrType {
    /// As messages print it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "<invalid>",
            Self::Local => "local",
            Self::Ringbuf => "ringbuf",
            Self::Skb => "skb",
            Self::Xdp => "xdp",
            Self::SkbMeta => "skb_meta",
            Self::File => "file",
        }
    }
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
                return Some(crate::helpers::func_id_name(insn.imm));
            }
            self.kfunc(insn).map(|(k, _)| k.name.to_owned())
        };
        crate::disasm::disasm(
            self.insns.get(idx..).unwrap_or_default(),
            name,
            self.allow_ptr_leaks,
        )
    }

    fn reg_text(&self, frameno: usize, reg: &RegState) -> String {
        let mut out = String::new();
        let _ = self.write_reg(&mut out, frameno, reg);
        out
    }

    fn write_reg(&self, out: &mut String, frameno: usize, reg: &RegState) -> fmt::Result {
        use fmt::Write;
        let t = reg.typ;
        if reg.is_scalar() && reg.precise {
            out.push('P');
        }
        if reg.is_scalar() && reg.var_off.is_const() {
            return write!(out, "{}", Snum(reg.var_off.value as i64));
        }
        write!(out, "{t}")?;
        if t == RegType::PTR_TO_ARENA {
            return Ok(());
        }
        if t == RegType::PTR_TO_STACK {
            if frameno != reg.frameno() {
                write!(out, "[{}]", reg.frameno())?;
            }
            if reg.var_off.is_const() {
                let off = (reg.var_off.value as i64).wrapping_add(reg.delta.into());
                return write!(out, "{}", Snum(off));
            }
        }
        if t.base() == RegType::PTR_TO_BTF_ID
            && let Some((btf, id)) = reg.btf()
        {
            out.push_str(self.btf_type_name(btf, id));
        }
        out.push('(');
        let mut sep = "";
        macro_rules! attr {
            ($($arg:tt)*) => {{ out.push_str(sep); write!(out, $($arg)*)?; sep = ","; }};
        }
        if reg.id != 0 {
            attr!("id={}", reg.id & !ADD_CONST);
        }
        if reg.id & ADD_CONST != 0 {
            write!(out, "{:+}", reg.delta)?;
        }
        if reg.parent_id != 0 {
            attr!("parent_id={}", reg.parent_id);
        }
        if t.is_non_owning_ref() {
            attr!("non_own_ref");
        }
        if t.is_map_ptr()
            && let Some(map) = reg.map().and_then(|m| self.maps.get(m))
        {
            let name = map.kernel_name();
            if !name.is_empty() {
                attr!("map={name}");
            }
            attr!("ks={},vs={}", map.def.key_size, map.def.value_size);
        }
        if !reg.is_scalar() && reg.delta != 0 {
            attr!("off=");
            write!(out, "{}", Snum(reg.delta.into()))?;
        }
        if t.is_pkt_pointer() {
            attr!("r=");
            write!(out, "{}", Unum(reg.range() as i64 as u64))?;
        }
        if t.base() == RegType::PTR_TO_MEM {
            attr!("sz=");
            write!(out, "{}", Unum(reg.mem_size().into()))?;
        }
        if t == RegType::CONST_PTR_TO_DYNPTR
            && let Meta::Dynptr(kind, _) = reg.meta
        {
            attr!("type={}", kind.as_str());
        }
        if reg.var_off.is_const() {
            if reg.var_off.value != 0 {
                out.push_str(sep);
                write!(out, "imm={}", Snum(reg.var_off.value as i64))?;
            }
        } else {
            write_scalar_ranges(out, reg, &mut sep)?;
            if !reg.var_off.is_unknown() {
                out.push_str(sep);
                write!(out, "var_off={}", reg.var_off)?;
            }
        }
        out.push(')');
        Ok(())
    }

    /// The registers and slots of a frame, all or those touched since the last time.
    pub fn state_text(&self, vstate: &VerifierState, frameno: usize, print_all: bool) -> String {
        use fmt::Write;
        let mut out = String::new();
        let Some(state) = vstate.frames.get(frameno) else {
            return out;
        };
        if state.frameno != 0 {
            let _ = write!(out, " frame{}:", state.frameno);
        }
        for (i, reg) in state.regs.iter().enumerate() {
            if reg.typ == RegType::NOT_INIT {
                continue;
            }
            if !print_all && self.log.scratched_regs >> i & 1 == 0 {
                continue;
            }
            let _ = write!(out, " R{i}={}", self.reg_text(state.frameno, reg));
        }
        let mut i = 0;
        while i < state.stack.len() {
            let spi = i;
            i += 1;
            if !print_all && self.log.scratched_stack_slots >> (spi & 63) & 1 == 0 {
                continue;
            }
            let slot = &state.stack[spi];
            if slot
                .typ
                .iter()
                .all(|t| matches!(t, Slot::Invalid | Slot::Poison))
            {
                continue;
            }
            let off = |spi: usize| -((spi as i64 + 1) * BPF_REG_SIZE as i64);
            let types: String = slot.typ.iter().map(|t| slot_char(*t)).collect();
            match slot.typ[BPF_REG_SIZE - 1] {
                Slot::Spill => {
                    let n = slot.typ.iter().position(|t| *t == Slot::Spill).unwrap_or(0);
                    let reg = self.reg_text(state.frameno, &slot.reg);
                    let _ = write!(out, " fp{}={}{reg}", off(spi), &types[..n]);
                }
                Slot::Dynptr => {
                    let spi = spi + 1;
                    i += 1;
                    let Some(slot) = state.stack.get(spi) else {
                        continue;
                    };
                    let kind = match slot.reg.meta {
                        Meta::Dynptr(k, _) => k,
                        _ => DynptrType::Invalid,
                    };
                    let _ = write!(out, " fp{}=dynptr_{}(", off(spi), kind.as_str());
                    let mut sep = "";
                    if slot.reg.id != 0 {
                        let _ = write!(out, "id={}", slot.reg.id);
                        sep = ",";
                    }
                    if slot.reg.parent_id != 0 {
                        let _ = write!(out, "{sep}parent_id={}", slot.reg.parent_id);
                    }
                    out.push(')');
                }
                Slot::Iter => {
                    if slot.reg.id == 0 {
                        continue;
                    }
                    if let Some(it) = slot.reg.iter() {
                        let _ = write!(
                            out,
                            " fp{}=iter_{}(id={},state={},depth={})",
                            off(spi),
                            self.iter_type_str(it.btf, it.btf_id),
                            slot.reg.id,
                            it.state.as_str(),
                            it.depth
                        );
                    }
                }
                _ => {
                    let _ = write!(out, " fp{}={types}", off(spi));
                }
            }
        }
        if let Some((first, rest)) = vstate.refs.split_first()
            && first.id != 0
        {
            let _ = write!(out, " refs={}", first.id);
            for r in rest.iter().filter(|r| r.id != 0) {
                let _ = write!(out, ",{}", r.id);
            }
        }
        if state.in_callback_fn {
            out.push_str(" cb");
        }
        if state.in_async_callback_fn {
            out.push_str(" async_cb");
        }
        out.push('\n');
        out
    }

    /// Prints a frame of the current state (`print_verifier_state`).
    pub fn print_cur_state(&mut self, frameno: usize, print_all: bool) {
        if self.log.level == 0 {
            return;
        }
        let text = self.state_text(&self.cur, frameno, print_all);
        self.log.text.push_str(&text);
        if !print_all {
            self.log.mark_clean();
        }
    }

    /// Prints what the last instruction changed, behind it when nothing was printed since.
    pub fn print_insn_state(&mut self) {
        if self.log.level == 0 {
            return;
        }
        if self.log.prev_log_pos != 0 && self.log.prev_log_pos == self.log.end_pos() {
            let pos = self.log.prev_log_pos - 1;
            self.log.reset(pos);
            let pad = vlog_alignment(self.log.prev_insn_print_pos);
            self.log.print(format_args!("{:pad$};", ' '));
        } else {
            self.log.print(format_args!("{}:", self.insn_idx));
        }
        self.print_cur_state(self.cur.curframe(), false);
    }
}

fn slot_char(t: Slot) -> char {
    match t {
        Slot::Invalid => '?',
        Slot::Spill => 'r',
        Slot::Misc => 'm',
        Slot::Zero => '0',
        Slot::Dynptr => 'd',
        Slot::Iter => 'i',
        Slot::IrqFlag => 'f',
        Slot::Poison => 'p',
    }
}

/// Prints the bounds that say something; equal ones are joined, as in `umax=umax32=10`.
fn write_scalar_ranges(out: &mut String, reg: &RegState, sep: &mut &str) -> fmt::Result {
    use fmt::Write;
    let s32 = |v: i32| {
        if Snum(v.into()).is_decimal() {
            i64::from(v) as u64
        } else {
            u64::from(v as u32)
        }
    };
    let mut all = [
        ("smin", reg.smin() as u64, reg.smin() == i64::MIN),
        ("smax", reg.smax() as u64, reg.smax() == i64::MAX),
        ("umin", reg.umin(), reg.umin() == 0),
        ("umax", reg.umax(), reg.umax() == u64::MAX),
        ("smin32", s32(reg.s32_min()), reg.s32_min() == i32::MIN),
        ("smax32", s32(reg.s32_max()), reg.s32_max() == i32::MAX),
        ("umin32", reg.u32_min().into(), reg.u32_min() == 0),
        ("umax32", reg.u32_max().into(), reg.u32_max() == u32::MAX),
    ];
    let negative = |name: &str, val: u64| name.starts_with('s') && (val as i64) < 0;
    for i in 0..all.len() {
        let (name, val, omit) = all[i];
        if omit {
            continue;
        }
        write!(out, "{sep}{name}=")?;
        *sep = ",";
        for other in all.iter_mut().skip(i + 2).step_by(2) {
            if other.2 || other.1 != val || negative(other.0, other.1) != negative(name, val) {
                continue;
            }
            other.2 = true;
            write!(out, "{}=", other.0)?;
        }
        if name.starts_with('s') {
            write!(out, "{}", Snum(val as i64))?;
        } else {
            write!(out, "{}", Unum(val))?;
        }
    }
    Ok(())
}

impl Snum {
    fn is_decimal(&self) -> bool {
        (i16::MIN.into()..=i16::MAX.into()).contains(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_in_c() {
        assert_eq!(Hex(0).to_string(), "0x0");
        assert_eq!(Unum(65535).to_string(), "65535");
        assert_eq!(Unum(65536).to_string(), "0x10000");
        assert_eq!(Snum(-32769).to_string(), "0xffffffffffff7fff");
    }

    #[test]
    fn comments_are_aligned() {
        assert_eq!(vlog_alignment(20), 19);
        assert_eq!(vlog_alignment(36), 3);
        assert_eq!(vlog_alignment(37), 10);
    }
}
