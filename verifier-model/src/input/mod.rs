// SPDX-License-Identifier: GPL-2.0-only
//! What is given: the program, the kernel, the rules, the loader's rights; and questions that these alone answer.

pub mod ctx;
pub mod hook;
pub mod kfunc;
pub mod kfunc_filter;
pub mod struct_ops;
pub mod target;

/// How far an extension has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extends {
    /// It has nobody's helpers yet.
    Loaded,
    /// What it extends is found fit: it has its helpers and context.
    Attached,
}
