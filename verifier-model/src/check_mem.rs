// SPDX-License-Identifier: GPL-2.0-only
//! Loads and stores: which pointers may be followed, how far, and what is found there.
//!
//! Source: `check_mem_access()`, `check_mem_region_access()`, `check_load_mem()`, `check_atomic()`
//! in `kernel/bpf/verifier.c`.

use crate::cnum::{Cnum32, Cnum64};
use crate::ctx_fields;
use crate::do_check::Flow;
use crate::env::{BPF_MAX_VAR_OFF, Env};
use crate::error::{Check, Errno};
use crate::insn::{CMPXCHG, LOAD_ACQ, STORE_REL, XCHG, alu, mode, size_to_bytes};
use crate::log::verbose;
use crate::map;
use crate::reg_state::{Meta, RegState};
use crate::state::BPF_REG_SIZE;
use crate::types::{Flag, RegType};
use crate::uapi::{Insn, MapType, ProgType};

/// Direction of an access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// `BPF_READ`
    Read,
    /// `BPF_WRITE`
    Write,
}

/// Who accesses a map's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessSrc {
    /// A load or store.
    Direct,
    /// A helper.
    Helper,
}

/// A load or store to be checked.
#[derive(Clone, Debug)]
pub struct MemAccess<'a> {
    /// Instruction.
    pub insn_idx: usize,
    /// The pointer.
    pub reg: RegState,
    /// How messages name the pointer.
    pub argname: &'a str,
    /// Offset from the pointer.
    pub off: i32,
    /// Size field of the opcode.
    pub size_field: u8,
    /// Direction.
    pub access: Access,
    /// Register loaded or stored.
    pub value: Option<usize>,
    /// Misaligned is an error.
    pub strict: bool,
    /// Sign-extending load.
    pub is_ldsx: bool,
}

impl<'a> Env<'a> {
    /// A load (`check_load_mem`).
    pub fn check_load_mem(
        &mut self,
        insn: &Insn,
        strict: bool,
        is_ldsx: bool,
        allow_trust_mismatch: bool,
        ctx: &str,
    ) -> Check {
        let (d, s) = (insn.dst(), insn.src());
        if insn.is_stack_arg_ldx() {
            self.check_dst_reg(d, false)?;
            return self.check_stack_arg_read(insn.off, d);
        }
        self.check_src_reg(s)?;
        self.check_dst_reg(d, false)?;
        let src_type = self.reg(s).typ;
        self.check_mem_access(&MemAccess {
            insn_idx: self.insn_idx,
            reg: *self.reg(s),
            argname: REG_NAMES[s],
            off: insn.off.into(),
            size_field: insn.size_field(),
            access: Access::Read,
            value: Some(d),
            strict,
            is_ldsx,
        })?;
        self.save_aux_ptr_type(src_type, allow_trust_mismatch)?;
        self.reg_sanity_check(d, ctx)
    }

    /// A store of a register (`check_store_reg`).
    pub fn check_store_reg(&mut self, insn: &Insn, strict: bool) -> Check {
        let (d, s) = (insn.dst(), insn.src());
        self.check_src_reg(s)?;
        if insn.is_stack_arg_stx() {
            let value = *self.reg(s);
            return self.check_stack_arg_write(insn.off, value);
        }
        self.check_src_reg(d)?;
        let dst_type = self.reg(d).typ;
        self.check_store(insn, d, Some(s), strict)?;
        self.save_aux_ptr_type(dst_type, false)
    }

    /// A store of an immediate.
    pub fn check_store_imm(&mut self, insn: &Insn) -> Check {
        if insn.is_stack_arg_st() {
            let value = RegState::konst(i64::from(insn.imm) as u64);
            return self.check_stack_arg_write(insn.off, value);
        }
        let d = insn.dst();
        self.check_src_reg(d)?;
        let dst_type = self.reg(d).typ;
        self.check_store(insn, d, None, false)?;
        self.save_aux_ptr_type(dst_type, false)
    }

    fn check_store(&mut self, insn: &Insn, d: usize, value: Option<usize>, strict: bool) -> Check {
        self.check_mem_access(&MemAccess {
            insn_idx: self.insn_idx,
            reg: *self.reg(d),
            argname: REG_NAMES[d],
            off: insn.off.into(),
            size_field: insn.size_field(),
            access: Access::Write,
            value,
            strict,
            is_ldsx: false,
        })
    }

