// SPDX-License-Identifier: GPL-2.0-only
//! Kernels: the stock ones, the test kernel, the patches for it, and which of them is meant. Nothing
//! here knows what is built for a kernel or run on it.

pub(crate) mod archive;
pub(crate) mod headers;
pub(crate) mod image;
pub(crate) mod kernel;
pub(crate) mod named;
pub(crate) mod patches;
pub(crate) mod release;
pub(crate) mod sources;
pub(crate) mod stock;
pub(crate) mod target;
pub(crate) mod test_kernel;
mod vmlinuz;
