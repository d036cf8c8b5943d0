// SPDX-License-Identifier: GPL-2.0-only
//! Arguments of helpers and functions: is the register of a kind that is taken, and is what it
//! points to large enough?
//!
//! Source: `check_func_arg()`, `check_reg_type()`, `check_helper_mem_access()`,
//! `check_mem_size_reg()` in `kernel/bpf/verifier.c`.

use crate::btf_record::Field;
use crate::call::CallMeta;
use crate::check_mem::{Access, AccessSrc, REG_NAMES};
use crate::env::{BPF_MAX_VAR_SIZ, Env};
use crate::error::{Check, Errno, Stop, not_modelled};
use crate::helpers::{func_id_name, id};
use crate::log::verbose;
use crate::map;
use crate::reg_state::{BtfRef, Meta, RegState};
use crate::state::{BPF_REG_SIZE, LockKind, Slot, get_spi};
use crate::types::{ArgType as A, Flag as F, RegType as T};
use crate::uapi::{MapType, ProgType};

const MEM_TYPES: &[T] = &[
    T::PTR_TO_STACK,
    T::PTR_TO_PACKET,
    T::PTR_TO_PACKET_META,
    T::PTR_TO_MAP_KEY,
    T::PTR_TO_MAP_VALUE,
    T::PTR_TO_MEM,
    T::PTR_TO_MEM.with(F::MEM_RINGBUF),
    T::PTR_TO_BUF,
    T::PTR_TO_BTF_ID.with(F::PTR_TRUSTED),
    T::PTR_TO_CTX,
];

/// Register types that an argument type takes, in the order messages list them.
fn compatible_reg_types(arg: A) -> Option<&'static [T]> {
    const ALLOC: T = T::PTR_TO_BTF_ID.with(F::MEM_ALLOC);
    const NON_OWN: T = ALLOC.with(F::NON_OWN_REF);
    const PERCPU: T = T::PTR_TO_BTF_ID.with(F::MEM_PERCPU);
    Some(match arg.base() {
        A::ARG_PTR_TO_MAP_KEY | A::ARG_PTR_TO_MAP_VALUE | A::ARG_PTR_TO_MEM => MEM_TYPES,
        A::ARG_MEM_SIZE
        | A::ARG_MEM_SIZE_OR_ZERO
        | A::ARG_CONST_ALLOC_SIZE_OR_ZERO
        | A::ARG_SCALAR => const { &[T::SCALAR_VALUE] },
        A::ARG_CONST_MAP_PTR => const { &[T::CONST_PTR_TO_MAP] },
        A::ARG_PTR_TO_CTX => const { &[T::PTR_TO_CTX] },
        A::ARG_PTR_TO_SOCK_COMMON => {
            const {
                &[
                    T::PTR_TO_SOCK_COMMON,
                    T::PTR_TO_SOCKET,
                    T::PTR_TO_TCP_SOCK,
                    T::PTR_TO_XDP_SOCK,
                ]
            }
        }
        A::ARG_PTR_TO_BTF_ID_SOCK_COMMON => {
            const {
                &[
                    T::PTR_TO_SOCK_COMMON,
                    T::PTR_TO_SOCKET,
                    T::PTR_TO_TCP_SOCK,
                    T::PTR_TO_XDP_SOCK,
                    T::PTR_TO_BTF_ID,
                    T::PTR_TO_BTF_ID.with(F::PTR_TRUSTED),
                ]
            }
        }
        A::ARG_PTR_TO_SOCKET => const { &[T::PTR_TO_SOCKET] },
        A::ARG_PTR_TO_BTF_ID => {
            const {
                &[
                    T::PTR_TO_BTF_ID,
                    T::PTR_TO_BTF_ID.with(F::PTR_TRUSTED),
                    T::PTR_TO_BTF_ID.with(F::MEM_RCU),
                ]
            }
        }
        A::ARG_PTR_TO_SPIN_LOCK => const { &[T::PTR_TO_MAP_VALUE, ALLOC] },
        A::ARG_PTR_TO_RINGBUF_MEM => const { &[T::PTR_TO_MEM.with(F::MEM_RINGBUF)] },
        A::ARG_PTR_TO_PERCPU_BTF_ID => {
            const { &[PERCPU, PERCPU.with(F::MEM_RCU), PERCPU.with(F::PTR_TRUSTED)] }
        }
        A::ARG_PTR_TO_FUNC => const { &[T::PTR_TO_FUNC] },
        A::ARG_PTR_TO_STACK => const { &[T::PTR_TO_STACK] },
        A::ARG_PTR_TO_CONST_STR | A::ARG_PTR_TO_TIMER => const { &[T::PTR_TO_MAP_VALUE] },
        A::ARG_KPTR_XCHG_DEST => {
            const {
                &[
                    T::PTR_TO_MAP_VALUE,
                    ALLOC,
                    NON_OWN,
                    NON_OWN.with(F::MEM_RCU),
                ]
            }
        }
        A::ARG_PTR_TO_DYNPTR => const { &[T::PTR_TO_STACK, T::CONST_PTR_TO_DYNPTR] },
        _ => return None,
    })
}

