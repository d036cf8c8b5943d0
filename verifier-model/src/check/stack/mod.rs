// SPDX-License-Identifier: GPL-2.0-only
//! Reads and writes of the stack.

pub(crate) mod arguments;
pub(crate) mod dynptr;
pub(crate) mod range;

pub(crate) mod read;

pub(crate) mod write;
