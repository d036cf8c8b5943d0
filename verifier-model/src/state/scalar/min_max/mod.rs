// SPDX-License-Identifier: GPL-2.0-only
//! Numbers with a least and a greatest, signed and unsigned, until 7.1: see [`crate::domain::min_max`].

pub(crate) mod alu;

pub(crate) mod bounds;

pub(crate) mod constants;

pub(crate) mod div;

mod domain;

pub(crate) mod number;

pub(crate) mod pointer;

pub(crate) mod refine;

pub(crate) mod shift;

pub(crate) mod width;
