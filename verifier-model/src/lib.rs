// SPDX-License-Identifier: GPL-2.0-only
//! A pure-Rust model of the Linux BPF verifier.
//!
//! [`Object`] reads an object as libbpf does, [`verify`] walks its programs as the verifier does. What
//! is modelled and what is not is said in the README; how a loop converges, with a picture, in
//! `docs/verifier-model.md`.
//!
//! ```
//! use verifier_model::{Object, Options, PrepareOptions, explain, linux_7_3, verify};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kernel = linux_7_3()?;
//! let data = std::fs::read("tests/explain/iterators.elf")?;
//! let object = Object::open(&data, "iterators.elf")?;
//! for prog in object.prepare(&kernel, &PrepareOptions::default())? {
//!     let load = prog.load?;
//!     let verdict = verify(&load, &kernel, &Options::default());
//!     assert!(!verdict.accepted(), "every program of this object has a mistake");
//!
//!     let (_, why) = explain(&load, &kernel, &Options::default());
//!     println!("{}", why.text(false));
//! }
//! # Ok(())
//! # }
//! ```

mod analysis;

mod check;

mod domain;

mod env;

mod explain;

mod facts;

mod graph;

mod input;

mod log;

mod options;

mod precision;

mod state;

mod verdict;

mod verify;

mod walk;

pub use bpf::btf::Btf;
pub use bpf::kernel::kfuncs::KfuncTable;
pub use bpf::kernel::{Kernel, Module};
pub use bpf::load::{LoadError, Object, PrepareOptions, SetAttachTarget};
pub use bpf::map::MapDef;
pub use bpf::program::ProgLoad;

pub use explain::{Explanation, explain};
pub use facts::errno::Errno;
pub use facts::kind::Kind;
pub use facts::rejection::Rejection;
pub use facts::release::Release;
pub use facts::release::linux_7_3::{helper_name, linux_7_3};
pub use facts::rule::{Before, Profile, Rule};
pub use graph::{Graph, graph};
pub use options::Options;
pub use verdict::{Outcome, Stats, Verdict};
pub use verify::verify;

// For `cargo bench` alone.
#[doc(hidden)]
pub use domain::tnum::Tnum;
