// SPDX-License-Identifier: GPL-2.0-only
//! The name of a state that was kept.

/// State kept for later comparison; see [`crate::walk::prune`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(crate) struct StateId(pub usize);
