// SPDX-License-Identifier: GPL-2.0-only
//! Objects that live on the program's stack: iterators, dynptrs, saved interrupt flags.

pub mod dynptr;

pub mod irq_flag;

pub mod iter;
