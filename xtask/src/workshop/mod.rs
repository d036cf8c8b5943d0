// SPDX-License-Identifier: GPL-2.0-only
//! What work is done with: the checkout and the cache, programs and their logs, the toolchain. It
//! knows nothing of kernels.

pub(crate) mod arch;
pub(crate) mod browser;
pub(crate) mod cache;
pub(crate) mod debian;
pub(crate) mod files;
pub(crate) mod host;
pub(crate) mod interrupt;
pub(crate) mod project;
pub(crate) mod run;
pub(crate) mod toolchain;
