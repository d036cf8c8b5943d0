// SPDX-License-Identifier: GPL-2.0-only
//! BPF as data, and what libbpf does with it before a kernel is asked.
//!
//! ```text
//! load      an ELF object becomes programs and maps for one kernel
//! kernel    that kernel: types, kfuncs, configuration
//! program   what bpf(BPF_PROG_LOAD) is given
//! map       what bpf(BPF_MAP_CREATE) is given
//! btf  caps  insn  disasm  uapi
//! ```
//!
//! Nothing here knows how a program is verified.

pub mod btf;
pub mod caps;
pub mod disasm;
pub mod insn;
pub mod kernel;
pub mod load;
pub mod map;
pub mod program;
pub mod uapi;
