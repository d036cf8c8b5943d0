// SPDX-License-Identifier: GPL-2.0-only
//! A pure-Rust model of the Linux BPF verifier.
//!
//! [`load`] reads an object as libbpf does, [`verify`] walks its programs as the verifier does. What
//! is modelled and what is not is said in the README; how a loop converges, with a picture, in
//! `docs/verifier-model.md`.
//!
//! ```
//! use verifier_model::explain::explain;
//! use verifier_model::load::{Object, PrepareOptions};
//! use verifier_model::prog_load::Kernel;
//! use verifier_model::profile::Profile;
//! use verifier_model::verify::{Options, verify};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kernel = Kernel::linux_7_3()?;
//! let data = std::fs::read("tests/explain/iterators.elf")?;
//! let object = Object::open(&data, "iterators.elf")?;
//! for prog in object.prepare(&kernel, &PrepareOptions::default())? {
//!     let load = prog.load?;
//!     let verdict = verify(&load, &kernel, &Profile::V7_3, &Options::default());
//!     assert!(!verdict.accepted, "every program of this object has a mistake");
//!
//!     let (_, why) = explain(&load, &kernel, &Profile::V7_3, &Options::default());
//!     println!("{}", why.text(false));
//! }
//! # Ok(())
//! # }
//! ```

pub mod arg_track;
mod arg_track_xfer;
pub mod attach_target;
pub mod aux_ptr_type;
pub mod backtrack;
pub mod backtrack_insn;
pub mod bounds;
pub mod branch;
pub mod btf;
pub mod btf_ctx_access;
pub mod btf_record;
mod btf_struct_access;
pub mod btf_walk;
pub mod call;
pub mod call_summary;
pub mod callback;
pub mod cfg;
pub mod check_alu;
pub mod check_arg;
pub mod check_atomic;
pub mod check_btf_access;
pub mod check_ctx;
pub mod check_helper;
pub mod check_jmp;
pub mod check_kfunc;
pub mod check_kfunc_args;
pub mod check_map_access;
pub mod check_mem;
pub mod check_packet;
pub mod check_reg_type;
pub mod check_return;
pub mod check_stack;
pub mod cnum;
pub mod const_fold;
pub mod ctx_fields;
pub mod disasm;
pub mod do_check;
pub mod do_check_common;
pub mod dst_prog;
pub mod dynptr;
pub mod env;
pub mod error;
pub mod explain;
pub mod fastcall;
pub mod fixups;
pub mod func_args;
pub mod func_proto;
pub mod fuzz;
pub mod gotox;
pub mod graph;
pub mod helper_return;
pub mod helpers;
pub mod id_map;
pub mod insn;
pub mod insn_aux;
pub mod insn_fields;
pub mod irq_flag;
pub mod iter;
pub mod kfunc;
pub mod kfunc_arg_type;
mod kfunc_filter;
pub mod kfunc_ptr_args;
pub mod kfunc_return;
pub mod kfuncs;
pub mod kptr;
pub mod linked_regs;
pub mod linux_7_3;
mod live_regs;
pub mod liveness;
mod liveness_log;
pub mod load;
pub mod log;
pub mod map;
pub mod map_compat;
pub mod mem_args;
pub mod mem_bounds;
pub mod observe;
pub mod paths;
pub mod print_state;
pub mod profile;
pub mod prog_load;
pub mod ptr_alu;
pub mod reg_state;
pub mod resolve;
pub mod resource;
pub mod sanitize;
pub mod scalar_alu;
pub mod scalar_mul_div;
pub mod scc;
pub mod special_helper;
pub mod stack_access;
pub mod stack_depth;
pub mod stack_object;
pub mod stack_range;
pub mod stack_write;
pub mod state;
pub mod state_graph;
pub mod states;
pub mod states_equal;
pub mod struct_ops;
pub mod struct_ops_types;
pub mod subprog;
pub mod subprog_args;
pub mod subprog_call;
pub mod tnum;
mod type_match;
pub mod types;
pub mod uapi;
pub mod verify;
