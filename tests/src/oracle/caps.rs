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

/// The setting with which users may load programs.
pub(super) const ALLOWED: u8 = 0;

/// Leaves the thread no more than `caps` of what it is capable of, with kernel.unprivileged_bpf_disabled
/// set to `disabled`.
pub(super) fn only(caps: CapabilitySet, disabled: u8) -> Result<Only> {
    fs::write(UNPRIVILEGED_BPF_DISABLED, disabled.to_string())
        .context("kernel.unprivileged_bpf_disabled cannot be set")?;
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
