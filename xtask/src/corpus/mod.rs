// SPDX-License-Identifier: GPL-2.0-only
//! The corpus that kernel and model are held against each other on: its tiers, compiling it, and
//! asking a guest's kernel about it.

pub(crate) mod ask;
pub(crate) mod caller;
pub(crate) mod compile;
mod kept;
pub(crate) mod kinds;
pub(crate) mod modelled;
pub(crate) mod packages;
pub(crate) mod probes;
pub(crate) mod question;
pub(crate) mod real;
pub(crate) mod shown;
pub(crate) mod survey;
pub(crate) mod test_modules;
pub(crate) mod tiers;
mod wanting;
