// SPDX-License-Identifier: GPL-2.0-only
//! What the log of level 2 shows of stack liveness: how stack pointers go through a function
//! ([`crate::analysis::arg_track::function`]), and which slots each of its instructions reads and writes.
//!
//! ```text
//! subprog#0: analyzing (depth 0)...
//!   0: (bf) r6 = r10     r6: _ -> fp0+0                what the instruction changes
//! arg JOIN insn 3 -> 5 r6: fp0-8 + _ => fp0-8|fp0+0    where paths meet
//! subprog#0 walk:
//!   7: (85) call bpf_iter_num_next#71943 // r1=fp0-8   pointers at loads, stores and calls
//! stack use/def subprog#0 walk (d0,cs0):
//!   7: (85) call bpf_iter_num_next#71943  ; use: fp0-8
//! ```
//!
//! Source: `arg_track_log()`, `arg_track_join()`, `print_subprog_arg_access()`, `print_instances()`
//! in `kernel/bpf/liveness.c`.

use core::fmt;

use bpf::insn::{MAX_BPF_REG, class};

use crate::analysis::Known;
use crate::analysis::arg_track::{ArgTrack, MAX_ARG_SPILL_SLOTS, Point};
use crate::analysis::liveness::instance::{Instance, Masks, Spis};
use crate::log::{verbose, vlog_alignment};

/// Slots of a frame that take part in liveness: halves come in pairs.
const SPIS: usize = Spis::BITS as usize / 2;

impl fmt::Display for ArgTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("_"),
            Self::Unvisited => f.write_str("?"),
            Self::Imprecise(frames) => write!(f, "IMP{frames:x}"),
            Self::Fp(frame, offs) if offs.is_unknown() => write!(f, "fp{frame} ?"),
            Self::Fp(frame, offs) => {
                for (i, off) in offs.as_slice().iter().enumerate() {
                    let or = if i > 0 { "|" } else { "" };
                    write!(f, "{or}fp{frame}{off:+}")?;
                }
                Ok(())
            }
        }
    }
}

/// A place that may hold a stack pointer.
#[derive(Clone, Copy)]
enum Place {
    Reg(usize),
    /// An argument for the function to be called, on the stack.
    StackArg(usize),
    Slot(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reg(r) => write!(f, "r{r}"),
            Self::StackArg(i) => write!(f, "sa{i}"),
            Self::Slot(slot) => write!(f, "fp{}", -8 * (*slot as i32 + 1)),
        }
    }
}

impl Point {
    /// What each place holds, in the kernel's order.
    fn places(&self) -> impl Iterator<Item = (Place, ArgTrack)> {
        let args = self.args.iter().enumerate().map(|(i, track)| {
            let place = match i.checked_sub(MAX_BPF_REG) {
                None => Place::Reg(i),
                Some(i) => Place::StackArg(i),
            };
            (place, *track)
        });
        let slot = |slot| (Place::Slot(slot), self.spills.get(slot));
        args.chain((0..MAX_ARG_SPILL_SLOTS).map(slot))
    }
}

