// SPDX-License-Identifier: GPL-2.0-only
//! The commands, one verb a file. They are what all the rest is for, so that nothing imports them.

pub(crate) mod agreement;
mod anywhere;
pub(crate) mod ask;
pub(crate) mod bench;
pub(crate) mod clean;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod fuzz;
pub(crate) mod kernel;
pub(crate) mod lint;
pub(crate) mod module;
pub(crate) mod oracle;
pub(crate) mod pages;
pub(crate) mod patches;
pub(crate) mod selftests;
pub(crate) mod soak;
mod suite;
pub(crate) mod test;
pub(crate) mod vm;
