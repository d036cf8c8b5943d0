// SPDX-License-Identifier: GPL-2.0-only
//! The patches of linux-patches/ as data, and what they make of a tree.

mod companions;
pub(crate) mod named;
pub(crate) mod repository;
pub(crate) mod series;
pub(crate) mod shared;
pub(crate) mod tree;
