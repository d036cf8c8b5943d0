// SPDX-License-Identifier: GPL-2.0-only
//! Loads and stores of map values.
//!
//! Source: `check_map_access()`, `check_map_access_type()`, `check_map_mem_read()` in `kernel/bpf/verifier.c`.

use bpf::uapi::MapType;

use crate::check::access::MemAccess;
use crate::env::Env;
use crate::facts::access::{Access, AccessSrc};
use crate::facts::errno::Errno;
use crate::facts::limits::BPF_REG_SIZE;
use crate::facts::map_rules as map;
use crate::facts::rejection::Checked;
use crate::facts::types::RegType;
use crate::log::reject;
use crate::state::reg::RegState;
use crate::state::scalar::by_release::add_distance;

impl<'a> Env<'a> {
    pub(crate) fn check_map_value_access(&mut self, a: &MemAccess<'_>, size: i32) -> Checked {
        self.check_leak(a, "map")?;
        self.check_map_access_type(&a.reg, a.off, size, a.access)?;
        self.check_map_access(&a.reg, a.argname, a.off, size, false, AccessSrc::Direct)?;
        let info = self.code.map_of(&a.reg)?;
        let off = i64::from(a.off).wrapping_add(a.reg.var_off.value as i64);
        if a.reg.var_off.is_const()
            && let Some(field) = info.record.kptr_at(off as u32).cloned()
        {
            return self.check_map_kptr_access(a, &field);
        }
        let (Some(v), Access::Read) = (a.value, a.access) else {
            return Ok(());
        };
        let info = self.code.map_of(&a.reg)?;
        if info.def.map_type == MapType::InsnArray {
            if size != BPF_REG_SIZE as i32 {
                return reject!(
                    self,
                    JumpTable,
                    EACCES,
                    "Invalid read of {size} bytes from insn_array"
                );
            }
            let mut reg = a.reg;
            if a.off != 0 {
                let off = RegState::konst(i64::from(a.off) as u64);
                add_distance(&mut reg, &off, self.input.profile);
                reg.bounds_sync(self.input.profile);
            }
            reg.typ = RegType::PTR_TO_INSN;
            self.regs()[v] = reg;
            return Ok(());
        }
        if a.reg.var_off.is_const()
            && info.def.map_type != MapType::PercpuArray
            && info.is_rdonly()
            && self.input.has_direct_value_addr(info.def)
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

    /// Whether programs may read or write the map at all.
    pub(crate) fn check_map_access_type(
        &mut self,
        reg: &RegState,
        off: i32,
        size: i32,
        access: Access,
    ) -> Checked {
        let def = self.code.map_of(reg)?.def;
        let (ok, what) = match access {
            Access::Write => (map::can_write(def), "write into"),
            Access::Read => (map::can_read(def), "read from"),
        };
        if !ok {
            let start = reg.smin().wrapping_add(off.into());
            return match access {
                Access::Write => reject!(
                    self,
                    ReadOnly,
                    EACCES,
                    "{what} map forbidden, value_size={} off={start} size={size}",
                    def.value_size
                ),
                Access::Read => reject!(
                    self,
                    MapAccessForbidden,
                    EACCES,
                    "{what} map forbidden, value_size={} off={start} size={size}",
                    def.value_size
                ),
            };
        }
        Ok(())
    }

    /// Bounds of a map value, and its special fields (`check_map_access`).
    pub(crate) fn check_map_access(
        &mut self,
        reg: &RegState,
        argname: &str,
        off: i32,
        size: i32,
        zero_size_allowed: bool,
        src: AccessSrc,
    ) -> Checked {
        let mem_size = map::mem_size(self.code.map_of(reg)?.def);
        self.check_mem_region_access(reg, argname, off, size, mem_size, zero_size_allowed)?;
        let record = self.code.map_of(reg)?.record.clone();
        for f in &record.fields {
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
            let wrong = if !f.kind.is_kptr_or_uptr() {
                "cannot be accessed directly by load/store".to_owned()
            } else if src != AccessSrc::Direct {
                "cannot be accessed indirectly by helper".to_owned()
            } else if !reg.var_off.is_const() {
                "access cannot have variable offset".to_owned()
            } else if i64::from(f.offset) != at {
                format!("access misaligned expected={} off={at}", f.offset)
            } else if size != 8 {
                "access size must be BPF_DW".to_owned()
            } else {
                continue;
            };
            return reject!(self, SpecialField, EACCES, "{name} {wrong}");
        }
        Ok(())
    }
}
