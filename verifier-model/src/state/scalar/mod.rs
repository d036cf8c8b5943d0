// SPDX-License-Identifier: GPL-2.0-only
//! Arithmetic and comparison on numbers that are not known: pure functions of registers.
//!
//! The ranges of a number are arcs on a circle since 7.2 ([`circular`]), and a least and a greatest with
//! and without a sign before ([`min_max`]). Neither knows of the other; [`by_release`] asks the profile
//! which one it is.

pub(crate) mod branch;

pub(crate) mod by_release;

pub(crate) mod circular;

pub(crate) mod comparison;

pub(crate) mod domain;

pub(crate) mod invariants;

pub(crate) mod known;

#[cfg(test)]
mod laws;

#[cfg(test)]
pub(crate) mod members;

pub(crate) mod min_max;

pub(crate) mod sign;
