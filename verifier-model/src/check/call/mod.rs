// SPDX-License-Identifier: GPL-2.0-only
//! Calls: of helpers, kfuncs, functions of the program.

pub(crate) mod function;
pub(crate) mod ld_abs;

pub(crate) mod helper;

pub(crate) mod kfunc;

pub(crate) mod object;

pub(crate) mod returned;
