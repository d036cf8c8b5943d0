// SPDX-License-Identifier: GPL-2.0-only
//! Benchmarks of the cpumask iterator.
//!
//! Nothing stands here yet; see the crate's README for what will.
