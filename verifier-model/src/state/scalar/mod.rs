// SPDX-License-Identifier: GPL-2.0-only
//! Arithmetic and comparison on numbers that are not known: pure functions of registers.

pub mod alu;

pub mod bounds;

pub mod branch;

pub mod mul_div;
