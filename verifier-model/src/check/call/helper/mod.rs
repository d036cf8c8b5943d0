// SPDX-License-Identifier: GPL-2.0-only
//! Calls of helpers: the prototype, each argument, what is returned.
//!
//! Source: `check_helper_call()`, `get_helper_proto()`, `check_func_proto()`,
//! `check_map_func_compatibility()` in `kernel/bpf/verifier.c`.

pub(crate) mod arg;
pub(crate) mod reg_type;
pub(crate) mod returned;
pub(crate) mod special;

use bpf::insn::B;
use bpf::uapi::{AttachType, Insn, MapType, ProgType};

use crate::check::access::MemAccess;
use crate::env::Env;
use crate::env::call_args::CallArgs;
use crate::env::flow::Flow;
use crate::facts::access::Access;
use crate::facts::errno::{Errno, MAX_ERRNO};
use crate::facts::helper_proto::HelperProto;
use crate::facts::helpers::id;
use crate::facts::limits::{MAX_BPF_FUNC_REG_ARGS, REG_NAMES};
use crate::facts::map_rules as map;
use crate::facts::rejection::{Checked, not_modelled};
use crate::facts::rule::Rule;
use crate::facts::types::{ArgType, Flag};
use crate::log::{reject, verbose};
use crate::state::RetvalRange;

/// 0 or an error.
pub(crate) const ERRNO_RANGE: RetvalRange = RetvalRange {
    minval: -MAX_ERRNO,
    maxval: 0,
    return_32bit: true,
};

