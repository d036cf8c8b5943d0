// SPDX-License-Identifier: GPL-2.0-only
//! Limits of the verifier that all releases have, and the names of the registers; for the others see
//! [`Limits`](crate::facts::release::Limits).
//!
//! Source: `include/linux/bpf_verifier.h`, `include/linux/bpf.h`.

/// Paths that may wait to be explored.
pub(crate) const BPF_COMPLEXITY_LIMIT_JMP_SEQ: usize = 8192;

/// Instructions that may be processed.
pub(crate) const BPF_COMPLEXITY_LIMIT_INSNS: u32 = 1_000_000;

/// Registers a call clobbers: R0 to R5.
pub(crate) const CALLER_SAVED_REGS: usize = 6;

/// Arguments passed in registers.
pub(crate) const MAX_BPF_FUNC_REG_ARGS: usize = 5;

/// Largest offset of a pointer.
pub(crate) const BPF_MAX_VAR_OFF: i64 = 1 << 29;

/// Largest size of memory passed to a helper.
pub(crate) const BPF_MAX_VAR_SIZ: u64 = 1 << 29;

/// Names of registers in messages.
pub(crate) const REG_NAMES: [&str; 12] = [
    "R0", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11",
];

/// Size of a register and of a stack slot.
pub(crate) const BPF_REG_SIZE: usize = 8;
/// Slots of a dynptr.
pub(crate) const DYNPTR_SLOTS: usize = 2;

/// Largest stack of a program.
pub(crate) const MAX_BPF_STACK: i32 = 512;
