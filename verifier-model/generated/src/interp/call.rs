// SPDX-License-Identifier: GPL-2.0-only
//! What helpers and kfuncs do, and what they ask of their arguments.

use crate::code::map;
use crate::interp::memory::{Byte, IterId, Kind, Life, ObjectId, Pointer, Value};
use crate::interp::{Machine, Return, Stop, misbehaves, unsupported};

/// Iterations of `bpf_loop()` and of `bpf_iter_num`: `BPF_MAX_LOOPS`.
const MAX_LOOPS: u64 = 8 << 20;

const EINVAL: i64 = -22;

const E2BIG: i64 = -7;

const ENOENT: i64 = -2;

/// An open-coded iterator.
#[derive(Debug)]
pub(super) struct Iter {
    kind: String,
    /// Where it lies.
    at: Pointer,
    live: bool,
    /// RCU section that it is bound to.
    section: Option<u32>,
    /// The next item and how many there are.
    next: i64,
    left: u64,
    item: ObjectId,
}

fn int(value: i64) -> Value {
    Value::Number(value as u64)
}

impl Machine<'_> {
    pub(super) fn helper(&mut self, id: i32) -> Result<(), Stop> {
        let result = match id {
            1 => self.map_lookup()?,
            7 => Value::Number(self.choices.number() & 0xffff_ffff),
            12 => {
                self.nothing_held("a tail call")?;
                if self.choices.one_in(2) {
                    return Err(Stop::Ended);
                }
                int(ENOENT)
            }
            158 => self.pointer(self.task),
            181 => return self.bpf_loop(),
            _ => return unsupported("a helper"),
        };
        self.returned(result);
        Ok(())
    }

    pub(super) fn kfunc(&mut self, name: &str) -> Result<(), Stop> {
        let result = match name {
            "bpf_rcu_read_lock" => {
                self.rcu_depth += 1;
                Value::Undefined
            }
            "bpf_rcu_read_unlock" => {
                if self.rcu_depth == 0 {
                    return misbehaves("RCU is unlocked that is not locked");
                }
                self.rcu_depth -= 1;
                if self.rcu_depth == 0 && self.code.kind.sleepable() {
                    self.section += 1;
                }
                Value::Undefined
            }
            "bpf_cpumask_create" if self.choices.one_in(4) => Value::Number(0),
            "bpf_cpumask_create" => {
                let mask = self.new_object(Kind::Mask, 0);
                self.objects[mask].count = 1;
                self.pointer(mask)
            }
            "bpf_cpumask_acquire" => {
                let mask = self.mask(self.reg(1))?;
                self.objects[mask].count += 1;
                self.pointer(mask)
            }
            "bpf_cpumask_release" => {
                let mask = self.mask(self.reg(1))?;
                self.release(mask)?;
                Value::Undefined
            }
            "bpf_cpu_possible_mask" => self.pointer(self.possible),
            "bpf_throw" => {
                self.nothing_held("bpf_throw()")?;
                return Err(Stop::Ended);
            }
            _ => match name
                .strip_prefix("bpf_iter_")
                .and_then(|n| n.rsplit_once('_'))
            {
                Some((kind, "new")) => self.iter_new(kind)?,
                Some((kind, "next")) => self.iter_next(kind)?,
                Some((kind, "destroy")) => self.iter_destroy(kind)?,
                _ => return unsupported("a kfunc"),
            },
        };
        self.returned(result);
        Ok(())
    }

    /// After a call: its result, and the argument registers are lost.
    fn returned(&mut self, result: Value) {
        let regs = &mut self.frame().regs;
        regs[..6].fill(Value::Undefined);
        regs[0] = result;
    }

    fn pointer(&self, object: ObjectId) -> Value {
        Value::Pointer(Pointer { object, offset: 0 })
    }

    pub(super) fn in_rcu(&self) -> bool {
        self.rcu_depth > 0 || !self.code.kind.sleepable()
    }

    /// Where control leaves for good, nothing may be held.
    pub(super) fn nothing_held(&self, what: &str) -> Result<(), Stop> {
        if self.objects.iter().any(|o| o.count > 0) {
            return misbehaves(format!("{what} leaks a reference"));
        }
        if self.iters.iter().any(|i| i.live) {
            return misbehaves(format!("{what} leaves an iterator behind"));
        }
        if self.rcu_depth > 0 {
            return misbehaves(format!("{what} leaves an RCU section open"));
        }
        Ok(())
    }

    fn map_lookup(&mut self) -> Result<Value, Stop> {
        let Value::Pointer(Pointer { object, offset: 0 }) = self.reg(1) else {
            return misbehaves("a lookup in what is no map");
        };
        let Kind::Map(map) = self.objects[object].kind else {
            return misbehaves("a lookup in what is no map");
        };
        let key = self.load(self.reg(2), 0, 4)?;
        let key = self.number(key)?;
        Ok(match map {
            map::ARRAY if key == 0 => self.pointer(self.array_value),
            map::HASH if self.choices.one_in(2) => self.pointer(self.hash_value),
            map::ARRAY | map::HASH => Value::Number(0),
            _ => return misbehaves("a lookup in a program array"),
        })
    }

    fn bpf_loop(&mut self) -> Result<(), Stop> {
        let count = u64::from(self.number(self.reg(1))? as u32);
        let Value::Pointer(callback) = self.reg(2) else {
            return misbehaves("the callback is no function");
        };
        let Some(start) = self.function_at(callback) else {
            return misbehaves("the callback is no function");
        };
        let context = self.reg(3);
        let flags = self.number(self.reg(4))?;
        if flags != 0 || count > MAX_LOOPS {
            self.returned(int(if flags != 0 { EINVAL } else { E2BIG }));
            return Ok(());
        }
        self.returned(Value::Number(0));
        if count > 0 {
            let back = Return::Loop {
                start,
                index: 0,
                count,
                context,
            };
            self.enter_callback(start, 0, context, back)?;
        }
        Ok(())
    }

    /// The mask that an argument points to.
    fn mask(&self, value: Value) -> Result<ObjectId, Stop> {
        match value {
            Value::Pointer(Pointer { object, offset: 0 })
                if self.objects[object].kind == Kind::Mask =>
            {
                match self.is_gone(object) {
                    true => misbehaves("a CPU mask is used that is gone"),
                    false => Ok(object),
                }
            }
            _ => misbehaves(format!("{value:?} is no CPU mask")),
        }
    }

    fn release(&mut self, mask: ObjectId) -> Result<(), Stop> {
        let section = self.section;
        let in_rcu = self.in_rcu();
        let object = &mut self.objects[mask];
        if object.count == 0 {
            return misbehaves("a CPU mask is released that is not held");
        }
        object.count -= 1;
        if object.count == 0 {
            object.life = match in_rcu {
                true => Life::Section(section),
                false => Life::Gone,
            };
        }
        Ok(())
    }

    /// Bytes on the stack that an iterator takes.
    fn iter_size(kind: &str) -> usize {
        if kind == "num" { 8 } else { 16 }
    }

    fn iter_new(&mut self, kind: &str) -> Result<Value, Stop> {
        let Value::Pointer(at) = self.reg(1) else {
            return misbehaves("an iterator is made in what is no memory");
        };
        if self.objects[at.object].kind != Kind::Stack {
            return misbehaves("an iterator is made outside the stack");
        }
        // Writing checks the bounds, and that no other iterator is there.
        for i in 0..Self::iter_size(kind) as i64 {
            self.store(self.reg(1), i, 1, Value::Number(0))?;
        }
        let (mut next, mut left, mut error, mut section) = (0, 0, 0, None);
        match kind {
            "num" => {
                let from = self.number(self.reg(2))? as i32;
                let to = self.number(self.reg(3))? as i32;
                let len = i64::from(to) - i64::from(from);
                match len {
                    ..0 => error = EINVAL,
                    _ if len as u64 > MAX_LOOPS => error = E2BIG,
                    _ => (next, left) = (from.into(), len as u64),
                }
            }
            "testmod_seq" => {
                next = self.number(self.reg(2))? as i64;
                let count = self.number(self.reg(3))? as i32;
                match count {
                    ..0 => error = EINVAL,
                    _ => left = count as u64,
                }
            }
            "bits" => {
                let words = self.number(self.reg(3))? as u32;
                self.number(self.reg(2))?;
                match words {
                    0 => error = EINVAL,
                    1..=511 => left = self.choices.below(u64::from(words) * 64 + 1),
                    _ => error = E2BIG,
                }
            }
            "cpumask" => {
                self.mask(self.reg(2))?;
                if !self.in_rcu() {
                    return misbehaves("a walk over CPUs begins outside an RCU section");
                }
                section = Some(self.section);
                left = self.choices.below(9);
            }
            _ => return unsupported("an iterator"),
        }
        let item = self.new_object(Kind::Item, if kind == "testmod_seq" { 8 } else { 4 });
        let id = self.iters.len();
        self.iters.push(Iter {
            kind: kind.to_owned(),
            at,
            live: true,
            section,
            next,
            left,
            item,
        });
        self.mark(at, Self::iter_size(kind), Byte::Iter(id));
        Ok(int(error))
    }

    fn mark(&mut self, at: Pointer, size: usize, byte: Byte) {
        let start = at.offset as usize;
        self.objects[at.object].bytes[start..start + size].fill(byte);
    }

    /// The live iterator of this kind that R1 points to.
    fn iter(&self, kind: &str) -> Result<IterId, Stop> {
        let Value::Pointer(at) = self.reg(1) else {
            return misbehaves("R1 points to no iterator");
        };
        let object = &self.objects[at.object];
        let byte = usize::try_from(at.offset)
            .ok()
            .and_then(|i| object.bytes.get(i));
        match byte {
            Some(Byte::Iter(id))
                if self.iters[*id].at == at
                    && self.iters[*id].kind == kind
                    && !self.is_gone(at.object) =>
            {
                Ok(*id)
            }
            _ => misbehaves("R1 points to no iterator of this kind"),
        }
    }

    fn iter_next(&mut self, kind: &str) -> Result<Value, Stop> {
        let id = self.iter(kind)?;
        let in_rcu = self.in_rcu();
        let section = self.section;
        let iter = &mut self.iters[id];
        if iter
            .section
            .is_some_and(|bound| bound != section || !in_rcu)
        {
            return misbehaves("a walk over CPUs goes on after its RCU section");
        }
        // The mask changes while it is walked: the rest may vanish.
        let vanishes =
            matches!(kind, "bits" | "cpumask") && iter.left > 0 && self.choices.one_in(8);
        if iter.left == 0 || vanishes {
            iter.left = 0;
            return Ok(Value::Number(0));
        }
        iter.left -= 1;
        let value = iter.next;
        if kind != "testmod_seq" {
            iter.next += match kind {
                "num" => 1,
                _ => 1 + self.choices.below(2) as i64,
            };
        }
        let item = iter.item;
        let bytes = (value as u64).to_le_bytes();
        for (to, byte) in self.objects[item].bytes.iter_mut().zip(bytes) {
            *to = Byte::Data(byte);
        }
        self.progress();
        Ok(self.pointer(item))
    }

    fn iter_destroy(&mut self, kind: &str) -> Result<Value, Stop> {
        let id = self.iter(kind)?;
        self.iters[id].live = false;
        self.mark(self.iters[id].at, Self::iter_size(kind), Byte::Undefined);
        Ok(Value::Undefined)
    }

    /// Whether a live iterator lies on this stack.
    pub(super) fn iter_lives_on(&self, stack: ObjectId) -> bool {
        self.iters.iter().any(|i| i.live && i.at.object == stack)
    }
}