impl Env<'_> {
    /// A call of a helper (`check_helper_call`).
    pub(crate) fn check_helper_call(&mut self, insn: &Insn) -> Checked<Flow> {
        let func_id = insn.imm;
        let proto = self.get_helper_proto(func_id)?;
        self.check_helper_allowed(func_id, proto)?;
        let mut changes_data = self.input.release.tables.helpers.changes_pkt_data(func_id);
        let mut meta = check_func_proto(func_id, proto);
        for i in 0..MAX_BPF_FUNC_REG_ARGS {
            self.check_func_arg(i, &mut meta)?;
        }
        self.record_func_map(&meta)?;
        self.fill_raw_mem(&meta)?;
        self.release_helper_arg(&meta)?;
        if let Some(changes) = self.check_special_helper(insn, &mut meta)? {
            changes_data = changes;
        }
        self.clear_caller_saved_regs();
        self.invalidate_outgoing_stack_args();
        self.set_helper_return(proto, &mut meta)?;
        self.check_map_func_compatibility(&meta)?;
        if func_id == id::GET_FUNC_IP {
            self.check_get_func_ip()?;
        }
        if func_id == id::TAIL_CALL {
            if self.path.cur.curframe() == 0 {
                changes_data = false;
            } else {
                return self.check_tail_call_in_subprog();
            }
        }
        if changes_data {
            self.clear_all_pkt_pointers();
        }
        Ok(self.enter_callback_once())
    }

    /// The helper's prototype, if this program may call it (`get_helper_proto`).
    fn get_helper_proto(&self, func_id: i32) -> Checked<&'static HelperProto> {
        let helpers = &self.input.release.tables.helpers;
        let name = helpers.name(func_id);
        if !helpers.exists(func_id) {
            return reject!(
                self,
                MissingFunction,
                EINVAL,
                "invalid func {name}#{func_id}"
            );
        }
        if let Some(proto) = self.input.helper_proto(func_id) {
            return Ok(proto);
        }
        let ops = self.input.struct_ops.as_ref();
        if let Some(ops) = ops.filter(|ops| ops.known.is_none()) {
            return not_modelled(format!("helpers of programs of {}", ops.name));
        }
        reject!(
            self,
            CallNotAllowed,
            EINVAL,
            "program of this type cannot use helper {name}#{func_id}"
        )
    }

    /// What the helper asks of the program, and of the place of the call.
    fn check_helper_allowed(&self, func_id: i32, proto: &HelperProto) -> Checked {
        if !self.input.prog.gpl_compatible() && proto.gpl_only {
            return reject!(
                self,
                Gpl,
                EINVAL,
                "cannot call GPL-restricted function from non-GPL compatible program"
            );
        }
        if proto.asks_program && !self.input.helper_allowed(func_id) {
            return reject!(
                self,
                Capability,
                EINVAL,
                "helper call is not allowed in probe"
            );
        }
        if proto.might_sleep && !self.in_sleepable_context() {
            let name = self.input.release.tables.helpers.name(func_id);
            let why = self.non_sleepable_context();
            return match self.path.cur.in_sleepable {
                true => reject!(
                    self,
                    SleepsInAtomic,
                    EINVAL,
                    "sleepable helper {name}#{func_id} in {why}"
                ),
                false => reject!(
                    self,
                    ProgramNotSleepable,
                    EINVAL,
                    "sleepable helper {name}#{func_id} in {why}"
                ),
            };
        }
        Ok(())
    }

    /// The argument that the helper gives back.
    fn release_helper_arg(&mut self, meta: &CallArgs) -> Checked {
        if meta.release_regno == 0 {
            return Ok(());
        }
        let reg = *self.reg(meta.release_regno);
        let percpu = reg.typ.has(Flag::MEM_ALLOC) && reg.typ.has(Flag::MEM_PERCPU);
        if meta.func_id == id::KPTR_XCHG && percpu && self.in_rcu_cs() {
            self.convert_alloc_rcu_protected(reg.id)
        } else {
            self.release_reg(&reg, meta.dynptr.id != 0)
        }
    }

    /// Memory that the call fills in: the stack becomes data.
    fn fill_raw_mem(&mut self, meta: &CallArgs) -> Checked {
        let r = meta.raw_mem_regno;
        for off in 0..meta.raw_mem_size {
            self.check_mem_access(&MemAccess {
                insn_idx: self.path.insn_idx,
                reg: *self.reg(r),
                argname: REG_NAMES[r],
                off,
                size_field: B,
                access: Access::Write,
                value: None,
                strict: false,
                is_ldsx: false,
            })?;
        }
        Ok(())
    }

    fn record_func_map(&mut self, meta: &CallArgs) -> Checked {
        let writes = matches!(
            meta.func_id,
            id::MAP_DELETE_ELEM | id::MAP_UPDATE_ELEM | id::MAP_PUSH_ELEM | id::MAP_POP_ELEM
        );
        if let Some(m) = meta.map
            && writes
            && map::is_rdonly_prog(self.code.maps[m].def)
        {
            return reject!(self, ReadOnly, EACCES, "write into map forbidden");
        }
        if meta.func_id == id::TAIL_CALL {
            let Some(m) = meta.map else {
                return Err(Errno::EINVAL.into());
            };
            if self.code.maps[m].def.map_type != MapType::ProgArray {
                return reject!(self, unended MapType, EINVAL, "expected prog array map for tail call");
            }
            let aux = &mut self.marks.insns[self.path.insn_idx];
            let first = *aux.helper_map.get_or_insert(m);
            aux.helper_map_poisoned |= first != m;
            let key = *self.reg(3);
            if key.is_const(false) && key.var_off.value < self.code.maps[m].def.max_entries.into() {
                self.mark_chain_precision(3)?;
            }
        }
        Ok(())
    }

    /// Gives back what an argument carries (`release_reg`).
    pub(crate) fn release_reg(
        &mut self,
        reg: &crate::state::reg::RegState,
        release_dynptr: bool,
    ) -> Checked {
        if reg.is_null() {
            return Ok(());
        }
        if release_dynptr {
            return self.unmark_stack_slots_dynptr(reg);
        }
        if self.reg_is_referenced(reg) {
            return self.release_reference(reg.id);
        }
        Err(Errno::EINVAL.into())
    }

    /// A per-CPU object was given to a map: what owned it may read it while the RCU section lasts.
    fn convert_alloc_rcu_protected(&mut self, id: u32) -> Checked {
        if !self.release_reference_nomark(id) {
            return Err(Errno::EINVAL.into());
        }
        self.path.cur.change_regs(
            |r| r.id == id && r.typ.has(Flag::MEM_ALLOC) && r.typ.has(Flag::MEM_PERCPU),
            |r| {
                r.id = 0;
                r.typ = r.typ.without(Flag::MEM_ALLOC).with(Flag::MEM_RCU);
            },
        );
        Ok(())
    }

    /// Some maps are for some helpers only (`check_map_func_compatibility`).
    fn check_map_func_compatibility(&mut self, meta: &CallArgs) -> Checked {
        let Some(m) = meta.map else { return Ok(()) };
        let map_type = self.code.maps[m].def.map_type;
        let name = self.input.release.tables.helpers.name(meta.func_id);
        let changes = matches!(meta.func_id, id::MAP_UPDATE_ELEM | id::MAP_DELETE_ELEM);
        let ok = if matches!(map_type, MapType::Sockmap | MapType::Sockhash) && changes {
            let may = match self.input.prog.prog_type {
                ProgType::Tracing => self.input.prog.expected_attach_type == AttachType::TraceIter,
                ProgType::SockOps => meta.func_id == id::MAP_DELETE_ELEM,
                ProgType::SkReuseport | ProgType::SkLookup => true,
                ProgType::SocketFilter
                | ProgType::SchedCls
                | ProgType::SchedAct
                | ProgType::Xdp
                | ProgType::FlowDissector => !self.input.profile.has(Rule::SOCKMAP_UPDATE_TYPES),
                _ => false,
            };
            if !may {
                verbose!(self, "cannot update sockmap in this context\n");
            }
            may
        } else {
            let name = name.strip_prefix("bpf_").unwrap_or(name);
            self.input.release.tables.maps.compatible(map_type, name)
        };
        if ok {
            return Ok(());
        }
        reject!(
            self,
            MapType,
            EINVAL,
            "cannot pass map_type {} into func {name}#{}",
            map_type as u32,
            meta.func_id
        )
    }
}

/// What the prototype says of the call before its arguments are looked at (`check_func_proto`).
fn check_func_proto(func_id: i32, proto: &'static HelperProto) -> CallArgs {
    let mut meta = CallArgs {
        func_id,
        proto: Some(proto),
        ..CallArgs::default()
    };
    for (i, arg) in proto.args.iter().enumerate() {
        let raw = matches!(
            arg.typ.base(),
            ArgType::ARG_PTR_TO_MEM | ArgType::ARG_PTR_TO_MAP_VALUE
        );
        if raw && arg.typ.has(Flag::MEM_UNINIT) {
            meta.raw_mem_regno = i + 1;
        }
        if arg.typ.has(Flag::OBJ_RELEASE) {
            meta.release_regno = i + 1;
        }
    }
    meta
}
