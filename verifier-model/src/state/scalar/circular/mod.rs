// SPDX-License-Identifier: GPL-2.0-only
//! Numbers whose ranges are arcs on a circle, since 7.2: see [`crate::domain::cnum`].

pub(crate) mod alu;

pub(crate) mod bounds;

mod domain;

pub(crate) mod mul_div;

pub(crate) mod number;

pub(crate) mod pointer;

pub(crate) mod refine;

pub(crate) mod width;
