// SPDX-License-Identifier: GPL-2.0-only
//! Arguments of kfuncs, each by what its BTF makes it.
//!
//! Source: `check_kfunc_args()` in `kernel/bpf/verifier.c`.

use bpf::btf::Kind;
use bpf::uapi::{AttachType, ProgType};

use crate::analysis::kfunc_arg::KfArg;
use crate::env::Env;
use crate::env::call_args::CallArgs;
use crate::facts::errno::Errno;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::special_kfunc::SpecialKfunc;
use crate::facts::types::{ALLOC, ArgType, Flag, RegType};
use crate::input::kfunc::{Kfunc, arg_name};
use crate::log::reject;
use crate::state::reference::LockKind;
use crate::state::reg::{About, DynptrType, RegState};

impl Env<'_> {
    pub(crate) fn check_kfunc_args(&mut self, k: &Kfunc<'_>, meta: &mut CallArgs) -> Checked {
        self.check_outgoing_stack_args(k.params.len())?;
        for i in 0..k.params.len() {
            if !k.is_hidden(i) {
                self.check_kfunc_arg(k, i, meta)?;
            }
        }
        let released = meta.release_regno.checked_sub(1);
        if let Some(i) = released.filter(|_| !self.input.profile.has(Rule::RELEASE_FIRST)) {
            self.check_released(k, i)?;
        }
        Ok(())
    }

    /// What a kfunc gives back is a reference, or NULL.
    fn check_released(&self, k: &Kfunc<'_>, i: usize) -> Checked {
        let reg = self.func_arg_reg(i);
        let dynptr = self.kfunc_arg_type(k, i)? == KfArg::Dynptr;
        if dynptr || self.reg_is_referenced(&reg) || reg.is_null() {
            return Ok(());
        }
        reject!(
            self,
            ReleaseWithoutReference,
            EINVAL,
            "release kfunc {} expects referenced PTR_TO_BTF_ID passed to {}",
            k.name,
            arg_name(i)
        )
    }

    fn check_kfunc_arg(&mut self, k: &Kfunc<'_>, i: usize, meta: &mut CallArgs) -> Checked {
        let name = arg_name(i);
        let reg = self.func_arg_reg(i);
        let arg = self.kfunc_arg_type(k, i)?;
        let is_ptr = k.param_type(i).kind() == Kind::Ptr;
        let nullable = is_ptr && k.is_nullable(i);
        let null = reg.is_null() || reg.typ.may_be_null();
        if is_ptr && null && !nullable && self.takes_trusted_alone(k) {
            return reject!(
                self,
                NullArgument,
                EACCES,
                "Possibly NULL pointer passed to trusted {name}"
            );
        }
        let referenced = self.reg_is_referenced(&reg);
        let released = i + 1 == meta.release_regno;
        let release_first = self.input.profile.has(Rule::RELEASE_FIRST);
        if released && release_first {
            self.check_released(k, i)?;
        }
        if referenced {
            meta.ref_obj.update(reg.id);
        }
        if reg.is_null() && nullable {
            return self.mark_chain_precision(i + 1);
        }
        let mut at = match arg {
            KfArg::Dynptr => ArgType::ARG_PTR_TO_DYNPTR,
            KfArg::Ctx => ArgType::ARG_PTR_TO_CTX,
            KfArg::RefcountedKptr => ArgType::ARG_PTR_TO_BTF_ID,
            _ => ArgType::ARG_DONTCARE,
        };
        if released && (referenced || release_first) {
            at = at | Flag::OBJ_RELEASE;
        }
        let by_value = !self.input.profile.has(Rule::KFUNC_PROTOTYPES);
        let object = reg.typ.base() == RegType::PTR_TO_BTF_ID || self.reg2btf(reg.typ).is_some();
        if by_value && arg == KfArg::BtfId && object {
            self.check_kfunc_trust(k, i, &reg)?;
        }
        let inside = arg != KfArg::RefcountedKptr || !self.input.profile.has(Rule::COUNTS_TAKEN);
        self.check_func_arg_reg_off(&reg, &name, at, inside)?;
        self.check_kfunc_arg_value(k, i, arg, &reg, meta)
    }

    fn check_kfunc_arg_value(
        &mut self,
        k: &Kfunc<'_>,
        i: usize,
        arg: KfArg,
        reg: &RegState,
        meta: &mut CallArgs,
    ) -> Checked {
        let name = arg_name(i);
        self.check_kfunc_arg_reg_type(arg, reg, &name)?;
        match arg {
            KfArg::Anything | KfArg::Arena | KfArg::Ctx | KfArg::Mem => Ok(()),
            KfArg::Const => self.process_const_arg(reg, &name, i + 1, meta),
            KfArg::ConstAllocSizeOrZero => {
                if k.params[i].name() == "rdonly_buf_size" {
                    meta.r0_rdonly = true;
                }
                self.process_const_alloc_mem_size(reg, &name, i + 1, meta)
            }
            KfArg::AllocBtfId => self.check_alloc_arg(k, &name, reg, meta),
            KfArg::Dynptr => self.check_kfunc_dynptr(k, i, reg, meta),
            KfArg::Iter => {
                if k.is(SpecialKfunc::IterCssTaskNew) && !self.css_task_iter_allowed() {
                    return reject!(
                        self,
                        CallNotAllowed,
                        EINVAL,
                        "css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs"
                    );
                }
                self.process_iter_arg(reg, i, k, meta)
            }
            KfArg::ListHead | KfArg::ListNode | KfArg::RbRoot | KfArg::RbNode => {
                self.check_graph_arg(k, i, arg, reg, meta)
            }
            KfArg::ConstMapPtr => self.process_map_ptr_arg(reg, &name, i + 1, meta),
            KfArg::BtfId => self.check_kfunc_btf_arg(k, i, reg, meta),
            KfArg::MemFixedSize => self.check_kfunc_mem_arg(k, i, reg, meta),
            KfArg::ConstMemSize if self.input.profile.has(Rule::KFUNC_PROTOTYPES) => {
                self.process_const_arg(reg, &name, i + 1, meta)?;
                self.check_kfunc_mem_size(i, reg, meta)
            }
            KfArg::ConstMemSize => {
                self.check_kfunc_mem_size(i, reg, meta)?;
                self.process_const_arg(reg, &name, i + 1, meta)
            }
            KfArg::MemSize => self.check_kfunc_mem_size(i, reg, meta),
            KfArg::Callback => match reg.about {
                About::Subprog(s) if reg.typ == RegType::PTR_TO_FUNC => {
                    meta.subprogno = s;
                    Ok(())
                }
                _ => {
                    reject!(
                        self,
                        ArgumentType,
                        EINVAL,
                        "{name} expected pointer to func"
                    )
                }
            },
            KfArg::RefcountedKptr => self.check_refcounted_arg(&name, reg, meta),
            KfArg::ConstStr => self.check_arg_const_str(reg, &name),
            KfArg::Workqueue => self.check_map_field_pointer(reg, &name, "bpf_wq", meta),
            KfArg::Timer => self.check_map_field_pointer(reg, &name, "bpf_timer", meta),
            KfArg::TaskWork => self.check_map_field_pointer(reg, &name, "bpf_task_work", meta),
            KfArg::IrqFlag => self.process_irq_flag(reg, &name, k),
            KfArg::ResSpinLock => self.process_res_spin_lock(k, reg, &name),
        }
    }

    /// Some arguments take one kind of register alone.
    fn check_kfunc_arg_reg_type(&self, arg: KfArg, reg: &RegState, name: &str) -> Checked {
        let (fits, otherwise) = match arg {
            KfArg::Const | KfArg::Anything | KfArg::ConstAllocSizeOrZero | KfArg::MemSize => {
                (reg.is_scalar(), "is not a scalar")
            }
            KfArg::Workqueue | KfArg::Timer | KfArg::TaskWork => (
                reg.typ == RegType::PTR_TO_MAP_VALUE,
                "doesn't point to a map value",
            ),
            KfArg::Arena => (
                reg.typ == RegType::PTR_TO_ARENA || reg.is_scalar(),
                "is not a pointer to arena or scalar",
            ),
            KfArg::ConstStr => (
                reg.typ == RegType::PTR_TO_MAP_VALUE,
                "doesn't point to a const string",
            ),
            KfArg::ResSpinLock => (
                reg.typ == RegType::PTR_TO_MAP_VALUE || reg.typ == ALLOC,
                "doesn't point to map value or allocated object",
            ),
            KfArg::Ctx if reg.typ != RegType::PTR_TO_CTX => {
                return reject!(
                    self,
                    ArgumentType,
                    EINVAL,
                    "{name} expected pointer to ctx, but got {}",
                    reg.typ
                );
            }
            KfArg::ConstMapPtr if reg.typ != RegType::CONST_PTR_TO_MAP => {
                return reject!(
                    self,
                    ArgumentType,
                    EINVAL,
                    "pointer in {name} isn't map pointer"
                );
            }
            KfArg::IrqFlag if reg.typ != RegType::PTR_TO_STACK => {
                return reject!(
                    self,
                    IrqFlag,
                    EINVAL,
                    "{name} doesn't point to an irq flag on stack"
                );
            }
            _ => return Ok(()),
        };
        if fits {
            return Ok(());
        }
        reject!(self, ArgumentType, EINVAL, "{name} {otherwise}")
    }

    fn process_res_spin_lock(&mut self, k: &Kfunc<'_>, reg: &RegState, name: &str) -> Checked {
        if self.in_rbtree_lock_required_cb() {
            return reject!(
                self,
                RbtreeCallback,
                EACCES,
                "can't res_spin_{{lock,unlock}} in rbtree cb"
            );
        }
        let irq = k.is_one(SpecialKfunc::is_res_spin_irq);
        let take = k.is_one(SpecialKfunc::is_res_spin_lock);
        let kind = if irq { LockKind::ResIrq } else { LockKind::Res };
        self.process_spin_lock(reg, name, kind, take)
    }

    fn process_const_arg(
        &mut self,
        reg: &RegState,
        name: &str,
        regno: usize,
        meta: &mut CallArgs,
    ) -> Checked {
        if meta.arg_constant.is_some() {
            return self
                .log
                .verifier_bug(format_args!("only one constant argument permitted"));
        }
        if !reg.var_off.is_const() {
            return reject!(
                self,
                ConstantArgument,
                EINVAL,
                "{name} must be a known constant"
            );
        }
        self.mark_chain_precision(regno)?;
        meta.arg_constant = Some(reg.var_off.value);
        Ok(())
    }

    fn check_alloc_arg(
        &mut self,
        k: &Kfunc<'_>,
        name: &str,
        reg: &RegState,
        meta: &mut CallArgs,
    ) -> Checked {
        let (drops, drop_name) = if reg.typ == ALLOC {
            (k.is_one(SpecialKfunc::is_obj_drop), "bpf_obj_drop")
        } else if reg.typ == ALLOC.with(Flag::MEM_PERCPU) {
            let drops = k.is_one(SpecialKfunc::is_percpu_obj_drop);
            (drops, "bpf_percpu_obj_drop")
        } else {
            return reject!(
                self,
                ArgumentType,
                EINVAL,
                "{name} expected pointer to allocated object"
            );
        };
        if !drops {
            return reject!(
                self,
                ArgumentType,
                EINVAL,
                "{name} expected for {drop_name}()"
            );
        }
        if !self.reg_is_referenced(reg) {
            return reject!(
                self,
                ReleaseWithoutReference,
                EINVAL,
                "allocated object must be referenced"
            );
        }
        meta.arg_btf = reg.btf();
        Ok(())
    }

    fn check_refcounted_arg(&mut self, name: &str, reg: &RegState, meta: &mut CallArgs) -> Checked {
        if !self.is_ptr_alloc_obj(reg.typ) {
            return reject!(
                self,
                ReleaseWithoutReference,
                EINVAL,
                "{name} is neither owning or non-owning ref"
            );
        }
        let held = !self.input.profile.has(Rule::COUNTS_TAKEN) || self.reg_is_referenced(reg);
        meta.arg_owning_ref = !self.is_non_owning_ref(reg.typ) && held;
        let Some((btf, id)) = reg.btf() else {
            return Err(Errno::EFAULT.into());
        };
        if self.input.struct_record(btf, id).refcount_off().is_none() {
            return reject!(
                self,
                ArgumentType,
                EINVAL,
                "{name} doesn't point to a type with bpf_refcount field"
            );
        }
        meta.arg_btf = Some((btf, id));
        Ok(())
    }

    fn check_kfunc_dynptr(
        &mut self,
        k: &Kfunc<'_>,
        i: usize,
        reg: &RegState,
        meta: &mut CallArgs,
    ) -> Checked {
        let mut at = ArgType::ARG_PTR_TO_DYNPTR;
        if k.suffix(i, "__uninit") {
            at = at | Flag::MEM_UNINIT;
        }
        at = match k.special {
            Some(SpecialKfunc::DynptrFromSkb) => at | Flag::DYNPTR_TYPE_SKB,
            Some(SpecialKfunc::DynptrFromXdp) => at | Flag::DYNPTR_TYPE_XDP,
            Some(SpecialKfunc::DynptrFromSkbMeta) => at | Flag::DYNPTR_TYPE_SKB_META,
            Some(SpecialKfunc::DynptrFromFile) => at | Flag::DYNPTR_TYPE_FILE,
            Some(SpecialKfunc::DynptrFileDiscard) => {
                at | Flag::DYNPTR_TYPE_FILE | Flag::OBJ_RELEASE
            }
            Some(SpecialKfunc::DynptrClone) if at.has(Flag::MEM_UNINIT) => {
                if meta.dynptr.kind == DynptrType::Invalid {
                    return self
                        .log
                        .verifier_bug(format_args!("no dynptr type for parent of clone"));
                }
                at | meta.dynptr.kind.flag()
            }
            _ => at,
        };
        self.process_dynptr_func(reg, &arg_name(i), at, meta)
    }

    fn css_task_iter_allowed(&self) -> bool {
        match self.input.prog.prog_type {
            ProgType::Lsm => true,
            ProgType::Tracing if self.input.prog.expected_attach_type == AttachType::TraceIter => {
                true
            }
            _ => self.path.cur.in_sleepable,
        }
    }
}
