// SPDX-License-Identifier: GPL-2.0-only
//! Benchmarks of the cpumask iterator: what they measure, and how their results are written down.
//!
//! `cargo xtask bench` measures in guests, `cargo bench` on the host. Both leave their results in
//! `bench/results`, from which the `report` program writes `docs/performance.md`.

pub mod guard;
pub mod guest;
pub mod host;
