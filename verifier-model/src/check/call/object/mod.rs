// SPDX-License-Identifier: GPL-2.0-only
//! Objects that live on the program's stack: iterators, dynptrs, saved interrupt flags.

pub(crate) mod dynptr;

pub(crate) mod irq_flag;

pub(crate) mod iter;
