// SPDX-License-Identifier: GPL-2.0-only
//! A pure-Rust model of the Linux BPF verifier.
//!
//! [`Object`] reads an object as libbpf does, [`verify()`] walks its programs as the verifier does,
//! [`explain()`] says why one is rejected, [`graph()`] draws what was explored. What is modelled and what
//! is not is said in the README; how a loop converges, with a picture, in `docs/verifier-model.md`.
//!
//! Check an object, and explain its rejections:
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
//!     let why = verdict.rejection().expect("every program of this object has a mistake");
//!     println!("{}: [{}] {}", load.name, why.kind.name(), why.message);
//!
//!     let (_, explanation) = explain(&load, &kernel, &Options::default());
//!     println!("{}", explanation.text(false));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! In a `#[test]` of one's own crate, with the explanation as the failure's text:
//!
//! ```no_run
//! #[test]
//! fn my_programs_load() {
//!     verifier_model::assert_loads!("bpf/prog.bpf.o");
//! }
//! ```
//!
//! From a log that a kernel of any release has printed, without the object:
//!
//! ```
//! use verifier_model::Explanation;
//!
//! let log = "0: (bf) r0 = r3\nR3 !read_ok\nprocessed 1 insns (limit 1000000)";
//! let explained = Explanation::of_logs(log);
//! assert!(explained[0].text(false).starts_with("the program: rejected [unwritten-register]"));
//! ```
//!
//! Draw the states of a loop, and see what becomes of it without a rule:
//!
//! ```
//! use verifier_model::{
//!     Autoload, Kind, Object, Options, PrepareOptions, Profile, Rule, graph, linux_7_3, verify,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kernel = linux_7_3()?;
//! let data = std::fs::read("tests/explain/loops.elf")?;
//! let only = PrepareOptions {
//!     autoload: Autoload::Only("converges"),
//!     ..PrepareOptions::default()
//! };
//! let object = Object::open(&data, "loops.elf")?;
//! let load = object.prepare(&kernel, &only)?.next().expect("the program").load?;
//!
//! let (verdict, drawn) = graph(&load, &kernel, &Options::default(), 150);
//! assert!(verdict.accepted() && drawn.svg().starts_with("<svg"));
//!
//! let as_before_6_7 = Options {
//!     profile: Profile::V7_3.without(Rule::ITER_WIDENING),
//!     ..Options::default()
//! };
//! let verdict = verify(&load, &kernel, &as_before_6_7);
//! assert_eq!(verdict.rejection().map(|why| why.kind), Some(Kind::TooLarge));
//! # Ok(())
//! # }
//! ```

mod analysis;
mod assert_loads;
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
mod replay;
mod state;
mod verdict;
mod verify;
mod walk;

pub use bpf::btf::Btf;
pub use bpf::caps::Caps;
pub use bpf::kernel::kfuncs::KfuncTable;
pub use bpf::kernel::{Kernel, Module};
pub use bpf::load::{Autoload, LoadError, Object, PrepareOptions, SetAttachTarget};
pub use bpf::map::MapDef;
pub use bpf::program::ProgLoad;

pub use explain::{Explanation, explain};
pub use facts::errno::Errno;
pub use facts::kind::Kind;
pub use facts::rejection::Rejection;
pub use facts::release::Release;
pub use facts::release::linux_7_3::helper_name;
pub use facts::release::shipped::{Shipped, linux_7_3};
pub use facts::rule::{Before, Profile, Rule};
pub use graph::{Graph, graph};
pub use options::Options;
pub use replay::Replay;
pub use verdict::{Outcome, Stats, Verdict};
pub use verify::verify;

// For `assert_loads!` alone.
#[doc(hidden)]
pub use assert_loads::assert_loads;

// For `cargo bench` alone.
#[doc(hidden)]
pub use domain::tnum::Tnum;

/// Asserts that each program that is loaded by default of an object is accepted by Linux 7.3. A relative
/// path begins where the test runs: in `cargo test`, at the package's `Cargo.toml`.
///
/// ```
/// # std::panic::set_hook(Box::new(|_| {}));
/// # let failed = std::panic::catch_unwind(|| {
/// verifier_model::assert_loads!("tests/explain/iterators.elf");
/// # });
/// # let text = failed.unwrap_err().downcast::<String>().unwrap();
/// # assert!(text.contains("leak_on_return: rejected, error 22 [reference-leak]"));
/// # assert!(text.starts_with("tests/explain/iterators.elf: 8 of 8 programs are not accepted\n"));
/// ```
#[macro_export]
macro_rules! assert_loads {
    ($path:expr $(,)?) => {
        $crate::assert_loads($path)
    };
}
