// SPDX-License-Identifier: GPL-2.0-only
//! Memory passed to helpers and kfuncs: large enough, initialised, writable.
//!
//! Source: `check_helper_mem_access()`, `check_mem_size_reg()`, `check_arg_const_str()` in `kernel/bpf/verifier.c`.

use bpf::uapi::{MapType, ProgType};

use crate::check::access::{CallArg, MemAccess};
use crate::check::ctx::is_read_as_it_is;
use crate::check::stack::range::StackRange;
use crate::env::Env;
use crate::env::call_args::CallArgs;
use crate::facts::access::{Access, AccessSrc};
use crate::facts::errno::Errno;
use crate::facts::limits::{BPF_MAX_VAR_SIZ, BPF_REG_SIZE};
use crate::facts::rejection::Checked;
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::log::reject;
use crate::state::reg::RegState;
use crate::state::slot::{Slot, get_spi};
use bpf::insn::B;

impl Env<'_> {
    /// Memory that a call reads or writes (`check_helper_mem_access`).
    pub(crate) fn check_helper_mem_access(
        &mut self,
        reg: &RegState,
        name: &str,
        size: i32,
        access: Access,
        zero_ok: bool,
        meta: Option<&mut CallArgs>,
    ) -> Checked {
        let t = reg.typ;
        let write = access == Access::Write;
        match t.base() {
            RegType::PTR_TO_PACKET | RegType::PTR_TO_PACKET_META => {
                self.check_packet_access(reg, name, 0, size, zero_ok)
            }
            RegType::PTR_TO_MAP_KEY => {
                if write {
                    return reject!(self, ReadOnly, EACCES, "{name} cannot write into {t}");
                }
                let key_size = self.code.map_of(reg)?.def.key_size;
                self.check_mem_region_access(reg, name, 0, size, key_size, false)
            }
            RegType::PTR_TO_MAP_VALUE => {
                self.check_map_access_type(reg, 0, size, access)?;
                self.check_map_access(reg, name, 0, size, zero_ok, AccessSrc::Helper)
            }
            RegType::PTR_TO_MEM => {
                if write && t.has(Flag::MEM_RDONLY) {
                    return reject!(self, ReadOnly, EACCES, "{name} cannot write into {t}");
                }
                self.check_mem_region_access(reg, name, 0, size, reg.mem_size(), zero_ok)
            }
            RegType::PTR_TO_BUF => {
                let rdonly = t.has(Flag::MEM_RDONLY);
                if write && rdonly {
                    return reject!(self, ReadOnly, EACCES, "{name} cannot write into {t}");
                }
                let what = if rdonly { "rdonly" } else { "rdwr" };
                self.check_buffer_bounds(what, reg, name, 0)
            }
            RegType::PTR_TO_STACK => {
                let access = match self.input.profile.has(Rule::HELPER_READS_KEPT) {
                    true => access,
                    false => Access::Write,
                };
                let range = StackRange {
                    reg,
                    argname: name,
                    off: 0,
                    size,
                    zero_size_allowed: zero_ok,
                    access,
                };
                self.check_stack_range_initialized(&range, meta)
            }
            RegType::PTR_TO_BTF_ID => {
                let access = match self.input.profile.has(Rule::MEMORY_OF_OBJECTS) {
                    true => access,
                    false => Access::Read,
                };
                self.check_ptr_to_btf_access(reg, name, 0, size, access, None)
            }
            RegType::PTR_TO_CTX
                if !self.input.profile.has(Rule::MOVED_CONTEXT)
                    && is_read_as_it_is(self.input.prog.prog_type) =>
            {
                self.check_last_byte_of_ctx(reg, name, size, access, zero_ok)
            }
            RegType::PTR_TO_CTX if self.input.prog.prog_type == ProgType::Syscall => {
                self.check_mem_region_access(reg, name, 0, size, u16::MAX.into(), zero_ok)
            }
            _ => {
                if zero_ok && size == 0 && reg.is_null() {
                    return Ok(());
                }
                reject!(
                    self,
                    ArgumentType,
                    EACCES,
                    "{name} type={t} expected={}",
                    RegType::PTR_TO_STACK
                )
            }
        }
    }

    /// A context whose fields are where they seem to be is accessed as far as its last byte.
    fn check_last_byte_of_ctx(
        &mut self,
        reg: &RegState,
        name: &str,
        size: i32,
        access: Access,
        zero_ok: bool,
    ) -> Checked {
        if size == 0 {
            return match zero_ok {
                true => Ok(()),
                false => Err(Errno::EACCES.into()),
            };
        }
        self.check_mem_access(&MemAccess {
            insn_idx: self.path.insn_idx,
            reg: *reg,
            argname: name,
            off: size - 1,
            size_field: B,
            access,
            value: None,
            strict: false,
            is_ldsx: false,
        })
    }

    /// Memory and its size in two arguments (`check_mem_size_reg`).
    pub(crate) fn check_mem_size_reg(
        &mut self,
        mem: &CallArg<'_>,
        size_arg: &CallArg<'_>,
        accesses: &[Access],
        zero_ok: bool,
        meta: &mut CallArgs,
    ) -> Checked {
        let (size, size_name) = (size_arg.reg, size_arg.name);
        meta.msize_max = size.umax();
        let konst = size.var_off.is_const();
        if size.smin() < 0 {
            return reject!(
                self,
                Length,
                EACCES,
                "{size_name} min value is negative, either use unsigned or 'var &= const'"
            );
        }
        let told = self.input.profile.has(Rule::ZERO_SIZES_TOLD);
        if size.umin() == 0 && !told {
            for access in accesses {
                let meta = konst.then_some(&mut *meta);
                self.check_helper_mem_access(mem.reg, mem.name, 0, *access, zero_ok, meta)?;
            }
        }
        if size.umin() == 0 && !zero_ok && told {
            return reject!(
                self,
                Length,
                EACCES,
                "{size_name} invalid zero-sized read: u64=[{},{}]",
                size.umin() as i64,
                size.umax() as i64
            );
        }
        if size.umax() >= BPF_MAX_VAR_SIZ {
            return reject!(
                self,
                Length,
                EACCES,
                "{size_name} unbounded memory access, use 'var &= const' or 'if (var < const)'"
            );
        }
        let max = size.umax() as i32;
        for access in accesses {
            let meta = konst.then_some(&mut *meta);
            self.check_helper_mem_access(mem.reg, mem.name, max, *access, zero_ok, meta)?;
        }
        self.mark_chain_precision(size_arg.regno)
    }

    /// Memory of a size that is known (`check_mem_reg`).
    pub(crate) fn check_mem_reg(
        &mut self,
        reg: &RegState,
        name: &str,
        regno: usize,
        mem_size: u32,
        accesses: &[Access],
        mut meta: Option<&mut CallArgs>,
    ) -> Checked {
        if reg.is_null() {
            return self.mark_chain_precision(regno);
        }
        let Ok(size) = i32::try_from(mem_size) else {
            return reject!(
                self,
                MemorySize,
                EACCES,
                "{name} memory size {mem_size} is too large"
            );
        };
        // A function's own stack argument may have dead bytes.
        let size = if meta.is_none() && reg.typ.base() == RegType::PTR_TO_STACK {
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
    pub(crate) fn process_const_alloc_mem_size(
        &mut self,
        reg: &RegState,
        name: &str,
        regno: usize,
        meta: &mut CallArgs,
    ) -> Checked {
        if !reg.var_off.is_const() {
            return reject!(self, ConstantArgument, EINVAL, "{name} is not a const");
        }
        let Ok(size) = u32::try_from(reg.var_off.value) else {
            return reject!(
                self,
                MemorySize,
                EINVAL,
                "{name} allocation size exceeds u32 max"
            );
        };
        self.mark_chain_precision(regno)?;
        meta.ret_mem_size = Some(size);
        Ok(())
    }

    /// The argument must be a string in a read-only map.
    pub(crate) fn check_arg_const_str(&mut self, reg: &RegState, name: &str) -> Checked {
        if reg.typ != RegType::PTR_TO_MAP_VALUE {
            return Err(Errno::EINVAL.into());
        }
        let info = self.code.map_of(reg)?;
        let (def, rdonly) = (info.def, info.is_rdonly());
        match def.map_type {
            MapType::InsnArray | MapType::PercpuArray => {
                let what = if def.map_type == MapType::InsnArray {
                    "insn"
                } else {
                    "percpu"
                };
                return reject!(
                    self,
                    ConstantString,
                    EACCES,
                    "{name} points to {what}_array map which cannot be used as const string"
                );
            }
            _ => {}
        }
        if !rdonly {
            return reject!(
                self,
                ConstantString,
                EACCES,
                "{name} does not point to a readonly map'"
            );
        }
        if !reg.var_off.is_const() {
            return reject!(
                self,
                ConstantString,
                EACCES,
                "{name} is not a constant address'"
            );
        }
        let off = reg.var_off.value as u32;
        let (size, contents) = (def.value_size, def.contents.clone());
        let len = size.wrapping_sub(off) as i32;
        self.check_map_access(reg, name, 0, len, false, AccessSrc::Helper)?;
        let text = contents.get(off as usize..).unwrap_or_default();
        if !contents.is_empty() && !text.contains(&0) {
            return reject!(
                self,
                ConstantString,
                EINVAL,
                "string is not zero-terminated"
            );
        }
        Ok(())
    }

    /// A map key on the stack, when every byte is known.
    pub(crate) fn constant_map_key(
        &mut self,
        key: &RegState,
        key_size: usize,
    ) -> Checked<Option<u64>> {
        if !self.input.bpf_capable || key.typ != RegType::PTR_TO_STACK || !key.var_off.is_const() {
            return Ok(None);
        }
        let off = key.var_off.value as i32;
        let spi = get_spi(off);
        let at = (-off - 1) as usize % BPF_REG_SIZE;
        let frameno = key.frameno();
        let slot = self
            .path
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
        self.path.bt.set_frame_slot(frameno, spi);
        self.mark_chain_precision_cur(None)?;
        Ok(Some(slot.reg.var_off.value))
    }
}
