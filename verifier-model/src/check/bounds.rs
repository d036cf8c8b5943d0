// SPDX-License-Identifier: GPL-2.0-only
//! How far and how aligned an access may be.
//!
//! Source: `check_mem_region_access()`, `__check_ptr_off_reg()`, `check_ptr_alignment()` in `kernel/bpf/verifier.c`.

use bpf::uapi::MapType;

use crate::env::Env;
use crate::facts::limits::BPF_MAX_VAR_OFF;
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::RegType;
use crate::log::reject;
use crate::state::reg::RegState;

impl Env<'_> {
    /// An access with a range of offsets must stay in `mem_size` bytes.
    pub(crate) fn check_mem_region_access(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        mem_size: u32,
        zero_size_allowed: bool,
    ) -> Checked {
        let (smin, off64) = (reg.smin(), i64::from(off));
        let start = smin.wrapping_add(off64);
        // A known offset counted with the instruction's.
        let apart = reg.var_off.is_const() && !self.input.profile.has(Rule::PACKET_OFFSETS_MERGED);
        if smin < 0 && !apart && (smin == i64::MIN || start != i64::from(start as i32) || start < 0)
        {
            return self.negative_index(argname);
        }
        if let Err(e) = self.check_mem_bounds(
            reg,
            argname,
            start as i32,
            size,
            mem_size,
            zero_size_allowed,
        ) {
            let line = format_args!("{argname} min value is outside of the allowed memory range");
            return Err(self.log.sum_up(e, None, line));
        }
        if apart {
            return Ok(());
        }
        if reg.umax() >= BPF_MAX_VAR_OFF as u64 {
            return reject!(
                self,
                UnboundedIndex,
                EACCES,
                "{argname} unbounded memory access, make sure to bounds check any such access"
            );
        }
        let last = (reg.umax() as i64 + off64) as i32;
        if let Err(e) = self.check_mem_bounds(reg, argname, last, size, mem_size, zero_size_allowed)
        {
            let line = format_args!("{argname} max value is outside of the allowed memory range");
            return Err(self.log.sum_up(e, None, line));
        }
        Ok(())
    }

    pub(crate) fn negative_index(&self, argname: &str) -> Checked {
        reject!(
            self,
            NegativeIndex,
            EACCES,
            "{argname} min value is negative, either use unsigned index or do a if (index >=0) check."
        )
    }

    /// An access must stay in `mem_size` bytes (`__check_mem_access`).
    pub(crate) fn check_mem_bounds(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        mem_size: u32,
        zero_size_allowed: bool,
    ) -> Checked {
        let size_ok = size > 0 || size == 0 && zero_size_allowed;
        if off >= 0 && size_ok && i64::from(off) + i64::from(size) <= i64::from(mem_size) {
            return Ok(());
        }
        match reg.typ {
            RegType::PTR_TO_MAP_KEY => reject!(
                self,
                MemoryBounds,
                EACCES,
                "invalid access to map key, key_size={mem_size} off={off} size={size}"
            ),
            RegType::PTR_TO_MAP_VALUE => reject!(
                self,
                MapValueBounds,
                EACCES,
                "invalid access to map value, value_size={mem_size} off={off} size={size}"
            ),
            RegType::PTR_TO_PACKET | RegType::PTR_TO_PACKET_META | RegType::PTR_TO_PACKET_END => {
                let id = reg.id;
                reject!(
                    self,
                    PacketBounds,
                    EACCES,
                    "invalid access to packet, off={off} size={size}, {argname}(id={id},off={off},r={mem_size})"
                )
            }
            RegType::PTR_TO_CTX => reject!(
                self,
                ContextBounds,
                EACCES,
                "invalid access to context, ctx_size={mem_size} off={off} size={size}"
            ),
            _ => reject!(
                self,
                MemoryBounds,
                EACCES,
                "invalid access to memory, mem_size={mem_size} off={off} size={size}"
            ),
        }
    }

    /// Pointers of most kinds must be used at a fixed offset, or unchanged.
    pub(crate) fn check_ptr_off_reg(
        &mut self,
        reg: &RegState,
        argname: &str,
        fixed_off_ok: bool,
    ) -> Checked {
        let (t, off) = (reg.typ, reg.var_off.value as i64);
        if !reg.var_off.is_const() {
            reject!(
                self,
                ModifiedPointer,
                EACCES,
                "variable {t} access var_off={} disallowed",
                reg.var_off
            )
        } else if reg.smin() < 0 {
            reject!(
                self,
                ModifiedPointer,
                EACCES,
                "negative offset {t} ptr {argname} off={off} disallowed"
            )
        } else if !fixed_off_ok && off != 0 {
            reject!(
                self,
                ModifiedPointer,
                EACCES,
                "dereference of modified {t} ptr {argname} off={off} disallowed"
            )
        } else {
            Ok(())
        }
    }

    /// Buffers of unknown size: only the offset is looked at; the size is checked at attach time.
    pub(crate) fn check_buffer_bounds(
        &mut self,
        what: &str,
        reg: &RegState,
        argname: &str,
        off: i32,
    ) -> Checked {
        let base = reg.var_off.value as i64;
        if !reg.var_off.is_const() {
            let t = reg.var_off;
            return reject!(
                self,
                BufferBounds,
                EACCES,
                "{argname} invalid variable buffer offset: off={off}, var_off={t}"
            );
        }
        if base.wrapping_add(off.into()) < 0 {
            return reject!(
                self,
                BufferBounds,
                EACCES,
                "{argname} invalid negative {what} buffer offset: off={off}, var_off={base}"
            );
        }
        Ok(())
    }

    /// Alignment: always on the stack, elsewhere where asked for.
    pub(crate) fn check_ptr_alignment(
        &mut self,
        reg: &RegState,
        off: i32,
        size: i32,
        strict_once: bool,
    ) -> Checked {
        let mut strict = self.input.strict_alignment || strict_once;
        let desc = match reg.typ {
            RegType::PTR_TO_PACKET | RegType::PTR_TO_PACKET_META => {
                let ip_align = 2;
                let at = reg.var_off
                    + crate::domain::tnum::Tnum::konst(i64::from(ip_align + off) as u64);
                if strict && size != 1 && !at.is_aligned(size as u64) {
                    let t = reg.var_off;
                    return reject!(
                        self,
                        Misaligned,
                        EACCES,
                        "misaligned packet access off {ip_align}+{t}+{off} size {size}"
                    );
                }
                return Ok(());
            }
            RegType::PTR_TO_FLOW_KEYS => "flow keys ",
            RegType::PTR_TO_MAP_KEY => "key ",
            RegType::PTR_TO_MAP_VALUE => {
                strict |= self.code.map_of(reg)?.def.map_type == MapType::InsnArray;
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
        let at = reg.var_off + crate::domain::tnum::Tnum::konst(i64::from(off) as u64);
        if strict && size != 1 && !at.is_aligned(size as u64) {
            let t = reg.var_off;
            return reject!(
                self,
                Misaligned,
                EACCES,
                "misaligned {desc}access off {t}+{off} size {size}"
            );
        }
        Ok(())
    }
}