    /// An atomic operation.
    pub fn check_atomic(&mut self, insn: &Insn) -> Check {
        const ADD: i32 = alu::ADD as i32;
        const AND: i32 = alu::AND as i32;
        const OR: i32 = alu::OR as i32;
        const XOR: i32 = alu::XOR as i32;
        match insn.imm {
            LOAD_ACQ => {
                self.check_src_reg(insn.src())?;
                if !self.atomic_ptr_type_ok(insn.src(), insn) {
                    let (s, t) = (insn.src(), self.reg(insn.src()).typ);
                    verbose!(self, "BPF_ATOMIC loads from R{s} {t} is not allowed\n");
                    return Err(Errno::EACCES.into());
                }
                self.check_load_mem(insn, true, false, false, "atomic_load")
            }
            STORE_REL => {
                self.check_store_reg(insn, true)?;
                self.check_atomic_store_ptr(insn)
            }
            XCHG | CMPXCHG => self.check_atomic_rmw(insn),
            i if matches!(i & !crate::insn::FETCH, ADD | AND | OR | XOR) => {
                self.check_atomic_rmw(insn)
            }
            i => {
                verbose!(self, "BPF_ATOMIC uses invalid atomic opcode {i:02x}\n");
                Err(Errno::EINVAL.into())
            }
        }
    }

    fn check_atomic_store_ptr(&mut self, insn: &Insn) -> Check {
        let d = insn.dst();
        if !self.atomic_ptr_type_ok(d, insn) {
            let t = self.reg(d).typ;
            verbose!(self, "BPF_ATOMIC stores into R{d} {t} is not allowed\n");
            return Err(Errno::EACCES.into());
        }
        Ok(())
    }

    fn check_atomic_rmw(&mut self, insn: &Insn) -> Check {
        let (d, s) = (insn.dst(), insn.src());
        if insn.size() < 4 {
            verbose!(self, "invalid atomic operand size\n");
            return Err(Errno::EINVAL.into());
        }
        self.check_src_reg(s)?;
        self.check_src_reg(d)?;
        if insn.imm == CMPXCHG {
            self.check_src_reg(0)?;
            if self.is_pointer_value(0) {
                verbose!(self, "R0 leaks addr into mem\n");
                return Err(Errno::EACCES.into());
            }
        }
        if self.is_pointer_value(s) {
            verbose!(self, "R{s} leaks addr into mem\n");
            return Err(Errno::EACCES.into());
        }
        self.check_atomic_store_ptr(insn)?;
        let load_reg = insn.atomic_load_reg();
        if let Some(r) = load_reg {
            self.check_dst_reg(r, true)?;
        }
        let mut a = MemAccess {
            insn_idx: self.insn_idx,
            reg: *self.reg(d),
            argname: REG_NAMES[d],
            off: insn.off.into(),
            size_field: insn.size_field(),
            access: Access::Read,
            value: None,
            strict: true,
            is_ldsx: false,
        };
        self.check_mem_access(&a)?;
        if load_reg.is_some() {
            a.value = load_reg;
            self.check_mem_access(&a)?;
        }
        let dst = *self.reg(d);
        self.save_aux_ptr_type(dst.typ, false)?;
        a.reg = dst;
        a.access = Access::Write;
        a.value = None;
        self.check_mem_access(&a)
    }

    fn atomic_ptr_type_ok(&self, regno: usize, insn: &Insn) -> bool {
        let t = self.reg(regno).typ;
        if t == RegType::PTR_TO_ARENA {
            // What the x86-64 compiler cannot do there.
            const FETCH: [i32; 3] = [
                alu::AND as i32 | crate::insn::FETCH,
                alu::OR as i32 | crate::insn::FETCH,
                alu::XOR as i32 | crate::insn::FETCH,
            ];
            return insn.size() < 4 || !FETCH.contains(&insn.imm);
        }
        !(t == RegType::PTR_TO_CTX
            || t.is_pkt_pointer()
            || t == RegType::PTR_TO_FLOW_KEYS
            || t.is_sk_pointer()
            || insn.imm == LOAD_ACQ && t.may_fault_on_deref())
    }

