// SPDX-License-Identifier: GPL-2.0-only
//! Locks in map values and objects, as they are taken and given back.
//!
//! Source: `process_spin_lock()`, `acquire_lock_state()`, `release_lock_state()` in
//! `kernel/bpf/verifier.c`.

use crate::env::Env;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::facts::types::RegType;
use crate::log::reject;
use crate::state::reference::{LockKind, LockPtr, RefKind, Reference};
use crate::state::reg::RegState;

impl LockKind {
    const fn is_res(self) -> bool {
        matches!(self, Self::Res | Self::ResIrq)
    }

    /// What the names of its functions begin with.
    const fn prefix(self) -> &'static str {
        if self.is_res() {
            "bpf_res_spin"
        } else {
            "bpf_spin"
        }
    }
}

impl Env<'_> {
    /// Takes or gives back a lock in a map value or an object (`process_spin_lock`).
    pub(crate) fn process_spin_lock(
        &mut self,
        reg: &RegState,
        argname: &str,
        kind: LockKind,
        take: bool,
    ) -> Checked {
        let name = kind.prefix();
        if !reg.var_off.is_const() {
            return reject!(
                self,
                ConstantOffset,
                EINVAL,
                "{argname} doesn't have constant offset. {name}_lock has to be at the constant offset"
            );
        }
        let ptr = self.lock_ptr(reg, kind)?;
        if take {
            self.acquire_lock_state(reg, kind, ptr)
        } else {
            self.release_lock_state(reg, kind, ptr)
        }
    }

    /// What the lock that a register points to is part of.
    fn lock_ptr(&self, reg: &RegState, kind: LockKind) -> Checked<LockPtr> {
        let name = kind.prefix();
        let (ptr, record, what, who) = if reg.typ == RegType::PTR_TO_MAP_VALUE {
            let info = self.code.map_of(reg)?;
            let map_name = info.def.kernel_name().to_owned();
            if info.def.btf.is_none() {
                return reject!(
                    self,
                    MapWithoutBtf,
                    EINVAL,
                    "map '{map_name}' has to have BTF in order to use {name}_lock"
                );
            }
            let ptr = LockPtr::Map(reg.map().unwrap_or_default());
            (ptr, info.record.clone(), "map", map_name)
        } else {
            let Some((btf, id)) = reg.btf() else {
                return Err(Errno::EFAULT.into());
            };
            (
                LockPtr::Btf(btf),
                self.input.struct_record(btf, id),
                "local",
                "kptr".to_owned(),
            )
        };
        let off = if kind.is_res() {
            record.res_spin_lock_off()
        } else {
            record.spin_lock_off()
        };
        let Some(off) = off else {
            return reject!(
                self,
                LockField,
                EINVAL,
                "{what} '{who}' has no valid {name}_lock"
            );
        };
        let val = reg.var_off.value;
        if u64::from(off) != val {
            return reject!(
                self,
                WrongField,
                EINVAL,
                "off {} doesn't point to 'struct {name}_lock' that is at {off}",
                val as i64
            );
        }
        Ok(ptr)
    }

    fn acquire_lock_state(&mut self, reg: &RegState, kind: LockKind, ptr: LockPtr) -> Checked {
        if self.path.cur.active_locks != 0 {
            let held = |r: &Reference| match r.kind {
                RefKind::Lock(k, p) if kind.is_res() => k.is_res() && r.id == reg.id && p == ptr,
                // The kernel looks for a lock with id 0 and no pointer here, which none is
                // that was taken in a map value; two locks are refused by the call check.
                _ => false,
            };
            if self.path.cur.refs.iter().any(held) {
                return reject!(
                    self,
                    AnotherLock,
                    EINVAL,
                    "Acquiring the same lock again, AA deadlock detected"
                );
            }
        }
        let insn_idx = self.path.insn_idx;
        self.path.cur.refs.push(Reference {
            kind: RefKind::Lock(kind, ptr),
            id: reg.id,
            insn_idx,
        });
        self.path.cur.active_locks += 1;
        self.path.cur.active_lock_id = reg.id;
        self.path.cur.active_lock_ptr = Some(ptr);
        Ok(())
    }

    fn release_lock_state(&mut self, reg: &RegState, kind: LockKind, ptr: LockPtr) -> Checked {
        let name = kind.prefix();
        if self.path.cur.active_locks == 0 {
            return reject!(
                self,
                SectionNotOpen,
                EINVAL,
                "{name}_unlock without taking a lock"
            );
        }
        let held = |r: &Reference| r.id == reg.id && r.kind == RefKind::Lock(kind, ptr);
        let Some(i) = self.path.cur.refs.iter().position(held) else {
            return reject!(self, AnotherLock, EINVAL, "{name}_unlock of different lock");
        };
        if reg.id != self.path.cur.active_lock_id || Some(ptr) != self.path.cur.active_lock_ptr {
            return reject!(
                self,
                AnotherLock,
                EINVAL,
                "{name}_unlock cannot be out of order"
            );
        }
        let protected = self.in_rcu_cs();
        let prev = self.path.cur.refs[..i]
            .iter()
            .rev()
            .find_map(|r| match r.kind {
                RefKind::Lock(_, p) => Some((r.id, p)),
                _ => None,
            });
        self.path.cur.refs.remove(i);
        self.path.cur.active_locks -= 1;
        self.path.cur.active_lock_id = prev.map_or(0, |p| p.0);
        self.path.cur.active_lock_ptr = prev.map(|p| p.1);
        self.end_of_lock(protected);
        Ok(())
    }
}
