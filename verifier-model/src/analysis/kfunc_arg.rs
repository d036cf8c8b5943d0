// SPDX-License-Identifier: GPL-2.0-only
//! What an argument of a kfunc is taken for, by its type and its name.
//!
//! Source: `get_kfunc_arg_type()` in `kernel/bpf/verifier.c`.

use bpf::btf::{Btf, Kind, Type, is_scalar, is_void, kind_str};

use crate::analysis::Known;
use crate::facts::limits::MAX_BPF_FUNC_REG_ARGS;
use crate::facts::rejection::Checked;
use crate::facts::special_kfunc::SpecialKfunc;
use crate::input::kfunc::{Kfunc, arg_name};
use crate::log::{reject, verbose};

/// What an argument of a kfunc is taken for (`enum kfunc_ptr_arg_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KfArg {
    ConstMemSize,
    MemSize,
    Const,
    ConstAllocSizeOrZero,
    Anything,
    Ctx,
    AllocBtfId,
    RefcountedKptr,
    Dynptr,
    Iter,
    ListHead,
    ListNode,
    BtfId,
    Mem,
    MemFixedSize,
    Callback,
    RbRoot,
    RbNode,
    ConstStr,
    ConstMapPtr,
    Timer,
    Workqueue,
    IrqFlag,
    ResSpinLock,
    TaskWork,
    Arena,
}

/// By the end of its name: what a number stands for.
fn scalar_arg(k: &Kfunc<'_>, i: usize) -> KfArg {
    if k.suffix(i, "__k") {
        KfArg::Const
    } else if k.suffix(i, "__szk") {
        KfArg::ConstMemSize
    } else if k.suffix(i, "__sz") {
        KfArg::MemSize
    } else if matches!(k.params[i].name(), "rdonly_buf_size" | "rdwr_buf_size") {
        KfArg::ConstAllocSizeOrZero
    } else {
        KfArg::Anything
    }
}

/// How a parameter shows that something of its own is passed.
enum Mark {
    /// Its name ends so.
    Suffix(&'static str),
    /// It points to this structure.
    Struct(&'static str),
    /// It is the iterator that a function of an iterator works on.
    Iter,
}

/// The first that fits counts.
static SPECIAL_PTR_ARGS: [(Mark, KfArg); 17] = [
    (Mark::Suffix("__alloc"), KfArg::AllocBtfId),
    (Mark::Suffix("__refcounted_kptr"), KfArg::RefcountedKptr),
    (Mark::Struct("bpf_dynptr"), KfArg::Dynptr),
    (Mark::Suffix("__iter"), KfArg::Iter),
    (Mark::Iter, KfArg::Iter),
    (Mark::Struct("bpf_list_head"), KfArg::ListHead),
    (Mark::Struct("bpf_list_node"), KfArg::ListNode),
    (Mark::Struct("bpf_rb_root"), KfArg::RbRoot),
    (Mark::Struct("bpf_rb_node"), KfArg::RbNode),
    (Mark::Suffix("__str"), KfArg::ConstStr),
    (Mark::Suffix("__const_map"), KfArg::ConstMapPtr),
    (Mark::Suffix("__map"), KfArg::BtfId),
    (Mark::Struct("bpf_wq"), KfArg::Workqueue),
    (Mark::Struct("bpf_timer"), KfArg::Timer),
    (Mark::Struct("bpf_task_work"), KfArg::TaskWork),
    (Mark::Suffix("__irq_flag"), KfArg::IrqFlag),
    (Mark::Struct("bpf_res_spin_lock"), KfArg::ResSpinLock),
];

fn special_ptr_arg(k: &Kfunc<'_>, i: usize) -> Option<KfArg> {
    let fits = |mark: &Mark| match mark {
        Mark::Suffix(suffix) => k.suffix(i, suffix),
        Mark::Struct(name) => k.points_to(i, name),
        Mark::Iter => i == 0 && k.is_iter(),
    };
    let found = SPECIAL_PTR_ARGS.iter().find(|(mark, _)| fits(mark));
    found.map(|(_, arg)| *arg)
}

impl Known<'_> {
    /// What an argument is taken for (`get_kfunc_arg_type`).
    pub(crate) fn kfunc_arg_type(&self, k: &Kfunc<'_>, i: usize) -> Checked<KfArg> {
        let t = k.param_type(i);
        let name = arg_name(i);
        if is_scalar(t) {
            return Ok(scalar_arg(k, i));
        }
        let Some(target) = k.pointee(i) else {
            return reject!(
                self,
                KfuncPrototype,
                EINVAL,
                "Unrecognized {name} type {}",
                kind_str(t)
            );
        };
        let ctx = k.is_one(SpecialKfunc::takes_ctx);
        if ctx || self.input.is_prog_ctx_type(k.btf, t) {
            return Ok(KfArg::Ctx);
        }
        if let Some(arg) = special_ptr_arg(k, i) {
            return Ok(arg);
        }
        if target.kind() == Kind::FuncProto {
            return Ok(KfArg::Callback);
        }
        if k.suffix(i, "__arena__nullable") || k.suffix(i, "__arena") {
            return self.kfunc_arena_arg(i);
        }
        let scalar_struct = || self.is_scalar_struct(k.btf, target);
        if k.is_mem_size(i + 1) {
            if !is_void(target) && !is_scalar(target) && !scalar_struct() {
                return reject!(
                    self,
                    KfuncPrototype,
                    EINVAL,
                    "{name} pointer type {} {} must point to void, scalar, or struct with scalar",
                    kind_str(target),
                    target.name()
                );
            }
            return Ok(KfArg::Mem);
        }
        if target.is_composite() {
            return Ok(KfArg::BtfId);
        }
        if !is_scalar(target) {
            return reject!(
                self,
                KfuncPrototype,
                EINVAL,
                "{name} pointer type {} {} must point to scalar, or struct with scalar",
                kind_str(target),
                target.name()
            );
        }
        Ok(KfArg::MemFixedSize)
    }

    fn kfunc_arena_arg(&self, i: usize) -> Checked<KfArg> {
        let name = arg_name(i);
        if self.code.arena.is_none() {
            return reject!(
                self,
                Arena,
                EINVAL,
                "{name} arena pointer requires a program with an associated arena"
            );
        }
        if i >= MAX_BPF_FUNC_REG_ARGS {
            return reject!(
                self,
                Arena,
                EINVAL,
                "{name} arena pointer cannot be a stack argument"
            );
        }
        Ok(KfArg::Arena)
    }

    /// Whether a structure holds nothing but numbers; looked into four levels deep.
    pub(crate) fn is_scalar_struct(&self, btf: &Btf, t: Type<'_>) -> bool {
        let mut level = vec![t.id()];
        for depth in 0..=4 {
            if depth == 4 && !level.is_empty() {
                verbose!(self, "max struct nesting depth exceeded\n");
                return false;
            }
            let mut next = Vec::new();
            for id in level {
                let Some(t) = btf.type_by_id(id).filter(|t| t.is_composite()) else {
                    return false;
                };
                for m in t.members() {
                    let mt = btf.skip_mods_and_typedefs(m.type_id());
                    match mt.array() {
                        _ if mt.is_composite() => next.push(mt.id()),
                        Some(a) => {
                            let elem = btf.skip_mods_and_typedefs(a.type_id);
                            if a.nelems == 0 || !is_scalar(elem) {
                                return false;
                            }
                        }
                        None if is_scalar(mt) => {}
                        None => return false,
                    }
                }
            }
            level = next;
        }
        true
    }
}
