// SPDX-License-Identifier: GPL-2.0-only
//! What the walk writes down about instructions.
//!
//! Source: `struct bpf_insn_aux_data` in `include/linux/bpf_verifier.h`.

/// How an addition or subtraction is masked (`alu_state` and `alu_limit`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AluMask {
    /// `BPF_ALU_*`, 0 for not masked.
    pub(crate) state: u32,
    pub(crate) limit: u32,
}

/// Why an operation cannot be masked.
#[derive(Clone, Copy)]
pub(crate) enum Reason {
    Bounds,
    Type,
    Paths,
    Limit,
    Stack,
}

impl AluMask {
    pub(crate) fn update(&mut self, state: u32, limit: u32) -> Result<(), Reason> {
        let new = Self { state, limit };
        if self.state != 0 && *self != new {
            return Err(Reason::Paths);
        }
        *self = new;
        Ok(())
    }
}
