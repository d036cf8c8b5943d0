// SPDX-License-Identifier: GPL-2.0-only
//! Doing without capabilities for a while.

use std::fs;

use anyhow::{Context, Result};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

const UNPRIVILEGED_BPF_DISABLED: &str = "/proc/sys/kernel/unprivileged_bpf_disabled";

/// Who has one of these may load BTF.
pub(super) const BTF: CapabilitySet = CapabilitySet::BPF.union(CapabilitySet::SYS_ADMIN);

/// What the thread has again when this is dropped.
pub(super) struct Only(CapabilitySets);

/// Leaves the thread no more than `caps` of what it is capable of. Whoever has none may load programs,
/// as far as the system's settings go.
pub(super) fn only(caps: CapabilitySet) -> Result<Only> {
    fs::write(UNPRIVILEGED_BPF_DISABLED, "0").context("users cannot be let load programs")?;
    let before = capabilities(None)?;
    let effective = before.permitted & caps;
    set_capabilities(
        None,
        CapabilitySets {
            effective,
            ..before
        },
    )?;
    Ok(Only(before))
}

impl Drop for Only {
    fn drop(&mut self) {
        // To raise what is permitted cannot fail.
        let _ = set_capabilities(None, self.0);
    }
}
