// SPDX-License-Identifier: GPL-2.0-only
//! Reads and writes of the stack.

pub mod arguments;
pub mod dynptr;
pub mod range;

pub mod read;

pub mod write;