    /// A pointer is followed (`check_mem_access`).
    pub fn check_mem_access(&mut self, a: &MemAccess<'_>) -> Check {
        let size = size_to_bytes(a.size_field);
        let reg = &a.reg;
        let write = a.access == Access::Write;
        self.check_ptr_alignment(reg, a.off, size, a.strict)?;
        let t = reg.typ;
        match t.base() {
            RegType::PTR_TO_MAP_KEY if t == RegType::PTR_TO_MAP_KEY => {
                if write {
                    verbose!(self, "write to change key {} not allowed\n", a.argname);
                    return Err(Errno::EACCES.into());
                }
                let key_size = self.map_of(reg)?.def.key_size;
                self.check_mem_region_access(reg, a.argname, a.off, size, key_size, false)?;
                self.load_unknown(a);
            }
            RegType::PTR_TO_MAP_VALUE if t == RegType::PTR_TO_MAP_VALUE => {
                self.check_map_value_access(a, size)?;
            }
            RegType::PTR_TO_MEM => self.check_ptr_to_mem_access(a, size)?,
            RegType::PTR_TO_CTX if t == RegType::PTR_TO_CTX => {
                self.check_ctx_mem_access(a, size)?
            }
            RegType::PTR_TO_STACK if t == RegType::PTR_TO_STACK => {
                self.check_stack_access_within_bounds(reg, a.argname, a.off, size, a.access)?;
                if write {
                    self.check_stack_write(reg, a.off, size, a.value, a.insn_idx)?;
                } else {
                    self.check_stack_read(reg, a.argname, a.off, size, a.value)?;
                }
            }
            RegType::PTR_TO_PACKET | RegType::PTR_TO_PACKET_META => {
                if write && !self.may_access_direct_pkt_data(None, Access::Write) {
                    verbose!(self, "cannot write into packet\n");
                    return Err(Errno::EACCES.into());
                }
                self.check_leak(a, "packet")?;
                self.check_packet_access(reg, a.argname, a.off, size, false)?;
                self.load_unknown(a);
            }
            RegType::PTR_TO_TP_BUFFER if t == RegType::PTR_TO_TP_BUFFER => {
                self.check_buffer_bounds("tracepoint", reg, a.argname, a.off)?;
                self.load_unknown(a);
            }
            RegType::PTR_TO_BTF_ID if !t.may_be_null() => {
                self.check_ptr_to_btf_access(reg, a.argname, a.off, size, a.access, a.value)?;
            }
            RegType::CONST_PTR_TO_MAP if t == RegType::CONST_PTR_TO_MAP => {
                self.check_ptr_to_map_access(reg, a.argname, a.off, size, a.access, a.value)?;
            }
            RegType::PTR_TO_BUF if !t.may_be_null() => {
                let rdonly = t.has(Flag::MEM_RDONLY);
                if rdonly && write {
                    verbose!(self, "{} cannot write into {t}\n", a.argname);
                    return Err(Errno::EACCES.into());
                }
                let what = if rdonly { "rdonly" } else { "rdwr" };
                self.check_buffer_bounds(what, reg, a.argname, a.off)?;
                self.load_unknown(a);
            }
            RegType::PTR_TO_FLOW_KEYS if t == RegType::PTR_TO_FLOW_KEYS => {
                self.check_leak(a, "flow keys")?;
                self.check_flow_keys_access(reg, a.argname, a.off, size)?;
                self.load_unknown(a);
            }
            RegType::PTR_TO_ARENA if t == RegType::PTR_TO_ARENA => self.load_unknown(a),
            _ if t.is_sk_pointer() => {
                if write {
                    verbose!(self, "{} cannot write into {t}\n", a.argname);
                    return Err(Errno::EACCES.into());
                }
                self.check_sock_access(a, size)?;
                self.load_unknown(a);
            }
            _ => {
                verbose!(self, "{} invalid mem access '{t}'\n", a.argname);
                return Err(Errno::EACCES.into());
            }
        }
        if let Some(v) = a.value
            && size < BPF_REG_SIZE as i32
            && !write
        {
            let reg = &mut self.regs()[v];
            if reg.is_scalar() {
                if a.is_ldsx {
                    let no_sext = reg.umax() < 1u64 << (size * 8 - 1);
                    reg.coerce_to_size_sx(size as u32);
                    if !no_sext {
                        reg.clear_scalar_id();
                    }
                } else {
                    reg.coerce_to_size(size as u32);
                }
            }
        }
        Ok(())
    }

