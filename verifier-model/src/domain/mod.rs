// SPDX-License-Identifier: GPL-2.0-only
//! Abstract domains of numbers, which know of no register.

pub mod cnum;

pub mod number;

pub mod tnum;
