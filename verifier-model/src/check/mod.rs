// SPDX-License-Identifier: GPL-2.0-only
//! One instruction: what it needs, and what it leaves behind. Nothing here chooses the next path.

pub mod access;

pub mod alu;

pub mod bounds;

pub mod btf;

pub mod call;

pub mod ctx;

pub mod jump;

pub mod memory;

pub mod stack;
