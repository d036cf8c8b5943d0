// SPDX-License-Identifier: GPL-2.0-only
//! Before the walk: fields of every instruction, maps and kernel variables that `ld_imm64` names.
//!
//! Source: `check_and_resolve_insns()`, `check_map_prog_compatibility()`, `check_pseudo_btf_id()`
//! in `kernel/bpf/verifier.c`.

use bpf::btf::{Btf, Kind, Type};
use bpf::insn::MAX_BPF_REG;
use bpf::kernel::fields::FieldKind;
use bpf::kernel::{BtfRef, VMLINUX};
use bpf::program::FdSlot;
use bpf::uapi::{MapType, ProgType, op, pseudo};

use crate::analysis::Known;
use crate::analysis::fields::{Unknown, check_fields};
use crate::facts::errno::Errno;
use crate::facts::map_rules as map;
use crate::facts::rejection::{Checked, Rejection};
use crate::facts::rule::Rule;
use crate::facts::types::{Flag, RegType};
use crate::log::reject;
use crate::state::reg::About;

/// A program uses at most this many maps.
const MAX_USED_MAPS: usize = 64;

impl Known<'_> {
    /// Checks fields and finds what is named.
    pub(crate) fn check_and_resolve_insns(&mut self) -> Checked {
        let mut i = 0;
        while i < self.code.insns.len() {
            let insn = self.code.insns[i];
            let stack_arg_write = insn.is_stack_arg_st() || insn.is_stack_arg_stx();
            if insn.dst() >= MAX_BPF_REG && !stack_arg_write {
                return reject!(
                    self,
                    MalformedInstruction,
                    EINVAL,
                    "R{} is invalid",
                    insn.dst_reg
                );
            }
            if insn.src() >= MAX_BPF_REG && !insn.is_stack_arg_ldx() {
                return reject!(
                    self,
                    MalformedInstruction,
                    EINVAL,
                    "R{} is invalid",
                    insn.src_reg
                );
            }
            if insn.code == op::LD_IMM64 {
                self.resolve_ld_imm64(i)?;
                i += 2;
                continue;
            }
            match check_fields(&insn, self.input.profile) {
                Ok(()) => {}
                Err(Unknown::Opcode) => return self.unknown_opcode(insn.code),
                Err(Unknown::Reserved(msg)) => {
                    return reject!(self, MalformedInstruction, EINVAL, "{msg}");
                }
            }
            i += 1;
        }
        Ok(())
    }

    fn unknown_opcode(&self, code: u8) -> Checked {
        reject!(
            self,
            MalformedInstruction,
            EINVAL,
            "unknown opcode {code:02x}"
        )
    }

    fn resolve_ld_imm64(&mut self, i: usize) -> Checked {
        let insn = self.code.insns[i];
        let second = self.code.insns.get(i + 1).copied();
        let Some(second) =
            second.filter(|n| n.code == 0 && n.dst_reg == 0 && n.src_reg == 0 && n.off == 0)
        else {
            return reject!(
                self,
                MalformedInstruction,
                EINVAL,
                "invalid bpf_ld_imm64 insn"
            );
        };
        if insn.off != 0 {
            return reject!(
                self,
                MalformedInstruction,
                EINVAL,
                "BPF_LD_IMM64 uses reserved fields"
            );
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
                return reject!(
                    self,
                    MalformedInstruction,
                    EINVAL,
                    "unrecognized bpf_ld_imm64 insn"
                );
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
            let fd = !insn.imm;
            let no_map = "is not pointing to valid bpf_map";
            return match fd {
                // The standard streams are open, but not maps.
                0..=2 => reject!(self @ i, MapNotUsable, EINVAL, "fd {fd} {no_map}"),
                _ => reject!(self @ i, MapNotUsable, EBADF, "fd {fd} {no_map}"),
            };
        };
        self.add_used_map(m)?;
        self.code.aux[i].map = Some(m);
        if matches!(insn.src_reg, pseudo::MAP_FD | pseudo::MAP_IDX) {
            return Ok(());
        }
        let def = self.code.maps[m].def;
        let off = second.imm as u32;
        if !self.input.has_direct_value_addr(def) {
            return reject!(
                self,
                MapNotUsable,
                EINVAL,
                "no direct value access support for this map type"
            );
        }
        if !map::direct_value_addr_ok(def, off) {
            let size = def.value_size;
            let errno = match def.max_entries {
                1 => Errno::EINVAL,
                _ => Errno::ENOTSUPP,
            };
            let why = Rejection {
                kind: crate::facts::kind::Kind::MapValueBounds,
                message: format!(
                    "invalid access to map value pointer, value_size={size} off={off}"
                ),
                ..Rejection::silent(errno)
            };
            return self.log.reject("\n", why);
        }
        self.code.aux[i].map_off = off;
        Ok(())
    }

    fn add_used_map(&mut self, m: usize) -> Checked {
        if self.code.used_maps.contains(&m) {
            return Ok(());
        }
        if self.code.used_maps.len() >= MAX_USED_MAPS {
            return reject!(
                self,
                MapNotUsable,
                E2BIG,
                "The total number of maps per program has reached the limit of {MAX_USED_MAPS}"
            );
        }
        self.check_map_prog_compatibility(m)?;
        if self.code.maps[m].def.map_type == MapType::Arena {
            self.use_arena(m)?;
        }
        self.code.used_maps.push(m);
        if self.code.maps[m].def.map_type == MapType::InsnArray {
            self.init_insn_array(m)?;
        }
        Ok(())
    }

    /// A program has one arena at most.
    fn use_arena(&mut self, m: usize) -> Checked {
        if self.code.arena.is_some() {
            return reject!(self, Arena, EBUSY, "Only one arena per program");
        }
        if !self.input.allow_ptr_leaks || !self.input.bpf_capable {
            return reject!(
                self,
                Capability,
                EPERM,
                "CAP_BPF and CAP_PERFMON are required to use arena"
            );
        }
        self.code.arena = Some(m);
        Ok(())
    }

    fn check_map_prog_compatibility(&mut self, m: usize) -> Checked {
        let info = &self.code.maps[m];
        let typ = info.def.map_type;
        let has = |k: FieldKind| info.record.fields.iter().any(|f| f.kind == k);
        let graph = has(FieldKind::ListHead) || has(FieldKind::RbRoot);
        let (spin, res) = (has(FieldKind::SpinLock), has(FieldKind::ResSpinLock));
        let known = self.input.profile.has(Rule::EXTENSION_TYPES) || self.input.extends.is_none();
        let tracing = known
            && matches!(
                self.input.prog.prog_type,
                ProgType::Kprobe
                    | ProgType::Tracepoint
                    | ProgType::PerfEvent
                    | ProgType::RawTracepoint
                    | ProgType::RawTracepointWritable
            );
        if graph && tracing {
            return reject!(
                self,
                ProgramTypeOfField,
                EINVAL,
                "tracing progs cannot use bpf_{{list_head,rb_root}} yet"
            );
        }
        if known && (spin || res) && self.input.prog.prog_type == ProgType::SocketFilter {
            return reject!(
                self,
                ProgramTypeOfField,
                EINVAL,
                "socket filter progs cannot use bpf_spin_lock yet"
            );
        }
        if spin && tracing {
            return reject!(
                self,
                ProgramTypeOfField,
                EINVAL,
                "tracing progs cannot use bpf_spin_lock yet"
            );
        }
        if spin && self.input.prog.sleepable() && !self.input.profile.has(Rule::SLEEPABLE_LOCKS) {
            return reject!(
                self,
                ProgramTypeOfField,
                EINVAL,
                "sleepable progs cannot use bpf_spin_lock yet"
            );
        }
        let waits = tracing && !self.input.profile.has(Rule::TIMERS_IN_TRACING);
        for (kind, name) in [
            (FieldKind::Timer, "bpf_timer"),
            (FieldKind::Workqueue, "bpf_wq"),
        ] {
            if waits && has(kind) {
                return reject!(
                    self,
                    ProgramTypeOfField,
                    EINVAL,
                    "tracing progs cannot use {name} yet"
                );
            }
        }
        if typ == MapType::StructOps {
            return reject!(
                self,
                MapNotUsable,
                EINVAL,
                "bpf_struct_ops map cannot be used in prog"
            );
        }
        let sleepable_ok = self.input.release.tables.maps.in_sleepable(typ);
        if self.input.prog.sleepable() && !sleepable_ok {
            return reject!(
                self,
                MapNotUsable,
                EINVAL,
                "Sleepable programs can only use array, hash, ringbuf and local storage maps"
            );
        }
        Ok(())
    }

    /// A variable or function of the kernel.
    fn check_pseudo_btf_id(&mut self, i: usize, id: i32, obj: i32) -> Checked {
        let id = id as u32;
        let Some(btf) = self.input.kernel.btf(obj as u32) else {
            return reject!(
                self,
                KernelVariable,
                EINVAL,
                "invalid module BTF object FD specified."
            );
        };
        let Some(t) = btf.type_by_id(id) else {
            return reject!(
                self,
                KernelVariable,
                ENOENT,
                "ldimm64 insn specifies invalid btf_id {id}."
            );
        };
        let name = t.name();
        match t.kind() {
            Kind::Func => {
                let typ = RegType::PTR_TO_MEM | Flag::MEM_RDONLY;
                self.code.aux[i].btf_var = Some((typ, About::MemSize(0)));
                return Ok(());
            }
            Kind::Var => {}
            _ => {
                return reject!(
                    self,
                    KernelVariable,
                    EINVAL,
                    "pseudo btf_id {id} in ldimm64 isn't KIND_VAR or KIND_FUNC"
                );
            }
        }
        if self
            .input
            .kernel
            .ksyms
            .as_ref()
            .is_some_and(|k| !k.contains_key(name))
        {
            return reject!(
                self,
                KernelVariable,
                ENOENT,
                "ldimm64 failed to find the address for kernel symbol '{name}'."
            );
        }
        let percpu = percpu_section(btf, obj as u32)
            .is_some_and(|d| d.var_secinfos().any(|v| v.type_id == id));
        let bref = BtfRef::Kernel(obj as u32);
        let target = btf.skip_mods_and_typedefs(t.type_id());
        let var = if percpu {
            (
                RegType::PTR_TO_BTF_ID | Flag::MEM_PERCPU,
                About::Btf(bref, t.type_id()),
            )
        } else if target.is_composite() {
            (RegType::PTR_TO_BTF_ID, About::Btf(bref, t.type_id()))
        } else {
            let Ok(size) = btf.resolve_size(target.id()) else {
                let name = target.name();
                return reject!(
                    self,
                    KernelVariable,
                    EINVAL,
                    "ldimm64 unable to resolve the size of type '{name}': -22"
                );
            };
            (RegType::PTR_TO_MEM | Flag::MEM_RDONLY, About::MemSize(size))
        };
        self.code.aux[i].btf_var = Some(var);
        Ok(())
    }
}

/// The section with a copy a CPU: each module has one of its own.
fn percpu_section(btf: &Btf, obj: u32) -> Option<Type<'_>> {
    const NAME: &str = ".data..percpu";
    if obj == VMLINUX {
        return btf.find_by_name_kind(NAME, Kind::Datasec);
    }
    let mut own = (btf.start_id()..).map_while(|id| btf.type_by_id(id));
    own.find(|t| t.kind() == Kind::Datasec && t.name() == NAME)
}
