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
//! let kernel = crate::facts::linux_7_3::linux_7_3()?;
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

pub mod analysis;

pub mod check;

pub mod domain;

pub mod env;

pub mod explain;

pub mod facts;

pub mod graph;

pub mod input;

pub mod log;

pub mod options;

pub mod precision;

pub mod state;

pub mod verdict;

pub mod verify;

pub mod walk;
