// SPDX-License-Identifier: GPL-2.0-only
//! A batch of programs for the guest; `tests/src/oracle/raw.rs` tells its format.

use super::code::{Code, KFUNCS, MAPS, Missing, Name, btf, cpus_ptr_offset};
use crate::prog_load::Kernel;

/// User without capabilities.
const NOBODY: u32 = 65534;

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
            batch.block(name.as_bytes());
        }
        batch.block(&btf());
        batch.word(MAPS.len() as u32);
        for (map_type, key, value, entries, flags) in MAPS {
            for word in [map_type as u32, key, value, entries, flags] {
                batch.word(word);
            }
        }
        Ok(batch)
    }

    /// Adds a program.
    pub fn push(&mut self, code: &Code) {
        let mut insns = code.with_fields(self.cpus_ptr);
        for (&at, name) in &code.names {
            if let Name::Kfunc(kfunc) = name {
                insns[at].imm = *kfunc as i32;
            }
        }
        self.word(match code.kind.privileged() {
            true => 0,
            false => NOBODY,
        });
        self.word(code.prog_type() as u32);
        self.word(0);
        self.word(code.prog_flags().bits());
        self.word(insns.len() as u32);
        self.word(code.func_info().len() as u32);
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

    fn word(&mut self, word: u32) {
        self.bytes.extend(word.to_le_bytes());
    }

    fn block(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u32);
        self.bytes.extend(bytes);
    }
}
