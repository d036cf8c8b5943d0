// SPDX-License-Identifier: GPL-2.0-only
//! The commands, one verb a file. They are what all the rest is for, so that nothing imports them.

pub(crate) mod kernel;
pub(crate) mod module;
pub(crate) mod patches;
pub(crate) mod selftests;
