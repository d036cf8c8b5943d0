// SPDX-License-Identifier: GPL-2.0-only
//! Loops: counted, by `may_goto`, over an iterator, by `bpf_loop`; and the way out of them.

use crate::ast::{AluOp, Block, CmpOp, Mask, Operand, Place, Size, Walk};
use crate::code::Name;
use crate::lower::stmt::pick;
use crate::lower::{BUFFER_OFF, CELLS_OFF, FP, FuncId, Lower, Scope};

const GET_CURRENT_TASK_BTF: i32 = 158;

const LOOP: i32 = 181;

impl Lower<'_> {
    pub(super) fn count(&mut self, place: Place, n: u8, body: &Block) {
        let (top, out) = (self.asm.label(), self.asm.label());
        self.set(place, Operand::Imm(0), Size::D);
        self.asm.bind(top);
        let left = self.at(1, place);
        self.asm.jump_if_imm(CmpOp::Ge, true, left, n.into(), out);
        if self.scoped(Scope::Loop(out), body) {
            self.alu(AluOp::Add, true, place, Operand::Imm(1));
            self.asm.ja(top);
        }
        self.asm.bind(out);
    }

    pub(super) fn may_goto(&mut self, back: bool, body: &Block) -> bool {
        let (top, out) = (self.asm.label(), self.asm.label());
        self.asm.bind(top);
        if !back {
            self.asm.may_goto(out);
        }
        let goes_on = self.scoped(Scope::Loop(out), body);
        if goes_on {
            match back {
                true => self.asm.may_goto(top),
                false => self.asm.ja(top),
            }
        }
        let left = !back || goes_on || self.asm.is_used(out);
        self.asm.bind(out);
        left
    }

    pub(super) fn iterate(&mut self, walk: Walk, item: Option<Place>, body: &Block) {
        let old = self.stack;
        let (kind, slot) = match walk {
            Walk::Num(..) => ("num", self.alloc(8)),
            Walk::Bits => ("bits", self.alloc(16)),
            Walk::Cpus(_) => ("cpumask", self.alloc(16)),
            Walk::Seq(..) => ("testmod_seq", self.alloc(16)),
        };
        match walk {
            Walk::Num(from, to) | Walk::Seq(from, to) => {
                self.asm.mov_imm(2, from);
                self.asm.mov_imm(3, to);
            }
            Walk::Bits => {
                self.asm.mov(2, FP);
                self.asm.add_imm(2, BUFFER_OFF.into());
                self.asm.mov_imm(3, 1);
            }
            Walk::Cpus(mask) => self.mask(mask),
        }
        self.iter_call(kind, "new", slot);
        let depth = self.scopes.len();
        self.scopes.push(Scope::Iter(kind, slot));
        let (top, out) = (self.asm.label(), self.asm.label());
        self.asm.bind(top);
        self.iter_call(kind, "next", slot);
        self.asm.jump_if_imm(CmpOp::Eq, true, 0, 0, out);
        if let Some(item) = item {
            self.asm.load(Size::W, 1, 0, 0);
            self.put(item, 1);
        }
        if self.scoped(Scope::Loop(out), body) {
            self.asm.ja(top);
        }
        self.asm.bind(out);
        self.unwind(depth);
        self.scopes.truncate(depth);
        self.stack = old;
    }

    /// R2 = mask
    fn mask(&mut self, mask: Mask) {
        match (mask, self.held()) {
            (Mask::Held, Some(slot)) => self.asm.load(Size::D, 2, FP, slot),
            (Mask::Held | Mask::Possible, _) => {
                self.asm.kfunc("bpf_cpu_possible_mask");
                self.asm.mov(2, 0);
            }
            (Mask::Task, _) => {
                self.asm.helper(GET_CURRENT_TASK_BTF);
                let at = self.asm.insns.len();
                self.asm.names.push((at, Name::CpusPtr));
                self.asm.load(Size::D, 2, 0, 0);
            }
        }
    }

    pub(super) fn repeat(&mut self, n: Operand, callback: u8) {
        let first = match self.id {
            FuncId::Callback(i) => i + 1,
            _ => 0,
        };
        let Some(callback) = pick(first, self.program.callbacks.len(), callback) else {
            return;
        };
        self.get(1, n);
        self.asm.address_of(2, FuncId::Callback(callback));
        self.asm.mov(3, FP);
        self.asm.add_imm(3, CELLS_OFF.into());
        self.asm.mov_imm(4, 0);
        self.asm.helper(LOOP);
    }

    pub(super) fn break_(&mut self) -> bool {
        let found = self.scopes.iter().enumerate().rev();
        let found = found.filter_map(|(i, s)| match s {
            Scope::Loop(out) => Some((i, *out)),
            _ => None,
        });
        let Some((depth, out)) = { found }.next() else {
            return true;
        };
        self.unwind(depth);
        self.asm.ja(out);
        false
    }
}
