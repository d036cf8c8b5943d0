// SPDX-License-Identifier: GPL-2.0-only
//! Loads and stores: which pointers may be followed, how far, and what is found there.
//!
//! Source: `check_mem_access()`, `check_load_mem()`, `check_store_reg()` in `kernel/bpf/verifier.c`.

pub(crate) mod args;
pub(crate) mod atomic;
pub(crate) mod map;
pub(crate) mod one_kind;
pub(crate) mod packet;

use bpf::insn::size_to_bytes;
use bpf::uapi::Insn;

use crate::check::access::MemAccess;
use crate::env::Env;
use crate::facts::access::Access;
use crate::facts::ctx_fields::View;
use crate::facts::errno::Errno;
use crate::facts::kind::Kind;
use crate::facts::limits::{BPF_REG_SIZE, REG_NAMES};
use crate::facts::rejection::{Checked, Rejection};
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::log::reject;
use crate::state::reg::{About, RegState};

/// How an instruction loads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Misaligned is an error.
    pub strict: bool,
    pub is_ldsx: bool,
    /// It may follow pointers of which some are trusted and some are not.
    pub allow_trust_mismatch: bool,
    /// How messages name the instruction.
    pub ctx: &'static str,
}

impl<'a> Env<'a> {
    /// A load (`check_load_mem`).
    pub(crate) fn check_load_mem(&mut self, insn: &Insn, load: Load) -> Checked {
        let (d, s) = (insn.dst(), insn.src());
        if insn.is_stack_arg_ldx() {
            self.check_dst_reg(d, false)?;
            return self.check_stack_arg_read(insn.off, d);
        }
        self.check_src_reg(s)?;
        self.check_dst_reg(d, false)?;
        let src_type = self.reg(s).typ;
        self.check_mem_access(&MemAccess {
            insn_idx: self.path.insn_idx,
            reg: *self.reg(s),
            argname: REG_NAMES[s],
            off: insn.off.into(),
            size_field: insn.size_field(),
            access: Access::Read,
            value: Some(d),
            strict: load.strict,
            is_ldsx: load.is_ldsx,
        })?;
        self.save_aux_ptr_type(src_type, load.allow_trust_mismatch)?;
        self.reg_sanity_check(d, load.ctx)
    }

