// SPDX-License-Identifier: GPL-2.0-only
//! Before the walk: fields of every instruction, maps and kernel variables that `ld_imm64` names.
//!
//! Source: `check_and_resolve_insns()`, `check_insn_fields()`, `check_map_prog_compatibility()`,
//! `check_pseudo_btf_id()` in `kernel/bpf/verifier.c`.

use bpf::btf::Kind;
use bpf::insn::MAX_BPF_REG;
use bpf::kernel::BtfRef;
use bpf::kernel::fields::FieldKind;
use bpf::program::FdSlot;
use bpf::uapi::{MapType as M, ProgType as P, op, pseudo};

use crate::analysis::Known;
use crate::analysis::fields::{Unknown, check_fields};
use crate::facts::errno::{Check, Errno};
use crate::facts::map_rules as map;
use crate::facts::types::{Flag, RegType};
use crate::log::verbose;
use crate::state::reg::Meta;

/// A program uses at most this many maps.
const MAX_USED_MAPS: usize = 64;

impl Known<'_> {
    /// Checks fields and finds what is named.
    pub(crate) fn check_and_resolve_insns(&mut self) -> Check {
        let mut i = 0;
        while i < self.code.insns.len() {
            let insn = self.code.insns[i];
            let stack_arg_write = insn.is_stack_arg_st() || insn.is_stack_arg_stx();
            if insn.dst() >= MAX_BPF_REG && !stack_arg_write {
                verbose!(self, "R{} is invalid\n", insn.dst_reg);
                return Err(Errno::EINVAL.into());
            }
            if insn.src() >= MAX_BPF_REG && !insn.is_stack_arg_ldx() {
                verbose!(self, "R{} is invalid\n", insn.src_reg);
                return Err(Errno::EINVAL.into());
            }
            if insn.code == op::LD_IMM64 {
                self.resolve_ld_imm64(i)?;
                i += 2;
                continue;
            }
            match check_fields(&insn) {
                Ok(()) => {}
                Err(Unknown::Opcode) => {
                    verbose!(self, "unknown opcode {:02x}\n", insn.code);
                    return Err(Errno::EINVAL.into());
                }
                Err(Unknown::Reserved(msg)) => {
                    verbose!(self, "{msg}\n");
                    return Err(Errno::EINVAL.into());
                }
            }
            i += 1;
        }
        Ok(())
    }

    fn resolve_ld_imm64(&mut self, i: usize) -> Check {
        let insn = self.code.insns[i];
        let fail = Err(Errno::EINVAL.into());
        let second = self.code.insns.get(i + 1).copied();
        let Some(second) =
            second.filter(|n| n.code == 0 && n.dst_reg == 0 && n.src_reg == 0 && n.off == 0)
        else {
            verbose!(self, "invalid bpf_ld_imm64 insn\n");
            return fail;
        };
        if insn.off != 0 {
            verbose!(self, "BPF_LD_IMM64 uses reserved fields\n");
            return fail;
        }
        match insn.src_reg {
            0 => return Ok(()),
            pseudo::BTF_ID => return self.check_pseudo_btf_id(i, insn.imm, second.imm),
            pseudo::FUNC => {
                self.code.aux[i].ptr_type = RegType::PTR_TO_FUNC;
                return Ok(());
            }
            pseudo::MAP_VALUE | pseudo::MAP_IDX_VALUE => {}
            pseudo::MAP_FD | pseudo::MAP_IDX if second.imm == 0 => {}
            _ => {
                verbose!(self, "unrecognized bpf_ld_imm64 insn\n");
                return fail;
            }
        }
        let by_idx = matches!(insn.src_reg, pseudo::MAP_IDX | pseudo::MAP_IDX_VALUE);
        let map = if by_idx {
            let slot = usize::try_from(insn.imm)
                .ok()
                .and_then(|n| self.input.prog.fd_array.get(n));
            match slot {
                Some(FdSlot::Map(m)) => Some(*m as usize),
                _ => None,
            }
        } else {
            usize::try_from(insn.imm).ok()
        };
        let Some(m) = map.filter(|m| *m < self.input.prog.maps.len()) else {
            verbose!(self, "fd {} is not pointing to valid bpf_map\n", !insn.imm);
            // The standard streams are open, but not maps.
            let errno = if (0..=2).contains(&!insn.imm) {
                Errno::EINVAL
            } else {
                Errno::EBADF
            };
            return Err(errno.into());
        };
        self.add_used_map(m)?;
        self.code.aux[i].map = Some(m);
        if matches!(insn.src_reg, pseudo::MAP_FD | pseudo::MAP_IDX) {
            return Ok(());
        }
        let def = self.code.maps[m].def;
        let off = second.imm as u32;
        if !self.input.has_direct_value_addr(def) {
            verbose!(self, "no direct value access support for this map type\n");
            return fail;
        }
        if !map::direct_value_addr_ok(def, off) {
            let size = def.value_size;
            verbose!(
                self,
                "invalid access to map value pointer, value_size={size} off={off}\n"
            );
            return if def.max_entries == 1 {
                fail
            } else {
                Err(Errno::ENOTSUPP.into())
            };
        }
        self.code.aux[i].map_off = off;
        Ok(())
    }

    fn add_used_map(&mut self, m: usize) -> Check {
        if self.code.used_maps.contains(&m) {
            return Ok(());
        }
        if self.code.used_maps.len() >= MAX_USED_MAPS {
            verbose!(
                self,
                "The total number of maps per program has reached the limit of {MAX_USED_MAPS}\n"
            );
            return Err(Errno::E2BIG.into());
        }
        self.check_map_prog_compatibility(m)?;
        if self.code.maps[m].def.map_type == M::Arena {
            self.use_arena(m)?;
        }
        self.code.used_maps.push(m);
        if self.code.maps[m].def.map_type == M::InsnArray {
            self.init_insn_array(m)?;
        }
        Ok(())
    }

    /// A program has one arena at most.
    fn use_arena(&mut self, m: usize) -> Check {
        if self.code.arena.is_some() {
            verbose!(self, "Only one arena per program\n");
            return Err(Errno::EBUSY.into());
        }
        if !self.input.allow_ptr_leaks || !self.input.bpf_capable {
            verbose!(self, "CAP_BPF and CAP_PERFMON are required to use arena\n");
            return Err(Errno::EPERM.into());
        }
        self.code.arena = Some(m);
        Ok(())
    }

    fn check_map_prog_compatibility(&mut self, m: usize) -> Check {
        let fail = Err(Errno::EINVAL.into());
        let info = &self.code.maps[m];
        let typ = info.def.map_type;
        let has = |k: FieldKind| info.record.fields.iter().any(|f| f.kind == k);
        let graph = has(FieldKind::ListHead) || has(FieldKind::RbRoot);
        let (spin, res) = (has(FieldKind::SpinLock), has(FieldKind::ResSpinLock));
        let tracing = matches!(
            self.input.prog.prog_type,
            P::Kprobe | P::Tracepoint | P::PerfEvent | P::RawTracepoint | P::RawTracepointWritable
        );
        if graph && tracing {
            verbose!(
                self,
                "tracing progs cannot use bpf_{{list_head,rb_root}} yet\n"
            );
            return fail;
        }
        if (spin || res) && self.input.prog.prog_type == P::SocketFilter {
            verbose!(self, "socket filter progs cannot use bpf_spin_lock yet\n");
            return fail;
        }
        if spin && tracing {
            verbose!(self, "tracing progs cannot use bpf_spin_lock yet\n");
            return fail;
        }
        if typ == M::StructOps {
            verbose!(self, "bpf_struct_ops map cannot be used in prog\n");
            return fail;
        }
        let sleepable_ok = matches!(
            typ,
            M::Hash
                | M::Rhash
                | M::LruHash
                | M::Array
                | M::PercpuHash
                | M::PercpuArray
                | M::LruPercpuHash
                | M::LpmTrie
                | M::ArrayOfMaps
                | M::HashOfMaps
                | M::Ringbuf
                | M::UserRingbuf
                | M::InodeStorage
                | M::SkStorage
                | M::TaskStorage
                | M::CgrpStorage
                | M::Queue
                | M::Stack
                | M::Arena
                | M::InsnArray
                | M::ProgArray
        );
        if self.input.prog.sleepable() && !sleepable_ok {
            verbose!(
                self,
                "Sleepable programs can only use array, hash, ringbuf and local storage maps\n"
            );
            return fail;
        }
        Ok(())
    }

    /// A variable or function of the kernel.
    fn check_pseudo_btf_id(&mut self, i: usize, id: i32, obj: i32) -> Check {
        let id = id as u32;
        let Some(btf) = self.input.kernel.btf(obj as u32) else {
            verbose!(self, "invalid module BTF object FD specified.\n");
            return Err(Errno::EINVAL.into());
        };
        let Some(t) = btf.type_by_id(id) else {
            verbose!(self, "ldimm64 insn specifies invalid btf_id {id}.\n");
            return Err(Errno::ENOENT.into());
        };
        let name = t.name();
        match t.kind() {
            Kind::Func => {
                let typ = RegType::PTR_TO_MEM | Flag::MEM_RDONLY;
                self.code.aux[i].btf_var = Some((typ, Meta::MemSize(0)));
                return Ok(());
            }
            Kind::Var => {}
            _ => {
                verbose!(
                    self,
                    "pseudo btf_id {id} in ldimm64 isn't KIND_VAR or KIND_FUNC\n"
                );
                return Err(Errno::EINVAL.into());
            }
        }
        if self
            .input
            .kernel
            .ksyms
            .as_ref()
            .is_some_and(|k| !k.contains_key(name))
        {
            verbose!(
                self,
                "ldimm64 failed to find the address for kernel symbol '{name}'.\n"
            );
            return Err(Errno::ENOENT.into());
        }
        let percpu = btf
            .find_by_name_kind(".data..percpu", Kind::Datasec)
            .is_some_and(|d| d.var_secinfos().any(|v| v.type_id == id));
        let bref = BtfRef::Kernel(obj as u32);
        let target = btf.skip_mods_and_typedefs(t.type_id());
        let var = if percpu {
            (
                RegType::PTR_TO_BTF_ID | Flag::MEM_PERCPU,
                Meta::Btf(bref, t.type_id()),
            )
        } else if target.is_composite() {
            (RegType::PTR_TO_BTF_ID, Meta::Btf(bref, t.type_id()))
        } else {
            let Ok(size) = btf.resolve_size(target.id()) else {
                let name = target.name();
                verbose!(
                    self,
                    "ldimm64 unable to resolve the size of type '{name}': -22\n"
                );
                return Err(Errno::EINVAL.into());
            };
            (RegType::PTR_TO_MEM | Flag::MEM_RDONLY, Meta::MemSize(size))
        };
        self.code.aux[i].btf_var = Some(var);
        Ok(())
    }
}
