// SPDX-License-Identifier: GPL-2.0-only
//! Registers and states as text.
//!
//! Source: `print_reg_state()`, `print_verifier_state()` in `kernel/bpf/log.c`.

use core::fmt;

use crate::domain::number::{Snum, Unum};
use crate::env::Env;
use crate::facts::limits::BPF_REG_SIZE;
use crate::facts::types::RegType;
use crate::log::vlog_alignment;
use crate::state::reg::{ADD_CONST, About, DynptrType, RegState};
use crate::state::slot::Slot;
use crate::state::{FuncState, VerifierState};

impl Env<'_> {
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
            out.push_str(self.input.btf_type_name(btf, id));
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
        if self.is_non_owning_ref(t) {
            attr!("non_own_ref");
        }
        if t.is_map_ptr()
            && let Some(map) = reg.map().and_then(|m| self.code.maps.get(m))
        {
            let name = map.def.kernel_name();
            // What stands for the maps in a map has no name.
            let of_object = reg.map().is_some_and(|m| m < self.input.prog.maps.len());
            if of_object && !name.is_empty() {
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
            && let About::Dynptr(kind, _) = reg.about
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
    pub(crate) fn state_text(
        &self,
        vstate: &VerifierState,
        frameno: usize,
        print_all: bool,
    ) -> String {
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
            if !print_all && !self.log.reg_scratched(i) {
                continue;
            }
            let _ = write!(out, " R{i}={}", self.reg_text(state.frameno, reg));
        }
        let mut i = 0;
        while let Some(slot) = state.stack.get(i) {
            let spi = i;
            i += 1;
            let nothing = |t: &Slot| matches!(t, Slot::Invalid | Slot::Poison);
            if !print_all && !self.log.slot_scratched(spi) || slot.typ.iter().all(nothing) {
                continue;
            }
            // A dynptr is two slots; its first is the farther one.
            if slot.typ[BPF_REG_SIZE - 1] == Slot::Dynptr {
                i += 1;
            }
            self.write_stack_slot(&mut out, state, spi);
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

    fn write_stack_slot(&self, out: &mut String, state: &FuncState, spi: usize) {
        use fmt::Write;
        let Some(slot) = state.stack.get(spi) else {
            return;
        };
        let off = |spi: usize| -((spi as i64 + 1) * BPF_REG_SIZE as i64);
        match slot.typ[BPF_REG_SIZE - 1] {
            Slot::Spill => {
                let before = slot.typ.iter().take_while(|t| **t != Slot::Spill);
                let types: String = before.map(|t| slot_char(*t)).collect();
                let reg = self.reg_text(state.frameno, &slot.reg);
                let _ = write!(out, " fp{}={types}{reg}", off(spi));
            }
            Slot::Dynptr => {
                let Some(slot) = state.stack.get(spi + 1) else {
                    return;
                };
                let kind = match slot.reg.about {
                    About::Dynptr(k, _) => k,
                    _ => DynptrType::Invalid,
                };
                let _ = write!(out, " fp{}=dynptr_{}(", off(spi + 1), kind.as_str());
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
                    return;
                }
                if let Some(it) = slot.reg.iter() {
                    let _ = write!(
                        out,
                        " fp{}=iter_{}(id={},state={},depth={})",
                        off(spi),
                        self.input.iter_type_str(it.btf, it.btf_id),
                        slot.reg.id,
                        it.state.as_str(),
                        it.depth
                    );
                }
            }
            _ => {
                let types: String = slot.typ.iter().map(|t| slot_char(*t)).collect();
                let _ = write!(out, " fp{}={types}", off(spi));
            }
        }
    }

    /// Prints a frame of the current state (`print_verifier_state`).
    pub(crate) fn print_cur_state(&mut self, frameno: usize, print_all: bool) {
        if self.log.level == 0 {
            return;
        }
        let text = self.state_text(&self.path.cur, frameno, print_all);
        self.log.print(format_args!("{text}"));
        if !print_all {
            self.log.mark_clean();
        }
    }

    /// Prints what the last instruction changed, behind it when nothing was printed since.
    pub(crate) fn print_insn_state(&mut self) {
        if self.log.level == 0 {
            return;
        }
        if self.log.prev_log_pos.get() != 0 && self.log.prev_log_pos.get() == self.log.end_pos() {
            let pos = self.log.prev_log_pos.get() - 1;
            self.log.reset(pos);
            let pad = vlog_alignment(self.log.prev_insn_print_pos.get());
            self.log.print(format_args!("{:pad$};", ' '));
        } else {
            self.log.print(format_args!("{}:", self.path.insn_idx));
        }
        self.print_cur_state(self.path.cur.curframe(), false);
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
