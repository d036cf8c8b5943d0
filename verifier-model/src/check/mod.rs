// SPDX-License-Identifier: GPL-2.0-only
//! One instruction: what it needs, and what it leaves behind. Nothing here chooses the next path.

pub(crate) mod access;

pub(crate) mod alu;

pub(crate) mod bounds;

pub(crate) mod btf;

pub(crate) mod call;

pub(crate) mod ctx;

pub(crate) mod jump;

pub(crate) mod memory;

pub(crate) mod stack;
