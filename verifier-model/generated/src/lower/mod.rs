// SPDX-License-Identifier: GPL-2.0-only
//! From statements to instructions.
//!
//! Registers: R0 to R5 are for the moment, R6 to R8 are [`Place::Reg`], R9 is what a function got
//! besides: the caller's cells, in the entry the context. Each function's stack:
//!
//! ```text
//! fp-32 … fp-1     four cells; their lowest address is what callees and callbacks get
//! fp-48 … fp-33    the buffer
//! fp-56            the key of a lookup
//! below            iterators, references and pointers of the blocks that are open
//! ```

mod asm;
mod loops;
mod stmt;

use std::collections::BTreeMap;

use bpf::uapi::pseudo;

use crate::ast::{Function, Operand, Place, Program, Size};
use crate::code::{Code, FuncType};
use crate::lower::asm::{Asm, Label};

/// Registers of a program's own places, and how many.
const REGS: u8 = 3;

const FIRST_REG: u8 = 6;

/// What a function got besides.
const R9: u8 = 9;

const FP: u8 = 10;

/// Cells of a function.
const CELLS: u8 = 4;

const CELLS_OFF: i16 = -32;

const BUFFER_OFF: i16 = -48;

const KEY_OFF: i16 = -56;

/// A function of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum FuncId {
    Main,
    Static(usize),
    Global(usize),
    Callback(usize),
}

/// Makes instructions of a program.
pub fn lower(program: &Program) -> Code {
    let mut code = Code {
        kind: program.kind,
        checkpoints: program.checkpoints,
        insns: Vec::new(),
        funcs: Vec::new(),
        names: BTreeMap::new(),
    };
    let mut starts: BTreeMap<FuncId, usize> = BTreeMap::new();
    let mut references = Vec::new();
    let mut wanted = vec![FuncId::Main];
    while let Some(id) = wanted.pop() {
        if starts.contains_key(&id) {
            continue;
        }
        let asm = function(program, id);
        let start = code.insns.len();
        starts.insert(id, start);
        code.funcs.push((start as u32, func_type(id)));
        code.insns.extend(asm.insns);
        for (at, name) in asm.names {
            code.names.insert(start + at, name);
        }
        for (at, callee) in asm.functions {
            references.push((start + at, callee));
            wanted.push(callee);
        }
    }
    for (at, callee) in references {
        code.insns[at].imm = starts[&callee] as i32 - at as i32 - 1;
        debug_assert!(matches!(
            code.insns[at].src_reg,
            pseudo::CALL | pseudo::FUNC
        ));
    }
    code
}

fn func_type(id: FuncId) -> FuncType {
    match id {
        FuncId::Main => FuncType::Main,
        FuncId::Static(_) => FuncType::Static,
        FuncId::Global(_) => FuncType::Global,
        FuncId::Callback(_) => FuncType::Callback,
    }
}

fn function(program: &Program, id: FuncId) -> Asm {
    let function: &Function = match id {
        FuncId::Main => &program.main,
        FuncId::Static(i) => &program.statics[i],
        FuncId::Global(i) => &program.globals[i],
        FuncId::Callback(i) => &program.callbacks[i],
    };
    let mut l = Lower {
        program,
        id,
        asm: Asm::default(),
        scopes: Vec::new(),
        stack: KEY_OFF,
        regs: [false; REGS as usize],
        r9: false,
    };
    if l.block(&function.body) {
        l.leave(function.result);
    }
    l.asm.resolve();
    l.with_prologue()
}

/// What is open where a statement is.
#[derive(Clone, Copy)]
enum Scope {
    /// An iterator of this kind at this offset of the stack.
    Iter(&'static str, i16),
    /// A reference, kept there.
    Held(i16),
    /// A map's value, its address kept there.
    Found(i16),
    /// An RCU section.
    Rcu,
    /// A loop that `break` leaves by this label.
    Loop(Label),
}

struct Lower<'a> {
    program: &'a Program,
    id: FuncId,
    asm: Asm,
    scopes: Vec<Scope>,
    /// Lowest offset of the stack in use.
    stack: i16,
    /// Registers of places in use.
    regs: [bool; REGS as usize],
    r9: bool,
}

