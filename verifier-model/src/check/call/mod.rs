// SPDX-License-Identifier: GPL-2.0-only
//! Calls: of helpers, kfuncs, functions of the program.

pub mod function;
pub mod ld_abs;

pub mod helper;

pub mod kfunc;

pub mod object;

pub mod returned;
