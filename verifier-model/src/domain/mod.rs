// SPDX-License-Identifier: GPL-2.0-only
//! Abstract domains of numbers, which know of no register.

pub(crate) mod cnum;

pub(crate) mod min_max;

pub(crate) mod number;

pub(crate) mod product;

pub(crate) mod ranges;

pub(crate) mod tnum;