impl Known<'_> {
    /// What an instruction changes (`arg_track_log`).
    pub(crate) fn log_arg_track(&mut self, idx: usize, before: &Point, after: &Point) {
        let mut changes = String::new();
        for ((place, old), (_, new)) in before.places().zip(after.places()) {
            if old != new {
                changes += &format!("\t{place}: {old} -> {new}");
            }
        }
        if !changes.is_empty() {
            let text = self.insn_text(idx);
            verbose!(self, "{idx:3}: {text}{changes}\n");
        }
    }

    /// What is no longer known where a path joins others (`arg_track_join`).
    pub(crate) fn log_arg_join(
        &mut self,
        edge: (usize, usize),
        old: &Point,
        out: &Point,
        new: &Point,
    ) {
        let (from, to) = edge;
        for (((place, old), (_, out)), (_, new)) in old.places().zip(out.places()).zip(new.places())
        {
            if old != new && old != ArgTrack::Unvisited {
                verbose!(
                    self,
                    "arg JOIN insn {from} -> {to} {place}: {old} + {out} => {new}\n"
                );
            }
        }
    }

    /// A function with the stack pointers that its loads, stores and calls find
    /// (`print_subprog_arg_access`).
    pub(crate) fn print_subprog_arg_access(&mut self, subprog: usize, points: &[Option<Point>]) {
        let start = self.code.subprogs[subprog].start;
        let name = self.fmt_subprog(subprog);
        verbose!(self, "{name}:\n");
        let mut i = 0;
        while i < points.len() {
            let insn = self.code.insns[start + i];
            let text = self.insn_text(start + i);
            verbose!(self, "{:3}: {text}", start + i);
            let accesses = matches!(insn.class(), class::LDX | class::STX) || insn.is_any_call();
            if let Some(point) = points[i].as_ref().filter(|_| accesses) {
                let pointers = point.places().filter(|(place, track)| {
                    track.is_fp() && !matches!(place, Place::Reg(r) if *r == MAX_BPF_REG - 1)
                });
                let pointers: String = pointers.map(|(p, t)| format!(" {p}={t}")).collect();
                if !pointers.is_empty() {
                    verbose!(self, " //{pointers}");
                }
            }
            verbose!(self, "\n");
            i += insn.slots();
        }
    }

    /// What every analysed call of a function reads and writes of stacks, by call site
    /// (`print_instances`).
    pub(crate) fn print_instances(&self) {
        for number in self.code.liveness.numbers() {
            self.print_instance(&self.code.liveness.instances[number]);
        }
    }

    fn print_instance(&self, inst: &Instance) {
        let (subprog, callsite, depth) = (inst.subprog, inst.callsite, inst.depth);
        let name = self.fmt_subprog(subprog);
        verbose!(self, "stack use/def {name} (d{depth},cs{callsite}):\n");
        let (mut idx, end) = (
            self.code.subprogs[subprog].start,
            self.code.subprogs[subprog + 1].start,
        );
        while idx < end {
            let text = self.insn_text(idx);
            let set = |of: fn(&Masks) -> Spis| {
                let frame = |frame| {
                    let masks = inst.masks(frame, idx);
                    (frame, masks.map_or(0, of))
                };
                fmt_frames(&(0..=depth).rev().map(frame).collect::<Vec<_>>())
            };
            let (usage, def) = (set(|m| m.may_read), set(|m| m.must_write));
            let line = format!("{idx:3}: {text}");
            verbose!(self, "{line}");
            if !usage.is_empty() || !def.is_empty() {
                verbose!(self, "{:1$};", ' ', vlog_alignment(line.len()));
            }
            if !usage.is_empty() {
                verbose!(self, " use: {usage}");
            }
            if !def.is_empty() {
                verbose!(self, " def: {def}");
            }
            verbose!(self, "\n");
            idx += self.code.insns[idx].slots();
        }
    }

    fn fmt_subprog(&self, subprog: usize) -> String {
        let name = self.input.subprog_name(subprog);
        let space = if name.is_empty() { "" } else { " " };
        format!("subprog#{subprog}{space}{name}")
    }
}

/// Room for the slots of one frame: what does not fit is not printed.
const TMP_STR_BUF_LEN: usize = 320;

/// Slots by frame, the innermost first.
fn fmt_frames(masks: &[(usize, Spis)]) -> String {
    let mut out = String::new();
    for &(frame, spis) in masks.iter().filter(|(_, spis)| *spis != 0) {
        let space = if out.is_empty() { "" } else { " " };
        let mut text = format!("{space}{}", fmt_spis_mask(frame, spis));
        text.truncate(TMP_STR_BUF_LEN - 1);
        out += &text;
    }
    out
}

/// Whole slots as `fp0-8`, three and more in a row as `fp0-8..-24`, halves as `fp0-4h` and `fp0-8h`,
/// which is the lower address (`fmt_spis_mask`).
fn fmt_spis_mask(frame: usize, spis: Spis) -> String {
    let halves = |spi: usize| (spis >> (2 * spi) & 3) as u8;
    let off = |spi: usize| -8 * (spi as i32 + 1);
    let whole = |from: usize| (from..SPIS).take_while(|&spi| halves(spi) == 3).count();
    let mut parts = Vec::new();
    let mut spi = 0;
    while spi < SPIS {
        let run = whole(spi);
        match (halves(spi), run) {
            (0, _) => {}
            (1, _) => parts.push(format!("fp{frame}{}h", off(spi) + 4)),
            (2, _) => parts.push(format!("fp{frame}{}h", off(spi))),
            (_, 1 | 2) => parts.push(format!("fp{frame}{}", off(spi))),
            _ => {
                parts.push(format!("fp{frame}{}..{}", off(spi), off(spi + run - 1)));
                spi += run - 1;
            }
        }
        spi += 1;
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_printed_in_runs_and_halves() {
        let text = |spis| fmt_spis_mask(1, spis);
        assert_eq!(text(0b11), "fp1-8");
        assert_eq!(text(0b0110), "fp1-8h fp1-12h");
        assert_eq!(text(0b1111), "fp1-8 fp1-16");
        assert_eq!(text(0b111111), "fp1-8..-24");
        assert_eq!(text(0b11_00_11_11_11_01), "fp1-4h fp1-16..-32 fp1-48");
        assert_eq!(text(Spis::MAX), "fp1-8..-512");
    }

    #[test]
    fn innermost_frames_come_first() {
        assert_eq!(
            fmt_frames(&[(2, 0b11), (1, 0), (0, 0b1100)]),
            "fp2-8 fp0-16"
        );
        let many = fmt_frames(&[(0, Spis::MAX / 3)]);
        assert_eq!(many.len(), TMP_STR_BUF_LEN - 1);
    }
}
