// SPDX-License-Identifier: GPL-2.0-only
//! A batch of programs for the guest; `tests/src/oracle/raw.rs` tells its format.

use bpf::caps::Caps;
use bpf::kernel::Kernel;
use bpf::program::{AttachTarget, ProgLoad};
use bpf::uapi::MapType;

use crate::code::{Code, KFUNCS, MAPS, Missing, Name, btf, cpus_ptr_offset, find_kfunc};

/// A function of every kernel with BPF.
const STAND_IN: &str = "bpf_fentry_test1";

/// A batch under construction.
pub struct Batch {
    bytes: Vec<u8>,
    cpus_ptr: i16,
}

impl Batch {
    /// An empty batch for a kernel, that only lends the offsets of fields: the guest looks for
    /// kfuncs itself.
    pub fn new(kernel: &Kernel) -> Result<Self, Missing> {
        let mut batch = Self {
            bytes: b"BPFBATCH".to_vec(),
            cpus_ptr: cpus_ptr_offset(kernel)?,
        };
        batch.word(KFUNCS.len() as u32);
        for name in KFUNCS {
            // No program that calls one that is not there is in the batch; its place must have a name.
            let there = find_kfunc(kernel, name).is_ok();
            batch.block(if there { name } else { STAND_IN }.as_bytes());
        }
        batch.block(&btf());
        batch.word(MAPS.len() as u32);
        for (map_type, key, value, entries, flags) in MAPS {
            for word in [map_type as u32, key, value, entries, flags] {
                batch.word(word);
            }
        }
        batch.names(&[]);
        Ok(batch)
    }

    /// An empty batch for programs that name no map and no kfunc, and may attach to these modules:
    /// those of the kernel that the programs were prepared for, in its order.
    pub fn bare(modules: &[&str]) -> Self {
        let mut batch = Self {
            bytes: b"BPFBATCH".to_vec(),
            cpus_ptr: 0,
        };
        for _ in ["kfuncs", "BTF", "maps"] {
            batch.word(0);
        }
        batch.names(modules);
        batch
    }

    /// The same for programs that call these kfuncs, by their place here in `imm`.
    pub fn calling(kfuncs: &[&str]) -> Self {
        let mut batch = Self {
            bytes: b"BPFBATCH".to_vec(),
            cpus_ptr: 0,
        };
        batch.names(kfuncs);
        for _ in ["BTF", "maps", "modules"] {
            batch.word(0);
        }
        batch
    }

    /// The same for programs that name these maps, by their place here: type, sizes of key and value,
    /// entries, flags.
    pub fn naming(maps: &[(MapType, [u32; 4])]) -> Self {
        let mut batch = Self {
            bytes: b"BPFBATCH".to_vec(),
            cpus_ptr: 0,
        };
        for _ in ["kfuncs", "BTF"] {
            batch.word(0);
        }
        batch.word(maps.len() as u32);
        for (map_type, sizes) in maps {
            batch.word(*map_type as u32);
            sizes.iter().for_each(|word| batch.word(*word));
        }
        batch.names(&[]);
        batch
    }

    /// Adds a program as it would be loaded, without BTF, maps and kfuncs.
    pub fn push_load(&mut self, prog: &ProgLoad) {
        self.push_load_by(Caps::all(), prog);
    }

    /// The same, loaded by who is capable of this.
    pub fn push_load_by(&mut self, caps: Caps, prog: &ProgLoad) {
        let (attach, attach_type) = match prog.attach {
            Some(AttachTarget::Kernel {
                btf_obj,
                btf_id,
                member,
            }) => {
                // A struct_ops program's member stands in the same field.
                let index = member.map(|m| m.index);
                ((btf_id, btf_obj), index)
            }
            Some(AttachTarget::Prog { .. }) | None => ((0, 0), None),
        };
        self.caps(caps);
        self.word(prog.prog_type as u32);
        self.word(attach_type.unwrap_or(prog.expected_attach_type as u32));
        self.word(prog.prog_flags.bits());
        self.word(prog.insns.len() as u32);
        self.word(0);
        self.word(attach.0);
        self.word(attach.1);
        for insn in &prog.insns {
            self.bytes.extend(insn.to_bytes());
        }
    }

    /// Adds a program.
    pub fn push(&mut self, code: &Code) {
        let mut insns = code.with_fields(self.cpus_ptr);
        for (&at, name) in &code.names {
            if let Name::Kfunc(kfunc) = name {
                insns[at].imm = *kfunc as i32;
            }
        }
        self.caps(code.kind.caps());
        self.word(code.prog_type() as u32);
        self.word(0);
        self.word(code.prog_flags().bits());
        self.word(insns.len() as u32);
        self.word(code.func_info().len() as u32);
        self.word(0);
        self.word(0);
        for &(insn_off, func) in code.func_info() {
            self.word(insn_off);
            self.word(func.type_id());
        }
        for insn in insns {
            self.bytes.extend(insn.to_bytes());
        }
    }

    /// The batch.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn names(&mut self, names: &[&str]) {
        self.word(names.len() as u32);
        for name in names {
            self.block(name.as_bytes());
        }
    }

    /// What the loader is capable of; root is capable of more than is ever asked for.
    fn caps(&mut self, caps: Caps) {
        let bits = match caps.is_all() {
            true => u64::MAX,
            false => caps.bits(),
        };
        self.bytes.extend(bits.to_le_bytes());
    }

    fn word(&mut self, word: u32) {
        self.bytes.extend(word.to_le_bytes());
    }

    fn block(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u32);
        self.bytes.extend(bytes);
    }
}
