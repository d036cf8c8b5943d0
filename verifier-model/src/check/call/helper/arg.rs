// SPDX-License-Identifier: GPL-2.0-only
//! Arguments of helpers, each by what the prototype says it is.
//!
//! Source: `check_func_arg()`, `resolve_map_arg_type()` in `kernel/bpf/verifier.c`.

use bpf::uapi::MapType;

use crate::check::access::CallArg;
use crate::env::Env;
use crate::env::call_args::CallArgs;
use crate::facts::access::Access;
use crate::facts::errno::Errno;
use crate::facts::helpers::id;
use crate::facts::limits::REG_NAMES;
use crate::facts::rejection::Checked;
use crate::facts::types::{ArgType, Flag};
use crate::log::reject;
use crate::state::reference::LockKind;
use crate::state::reg::{About, RegState};

impl Env<'_> {
    /// The `arg`-th argument of a helper.
    pub(crate) fn check_func_arg(&mut self, arg: usize, meta: &mut CallArgs) -> Checked {
        let Some(proto) = meta.proto else {
            return Err(Errno::EFAULT.into());
        };
        let regno = arg + 1;
        let name = REG_NAMES[regno];
        let mut at = proto.arg_type(arg);
        if at == ArgType::ARG_DONTCARE {
            return Ok(());
        }
        self.check_src_reg(regno)?;
        if at == ArgType::ARG_ANYTHING {
            if self.is_pointer_value(regno) {
                return reject!(
                    self,
                    AddressLeak[regno],
                    EACCES,
                    "R{regno} leaks addr into helper function"
                );
            }
            return Ok(());
        }
        let reg = *self.reg(regno);
        if reg.typ.is_pkt_pointer()
            && !self.may_access_direct_pkt_data(Some(proto.pkt_access), Access::Read)
        {
            return reject!(
                self,
                ReadOnly,
                EACCES,
                "helper access to the packet is not allowed"
            );
        }
        if at.base() == ArgType::ARG_PTR_TO_MAP_VALUE {
            at = self.resolve_map_arg_type(meta, at)?;
        }
        if reg.is_null() && at.may_be_null() {
            self.mark_known_zero_precise(regno)?;
        } else {
            let btf = proto.args[arg].btf;
            let func = self.input.release.tables.helpers.name(meta.func_id);
            let passed = CallArg {
                reg: &reg,
                name,
                regno,
            };
            self.check_reg_type(&passed, at, btf, meta, func)?;
            self.check_func_arg_reg_off(&reg, name, at, true)?;
        }
        let dynptr = at.base() == ArgType::ARG_PTR_TO_DYNPTR;
        if at.has(Flag::OBJ_RELEASE) && !dynptr && !self.reg_is_referenced(&reg) && !reg.is_null() {
            let func = self.input.release.tables.helpers.name(meta.func_id);
            return reject!(
                self,
                ReleaseWithoutReference,
                EINVAL,
                "release helper {func} expects referenced PTR_TO_BTF_ID passed to {name}"
            );
        }
        if self.reg_is_referenced(&reg) {
            meta.ref_obj.update(reg.id);
        }
        self.check_arg_value(arg, at, &reg, meta)
    }

    fn check_arg_value(
        &mut self,
        arg: usize,
        at: ArgType,
        reg: &RegState,
        meta: &mut CallArgs,
    ) -> Checked {
        let regno = arg + 1;
        let name = REG_NAMES[regno];
        let Some(proto) = meta.proto else {
            return Err(Errno::EFAULT.into());
        };
        match at.base() {
            ArgType::ARG_CONST_MAP_PTR => self.process_map_ptr_arg(reg, name, regno, meta),
            ArgType::ARG_PTR_TO_MAP_KEY => self.check_map_key_arg(reg, name, meta),
            ArgType::ARG_PTR_TO_MAP_VALUE => self.check_map_value_arg(reg, name, at, meta),
            ArgType::ARG_PTR_TO_PERCPU_BTF_ID => match reg.btf() {
                Some((btf, id)) if id != 0 => {
                    meta.ret_btf = Some((btf, id));
                    Ok(())
                }
                _ => {
                    reject!(
                        self,
                        ArgumentType[regno],
                        EACCES,
                        "Helper has invalid btf_id in R{regno}"
                    )
                }
            },
            ArgType::ARG_PTR_TO_SPIN_LOCK => {
                if self.in_rbtree_lock_required_cb() {
                    return reject!(
                        self,
                        RbtreeCallback,
                        EACCES,
                        "can't spin_{{lock,unlock}} in rbtree cb"
                    );
                }
                let take = meta.func_id == id::SPIN_LOCK;
                self.process_spin_lock(reg, name, LockKind::Spin, take)
            }
            ArgType::ARG_PTR_TO_TIMER => self.check_map_field_pointer(reg, name, "bpf_timer", meta),
            ArgType::ARG_PTR_TO_FUNC => {
                if let About::Subprog(s) = reg.about {
                    meta.subprogno = s;
                }
                Ok(())
            }
            ArgType::ARG_PTR_TO_MEM if at.has(Flag::MEM_FIXED_SIZE) => {
                let size = proto.args[arg].size;
                self.check_mem_reg(reg, name, regno, size, &[access(at)], Some(meta))?;
                if at.has(Flag::MEM_ALIGNED) {
                    self.check_ptr_alignment(reg, 0, size as i32, true)?;
                }
                Ok(())
            }
            ArgType::ARG_MEM_SIZE | ArgType::ARG_MEM_SIZE_OR_ZERO => {
                let zero_ok = at.base() == ArgType::ARG_MEM_SIZE_OR_ZERO;
                let acc = access(proto.arg_type(arg - 1));
                let mem = *self.reg(regno - 1);
                let mem = CallArg {
                    reg: &mem,
                    name: REG_NAMES[regno - 1],
                    regno: regno - 1,
                };
                let size = CallArg { reg, name, regno };
                self.check_mem_size_reg(&mem, &size, &[acc], zero_ok, meta)
            }
            ArgType::ARG_PTR_TO_DYNPTR => self.process_dynptr_func(reg, name, at, meta),
            ArgType::ARG_CONST_ALLOC_SIZE_OR_ZERO => {
                self.process_const_alloc_mem_size(reg, name, regno, meta)
            }
            ArgType::ARG_PTR_TO_CONST_STR => self.check_arg_const_str(reg, name),
            ArgType::ARG_KPTR_XCHG_DEST => self.process_kptr_func(reg, regno, meta),
            _ => Ok(()),
        }
    }

    /// A key of the map passed.
    fn check_map_key_arg(&mut self, reg: &RegState, name: &str, meta: &mut CallArgs) -> Checked {
        let Some(m) = meta.map else {
            return Err(Errno::EFAULT.into());
        };
        let def = self.code.maps[m].def;
        let size = def.key_size as i32;
        self.check_helper_mem_access(reg, name, size, Access::Read, false, None)?;
        if self.input.can_elide_value_nullness(def) {
            meta.const_map_key = self.constant_map_key(reg, size as usize)?;
        }
        Ok(())
    }

    /// A value of the map passed.
    fn check_map_value_arg(
        &mut self,
        reg: &RegState,
        name: &str,
        at: ArgType,
        meta: &mut CallArgs,
    ) -> Checked {
        if at.may_be_null() && reg.is_null() {
            return Ok(());
        }
        let Some(m) = meta.map else {
            return Err(Errno::EFAULT.into());
        };
        let def = self.code.maps[m].def;
        if meta.func_id == id::MAP_PEEK_ELEM && def.map_type == MapType::BloomFilter {
            meta.raw_mem_regno = 0;
        }
        let size = def.value_size as i32;
        self.check_helper_mem_access(reg, name, size, access(at), false, Some(meta))
    }

    fn resolve_map_arg_type(&mut self, meta: &CallArgs, at: ArgType) -> Checked<ArgType> {
        let Some(m) = meta.map else {
            return self
                .log
                .verifier_bug(format_args!("invalid map_ptr to access map->type"));
        };
        match self.code.maps[m].def.map_type {
            MapType::Sockmap | MapType::Sockhash => {
                if at == ArgType::ARG_PTR_TO_MAP_VALUE {
                    return Ok(ArgType::ARG_PTR_TO_BTF_ID_SOCK_COMMON);
                }
                reject!(
                    self,
                    ArgumentType,
                    EINVAL,
                    "invalid arg_type for sockmap/sockhash"
                )
            }
            MapType::BloomFilter if meta.func_id == id::MAP_PEEK_ELEM => {
                Ok(ArgType::ARG_PTR_TO_MAP_VALUE)
            }
            _ => Ok(at),
        }
    }

    /// One map for all arguments of a call.
    pub(crate) fn process_map_ptr_arg(
        &mut self,
        reg: &RegState,
        name: &str,
        regno: usize,
        meta: &mut CallArgs,
    ) -> Checked {
        if let Some(m) = meta.map
            && (Some(m) != reg.map() || meta.map_uid != reg.map_uid)
        {
            let what = self.code.maps[m].record.object_name();
            let (uid, prev) = (reg.map_uid, REG_NAMES[regno.saturating_sub(1)]);
            let first = meta.map_uid;
            return reject!(
                self,
                AnotherMap,
                EINVAL,
                "{what} pointer in {prev} map_uid={first} doesn't match map pointer in {name} map_uid={uid}"
            );
        }
        meta.map = reg.map();
        meta.map_uid = reg.map_uid;
        Ok(())
    }

    /// A timer, work queue or task work must be where the map's value has it.
    pub(crate) fn check_map_field_pointer(
        &mut self,
        reg: &RegState,
        name: &str,
        kind: &str,
        meta: &mut CallArgs,
    ) -> Checked {
        if !reg.var_off.is_const() {
            return reject!(
                self,
                ConstantOffset,
                EINVAL,
                "{name} doesn't have constant offset. {kind} has to be at the constant offset"
            );
        }
        let info = self.code.map_of(reg)?;
        let (map_name, has_btf) = (info.def.kernel_name().to_owned(), info.def.btf.is_some());
        let off = info.record.off_of(kind);
        if !has_btf {
            return reject!(
                self,
                MapWithoutBtf,
                EINVAL,
                "map '{map_name}' has to have BTF in order to use {kind}"
            );
        }
        let Some(off) = off else {
            return reject!(
                self,
                WrongField,
                EINVAL,
                "map '{map_name}' has no valid {kind}"
            );
        };
        let val = reg.var_off.value;
        if u64::from(off) != val {
            return reject!(
                self,
                WrongField,
                EINVAL,
                "off {} doesn't point to 'struct {kind}' that is at {off}",
                val as i64
            );
        }
        meta.map = reg.map();
        meta.map_uid = reg.map_uid;
        Ok(())
    }
}

/// What a helper does to the memory that an argument points to.
fn access(at: ArgType) -> Access {
    if at.has(Flag::MEM_WRITE) {
        Access::Write
    } else {
        Access::Read
    }
}