impl Env<'_> {
    /// The `arg`-th argument of a helper.
    pub fn check_func_arg(&mut self, arg: usize, meta: &mut CallMeta) -> Check {
        let Some(proto) = meta.proto else {
            return Err(Errno::EFAULT.into());
        };
        let regno = arg + 1;
        let name = REG_NAMES[regno];
        let mut at = proto.arg_type(arg);
        if at == A::ARG_DONTCARE {
            return Ok(());
        }
        self.check_src_reg(regno)?;
        if at == A::ARG_ANYTHING {
            if self.is_pointer_value(regno) {
                verbose!(self, "R{regno} leaks addr into helper function\n");
                return Err(Errno::EACCES.into());
            }
            return Ok(());
        }
        let reg = *self.reg(regno);
        if reg.typ.is_pkt_pointer()
            && !self.may_access_direct_pkt_data(Some(proto.pkt_access), Access::Read)
        {
            verbose!(self, "helper access to the packet is not allowed\n");
            return Err(Errno::EACCES.into());
        }
        if at.base() == A::ARG_PTR_TO_MAP_VALUE {
            at = self.resolve_map_arg_type(meta, at)?;
        }
        if reg.is_null() && at.may_be_null() {
            self.mark_chain_precision(regno)?;
        } else {
            let btf = proto.args[arg].btf.as_deref();
            let func = func_id_name(meta.func_id);
            self.check_reg_type(&reg, name, regno, at, btf, meta, &func)?;
            self.check_func_arg_reg_off(&reg, name, at, true)?;
        }
        let dynptr = at.base() == A::ARG_PTR_TO_DYNPTR;
        if at.has(F::OBJ_RELEASE) && !dynptr && !self.reg_is_referenced(&reg) && !reg.is_null() {
            let func = func_id_name(meta.func_id);
            verbose!(
                self,
                "release helper {func} expects referenced PTR_TO_BTF_ID passed to {name}\n"
            );
            return Err(Errno::EINVAL.into());
        }
        if self.reg_is_referenced(&reg) {
            let n = meta.ref_obj.2 + 1;
            meta.ref_obj = (reg.id, reg.parent_id, n);
        }
        self.check_arg_value(arg, at, &reg, meta)
    }

    fn check_arg_value(&mut self, arg: usize, at: A, reg: &RegState, meta: &mut CallMeta) -> Check {
        let regno = arg + 1;
        let name = REG_NAMES[regno];
        let fault = || Err(Stop::Errno(Errno::EFAULT));
        let Some(proto) = meta.proto else {
            return fault();
        };
        let access = |t: A| {
            if t.has(F::MEM_WRITE) {
                Access::Write
            } else {
                Access::Read
            }
        };
        match at.base() {
            A::ARG_CONST_MAP_PTR => self.process_map_ptr_arg(reg, name, regno, meta),
            A::ARG_PTR_TO_MAP_KEY => {
                let Some(m) = meta.map else { return fault() };
                let def = self.maps[m].def;
                let size = def.key_size as i32;
                self.check_helper_mem_access(reg, name, size, Access::Read, false, None)?;
                if map::can_elide_value_nullness(def) {
                    meta.const_map_key = self.constant_map_key(reg, size as usize)?;
                }
                Ok(())
            }
            A::ARG_PTR_TO_MAP_VALUE => {
                if at.may_be_null() && reg.is_null() {
                    return Ok(());
                }
                let Some(m) = meta.map else { return fault() };
                let def = self.maps[m].def;
                if meta.func_id == id::MAP_PEEK_ELEM && def.map_type == MapType::BloomFilter {
                    meta.raw_mem_regno = 0;
                }
                let size = def.value_size as i32;
                self.check_helper_mem_access(reg, name, size, access(at), false, Some(meta))
            }
            A::ARG_PTR_TO_PERCPU_BTF_ID => match reg.btf() {
                Some((btf, id)) if id != 0 => {
                    meta.ret_btf = Some((btf, id));
                    Ok(())
                }
                _ => {
                    verbose!(self, "Helper has invalid btf_id in R{regno}\n");
                    Err(Errno::EACCES.into())
                }
            },
            A::ARG_PTR_TO_SPIN_LOCK => {
                if self.in_rbtree_lock_required_cb() {
                    verbose!(self, "can't spin_{{lock,unlock}} in rbtree cb\n");
                    return Err(Errno::EACCES.into());
                }
                let take = meta.func_id == id::SPIN_LOCK;
                self.process_spin_lock(reg, name, LockKind::Spin, take)
            }
            A::ARG_PTR_TO_TIMER => self.check_map_field_pointer(reg, name, "bpf_timer", meta),
            A::ARG_PTR_TO_FUNC => {
                if let Meta::Subprog(s) = reg.meta {
                    meta.subprogno = s;
                }
                Ok(())
            }
            A::ARG_PTR_TO_MEM if at.has(F::MEM_FIXED_SIZE) => {
                let size = proto.args[arg].size;
                self.check_mem_reg(reg, name, regno, size, &[access(at)], Some(meta))?;
                if at.has(F::MEM_ALIGNED) {
                    self.check_ptr_alignment(reg, 0, size as i32, true)?;
                }
                Ok(())
            }
            A::ARG_MEM_SIZE | A::ARG_MEM_SIZE_OR_ZERO => {
                let zero_ok = at.base() == A::ARG_MEM_SIZE_OR_ZERO;
                let mem = *self.reg(regno - 1);
                let acc = access(proto.arg_type(arg - 1));
                let names = (REG_NAMES[regno - 1], name);
                self.check_mem_size_reg(&mem, reg, names, regno, &[acc], zero_ok, meta)
            }
            A::ARG_PTR_TO_DYNPTR => self.process_dynptr_func(reg, name, at, meta),
            A::ARG_CONST_ALLOC_SIZE_OR_ZERO => {
                self.process_const_alloc_mem_size(reg, name, regno, meta)
            }
            A::ARG_PTR_TO_CONST_STR => self.check_arg_const_str(reg, name),
            A::ARG_KPTR_XCHG_DEST => self.process_kptr_func(reg, regno, meta),
            _ => Ok(()),
        }
    }

    fn resolve_map_arg_type(&mut self, meta: &CallMeta, at: A) -> Check<A> {
        let Some(m) = meta.map else {
            return self.verifier_bug(format_args!("invalid map_ptr to access map->type"));
        };
        match self.maps[m].def.map_type {
            MapType::Sockmap | MapType::Sockhash => {
                if at == A::ARG_PTR_TO_MAP_VALUE {
                    return Ok(A::ARG_PTR_TO_BTF_ID_SOCK_COMMON);
                }
                verbose!(self, "invalid arg_type for sockmap/sockhash\n");
                Err(Errno::EINVAL.into())
            }
            MapType::BloomFilter if meta.func_id == id::MAP_PEEK_ELEM => {
                Ok(A::ARG_PTR_TO_MAP_VALUE)
            }
            _ => Ok(at),
        }
    }

    /// One map for all arguments of a call.
    pub fn process_map_ptr_arg(
        &mut self,
        reg: &RegState,
        name: &str,
        regno: usize,
        meta: &mut CallMeta,
    ) -> Check {
        if let Some(m) = meta.map
            && (Some(m) != reg.map() || meta.map_uid != reg.map_uid)
        {
            let what = self.maps[m].record.object_name();
            let (uid, prev) = (reg.map_uid, REG_NAMES[regno.saturating_sub(1)]);
            let first = meta.map_uid;
            verbose!(
                self,
                "{what} pointer in {prev} map_uid={first} doesn't match map pointer in {name} map_uid={uid}\n"
            );
            return Err(Errno::EINVAL.into());
        }
        meta.map = reg.map();
        meta.map_uid = reg.map_uid;
        Ok(())
    }

    /// A timer, work queue or task work must be where the map's value has it.
    pub fn check_map_field_pointer(
        &mut self,
        reg: &RegState,
        name: &str,
        kind: &str,
        meta: &mut CallMeta,
    ) -> Check {
        let fail = Err(Errno::EINVAL.into());
        if !reg.var_off.is_const() {
            verbose!(
                self,
                "{name} doesn't have constant offset. {kind} has to be at the constant offset\n"
            );
            return fail;
        }
        let info = self.map_of(reg)?;
        let (map_name, has_btf) = (info.kernel_name().to_owned(), info.def.btf.is_some());
        let off = info.record.off_of(kind);
        if !has_btf {
            verbose!(
                self,
                "map '{map_name}' has to have BTF in order to use {kind}\n"
            );
            return fail;
        }
        let Some(off) = off else {
            verbose!(self, "map '{map_name}' has no valid {kind}\n");
            return fail;
        };
        let val = reg.var_off.value;
        if u64::from(off) != val {
            verbose!(
                self,
                "off {} doesn't point to 'struct {kind}' that is at {off}\n",
                val as i64
            );
            return fail;
        }
        meta.map = reg.map();
        meta.map_uid = reg.map_uid;
        Ok(())
    }

    /// The register's type must be one that the argument takes (`check_reg_type`). `btf` is the
    /// kernel structure expected.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parameters of an argument check"
    )]
    pub fn check_reg_type(
        &mut self,
        reg: &RegState,
        name: &str,
        regno: usize,
        at: A,
        btf: Option<&str>,
        meta: &CallMeta,
        call_name: &str,
    ) -> Check {
        let Some(compatible) = compatible_reg_types(at) else {
            return self.verifier_bug(format_args!("unsupported arg type {}", at.raw()));
        };
        let mut typ = reg.typ;
        if at.has(F::MEM_RDONLY) {
            typ = typ.without(F::MEM_RDONLY);
        }
        if at.may_be_null() {
            typ = typ.without(F::PTR_MAYBE_NULL);
        }
        if at.base() == A::ARG_PTR_TO_MEM {
            typ = typ.without(F::DYNPTR_TYPE_MASK);
        }
        let xchg = meta.func_id == id::KPTR_XCHG && meta.proto.is_some();
        if xchg && regno == 2 && typ.has(F::MEM_ALLOC) {
            typ = typ.without(F::MEM_ALLOC | F::MEM_PERCPU);
        }
        if !compatible.contains(&typ) {
            let list: Vec<_> = compatible.iter().map(T::to_string).collect();
            verbose!(
                self,
                "{name} type={} expected={}\n",
                reg.typ,
                list.join(", ")
            );
            return Err(Errno::EACCES.into());
        }
        if reg.typ.base() != T::PTR_TO_BTF_ID {
            return Ok(());
        }
        let takes_mem = matches!(
            at.base(),
            A::ARG_PTR_TO_MAP_KEY | A::ARG_PTR_TO_MAP_VALUE | A::ARG_PTR_TO_MEM
        );
        if takes_mem {
            if !at.has(F::MEM_RDONLY) {
                verbose!(
                    self,
                    "{call_name}() may write into memory pointed by {name} type={}\n",
                    reg.typ
                );
                return Err(Errno::EACCES.into());
            }
            return Ok(());
        }
        if reg.typ.has(F::MEM_PERCPU) && !reg.typ.has(F::MEM_ALLOC) {
            return Ok(());
        }
        if reg.typ.has(F::MEM_ALLOC) {
            if !matches!(
                meta.func_id,
                id::SPIN_LOCK | id::SPIN_UNLOCK | id::KPTR_XCHG
            ) {
                return self.verifier_bug(format_args!("unimplemented handling of MEM_ALLOC"));
            }
            if xchg && regno == 2 {
                let Some(field) = meta.kptr_field.clone() else {
                    return Err(Errno::EFAULT.into());
                };
                return self.check_xchg_match(&field, reg, regno);
            }
            return Ok(());
        }
        let release = at.has(F::OBJ_RELEASE);
        if reg.typ.may_be_null() && (!at.may_be_null() || release) {
            verbose!(self, "Possibly NULL pointer passed to helper {name}\n");
            return Err(Errno::EACCES.into());
        }
        if xchg {
            let Some(field) = meta.kptr_field.clone() else {
                return Err(Errno::EFAULT.into());
            };
            return self.check_xchg_match(&field, reg, regno);
        }
        self.check_ptr_off_reg(reg, name, true)?;
        let want = if at.base() == A::ARG_PTR_TO_BTF_ID_SOCK_COMMON {
            "sock_common"
        } else {
            btf.unwrap_or("")
        };
        let Some(want_id) = self.vmlinux_struct_by_name(want) else {
            return not_modelled(format!("an argument of struct {want}, which is not in BTF"));
        };
        let Some((rbtf, rid)) = reg.btf() else {
            return Err(Errno::EFAULT.into());
        };
        let strict = release && meta.func_id != id::SK_RELEASE;
        let off = reg.var_off.value as i32;
        if !self.struct_ids_match((rbtf, rid), off, (BtfRef::VMLINUX, want_id), strict, true) {
            let is = self.btf_type_name(rbtf, rid).to_owned();
            verbose!(self, "{name} is of type {is} but {want} is expected\n");
            return Err(Errno::EACCES.into());
        }
        Ok(())
    }

    /// What is exchanged for a kptr must be of its type.
    fn check_xchg_match(&mut self, field: &Field, reg: &RegState, regno: usize) -> Check {
        match self.check_kptr_match(field, reg, regno) {
            Err(Stop::Errno(_)) => Err(Errno::EACCES.into()),
            r => r,
        }
    }

    /// The offset of a pointer argument.
    pub fn check_func_arg_reg_off(
        &mut self,
        reg: &RegState,
        name: &str,
        at: A,
        btf_id_fixed_off_ok: bool,
    ) -> Check {
        if at.has(F::OBJ_RELEASE) {
            if at.base() == A::ARG_PTR_TO_DYNPTR && reg.typ == T::PTR_TO_STACK {
                return Ok(());
            }
            if !reg.var_off.equals_const(0) {
                verbose!(
                    self,
                    "{name} must have zero offset when passed to release func or trusted arg to kfunc\n"
                );
                return Err(Errno::EINVAL.into());
            }
        }
        const ALLOC: T = T::PTR_TO_BTF_ID.with(F::MEM_ALLOC);
        const MEM_RDONLY: T = T::PTR_TO_MEM.with(F::MEM_RDONLY);
        const MEM_RINGBUF: T = T::PTR_TO_MEM.with(F::MEM_RINGBUF);
        const BUF_RDONLY: T = T::PTR_TO_BUF.with(F::MEM_RDONLY);
        const TRUSTED: T = T::PTR_TO_BTF_ID.with(F::PTR_TRUSTED);
        const RCU: T = T::PTR_TO_BTF_ID.with(F::MEM_RCU);
        const NON_OWN: T = ALLOC.with(F::NON_OWN_REF);
        const NON_OWN_RCU: T = NON_OWN.with(F::MEM_RCU);
        match reg.typ {
            T::PTR_TO_STACK
            | T::PTR_TO_PACKET
            | T::PTR_TO_PACKET_META
            | T::PTR_TO_MAP_KEY
            | T::PTR_TO_MAP_VALUE
            | T::PTR_TO_MEM
            | MEM_RDONLY
            | MEM_RINGBUF
            | T::PTR_TO_BUF
            | BUF_RDONLY
            | T::PTR_TO_ARENA
            | T::SCALAR_VALUE => Ok(()),
            T::PTR_TO_BTF_ID | ALLOC | TRUSTED | RCU | NON_OWN | NON_OWN_RCU => {
                self.check_ptr_off_reg(reg, name, btf_id_fixed_off_ok)
            }
            T::PTR_TO_CTX
                if at != A::ARG_PTR_TO_CTX && self.prog.prog_type == ProgType::Syscall =>
            {
                Ok(())
            }
            _ => self.check_ptr_off_reg(reg, name, false),
        }
    }

    /// Memory that a call reads or writes (`check_helper_mem_access`).
    pub fn check_helper_mem_access(
        &mut self,
        reg: &RegState,
        name: &str,
        size: i32,
        access: Access,
        zero_ok: bool,
        meta: Option<&mut CallMeta>,
    ) -> Check {
        let t = reg.typ;
        let write = access == Access::Write;
        match t.base() {
            T::PTR_TO_PACKET | T::PTR_TO_PACKET_META => {
                self.check_packet_access(reg, name, 0, size, zero_ok)
            }
            T::PTR_TO_MAP_KEY => {
                if write {
                    verbose!(self, "{name} cannot write into {t}\n");
                    return Err(Errno::EACCES.into());
                }
                let key_size = self.map_of(reg)?.def.key_size;
                self.check_mem_region_access(reg, name, 0, size, key_size, false)
            }
            T::PTR_TO_MAP_VALUE => {
                self.check_map_access_type(reg, 0, size, access)?;
                self.check_map_access(reg, name, 0, size, zero_ok, AccessSrc::Helper)
            }
            T::PTR_TO_MEM => {
                if write && t.has(F::MEM_RDONLY) {
                    verbose!(self, "{name} cannot write into {t}\n");
                    return Err(Errno::EACCES.into());
                }
                self.check_mem_region_access(reg, name, 0, size, reg.mem_size(), zero_ok)
            }
            T::PTR_TO_BUF => {
                let rdonly = t.has(F::MEM_RDONLY);
                if write && rdonly {
                    verbose!(self, "{name} cannot write into {t}\n");
                    return Err(Errno::EACCES.into());
                }
                let what = if rdonly { "rdonly" } else { "rdwr" };
                self.check_buffer_bounds(what, reg, name, 0)
            }
            T::PTR_TO_STACK => {
                self.check_stack_range_initialized(reg, name, 0, size, zero_ok, access, meta)
            }
            T::PTR_TO_BTF_ID => self.check_ptr_to_btf_access(reg, name, 0, size, access, None),
            T::PTR_TO_CTX if self.prog.prog_type == ProgType::Syscall => {
                self.check_mem_region_access(reg, name, 0, size, u16::MAX.into(), zero_ok)
            }
            _ => {
                if zero_ok && size == 0 && reg.is_null() {
                    return Ok(());
                }
                verbose!(self, "{name} type={t} expected={}\n", T::PTR_TO_STACK);
                Err(Errno::EACCES.into())
            }
        }
    }

    /// Memory and its size in two arguments (`check_mem_size_reg`).
    #[expect(
        clippy::too_many_arguments,
        reason = "two arguments are checked together"
    )]
    pub fn check_mem_size_reg(
        &mut self,
        mem: &RegState,
        size: &RegState,
        (mem_name, size_name): (&str, &str),
        size_regno: usize,
        accesses: &[Access],
        zero_ok: bool,
        meta: &mut CallMeta,
    ) -> Check {
        meta.msize_max = size.umax();
        let konst = size.var_off.is_const();
        if size.smin() < 0 {
            verbose!(
                self,
                "{size_name} min value is negative, either use unsigned or 'var &= const'\n"
            );
            return Err(Errno::EACCES.into());
        }
        if size.umin() == 0 && !zero_ok {
            verbose!(
                self,
                "{size_name} invalid zero-sized read: u64=[{},{}]\n",
                size.umin() as i64,
                size.umax() as i64
            );
            return Err(Errno::EACCES.into());
        }
        if size.umax() >= BPF_MAX_VAR_SIZ {
            verbose!(
                self,
                "{size_name} unbounded memory access, use 'var &= const' or 'if (var < const)'\n"
            );
            return Err(Errno::EACCES.into());
        }
        let max = size.umax() as i32;
        for access in accesses {
            let meta = konst.then_some(&mut *meta);
            self.check_helper_mem_access(mem, mem_name, max, *access, zero_ok, meta)?;
        }
        self.mark_chain_precision(size_regno)
    }

    /// Memory of a size that is known (`check_mem_reg`).
    pub fn check_mem_reg(
        &mut self,
        reg: &RegState,
        name: &str,
        regno: usize,
        mem_size: u32,
        accesses: &[Access],
        mut meta: Option<&mut CallMeta>,
    ) -> Check {
        if reg.is_null() {
            return self.mark_chain_precision(regno);
        }
        let Ok(size) = i32::try_from(mem_size) else {
            verbose!(self, "{name} memory size {mem_size} is too large\n");
            return Err(Errno::EACCES.into());
        };
        // A function's own stack argument may have dead bytes.
        let size = if meta.is_none() && reg.typ.base() == T::PTR_TO_STACK {
            -size
        } else {
            size
        };
        for access in accesses {
            self.check_helper_mem_access(reg, name, size, *access, true, meta.as_deref_mut())?;
        }
        Ok(())
    }

    /// The size of memory to be returned must be known.
    pub fn process_const_alloc_mem_size(
        &mut self,
        reg: &RegState,
        name: &str,
        regno: usize,
        meta: &mut CallMeta,
    ) -> Check {
        if !reg.var_off.is_const() {
            verbose!(self, "{name} is not a const\n");
            return Err(Errno::EINVAL.into());
        }
        let Ok(size) = u32::try_from(reg.var_off.value) else {
            verbose!(self, "{name} allocation size exceeds u32 max\n");
            return Err(Errno::EINVAL.into());
        };
        self.mark_chain_precision(regno)?;
        meta.ret_mem_size = Some(size);
        Ok(())
    }

    /// The argument must be a string in a read-only map.
    pub fn check_arg_const_str(&mut self, reg: &RegState, name: &str) -> Check {
        if reg.typ != T::PTR_TO_MAP_VALUE {
            return Err(Errno::EINVAL.into());
        }
        let info = self.map_of(reg)?;
        let (def, rdonly) = (info.def, info.is_rdonly());
        match def.map_type {
            MapType::InsnArray | MapType::PercpuArray => {
                let what = if def.map_type == MapType::InsnArray {
                    "insn"
                } else {
                    "percpu"
                };
                verbose!(
                    self,
                    "{name} points to {what}_array map which cannot be used as const string\n"
                );
                return Err(Errno::EACCES.into());
            }
            _ => {}
        }
        if !rdonly {
            verbose!(self, "{name} does not point to a readonly map'\n");
            return Err(Errno::EACCES.into());
        }
        if !reg.var_off.is_const() {
            verbose!(self, "{name} is not a constant address'\n");
            return Err(Errno::EACCES.into());
        }
        let off = reg.var_off.value as u32;
        let (size, contents) = (def.value_size, def.contents.clone());
        let len = size.wrapping_sub(off) as i32;
        self.check_map_access(reg, name, 0, len, false, AccessSrc::Helper)?;
        let text = contents.get(off as usize..).unwrap_or_default();
        if !contents.is_empty() && !text.contains(&0) {
            verbose!(self, "string is not zero-terminated\n");
            return Err(Errno::EINVAL.into());
        }
        Ok(())
    }

    /// A map key on the stack, when every byte is known.
    fn constant_map_key(&mut self, key: &RegState, key_size: usize) -> Check<Option<u64>> {
        if !self.bpf_capable || key.typ != T::PTR_TO_STACK || !key.var_off.is_const() {
            return Ok(None);
        }
        let off = key.var_off.value as i32;
        let spi = get_spi(off);
        let at = (-off - 1) as usize % BPF_REG_SIZE;
        let frameno = key.frameno();
        let slot = self
            .cur
            .frames
            .get(frameno)
            .and_then(|f| f.stack.get(spi))
            .copied();
        let Some(slot) = slot else { return Ok(None) };
        let run = |t: Slot| {
            slot.typ[..=at]
                .iter()
                .rev()
                .take_while(|b| **b == t)
                .count()
        };
        if run(Slot::Zero) >= key_size {
            return Ok(Some(0));
        }
        if !slot.is_spilled_scalar() || run(Slot::Spill) != key_size || !slot.reg.var_off.is_const()
        {
            return Ok(None);
        }
        self.bt.set_frame_slot(frameno, spi);
        self.mark_chain_precision_cur(None)?;
        Ok(Some(slot.reg.var_off.value))
    }
}