    /// A load gives something unknown.
    fn load_unknown(&mut self, a: &MemAccess<'_>) {
        if let (Some(v), Access::Read) = (a.value, a.access) {
            self.mark_reg_unknown(v);
        }
    }

    /// A legacy load from the packet (`check_ld_abs`).
    pub fn check_ld_abs(&mut self, insn: &Insn) -> Check<Flow> {
        const CTX_REG: usize = 6;
        let fail = Err(Errno::EINVAL.into());
        let skb = matches!(
            self.prog.prog_type,
            ProgType::SocketFilter | ProgType::SchedCls | ProgType::SchedAct
        );
        if !skb {
            verbose!(
                self,
                "BPF_LD_[ABS|IND] instructions not allowed for this program type\n"
            );
            return fail;
        }
        if self.cur.frames[1..].iter().any(|f| f.in_callback_fn) {
            verbose!(self, "cannot use BPF_LD_[ABS|IND] within callback\n");
            return fail;
        }
        self.check_src_reg(CTX_REG)?;
        self.check_resource_leak(false, true, "BPF_LD_[ABS|IND]")?;
        let ctx = *self.reg(CTX_REG);
        if ctx.typ != RegType::PTR_TO_CTX {
            verbose!(self, "at the time of BPF_LD_ABS|IND R6 != pointer to skb\n");
            return fail;
        }
        if insn.mode() == mode::IND {
            self.check_src_reg(insn.src())?;
        }
        self.check_ptr_off_reg(&ctx, REG_NAMES[CTX_REG], false)?;
        self.clear_caller_saved_regs();
        self.mark_reg_unknown(0);
        if self.cur.curframe() == 0 {
            return Ok(Flow::Next);
        }
        // A load beyond the packet's end leaves the function.
        let idx = self.insn_idx;
        self.push_stack(idx + 1, idx, false)?;
        let zero = self.const_zero();
        self.regs()[0] = zero;
        self.prepare_func_exit()?;
        Ok(Flow::IdxUpdated)
    }

    /// The unprivileged must not store pointers.
    fn check_leak(&mut self, a: &MemAccess<'_>, into: &str) -> Check {
        if let (Some(v), Access::Write) = (a.value, a.access)
            && self.is_pointer_value(v)
        {
            verbose!(self, "R{v} leaks addr into {into}\n");
            return Err(Errno::EACCES.into());
        }
        Ok(())
    }

