// SPDX-License-Identifier: GPL-2.0-only
//! Linked lists and red-black trees: roots, nodes, and who owns a node.
//!
//! A program owns a node that it has allocated or taken out of a collection: an *owning* reference,
//! to be given back. Adding it to a collection hands it over; what pointed to it becomes a
//! *non-owning* reference, good for reading and for naming the node while the collection's lock is
//! held, and gone with the lock:
//!
//! ```text
//!   n = bpf_obj_new()         n owns the node
//!   bpf_spin_lock(&lock)
//!   bpf_rbtree_add(&root, n)  root owns it; n is non-owning
//!   n->key                    fine
//!   bpf_spin_unlock(&lock)    n is lost
//! ```
//!
//! Source: `__process_kf_arg_ptr_to_graph_root()`, `__process_kf_arg_ptr_to_graph_node()`,
//! `ref_set_non_owning()`, `set_rbtree_add_callback_state()` in `kernel/bpf/verifier.c`.

use std::rc::Rc;

use bpf::kernel::BtfRef;
use bpf::kernel::fields::{BtfRecord, Field, FieldKind};

use crate::analysis::kfunc_arg::KfArg;
use crate::check::btf::walk::Nested;
use crate::env::Env;
use crate::env::call_args::CallArgs;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::facts::special_kfunc::SpecialKfunc;
use crate::facts::types::{ALLOC, Flag, RegType};
use crate::input::kfunc::{Kfunc, arg_name};
use crate::log::{reject, verbose};
use crate::state::reference::{LockPtr, RefKind};
use crate::state::reg::{About, RegState};
use crate::state::{FuncState, RetvalRange};

/// Whether a call hands its second argument over to a collection.
pub(crate) fn takes_over_node(k: &Kfunc<'_>) -> bool {
    k.is_one(|f| f.is_list_push() || f.is_rbtree_add())
}

/// Whether a pointer to this structure of the kernel is one to a node.
pub(crate) fn is_node_struct(name: &str) -> bool {
    matches!(name, "bpf_list_node" | "bpf_rb_node")
}

