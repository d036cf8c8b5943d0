// SPDX-License-Identifier: GPL-2.0-only
//! From an ELF object to what the kernel is given: the work of libbpf, without a kernel.
//!
//! [`Object::open`] reads the file; [`Object::prepare`] relocates its programs for a [`Kernel`](crate::kernel::Kernel) and
//! hands them out as [`ProgLoad`](crate::program::ProgLoad)s:
//!
//! ```text
//!   ELF ── sections, symbols ──> programs, maps, externs        open
//!   .BTF ── externs made variables, sizes and offsets filled in
//!
//!   externs    resolved in the kernel's BTF and configuration    prepare
//!   CO-RE      field offsets, sizes, existence … patched in
//!   link       each program followed by the functions it calls
//!   data       map indices, variables, kernel variables, kfuncs patched in
//!   attach     the target's BTF type looked up
//! ```
//!
//! libbpf's C (7.3, `tools/lib/bpf`) is the specification; where it asks the running kernel for a
//! feature, the answer here is that of 7.3. What differs: file descriptors are indices (see
//! [`crate::program`]), nothing is pinned or reused, and a program that cannot be prepared does
//! not keep the others from it.

mod attach;
mod aya;
mod aya_externs;
mod btf_ext;
mod btf_load;
mod core_relo;
mod create;
mod data;
mod elf;
mod error;
mod externs;
mod find;
mod fixup;
mod kconfig;
mod ksym;
mod legacy;
mod link;
mod loader;
mod maps;
mod object;
mod open;
mod prepare;
mod probe_read;
mod raw;
mod relocs;
mod resolved;
mod sections;
mod set;
mod struct_ops;
mod variables;

pub use attach::SetAttachTarget;
pub use create::create_map;
pub use error::LoadError;
pub use find::{Found, find_objects};
pub use loader::Loader;
pub use object::{Object, ProgramInfo};
pub use prepare::{Autoload, PrepareOptions, Prepared};
pub use raw::raw_program;
pub use set::SetMap;
