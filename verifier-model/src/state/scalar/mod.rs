// SPDX-License-Identifier: GPL-2.0-only
//! Arithmetic and comparison on numbers that are not known: pure functions of registers.

pub(crate) mod alu;

pub(crate) mod bounds;

pub(crate) mod branch;

pub(crate) mod mul_div;