impl Env<'_> {
    /// A list head, list node, tree root or tree node passed to a kfunc.
    pub(crate) fn check_graph_arg(
        &mut self,
        k: &Kfunc<'_>,
        i: usize,
        arg: KfArg,
        reg: &RegState,
        meta: &mut CallArgs,
    ) -> Checked {
        let name = arg_name(i);
        let referenced = self.reg_is_referenced(reg);
        let root = matches!(arg, KfArg::ListHead | KfArg::RbRoot);
        let non_owning = self.is_non_owning_ref(reg.typ);
        let borrowed = match arg {
            KfArg::ListNode => k.suffix(i, "__nonown_allowed") && non_owning && !referenced,
            KfArg::RbNode if !k.is_one(SpecialKfunc::is_rbtree_add) => {
                if !non_owning && !referenced {
                    return reject!(
                        self,
                        ReleaseWithoutReference,
                        EINVAL,
                        "{} can only take non-owning or refcounted bpf_rb_node pointer",
                        k.name
                    );
                }
                if self.in_rbtree_lock_required_cb() {
                    return reject!(
                        self,
                        RbtreeCallback,
                        EINVAL,
                        "{} not allowed in rbtree cb",
                        k.name
                    );
                }
                true
            }
            _ => root && reg.typ == RegType::PTR_TO_MAP_VALUE,
        };
        if !borrowed {
            if reg.typ != ALLOC {
                let what = if root { "map value or " } else { "" };
                return reject!(
                    self,
                    ArgumentType,
                    EINVAL,
                    "{name} expected pointer to {what}allocated object"
                );
            }
            if !referenced {
                return reject!(
                    self,
                    ReleaseWithoutReference,
                    EINVAL,
                    "allocated object must be referenced"
                );
            }
        }
        match arg {
            KfArg::ListHead => self.check_graph_root(&name, reg, FieldKind::ListHead, meta),
            KfArg::RbRoot => self.check_graph_root(&name, reg, FieldKind::RbRoot, meta),
            KfArg::ListNode => self.check_graph_node(&name, reg, FieldKind::ListNode, meta),
            _ => self.check_graph_node(&name, reg, FieldKind::RbNode, meta),
        }
    }

    /// Special fields of what a register points to.
    pub(crate) fn reg_btf_record(&self, reg: &RegState) -> Option<Rc<BtfRecord>> {
        if reg.typ.base() == RegType::PTR_TO_MAP_VALUE {
            return self.code.map_of(reg).ok().map(|m| m.record.clone());
        }
        let (btf, id) = reg.btf().filter(|_| self.is_ptr_alloc_obj(reg.typ))?;
        Some(self.input.struct_record(btf, id))
    }

    /// The field of this kind that a register points to.
    fn graph_field(
        &mut self,
        name: &str,
        reg: &RegState,
        kind: FieldKind,
    ) -> Checked<(Rc<BtfRecord>, Field)> {
        let what = kind.type_name();
        if !reg.var_off.is_const() {
            return reject!(
                self,
                ConstantOffset,
                EINVAL,
                "{name} doesn't have constant offset. {what} has to be at the constant offset"
            );
        }
        let off = reg.var_off.value as u32;
        let record = self.reg_btf_record(reg).unwrap_or_default();
        let here = |f: &&Field| f.kind == kind && f.offset == off;
        match record.fields.iter().find(here).cloned() {
            Some(field) => Ok((record, field)),
            None => {
                reject!(self, WrongField, EINVAL, "{what} not found at offset={off}")
            }
        }
    }

    fn check_graph_root(
        &mut self,
        name: &str,
        reg: &RegState,
        kind: FieldKind,
        meta: &mut CallArgs,
    ) -> Checked {
        let (record, field) = self.graph_field(name, reg, kind)?;
        if !self.allocation_locked(reg) {
            if self.path.cur.active_locks != 0 {
                verbose!(
                    self,
                    "held lock and object are not in the same allocation\n"
                );
            }
            let off = record
                .spin_lock_off()
                .map_or(-Errno::EINVAL.0, |o| o as i32);
            return reject!(
                self,
                LockNotHeld,
                EINVAL,
                "bpf_spin_lock at off={off} must be held for {}",
                kind.type_name()
            );
        }
        meta.graph_root = Some(field);
        Ok(())
    }

    /// Whether a lock is held that is in the same allocation.
    fn allocation_locked(&self, reg: &RegState) -> bool {
        let ptr = match (reg.map(), reg.btf()) {
            (Some(m), _) => LockPtr::Map(m),
            (_, Some((btf, _))) => LockPtr::Btf(btf),
            _ => return false,
        };
        self.path.cur.active_locks != 0
            && self
                .path
                .cur
                .refs
                .iter()
                .any(|r| r.id == reg.id && matches!(r.kind, RefKind::Lock(_, p) if p == ptr))
    }

    fn check_graph_node(
        &mut self,
        name: &str,
        reg: &RegState,
        kind: FieldKind,
        meta: &mut CallArgs,
    ) -> Checked {
        let (_, field) = self.graph_field(name, reg, kind)?;
        let (Some(root), Some(have)) = (meta.graph_root.clone(), reg.btf()) else {
            return Err(Errno::EFAULT.into());
        };
        let (want_off, off) = (root.node_offset, field.offset);
        let want = self.input.btf_type_name(root.btf, root.btf_id).to_owned();
        let (nested, flex) = (Nested::Refused, self.flex_array(reg.typ));
        if !self.struct_ids_match(have, 0, (root.btf, root.btf_id), nested, flex) {
            let is = self.input.btf_type_name(have.0, have.1).to_owned();
            return reject!(
                self,
                WrongField,
                EINVAL,
                "operation on {} expects arg#1 {} at offset={want_off} in struct {want}, \
                 but arg is at offset={off} in struct {is}",
                root.kind.type_name(),
                kind.type_name()
            );
        }
        meta.arg_btf = Some(have);
        if off != want_off {
            return reject!(
                self,
                WrongField,
                EINVAL,
                "arg#1 offset={off}, but expected {} at offset={want_off} in struct {want}",
                kind.type_name()
            );
        }
        Ok(())
    }

    /// A pointer to the node of a collection's elements (`mark_reg_graph_node`).
    pub(crate) fn graph_node(&self, root: &Field) -> RegState {
        let mut reg = RegState::konst(root.node_offset.into());
        reg.typ = ALLOC;
        reg.about = About::Btf(root.btf, root.btf_id);
        reg
    }

    /// Makes a reference non-owning (`ref_set_non_owning`).
    pub(crate) fn set_non_owning(&mut self, reg: &mut RegState) -> Checked {
        if self.path.cur.active_locks == 0 {
            return self
                .log
                .verifier_bug(format_args!("ref_set_non_owning w/o active lock"));
        }
        reg.typ = reg.typ | self.non_owning_flags(reg);
        Ok(())
    }

    fn non_owning_flags(&self, reg: &RegState) -> Flag {
        let refcounted = reg
            .btf()
            .is_some_and(|(btf, id)| self.input.struct_record(btf, id).refcount_off().is_some());
        if refcounted {
            Flag::NON_OWN_REF | Flag::MEM_RCU
        } else {
            Flag::NON_OWN_REF
        }
    }

    /// A node was handed over: what owned it owns it no longer (`ref_convert_owning_non_owning`).
    pub(crate) fn hand_over_node(&mut self, node: &RegState) {
        self.release_reference_nomark(node.id);
        let flags = self.non_owning_flags(node);
        self.path.cur.change_regs(
            |r| r.id == node.id,
            |r| {
                r.id = 0;
                r.typ = r.typ | flags;
            },
        );
    }

    /// What the comparison passed to `bpf_rbtree_add` finds in its registers.
    pub(crate) fn set_rbtree_add_callback_state(
        &mut self,
        caller: &FuncState,
        callee: &mut FuncState,
    ) -> Checked {
        let root = &caller.regs[1];
        let off = root.var_off.value as u32;
        let record = self.reg_btf_record(root).unwrap_or_default();
        let here = |f: &&Field| f.kind == FieldKind::RbRoot && f.offset == off;
        let Some(field) = record.fields.iter().find(here) else {
            return Err(Errno::EFAULT.into());
        };
        let mut node = self.graph_node(field);
        self.set_non_owning(&mut node)?;
        callee.regs[1..=2].fill(node);
        callee.regs[3..=5].fill(self.not_init());
        callee.in_callback_fn = true;
        callee.callback_ret_range = RetvalRange::new(0, 1);
        Ok(())
    }

    /// Whether this is, or was called by, a callback that a function of red-black trees calls with
    /// the lock held.
    pub(crate) fn in_rbtree_lock_required_cb(&self) -> bool {
        let frames = self
            .path
            .cur
            .frames
            .iter()
            .skip(1)
            .filter(|f| f.in_callback_fn);
        frames
            .filter_map(|f| self.code.insns.get(usize::try_from(f.callsite).ok()?))
            .filter_map(|call| {
                let id = u32::try_from(call.imm).ok()?;
                self.input.btf(BtfRef::VMLINUX)?.type_by_id(id)
            })
            .filter_map(|t| SpecialKfunc::from_name(t.name()))
            .any(SpecialKfunc::is_rbtree_api)
    }
}