    /// The map that a pointer belongs to.
    pub fn map_of(&self, reg: &RegState) -> Check<&crate::env::MapInfo<'a>> {
        reg.map()
            .and_then(|m| self.maps.get(m))
            .ok_or_else(|| Errno::EFAULT.into())
    }

    fn check_map_value_access(&mut self, a: &MemAccess<'_>, size: i32) -> Check {
        self.check_leak(a, "map")?;
        self.check_map_access_type(&a.reg, a.off, size, a.access)?;
        self.check_map_access(&a.reg, a.argname, a.off, size, false, AccessSrc::Direct)?;
        let info = self.map_of(&a.reg)?;
        let off = i64::from(a.off).wrapping_add(a.reg.var_off.value as i64);
        if a.reg.var_off.is_const()
            && let Some(field) = info.record.kptr_at(off as u32).cloned()
        {
            return self.check_map_kptr_access(a, &field);
        }
        let (Some(v), Access::Read) = (a.value, a.access) else {
            return Ok(());
        };
        let info = self.map_of(&a.reg)?;
        if info.def.map_type == MapType::InsnArray {
            if size != BPF_REG_SIZE as i32 {
                verbose!(self, "Invalid read of {size} bytes from insn_array\n");
                return Err(Errno::EACCES.into());
            }
            let mut reg = a.reg;
            if a.off != 0 {
                let off = RegState::konst(i64::from(a.off) as u64);
                reg.r32 = reg.r32.add(off.r32);
                reg.r64 = reg.r64.add(off.r64);
                reg.var_off = reg.var_off + off.var_off;
                reg.bounds_sync();
            }
            reg.typ = RegType::PTR_TO_INSN;
            self.regs()[v] = reg;
            return Ok(());
        }
        if a.reg.var_off.is_const()
            && info.def.map_type != MapType::PercpuArray
            && info.is_rdonly()
            && map::has_direct_value_addr(info.def)
        {
            let val = map::direct_read(info.def, off as u32, size as u32, a.is_ldsx);
            let Some(val) = val else {
                return Err(Errno::EINVAL.into());
            };
            let reg = &mut self.regs()[v];
            reg.typ = RegType::SCALAR_VALUE;
            reg.mark_known(val);
            return Ok(());
        }
        self.mark_reg_unknown(v);
        Ok(())
    }

    fn check_ptr_to_mem_access(&mut self, a: &MemAccess<'_>, size: i32) -> Check {
        let (t, write) = (a.reg.typ, a.access == Access::Write);
        let rdonly = t.has(Flag::MEM_RDONLY);
        let rdonly_untrusted = rdonly && t.has(Flag::PTR_UNTRUSTED);
        if t.may_be_null() {
            verbose!(self, "{} invalid mem access '{t}'\n", a.argname);
            return Err(Errno::EACCES.into());
        }
        if write && rdonly {
            verbose!(self, "{} cannot write into {t}\n", a.argname);
            return Err(Errno::EACCES.into());
        }
        self.check_leak(a, "mem")?;
        if rdonly_untrusted && !self.allow_ptr_leaks {
            verbose!(
                self,
                "{t} access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN\n"
            );
            return Err(Errno::EPERM.into());
        }
        if !rdonly_untrusted {
            let mem_size = a.reg.mem_size();
            self.check_mem_region_access(&a.reg, a.argname, a.off, size, mem_size, false)?;
        }
        self.load_unknown(a);
        Ok(())
    }

    fn check_ctx_mem_access(&mut self, a: &MemAccess<'_>, size: i32) -> Check {
        self.check_leak(a, "ctx")?;
        let info = self.check_ctx_access(a, size)?;
        let (Some(v), Access::Read) = (a.value, a.access) else {
            return Ok(());
        };
        if info.typ == RegType::SCALAR_VALUE {
            self.mark_reg_unknown(v);
            if let Some(range) = info.range {
                let reg = &mut self.regs()[v];
                reg.r32 = Cnum32::from_srange(range.minval, range.maxval);
                reg.r64 = Cnum64::from_srange(range.minval.into(), range.maxval.into());
                reg.bounds_sync();
            }
        } else {
            self.mark_reg_known_zero(v);
            if let Some((btf, id)) = info.btf {
                self.regs()[v].meta = Meta::Btf(btf, id);
                self.regs()[v].id = info.ref_id;
            }
            if info.typ.may_be_null() && self.reg(v).id == 0 {
                let id = self.new_id();
                self.regs()[v].id = id;
            }
            self.regs()[v].typ = info.typ;
        }
        Ok(())
    }

    fn check_flow_keys_access(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
    ) -> Check {
        /// `sizeof(struct bpf_flow_keys)`
        const FLOW_KEYS_SIZE: i64 = 56;
        if !reg.var_off.is_const() {
            let t = reg.var_off;
            verbose!(
                self,
                "{argname} invalid variable offset to flow keys: off={off}, var_off={t}\n"
            );
            return Err(Errno::EACCES.into());
        }
        let off = off.wrapping_add(reg.var_off.value as i32);
        if off < 0 || i64::from(off) + i64::from(size) > FLOW_KEYS_SIZE {
            verbose!(self, "invalid access to flow keys off={off} size={size}\n");
            return Err(Errno::EACCES.into());
        }
        Ok(())
    }

    fn check_sock_access(&mut self, a: &MemAccess<'_>, size: i32) -> Check {
        if a.reg.smin() < 0 {
            verbose!(
                self,
                "{} min value is negative, either use unsigned index or do a if (index >=0) check.\n",
                a.argname
            );
            return Err(Errno::EACCES.into());
        }
        let fields = match a.reg.typ {
            RegType::PTR_TO_SOCK_COMMON => &ctx_fields::SOCK_COMMON,
            RegType::PTR_TO_SOCKET => &ctx_fields::SOCK,
            RegType::PTR_TO_TCP_SOCK => &ctx_fields::TCP_SOCK,
            _ => &ctx_fields::XDP_SOCK,
        };
        let attach = self.prog.expected_attach_type;
        if fields.access(a.off, size, a.access, attach).is_none() {
            verbose!(
                self,
                "{} invalid {} access off={} size={size}\n",
                a.argname,
                a.reg.typ,
                a.off
            );
            return Err(Errno::EACCES.into());
        }
        Ok(())
    }

    /// Whether programs may read or write the map at all.
    pub fn check_map_access_type(
        &mut self,
        reg: &RegState,
        off: i32,
        size: i32,
        access: Access,
    ) -> Check {
        let def = self.map_of(reg)?.def;
        let (ok, what) = match access {
            Access::Write => (map::can_write(def), "write into"),
            Access::Read => (map::can_read(def), "read from"),
        };
        if !ok {
            let start = reg.smin().wrapping_add(off.into());
            verbose!(
                self,
                "{what} map forbidden, value_size={} off={start} size={size}\n",
                def.value_size
            );
            return Err(Errno::EACCES.into());
        }
        Ok(())
    }

    /// Bounds of a map value, and its special fields (`check_map_access`).
    pub fn check_map_access(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        zero_size_allowed: bool,
        src: AccessSrc,
    ) -> Check {
        let mem_size = map::mem_size(self.map_of(reg)?.def);
        self.check_mem_region_access(reg, argname, off, size, mem_size, zero_size_allowed)?;
        let fields = self.map_of(reg)?.record.fields.clone();
        for f in fields {
            let (lo, hi) = (
                reg.smin().wrapping_add(off.into()),
                (reg.umax() as i64)
                    .wrapping_add(off.into())
                    .wrapping_add(size.into()),
            );
            if !(lo < i64::from(f.offset + f.size) && i64::from(f.offset) < hi) {
                continue;
            }
            let name = f.kind.type_name();
            let at = i64::from(off).wrapping_add(reg.var_off.value as i64);
            if !f.kind.is_kptr_or_uptr() {
                verbose!(self, "{name} cannot be accessed directly by load/store\n");
            } else if src != AccessSrc::Direct {
                verbose!(self, "{name} cannot be accessed indirectly by helper\n");
            } else if !reg.var_off.is_const() {
                verbose!(self, "{name} access cannot have variable offset\n");
            } else if i64::from(f.offset) != at {
                verbose!(
                    self,
                    "{name} access misaligned expected={} off={at}\n",
                    f.offset
                );
            } else if size != 8 {
                verbose!(self, "{name} access size must be BPF_DW\n");
            } else {
                continue;
            }
            return Err(Errno::EACCES.into());
        }
        Ok(())
    }

    /// An access with a range of offsets must stay in `mem_size` bytes.
    pub fn check_mem_region_access(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        mem_size: u32,
        zero_size_allowed: bool,
    ) -> Check {
        let (smin, off64) = (reg.smin(), i64::from(off));
        let start = smin.wrapping_add(off64);
        if smin < 0 && (smin == i64::MIN || start != i64::from(start as i32) || start < 0) {
            verbose!(
                self,
                "{argname} min value is negative, either use unsigned index or do a if (index >=0) check.\n"
            );
            return Err(Errno::EACCES.into());
        }
        if let Err(e) = self.check_mem_bounds(
            reg,
            argname,
            start as i32,
            size,
            mem_size,
            zero_size_allowed,
        ) {
            verbose!(
                self,
                "{argname} min value is outside of the allowed memory range\n"
            );
            return Err(e);
        }
        if reg.umax() >= BPF_MAX_VAR_OFF as u64 {
            verbose!(
                self,
                "{argname} unbounded memory access, make sure to bounds check any such access\n"
            );
            return Err(Errno::EACCES.into());
        }
        let last = (reg.umax() as i64 + off64) as i32;
        if let Err(e) = self.check_mem_bounds(reg, argname, last, size, mem_size, zero_size_allowed)
        {
            verbose!(
                self,
                "{argname} max value is outside of the allowed memory range\n"
            );
            return Err(e);
        }
        Ok(())
    }

    fn check_mem_bounds(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        mem_size: u32,
        zero_size_allowed: bool,
    ) -> Check {
        let size_ok = size > 0 || size == 0 && zero_size_allowed;
        if off >= 0 && size_ok && i64::from(off) + i64::from(size) <= i64::from(mem_size) {
            return Ok(());
        }
        match reg.typ {
            RegType::PTR_TO_MAP_KEY => verbose!(
                self,
                "invalid access to map key, key_size={mem_size} off={off} size={size}\n"
            ),
            RegType::PTR_TO_MAP_VALUE => verbose!(
                self,
                "invalid access to map value, value_size={mem_size} off={off} size={size}\n"
            ),
            RegType::PTR_TO_PACKET | RegType::PTR_TO_PACKET_META | RegType::PTR_TO_PACKET_END => {
                verbose!(
                    self,
                    "invalid access to packet, off={off} size={size}, {argname}(id={},off={off},r={mem_size})\n",
                    reg.id
                );
            }
            RegType::PTR_TO_CTX => verbose!(
                self,
                "invalid access to context, ctx_size={mem_size} off={off} size={size}\n"
            ),
            _ => verbose!(
                self,
                "invalid access to memory, mem_size={mem_size} off={off} size={size}\n"
            ),
        }
        Err(Errno::EACCES.into())
    }

    /// Pointers of most kinds must be used at a fixed offset, or unchanged.
    pub fn check_ptr_off_reg(
        &mut self,
        reg: &RegState,
        argname: &str,
        fixed_off_ok: bool,
    ) -> Check {
        let (t, off) = (reg.typ, reg.var_off.value as i64);
        if !reg.var_off.is_const() {
            verbose!(
                self,
                "variable {t} access var_off={} disallowed\n",
                reg.var_off
            );
        } else if reg.smin() < 0 {
            verbose!(
                self,
                "negative offset {t} ptr {argname} off={off} disallowed\n"
            );
        } else if !fixed_off_ok && off != 0 {
            verbose!(
                self,
                "dereference of modified {t} ptr {argname} off={off} disallowed\n"
            );
        } else {
            return Ok(());
        }
        Err(Errno::EACCES.into())
    }

    /// Bounds of the packet as known from comparisons with its end.
    pub fn check_packet_access(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        zero_size_allowed: bool,
    ) -> Check {
        if reg.range() < 0 {
            verbose!(self, "{argname} offset is outside of the packet\n");
            return Err(Errno::EINVAL.into());
        }
        let range = reg.range() as u32;
        self.check_mem_region_access(reg, argname, off, size, range, zero_size_allowed)
    }

    /// Buffers of unknown size: only the offset is looked at; the size is checked at attach time.
    pub fn check_buffer_bounds(
        &mut self,
        what: &str,
        reg: &RegState,
        argname: &str,
        off: i32,
    ) -> Check {
        let base = reg.var_off.value as i64;
        if !reg.var_off.is_const() {
            let t = reg.var_off;
            verbose!(
                self,
                "{argname} invalid variable buffer offset: off={off}, var_off={t}\n"
            );
            return Err(Errno::EACCES.into());
        }
        if base.wrapping_add(off.into()) < 0 {
            verbose!(
                self,
                "{argname} invalid negative {what} buffer offset: off={off}, var_off={base}\n"
            );
            return Err(Errno::EACCES.into());
        }
        Ok(())
    }

    /// Whether packet data may be read or written by loads, stores or a helper.
    pub fn may_access_direct_pkt_data(
        &self,
        helper_pkt_access: Option<bool>,
        access: Access,
    ) -> bool {
        use ProgType as P;
        match self.prog.prog_type {
            P::LwtIn
            | P::LwtOut
            | P::LwtSeg6local
            | P::SkReuseport
            | P::FlowDissector
            | P::CgroupSkb => access == Access::Read && helper_pkt_access.unwrap_or(true),
            P::SchedCls | P::SchedAct | P::Xdp | P::LwtXmit | P::SkSkb | P::SkMsg => {
                helper_pkt_access.unwrap_or(true)
            }
            P::CgroupSockopt => true,
            _ => false,
        }
    }

    /// Alignment: always on the stack, elsewhere where asked for.
    pub fn check_ptr_alignment(
        &mut self,
        reg: &RegState,
        off: i32,
        size: i32,
        strict_once: bool,
    ) -> Check {
        let mut strict = self.strict_alignment || strict_once;
        let desc = match reg.typ {
            RegType::PTR_TO_PACKET | RegType::PTR_TO_PACKET_META => {
                let ip_align = 2;
                let at = reg.var_off + crate::tnum::Tnum::konst(i64::from(ip_align + off) as u64);
                if strict && size != 1 && !at.is_aligned(size as u64) {
                    let t = reg.var_off;
                    verbose!(
                        self,
                        "misaligned packet access off {ip_align}+{t}+{off} size {size}\n"
                    );
                    return Err(Errno::EACCES.into());
                }
                return Ok(());
            }
            RegType::PTR_TO_FLOW_KEYS => "flow keys ",
            RegType::PTR_TO_MAP_KEY => "key ",
            RegType::PTR_TO_MAP_VALUE => {
                strict |= self.map_of(reg)?.def.map_type == MapType::InsnArray;
                "value "
            }
            RegType::PTR_TO_CTX => "context ",
            RegType::PTR_TO_STACK => {
                strict = true;
                "stack "
            }
            RegType::PTR_TO_SOCKET => "sock ",
            RegType::PTR_TO_SOCK_COMMON => "sock_common ",
            RegType::PTR_TO_TCP_SOCK => "tcp_sock ",
            RegType::PTR_TO_XDP_SOCK => "xdp_sock ",
            RegType::PTR_TO_ARENA => return Ok(()),
            _ => "",
        };
        let at = reg.var_off + crate::tnum::Tnum::konst(i64::from(off) as u64);
        if strict && size != 1 && !at.is_aligned(size as u64) {
            let t = reg.var_off;
            verbose!(self, "misaligned {desc}access off {t}+{off} size {size}\n");
            return Err(Errno::EACCES.into());
        }
        Ok(())
    }

    /// One instruction must not follow pointers of kinds that are compiled differently.
    fn save_aux_ptr_type(&mut self, typ: RegType, allow_trust_mismatch: bool) -> Check {
        let prev = self.aux[self.insn_idx].ptr_type;
        if prev == RegType::NOT_INIT {
            self.aux[self.insn_idx].ptr_type = typ;
            return Ok(());
        }
        if typ == prev || mismatch_ok(typ) && mismatch_ok(prev) {
            return Ok(());
        }
        if allow_trust_mismatch && typ.is_mem_or_btf_id() && prev.is_mem_or_btf_id() {
            self.aux[self.insn_idx].ptr_type = merge_ptr_types(typ, prev);
            return Ok(());
        }
        verbose!(self, "same insn cannot be used with different pointers\n");
        Err(Errno::EINVAL.into())
    }
}

/// Names of registers in messages.
pub const REG_NAMES: [&str; 12] = [
    "R0", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11",
];

fn mismatch_ok(t: RegType) -> bool {
    match t.base() {
        RegType::PTR_TO_CTX
        | RegType::PTR_TO_SOCKET
        | RegType::PTR_TO_SOCK_COMMON
        | RegType::PTR_TO_TCP_SOCK
        | RegType::PTR_TO_XDP_SOCK
        | RegType::PTR_TO_BTF_ID
        | RegType::PTR_TO_ARENA => false,
        RegType::PTR_TO_MEM => !t.may_fault_on_deref(),
        _ => true,
    }
}

fn merge_ptr_types(a: RegType, b: RegType) -> RegType {
    let mem = RegType::PTR_TO_MEM;
    let to_mem = a.base() == mem || b.base() == mem;
    let merged = if to_mem { mem } else { RegType::PTR_TO_BTF_ID };
    if a.may_fault_on_deref() || b.may_fault_on_deref() {
        let merged = if to_mem {
            merged | Flag::MEM_RDONLY
        } else {
            merged
        };
        merged | Flag::PTR_UNTRUSTED
    } else {
        merged.with((a.flags() | b.flags()) & Flag::MEM_RDONLY)
    }
}
