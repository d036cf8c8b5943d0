// SPDX-License-Identifier: GPL-2.0-only
//! BPF Type Format: the types of a kernel, of a module, or of a BPF object.
//!
//! [`Btf`] is one object: a table of types that are numbered from 1 (0 is `void`). A module's BTF
//! is *split*: its numbers go on where its base's end, and it may refer to the base's types.
//! [`Type`] is a view of one of them; it costs nothing to copy.
//!
//! ```
//! use bpf::btf::{Btf, BtfBuilder, Kind};
//!
//! // struct list_head { struct list_head *next, *prev; };
//! let mut b = BtfBuilder::default();
//! let next = b.string("next");
//! let prev = b.string("prev");
//! let head = b.string("list_head");
//! b.push(Kind::Struct, head, 2, false, 16, &[next, 2, 0, prev, 2, 64]);
//! b.push(Kind::Ptr, 0, 0, false, 1, &[]);
//! let btf = Btf::parse(&b.build(), None)?;
//!
//! let list_head = btf.find_by_name_kind("list_head", Kind::Struct).unwrap();
//! let prev = list_head.members().nth(1).unwrap();
//! assert_eq!((prev.name(), prev.bit_offset()), ("prev", 64));
//! assert_eq!(btf.resolve_size(prev.type_id())?, 8);
//! # Ok::<(), bpf::btf::BtfError>(())
//! ```
//!
//! Source: `Documentation/bpf/btf.rst`, `include/uapi/linux/btf.h`, `tools/lib/bpf/btf.c`.
//! Since 7.3 a type has 7 bits of kind and 24 of vlen, and a header may describe the layout of kinds
//! that a reader does not know.

mod build;
mod file;
mod find;
mod indexed;
mod names;
mod packed;
mod parse;
mod relocate;
mod resolve;
mod table;
mod types;
mod words;

pub use build::BtfBuilder;
pub use names::essential_name;
pub use table::{Btf, BtfError};
pub use types::{Array, Enumerator, IntEncoding, Kind, Linkage, Member, Param, Type, VarSecinfo};
pub use words::{is_scalar, is_void, kind_str};
