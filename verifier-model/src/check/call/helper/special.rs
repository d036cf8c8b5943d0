// SPDX-License-Identifier: GPL-2.0-only
//! Helpers with checks of their own: the switch over `func_id` in `check_helper_call()`.

use bpf::uapi::{AttachType, Insn, ProgType};

use crate::check::call::function::callback::CallbackKind;
use crate::check::call::helper::ERRNO_RANGE;
use crate::env::Env;
use crate::env::call_args::CallArgs;
use crate::env::flow::Flow;
use crate::env::leaving::Leaving;
use crate::env::marks::LoopInline;
use crate::facts::errno::Errno;
use crate::facts::helpers::id;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::log::{reject, verbose};
use crate::state::reg::DynptrType;

impl Env<'_> {
    /// Helpers with checks of their own; says whether packet data changes if that is special too.
    pub(crate) fn check_special_helper(
        &mut self,
        insn: &Insn,
        meta: &mut CallArgs,
    ) -> Checked<Option<bool>> {
        match meta.func_id {
            id::TAIL_CALL => self.check_resource_leak(Leaving::TailCall, true)?,
            id::GET_LOCAL_STORAGE => {
                if !self.reg(2).is_null() {
                    return reject!(
                        self,
                        ConstantArgument,
                        EINVAL,
                        "get_local_storage() doesn't support non-zero flags"
                    );
                }
                self.mark_known_zero_precise(2)?;
            }
            id::FOR_EACH_MAP_ELEM => {
                self.push_callback_call(insn, meta.subprogno, CallbackKind::MapElem)?;
            }
            id::TIMER_SET_CALLBACK => {
                self.push_callback_call(insn, meta.subprogno, CallbackKind::Timer)?;
            }
            id::FIND_VMA => self.push_callback_call(insn, meta.subprogno, CallbackKind::FindVma)?,
            id::USER_RINGBUF_DRAIN => {
                self.push_callback_call(insn, meta.subprogno, CallbackKind::UserRingbuf)?;
            }
            id::LOOP => self.check_bpf_loop(insn, meta)?,
            id::SNPRINTF => self.check_snprintf()?,
            id::DYNPTR_FROM_MEM => {
                let t = self.reg(1).typ;
                if t != RegType::PTR_TO_MAP_VALUE {
                    return reject!(
                        self,
                        ArgumentType,
                        EACCES,
                        "Unsupported reg type {t} for bpf_dynptr_from_mem data"
                    );
                }
            }
            id::DYNPTR_WRITE => match meta.dynptr.kind {
                DynptrType::Invalid => return Err(Errno::EFAULT.into()),
                DynptrType::Skb | DynptrType::SkbMeta => return Ok(Some(true)),
                _ => {}
            },
            id::PER_CPU_PTR | id::THIS_CPU_PTR if self.reg(1).typ.has(Flag::MEM_RCU) => {
                let t = self
                    .reg(1)
                    .btf()
                    .and_then(|(b, id)| self.input.btf(b)?.type_by_id(id));
                if t.is_none_or(|t| !t.is_composite()) {
                    return reject!(
                        self,
                        ArgumentType,
                        EFAULT,
                        "Helper has invalid btf/btf_id in R1"
                    );
                }
                meta.returns_cpu_specific_alloc_ptr = true;
            }
            id::SET_RETVAL => self.check_set_retval()?,
            _ => {}
        }
        Ok(None)
    }

    /// `bpf_loop`: the callback is walked into until its states converge, or as often as the known
    /// number of iterations says.
    fn check_bpf_loop(&mut self, insn: &Insn, meta: &CallArgs) -> Checked {
        use crate::facts::rule::Rule;
        // Whether the loop can be inlined: the flags' register is precise while that is open.
        let idx = self.path.insn_idx;
        let before = self.marks.insns[idx].loop_inline;
        if before.is_none_or(|l| l.fit_for_inline) {
            let zero = self.reg(4).is_null();
            if zero {
                self.mark_chain_precision(4)?;
            }
            let callback = before.map_or(meta.subprogno, |l| l.callback);
            self.marks.insns[idx].loop_inline = Some(LoopInline {
                callback,
                fit_for_inline: zero && callback == meta.subprogno,
            });
        }
        let bounded = self.input.profile.has(Rule::CALLBACK_MAX_DEPTH)
            && self.input.profile.has(Rule::CALLBACK_ANY_COUNT);
        // It tells when the callback has run often enough.
        if bounded {
            self.mark_chain_precision(1)?;
        }
        let depth = u64::from(self.path.cur.frame().callback_depth);
        if depth < self.reg(1).umax() || !bounded {
            return self.push_callback_call(insn, meta.subprogno, CallbackKind::Loop);
        }
        self.path.cur.frame_mut().callback_depth = 0;
        if self.log.level2() {
            let n = self.path.cur.curframe();
            verbose!(self, "frame{n} bpf_loop iteration limit reached\n");
        }
        Ok(())
    }

    fn check_snprintf(&mut self) -> Checked {
        // The format's syntax is not looked at; its length in arguments is.
        if !self.reg(5).var_off.value.is_multiple_of(8) {
            return Err(Errno::EINVAL.into());
        }
        Ok(())
    }

    pub(crate) fn check_get_func_ip(&mut self) -> Checked {
        let ok = match self.input.prog.prog_type {
            ProgType::Kprobe => true,
            ProgType::Tracing => matches!(
                self.input.prog.expected_attach_type,
                AttachType::TraceFentry
                    | AttachType::TraceFexit
                    | AttachType::ModifyReturn
                    | AttachType::TraceFsession
            ),
            _ => false,
        };
        if ok {
            Ok(())
        } else {
            Err(Errno::ENOTSUPP.into())
        }
    }

    /// A tail call in a function: it returns, or the function goes on when the call failed.
    pub(crate) fn check_tail_call_in_subprog(&mut self) -> Checked<Flow> {
        if self.path.cur.frame().in_callback_fn {
            return reject!(self, TailCall, EINVAL, "cannot tail call within callback");
        }
        self.log.scratch_reg(0);
        let idx = self.path.insn_idx;
        self.push_stack(idx + 1, idx, false)?;
        self.clear_all_pkt_pointers();
        self.mark_reg_unknown(0);
        self.prepare_func_exit()?;
        // The caller's packet pointers are lost as well, whichever program returned.
        self.clear_all_pkt_pointers();
        Ok(Flow::IdxUpdated)
    }

    /// What `bpf_set_retval` may set.
    fn check_set_retval(&mut self) -> Checked {
        let r1 = *self.reg(1);
        let ranged = self.input.profile.has(Rule::RETVALS_IN_RANGE);
        if ranged && !r1.is_scalar() {
            return reject!(self, ArgumentType, EINVAL, "R1 is not a scalar");
        }
        if ranged && self.input.hook_returns_anything() {
            return Ok(());
        }
        let range = match self.input.prog.prog_type {
            ProgType::Lsm => {
                if self
                    .input
                    .attach_func_proto()
                    .is_none_or(|(_, p)| p.type_id() == 0)
                {
                    return reject!(
                        self,
                        ReturnValue,
                        EINVAL,
                        "BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!"
                    );
                }
                self.input.lsm_hook_range()
            }
            _ => ERRNO_RANGE,
        };
        if !ranged {
            return Ok(());
        }
        self.mark_chain_precision(1)?;
        if !self.allows(range, &r1) {
            return self.invalid_scalar(&r1, range, "At bpf_set_retval", "R1");
        }
        Ok(())
    }
}
