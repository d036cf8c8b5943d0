// SPDX-License-Identifier: GPL-2.0-only
//! One instruction of the machine.

use bpf::insn::{CMPXCHG, FETCH, XCHG, alu as alu_op, class, jmp, mode};
use bpf::uapi::{Insn, pseudo};

use crate::code::{KFUNCS, Name, map};
use crate::interp::memory::{self, Byte, Kind, Life, Pointer, Value};
use crate::interp::{ENDLESS, FRAMES, Machine, Return, STEPS, Stop, misbehaves, unsupported};

impl Machine<'_> {
    pub(super) fn step(&mut self) -> Result<(), Stop> {
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
                Some(Name::Kfunc(kfunc)) => self.kfunc(KFUNCS[*kfunc]),
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
