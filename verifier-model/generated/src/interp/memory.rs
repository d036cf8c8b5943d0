// SPDX-License-Identifier: GPL-2.0-only
//! Values and memory: every byte knows what it is part of.

use crate::interp::{Machine, Stop, misbehaves};

/// Number of an object.
pub(super) type ObjectId = usize;

/// Number of an iterator.
pub(super) type IterId = usize;

/// What a register holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing was written.
    Undefined,
    /// A number.
    Number(u64),
    /// An address in an object.
    Pointer(Pointer),
}

/// An address: so many bytes into an object, or off its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pointer {
    pub(super) object: ObjectId,
    pub(super) offset: i64,
}

/// A byte of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Byte {
    /// Nothing was written: it may read as anything.
    Undefined,
    /// A byte of a number.
    Data(u8),
    /// The byte of an address, from the lowest.
    Part(Pointer, u8),
    /// Of a live iterator.
    Iter(IterId),
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The stack of a function that runs.
    Stack,
    /// A map, by its place in `MAPS`.
    Map(i32),
    /// A map's value: other CPUs write it at any time.
    MapValue,
    /// What an iterator's `next` points to.
    Item,
    /// The program's context.
    Context,
    /// A CPU mask.
    Mask,
    /// `struct task_struct` of the current task.
    Task,
    /// Something else of the kernel.
    Other,
}

/// Memory with a lifetime.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) bytes: Vec<Byte>,
    /// References that the program holds.
    pub(super) count: u32,
    pub(super) life: Life,
}

/// How long an object lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// As long as the program, or as its references.
    Alive,
    /// To the end of an RCU section: this one.
    Section(u32),
    /// It is gone.
    Gone,
}

/// Bytes of a function's stack.
pub(super) const STACK: usize = 512;

impl Machine<'_> {
    pub(super) fn new_object(&mut self, kind: Kind, size: usize) -> ObjectId {
        self.objects.push(Object {
            kind,
            bytes: vec![Byte::Undefined; size],
            count: 0,
            life: Life::Alive,
        });
        self.objects.len() - 1
    }

    /// An address as a number. Objects lie far apart.
    pub(super) fn number(&self, value: Value) -> Result<u64, Stop> {
        match value {
            Value::Number(n) => Ok(n),
            Value::Pointer(p) => {
                let base = 0xffff_8880_0000_0000 + ((p.object as u64) << 20);
                Ok(base.wrapping_add(p.offset as u64))
            }
            Value::Undefined => misbehaves("a register is read that was not written"),
        }
    }

    pub(super) fn is_gone(&self, object: ObjectId) -> bool {
        match self.objects[object].life {
            Life::Alive => false,
            Life::Section(section) => section != self.section,
            Life::Gone => true,
        }
    }

    /// Checks an access; the object and the offset in it.
    fn reach(&self, at: Value, off: i64, size: usize, write: bool) -> Result<Pointer, Stop> {
        let Value::Pointer(base) = at else {
            return misbehaves(format!("memory is accessed through {at:?}"));
        };
        let object = &self.objects[base.object];
        let offset = base.offset.wrapping_add(off);
        let may_write = match object.kind {
            Kind::Stack | Kind::MapValue => true,
            Kind::Context => self.code.kind.sleepable(),
            _ => false,
        };
        if matches!(object.kind, Kind::Map(_)) || write && !may_write {
            return misbehaves(format!("{:?} is no memory for this access", object.kind));
        }
        // A read of the kernel's own types is one that may fault and then gives 0, but for objects
        // that the program itself gave back.
        let may_fault = matches!(object.kind, Kind::Mask | Kind::Task | Kind::Other);
        let given_back = object.kind == Kind::Mask && object.life == Life::Gone;
        if self.is_gone(base.object) && (given_back || !may_fault) {
            return misbehaves(format!("{:?} is accessed that is gone", object.kind));
        }
        let end = offset.checked_add(size as i64);
        if !may_fault && (offset < 0 || end.is_none_or(|end| end > object.bytes.len() as i64)) {
            return misbehaves(format!(
                "{:?} of {} bytes is accessed at {offset}, {size} bytes",
                object.kind,
                object.bytes.len()
            ));
        }
        Ok(Pointer {
            object: base.object,
            offset,
        })
    }

    /// Reads a number or a whole address.
    pub(super) fn load(&mut self, at: Value, off: i64, size: usize) -> Result<Value, Stop> {
        let p = self.reach(at, off, size, false)?;
        match self.objects[p.object].kind {
            Kind::Task | Kind::Other if size == 8 => {
                let object = self.new_object(Kind::Other, 0);
                return Ok(Value::Pointer(Pointer { object, offset: 0 }));
            }
            Kind::Mask | Kind::Task | Kind::Other | Kind::Context => {
                return Ok(Value::Number(cut(self.choices.number(), size)));
            }
            Kind::MapValue if self.choices.one_in(4) => {
                return Ok(Value::Number(cut(self.choices.number(), size)));
            }
            _ => {}
        }
        let start = p.offset as usize;
        let bytes = self.objects[p.object].bytes[start..start + size].to_vec();
        if let Byte::Part(whole, 0) = bytes[0]
            && size == 8
            && self.objects[p.object].kind == Kind::Stack
            && (0..8).all(|i| bytes[i] == Byte::Part(whole, i as u8))
        {
            return Ok(Value::Pointer(whole));
        }
        let mut number = 0;
        for (i, byte) in bytes.iter().enumerate() {
            let byte = match *byte {
                Byte::Data(b) => b,
                Byte::Undefined => self.choices.number() as u8,
                Byte::Part(p, n) => (self.number(Value::Pointer(p))? >> (8 * n)) as u8,
                Byte::Iter(_) => return misbehaves("an iterator is read"),
            };
            number |= u64::from(byte) << (8 * i);
        }
        Ok(Value::Number(number))
    }

    /// Writes a value.
    pub(super) fn store(
        &mut self,
        at: Value,
        off: i64,
        size: usize,
        value: Value,
    ) -> Result<(), Stop> {
        let number = self.number(value)?;
        let p = self.reach(at, off, size, true)?;
        let start = p.offset as usize;
        for i in 0..size {
            let byte = match value {
                Value::Pointer(p) if size == 8 => Byte::Part(p, i as u8),
                _ => Byte::Data((number >> (8 * i)) as u8),
            };
            let to = &mut self.objects[p.object].bytes[start + i];
            if matches!(to, Byte::Iter(_)) {
                return misbehaves("an iterator is written over");
            }
            *to = byte;
        }
        Ok(())
    }
}

/// The low `size` bytes of a number.
pub(super) fn cut(number: u64, size: usize) -> u64 {
    match size {
        8 => number,
        _ => number & ((1 << (8 * size)) - 1),
    }
}