impl Lower<'_> {
    /// The function with its registers set up; those it does not use are left alone.
    fn with_prologue(self) -> Asm {
        let mut asm = Asm::default();
        let args = match self.id {
            FuncId::Main => 0,
            FuncId::Static(_) | FuncId::Global(_) => 2,
            FuncId::Callback(_) => 1,
        };
        for reg in (0..REGS).filter(|r| self.regs[usize::from(*r)]) {
            match reg < args {
                true => asm.mov(FIRST_REG + reg, 1 + reg),
                false => asm.mov_imm(FIRST_REG + reg, 0),
            }
        }
        if self.r9 {
            asm.mov(R9, 1 + args);
        }
        let shift = asm.insns.len();
        asm.insns.extend(self.asm.insns);
        let names = self.asm.names.into_iter();
        asm.names = names.map(|(at, name)| (at + shift, name)).collect();
        let functions = self.asm.functions.into_iter();
        asm.functions = functions.map(|(at, f)| (at + shift, f)).collect();
        asm
    }

    /// Gives back what is open from scope `from` on, innermost first.
    fn unwind(&mut self, from: usize) {
        for i in (from..self.scopes.len()).rev() {
            match self.scopes[i] {
                Scope::Iter(kind, slot) => self.iter_call(kind, "destroy", slot),
                Scope::Held(slot) => {
                    self.asm.load(Size::D, 1, FP, slot);
                    self.asm.kfunc("bpf_cpumask_release");
                }
                Scope::Rcu => self.asm.kfunc("bpf_rcu_read_unlock"),
                Scope::Found(_) | Scope::Loop(_) => {}
            }
        }
    }

    /// `return value`
    fn leave(&mut self, value: Operand) {
        self.unwind(0);
        self.get(0, value);
        self.asm.exit();
    }

    fn iter_call(&mut self, kind: &str, method: &str, slot: i16) {
        self.asm.mov(1, FP);
        self.asm.add_imm(1, slot.into());
        self.asm.kfunc(&format!("bpf_iter_{kind}_{method}"));
    }

    /// Room on the stack until `self.stack` is set back.
    fn alloc(&mut self, bytes: i16) -> i16 {
        self.stack -= bytes;
        self.stack
    }

    fn reg(&mut self, n: u8) -> u8 {
        let n = n % REGS;
        self.regs[usize::from(n)] = true;
        FIRST_REG + n
    }

    /// Base register and offset of a place in memory.
    fn memory_of(&mut self, place: Place) -> (u8, i16) {
        let off = |n: u8| 8 * i16::from(n % CELLS);
        match (place, self.id) {
            (Place::Outer(n), FuncId::Static(_) | FuncId::Callback(_)) => {
                self.r9 = true;
                (R9, off(n))
            }
            (Place::Reg(n) | Place::Cell(n) | Place::Outer(n), _) => (FP, CELLS_OFF + off(n)),
        }
    }

    /// `to = value`
    fn get(&mut self, to: u8, value: Operand) {
        match value {
            Operand::Imm(imm) => self.asm.mov_imm(to, imm),
            Operand::At(Place::Reg(n)) => {
                let reg = self.reg(n);
                self.asm.mov(to, reg);
            }
            Operand::At(place) => {
                let (base, off) = self.memory_of(place);
                self.asm.load(Size::D, to, base, off);
            }
        }
    }

    /// The register that holds a place's value: its own, or `scratch` after loading.
    fn at(&mut self, scratch: u8, place: Place) -> u8 {
        match place {
            Place::Reg(n) => self.reg(n),
            _ => {
                self.get(scratch, Operand::At(place));
                scratch
            }
        }
    }

    /// `to = from`
    fn put(&mut self, to: Place, from: u8) {
        match to {
            Place::Reg(n) => {
                let reg = self.reg(n);
                if reg != from {
                    self.asm.mov(reg, from);
                }
            }
            _ => {
                let (base, off) = self.memory_of(to);
                self.asm.store(Size::D, base, off, from);
            }
        }
    }
}
