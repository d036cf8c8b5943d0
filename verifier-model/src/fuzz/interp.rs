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

use std::fmt::{self, Display, Formatter};

pub use self::choices::Choices;
use self::memory::{Byte, Kind, Life, ObjectId, Pointer, STACK, Value};
use super::code::{Code, Name, map};
use crate::insn::{CMPXCHG, FETCH, XCHG, alu as alu_op, class, jmp, mode};
use crate::uapi::{Insn, pseudo};

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

    fn step(&mut self) -> Result<(), Stop> {
        self.steps += 1;
        self.idle += 1;
        if self.idle > ENDLESS {
            return misbehaves("it never ends");
        }
        if self.steps - self.idle > STEPS {
            return Err(Stop::GivenUp);
        }
        self.at = self.pc;
        let Some(&insn) = self.code.insns.get(self.at) else {
            return misbehaves("it runs off its end");
        };
        self.pc += 1;
        match insn.class() {
            class::ALU | class::ALU64 => self.arithmetic(insn),
            class::JMP | class::JMP32 => self.jump(insn),
            class::LDX if insn.mode() == mode::MEM => self.load_insn(insn),
            class::ST if insn.mode() == mode::MEM => {
                let value = Value::Number(i64::from(insn.imm) as u64);
                let base = self.reg(insn.dst_reg);
                self.store(base, insn.off.into(), insn.size() as usize, value)
            }
            class::STX if insn.mode() == mode::MEM => {
                let (base, value) = (self.reg(insn.dst_reg), self.reg(insn.src_reg));
                self.store(base, insn.off.into(), insn.size() as usize, value)
            }
            class::STX if insn.mode() == mode::ATOMIC => self.atomic(insn),
            class::LD if insn.is_ld_imm64() => self.ld_imm64(insn),
            _ => unsupported("an instruction"),
        }
    }

    fn load_insn(&mut self, insn: Insn) -> Result<(), Stop> {
        let base = self.reg(insn.src_reg);
        let is_cpus_ptr = self.code.names.get(&self.at) == Some(&Name::CpusPtr);
        let value = match base {
            Value::Pointer(p) if is_cpus_ptr && p.object == self.task && p.offset == 0 => {
                let object = self.new_object(Kind::Mask, 0);
                self.objects[object].life = match self.in_rcu() {
                    true => Life::Section(self.section),
                    false => Life::Gone,
                };
                Value::Pointer(Pointer { object, offset: 0 })
            }
            _ => self.load(base, insn.off.into(), insn.size() as usize)?,
        };
        self.set(insn.dst_reg, value);
        Ok(())
    }

    fn arithmetic(&mut self, insn: Insn) -> Result<(), Stop> {
        let wide = insn.class() == class::ALU64;
        if insn.off != 0 || insn.op() == alu_op::END {
            return unsupported("sign extension");
        }
        let right = match (insn.op(), insn.src_is_reg()) {
            (alu_op::NEG, _) => Value::Number(0),
            (_, true) => self.reg(insn.src_reg),
            (_, false) => Value::Number(i64::from(insn.imm) as u64),
        };
        let left = self.reg(insn.dst_reg);
        let result = match wide {
            true => self.alu64(insn.op(), left, right)?,
            false => self.alu32(insn.op(), left, right)?,
        };
        self.set(insn.dst_reg, result);
        Ok(())
    }

    fn atomic(&mut self, insn: Insn) -> Result<(), Stop> {
        let (base, off, size) = (
            self.reg(insn.dst_reg),
            insn.off.into(),
            insn.size() as usize,
        );
        let old = self.load(base, off, size)?;
        let old = self.number(old)?;
        let by = self.number(self.reg(insn.src_reg))?;
        let new = match insn.imm {
            0 | FETCH => old.wrapping_add(by),
            XCHG => by,
            CMPXCHG if old == memory::cut(self.number(self.reg(0))?, size) => by,
            CMPXCHG => old,
            _ => return unsupported("an atomic operation"),
        };
        self.store(base, off, size, Value::Number(new))?;
        match insn.imm {
            CMPXCHG => self.set(0, Value::Number(old)),
            imm if imm & FETCH != 0 => self.set(insn.src_reg, Value::Number(old)),
            _ => {}
        }
        Ok(())
    }

    fn ld_imm64(&mut self, insn: Insn) -> Result<(), Stop> {
        let high = self.code.insns.get(self.pc).map_or(0, |i| i.imm);
        let to = |object, offset| Value::Pointer(Pointer { object, offset });
        let value = match insn.src_reg {
            0 => Value::Number(u64::from(high as u32) << 32 | u64::from(insn.imm as u32)),
            pseudo::FUNC => to(self.text, self.at as i64 + 1 + i64::from(insn.imm)),
            pseudo::MAP_IDX => match self.maps.get(insn.imm as usize) {
                Some(&map) => to(map, 0),
                None => return misbehaves("there is no such map"),
            },
            pseudo::MAP_IDX_VALUE if insn.imm == map::ARRAY => {
                to(self.array_value, i64::from(high))
            }
            _ => return unsupported("a constant"),
        };
        self.set(insn.dst_reg, value);
        self.pc += 1;
        Ok(())
    }

    fn jump(&mut self, insn: Insn) -> Result<(), Stop> {
        let taken = match insn.op() {
            jmp::CALL => return self.call(insn),
            jmp::EXIT => return self.exit(),
            jmp::JA => true,
            jmp::JCOND => {
                let goes_on = self.may_goto > 0;
                if goes_on {
                    self.may_goto -= 1;
                    self.progress();
                }
                !goes_on
            }
            op => {
                let right = match insn.src_is_reg() {
                    true => self.reg(insn.src_reg),
                    false => Value::Number(i64::from(insn.imm) as u64),
                };
                let wide = insn.class() == class::JMP;
                self.taken(op, wide, self.reg(insn.dst_reg), right)?
            }
        };
        if taken {
            self.go(insn.jmp_offset().into())?;
        }
        Ok(())
    }

    /// Jumps so far from the next instruction.
    fn go(&mut self, distance: i64) -> Result<(), Stop> {
        match usize::try_from(self.pc as i64 + distance) {
            Ok(pc) => {
                self.pc = pc;
                Ok(())
            }
            Err(_) => misbehaves("it runs off its start"),
        }
    }

    fn call(&mut self, insn: Insn) -> Result<(), Stop> {
        match insn.src_reg {
            0 => self.helper(insn.imm),
            pseudo::KFUNC_CALL => match self.code.names.get(&self.at) {
                Some(Name::Kfunc(kfunc)) => self.kfunc(super::code::KFUNCS[*kfunc]),
                _ => misbehaves("a call of nothing"),
            },
            pseudo::CALL => {
                if self.frames.len() >= FRAMES {
                    return misbehaves("calls nest too deep");
                }
                let mut regs = [Value::Undefined; 11];
                regs[1..6].copy_from_slice(&self.frame().regs[1..6]);
                self.push_frame(regs, Return::Call);
                self.go(insn.imm.into())
            }
            _ => unsupported("a call"),
        }
    }

    fn exit(&mut self) -> Result<(), Stop> {
        let result = self.reg(0);
        let number = self.number(result)?;
        let frame = self.frames.pop().expect("a function runs");
        if self.iter_lives_on(frame.stack) {
            return misbehaves("a function leaves an iterator behind");
        }
        self.objects[frame.stack].life = Life::Gone;
        self.objects[frame.stack].bytes.fill(Byte::Undefined);
        self.pc = frame.pc;
        match frame.back {
            Return::Exit => {
                self.nothing_held("the end")?;
                Err(Stop::Ended)
            }
            Return::Call => {
                let regs = &mut self.frame().regs;
                regs[..6].fill(Value::Undefined);
                regs[0] = result;
                Ok(())
            }
            Return::Loop {
                start,
                index,
                count,
                context,
            } => {
                if !matches!(result, Value::Number(0 | 1)) {
                    return misbehaves(format!("a callback returns {result:?}"));
                }
                let index = index + 1;
                if number == 1 || index == count {
                    self.set(0, Value::Number(index));
                    return Ok(());
                }
                let back = Return::Loop {
                    start,
                    index,
                    count,
                    context,
                };
                self.enter_callback(start, index, context, back)
            }
        }
    }
}
