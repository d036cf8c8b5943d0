// SPDX-License-Identifier: GPL-2.0-only
//! A machine that runs a generated program and sees everything that goes wrong.
//!
//! It knows instructions and what helpers and kfuncs do, and nothing of how the verifier reasons.
//! Each register and each byte is tagged with what it is; each access, call and exit is checked.
//! What the program cannot know, [`Choices`] makes up, to its harm where possible: values of maps
//! change under it, masks lose their bits, an RCU section's objects vanish with it.
//!
//! The law that the verifier must keep: a program it accepts never misbehaves here.

mod alu;
mod call;
mod choices;
mod memory;
mod step;

use std::fmt::{self, Display, Formatter};

use crate::code::Code;
use crate::interp::memory::{Kind, ObjectId, Pointer, STACK, Value};

pub use self::choices::Choices;

/// Steps without a step of an iterator, a `may_goto` or a callback that no accepted program makes:
/// the verifier walks each of them, and its limit is a million.
const ENDLESS: u64 = 1_000_001;

/// Steps after which a run is given up, those of [`ENDLESS`] apart.
const STEPS: u64 = 20_000;

/// Nested calls, `MAX_CALL_FRAMES`.
const FRAMES: usize = 8;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Run {
    /// It came to its end.
    Ended,
    /// It was given up, for it is long or does what the machine does not know.
    GivenUp,
    /// It did what no program may do.
    Misbehaved(Misbehaviour),
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misbehaviour {
    /// At which instruction.
    pub insn: usize,
    /// What it did.
    pub what: String,
}

impl Display for Misbehaviour {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "instruction {}: {}", self.insn, self.what)
    }
}

/// Runs a program once.
pub fn run(code: &Code, choices: Choices) -> Run {
    let mut machine = Machine::new(code, choices);
    loop {
        match machine.step() {
            Ok(()) => {}
            Err(Stop::Ended) => return Run::Ended,
            Err(Stop::GivenUp) => return Run::GivenUp,
            Err(Stop::Misbehaves(what)) => {
                let insn = machine.at;
                return Run::Misbehaved(Misbehaviour { insn, what });
            }
        }
    }
}

/// Runs a program `runs` times; the first misbehaviour.
pub fn misbehaviour(code: &Code, seed: u64, runs: u64) -> Option<Misbehaviour> {
    (0..runs).find_map(|i| {
        match run(
            code,
            Choices::new(seed.wrapping_mul(31).wrapping_add(i), &code.insns),
        ) {
            Run::Misbehaved(m) => Some(m),
            Run::Ended | Run::GivenUp => None,
        }
    })
}

/// Why the machine stops.
enum Stop {
    Ended,
    GivenUp,
    Misbehaves(String),
}

fn misbehaves<T>(what: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Misbehaves(what.into()))
}

/// Something that the machine does not know.
fn unsupported<T>(_what: &str) -> Result<T, Stop> {
    Err(Stop::GivenUp)
}

/// What happens when a function returns.
#[derive(Debug, Clone, Copy)]
enum Return {
    Exit,
    Call,
    Loop {
        start: usize,
        index: u64,
        count: u64,
        context: Value,
    },
}

struct Frame {
    regs: [Value; 11],
    stack: ObjectId,
    back: Return,
    /// Where the caller goes on.
    pc: usize,
}

struct Machine<'a> {
    code: &'a Code,
    choices: Choices,
    objects: Vec<memory::Object>,
    iters: Vec<call::Iter>,
    frames: Vec<Frame>,
    /// The instruction that runs, and the next.
    at: usize,
    pc: usize,
    rcu_depth: u32,
    /// Number of the RCU section: one more with each that ends.
    section: u32,
    steps: u64,
    /// Steps since something ran down that must.
    idle: u64,
    /// How often `may_goto` goes on.
    may_goto: u64,
    maps: [ObjectId; super::code::MAPS.len()],
    array_value: ObjectId,
    hash_value: ObjectId,
    task: ObjectId,
    possible: ObjectId,
    /// Stands for the program's text: an offset is an instruction.
    text: ObjectId,
}

impl<'a> Machine<'a> {
    fn new(code: &'a Code, choices: Choices) -> Self {
        let mut m = Machine {
            code,
            choices,
            objects: Vec::new(),
            iters: Vec::new(),
            frames: Vec::new(),
            at: 0,
            pc: 0,
            rcu_depth: 0,
            section: 0,
            steps: 0,
            idle: 0,
            may_goto: 0,
            maps: [0; super::code::MAPS.len()],
            array_value: 0,
            hash_value: 0,
            task: 0,
            possible: 0,
            text: 0,
        };
        m.may_goto = m.choices.below(16);
        for i in 0..m.maps.len() {
            m.maps[i] = m.new_object(Kind::Map(i as i32), 0);
        }
        m.array_value = m.new_object(Kind::MapValue, 16);
        m.hash_value = m.new_object(Kind::MapValue, 16);
        m.task = m.new_object(Kind::Task, 0);
        m.possible = m.new_object(Kind::Mask, 0);
        m.text = m.new_object(Kind::Other, 0);
        let context = m.new_object(Kind::Context, 96);
        let mut regs = [Value::Undefined; 11];
        regs[1] = Value::Pointer(Pointer {
            object: context,
            offset: 0,
        });
        m.push_frame(regs, Return::Exit);
        m
    }

    fn push_frame(&mut self, mut regs: [Value; 11], back: Return) {
        let stack = self.new_object(Kind::Stack, STACK);
        regs[10] = Value::Pointer(Pointer {
            object: stack,
            offset: STACK as i64,
        });
        self.frames.push(Frame {
            regs,
            stack,
            back,
            pc: self.pc,
        });
    }

    fn enter_callback(
        &mut self,
        start: usize,
        index: u64,
        context: Value,
        back: Return,
    ) -> Result<(), Stop> {
        if self.frames.len() >= FRAMES {
            return misbehaves("calls nest too deep");
        }
        let mut regs = [Value::Undefined; 11];
        regs[1] = Value::Number(index);
        regs[2] = context;
        self.push_frame(regs, back);
        self.progress();
        self.pc = start;
        Ok(())
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("a function runs")
    }

    fn reg(&self, n: u8) -> Value {
        let frame = self.frames.last().expect("a function runs");
        frame.regs[usize::from(n).min(10)]
    }

    fn set(&mut self, n: u8, value: Value) {
        self.frame().regs[usize::from(n).min(9)] = value;
    }

    /// Something ran down that ends a loop.
    fn progress(&mut self) {
        self.idle = 0;
    }

    /// Whether an address is that of a function's start.
    fn function_at(&self, p: Pointer) -> Option<usize> {
        (p.object == self.text).then_some(p.offset as usize)
    }
}