    /// A store of a register (`check_store_reg`).
    pub(crate) fn check_store_reg(&mut self, insn: &Insn, strict: bool) -> Checked {
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
    pub(crate) fn check_store_imm(&mut self, insn: &Insn) -> Checked {
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

    fn check_store(
        &mut self,
        insn: &Insn,
        d: usize,
        value: Option<usize>,
        strict: bool,
    ) -> Checked {
        self.check_mem_access(&MemAccess {
            insn_idx: self.path.insn_idx,
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

    /// A pointer is followed (`check_mem_access`).
    pub(crate) fn check_mem_access(&mut self, a: &MemAccess<'_>) -> Checked {
        let size = size_to_bytes(a.size_field);
        let reg = &a.reg;
        let write = a.access == Access::Write;
        self.check_ptr_alignment(reg, a.off, size, a.strict)?;
        let t = reg.typ;
        match t.base() {
            RegType::PTR_TO_MAP_KEY if t == RegType::PTR_TO_MAP_KEY => {
                self.check_map_key_access(a, size)?;
            }
            RegType::PTR_TO_MAP_VALUE if t == RegType::PTR_TO_MAP_VALUE => {
                self.check_map_value_access(a, size)?;
            }
            RegType::PTR_TO_MEM => self.check_ptr_to_mem_access(a, size)?,
            RegType::PTR_TO_CTX if t == RegType::PTR_TO_CTX => {
                self.check_ctx_mem_access(a, size)?
            }
            RegType::PTR_TO_STACK if t == RegType::PTR_TO_STACK => {
                self.check_stack_access_within_bounds(
                    reg, a.argname, a.off, size, a.access, false,
                )?;
                if write {
                    self.check_stack_write(reg, a.off, size, a.value, a.insn_idx)?;
                } else {
                    self.check_stack_read(reg, a.argname, a.off, size, a.value)?;
                }
            }
            RegType::PTR_TO_PACKET | RegType::PTR_TO_PACKET_META => {
                self.check_pkt_mem_access(a, size)?;
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
            RegType::PTR_TO_BUF
                if !t.may_be_null() || !self.input.profile.has(Rule::NULL_CHECKED_BUFFERS) =>
            {
                self.check_buf_access(a)?;
            }
            RegType::PTR_TO_FLOW_KEYS if t == RegType::PTR_TO_FLOW_KEYS => {
                self.check_leak(a, "flow keys")?;
                self.check_flow_keys_access(reg, a.argname, a.off, size)?;
                self.load_unknown(a);
            }
            RegType::PTR_TO_ARENA if t == RegType::PTR_TO_ARENA => self.load_unknown(a),
            _ if t.is_sk_pointer() => {
                if write {
                    return self.reject_write(a);
                }
                self.check_sock_access(a, size)?;
                self.load_unknown(a);
            }
            _ => {
                return self.reject_dereference(a);
            }
        }
        if let (Some(v), Access::Read) = (a.value, a.access)
            && size < BPF_REG_SIZE as i32
        {
            self.coerce_loaded(v, size as u32, a.is_ldsx);
        }
        Ok(())
    }

    /// A load of less than a register leaves its upper bytes zero, or the sign.
    fn coerce_loaded(&mut self, v: usize, size: u32, is_ldsx: bool) {
        let rules = self.input.profile;
        let unlinked = rules.has(Rule::SIGNS_UNLINKED);
        let reg = &mut self.regs()[v];
        if !reg.is_scalar() {
            return;
        }
        if !is_ldsx {
            return reg.coerce_to_size(size, rules);
        }
        let no_sext = reg.umax() < 1u64 << (size * 8 - 1);
        reg.coerce_to_size_sx(size, rules);
        if !no_sext && unlinked {
            reg.clear_scalar_id();
        }
    }

    /// A load gives something unknown.
    fn load_unknown(&mut self, a: &MemAccess<'_>) {
        if let (Some(v), Access::Read) = (a.value, a.access) {
            self.mark_reg_unknown(v);
        }
    }

    /// The unprivileged must not store pointers.
    pub(crate) fn check_leak(&mut self, a: &MemAccess<'_>, into: &str) -> Checked {
        if let (Some(v), Access::Write) = (a.value, a.access)
            && self.is_pointer_value(v)
        {
            return reject!(self, AddressLeak[v], EACCES, "R{v} leaks addr into {into}");
        }
        Ok(())
    }

    /// Memory that programs may only read.
    fn reject_write(&self, a: &MemAccess<'_>) -> Checked {
        let (argname, t) = (a.argname, a.reg.typ);
        reject!(self, ReadOnly, EACCES, "{argname} cannot write into {t}")
    }

    /// A register that points to no memory.
    fn reject_dereference(&self, a: &MemAccess<'_>) -> Checked {
        let t = a.reg.typ;
        let kind = match t {
            _ if t.may_be_null() => Kind::NullDereference,
            RegType::SCALAR_VALUE if a.reg.is_null() => Kind::NullConstant,
            RegType::SCALAR_VALUE => Kind::NumberDereference,
            _ => Kind::PointerDereference,
        };
        let why = Rejection {
            kind,
            message: format!("{} invalid mem access '{t}'", a.argname),
            insn: self.place(),
            ..Rejection::silent(Errno::EACCES)
        };
        self.log.reject("\n", why)
    }

    fn check_map_key_access(&mut self, a: &MemAccess<'_>, size: i32) -> Checked {
        if a.access == Access::Write {
            return reject!(
                self,
                ReadOnly,
                EACCES,
                "write to change key {} not allowed",
                a.argname
            );
        }
        let key_size = self.code.map_of(&a.reg)?.def.key_size;
        self.check_mem_region_access(&a.reg, a.argname, a.off, size, key_size, false)?;
        self.load_unknown(a);
        Ok(())
    }

    fn check_pkt_mem_access(&mut self, a: &MemAccess<'_>, size: i32) -> Checked {
        let write = a.access == Access::Write;
        if write && !self.may_access_direct_pkt_data(None, Access::Write) {
            return reject!(self, ReadOnly, EACCES, "cannot write into packet");
        }
        self.check_leak(a, "packet")?;
        self.check_packet_access(&a.reg, a.argname, a.off, size, false)?;
        self.load_unknown(a);
        Ok(())
    }

    fn check_buf_access(&mut self, a: &MemAccess<'_>) -> Checked {
        let rdonly = a.reg.typ.has(Flag::MEM_RDONLY);
        if rdonly && a.access == Access::Write {
            return self.reject_write(a);
        }
        let what = if rdonly { "rdonly" } else { "rdwr" };
        self.check_buffer_bounds(what, &a.reg, a.argname, a.off)?;
        self.load_unknown(a);
        Ok(())
    }

    fn check_ptr_to_mem_access(&mut self, a: &MemAccess<'_>, size: i32) -> Checked {
        let (t, write) = (a.reg.typ, a.access == Access::Write);
        let rdonly = t.has(Flag::MEM_RDONLY);
        let rdonly_untrusted = rdonly && t.has(Flag::PTR_UNTRUSTED);
        if t.may_be_null() {
            return self.reject_dereference(a);
        }
        if write && rdonly {
            return self.reject_write(a);
        }
        self.check_leak(a, "mem")?;
        if rdonly_untrusted && !self.input.allow_ptr_leaks {
            return reject!(
                self,
                Capability,
                EPERM,
                "{t} access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN"
            );
        }
        if !rdonly_untrusted {
            let mem_size = a.reg.mem_size();
            self.check_mem_region_access(&a.reg, a.argname, a.off, size, mem_size, false)?;
        }
        self.load_unknown(a);
        Ok(())
    }

    fn check_ctx_mem_access(&mut self, a: &MemAccess<'_>, size: i32) -> Checked {
        self.check_leak(a, "ctx")?;
        let info = self.check_ctx_access(a, size)?;
        let (Some(v), Access::Read) = (a.value, a.access) else {
            return Ok(());
        };
        if info.typ == RegType::SCALAR_VALUE {
            let rules = self.input.profile;
            let before = *self.reg(v);
            self.mark_reg_unknown(v);
            if let Some(range) = info.range {
                let reg = &mut self.regs()[v];
                if before.is_scalar() && !rules.has(Rule::HOOK_RANGE_AFRESH) {
                    *reg = before;
                }
                reg.narrow_signed(range.minval, range.maxval, rules);
            }
        } else {
            self.mark_reg_known_zero(v);
            if let Some((btf, id)) = info.btf {
                self.regs()[v].about = About::Btf(btf, id);
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
    ) -> Checked {
        /// `sizeof(struct bpf_flow_keys)`
        const FLOW_KEYS_SIZE: i64 = 56;
        let moved = self.input.profile.has(Rule::FLOW_KEYS_OFFSETS);
        if moved && !reg.var_off.is_const() {
            let t = reg.var_off;
            return reject!(
                self,
                ObjectBounds,
                EACCES,
                "{argname} invalid variable offset to flow keys: off={off}, var_off={t}"
            );
        }
        let off = match moved {
            true => off.wrapping_add(reg.var_off.value as i32),
            false => off,
        };
        if off < 0 || i64::from(off) + i64::from(size) > FLOW_KEYS_SIZE {
            return reject!(
                self,
                ObjectBounds,
                EACCES,
                "invalid access to flow keys off={off} size={size}"
            );
        }
        Ok(())
    }

    fn check_sock_access(&mut self, a: &MemAccess<'_>, size: i32) -> Checked {
        if a.reg.smin() < 0 {
            return self.negative_index(a.argname);
        }
        let view = match a.reg.typ {
            RegType::PTR_TO_SOCK_COMMON => View::SockCommon,
            RegType::PTR_TO_SOCKET => View::Sock,
            RegType::PTR_TO_TCP_SOCK => View::TcpSock,
            _ => View::XdpSock,
        };
        let attach = self.input.prog.expected_attach_type;
        let fields = &self.input.release.tables.ctx_fields;
        let found = fields.access(view, (a.off, size), a.access, attach);
        if found.is_none() {
            return reject!(
                self,
                ObjectBounds,
                EACCES,
                "{} invalid {} access off={} size={size}",
                a.argname,
                a.reg.typ,
                a.off
            );
        }
        Ok(())
    }
}
